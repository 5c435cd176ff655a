// SPDX-License-Identifier: GPL-2.0
/*
 * oomguarpages: who pays when the whole machine is out of memory, or a cgroup around
 * several beancounters is.
 *
 * The beancounter that exceeds its guarantee most, what it holds being
 * oomguarpages, kmemsize and the four buffers. Of its tasks the kernel kills the one
 * that it would choose if there were no others, and failcnt goes up by one. If nobody
 * exceeds, or nothing can be killed there, the kernel chooses as ever: the preference
 * is put into the score of whom it has found so far, so that it always finds
 * somebody. A beancounter whose own limit of physpages is hit kills in itself, as
 * ever, and that is told of here.
 */
#include <linux/memcontrol.h>
#include <linux/oom.h>

#include "res.h"

HOOK_PIN(out_of_memory, bool (struct oom_control *));

/* What goes on now. All of it is oom_lock's, which the kernel holds. */
static struct {
	u64 payer;			/* born; 0: nobody exceeds, or it is no question */
	bool shared;			/* not a beancounter's own affair */
	unsigned long excess;		/* the payer's */
	struct task_struct *chosen;	/* when the last task was looked at */
	long points;			/* of that one, truly */
} oom;

static unsigned long buffers(struct ub *ub)
{
	static const enum stockvz_resource bytes[] = {
		STOCKVZ_RES_KMEMSIZE, STOCKVZ_RES_TCPSNDBUF,
		STOCKVZ_RES_TCPRCVBUF, STOCKVZ_RES_OTHERSOCKBUF,
		STOCKVZ_RES_DGRAMRCVBUF,
	};
	unsigned long n = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bytes); i++)
		n += atomic_long_read(&ub->counter[bytes[i]].c.held);
	return n >> PAGE_SHIFT;
}

/*
 * By how many pages it is over its guarantee; 0 if it is not @within the cgroup that is
 * out of memory. Preemption off.
 */
static unsigned long excess_of(struct ub *ub, struct cgroup *within)
{
	unsigned long guarantee =
		READ_ONCE(ub->counter[STOCKVZ_RES_OOMGUARPAGES].c.barrier);
	struct cgroup *cgroup = ub_dir(ub);
	unsigned long held;

	if (!cgroup || (within && !cgroup_is_descendant(cgroup, within)))
		return 0;
	held = memcg_oomguarpages(cgroup) + buffers(ub);
	return held > guarantee ? held - guarantee : 0;
}

static void find_payer(struct cgroup *within)
{
	unsigned long excess;
	struct ub *ub;

	oom.excess = 0;
	for (ub = ub_next_get(NULL); ub; ub = ub_next_get(ub)) {
		excess = excess_of(ub, within);
		if (excess > oom.excess) {
			oom.payer = ub->born;
			oom.excess = excess;
		}
	}
}

/* A cgroup is at its limit, the kernel could not make room: is the limit ours? */
static void tell_of_limit(struct mem_cgroup *memcg)
{
	struct ub *ub = ub_of_cgroup(memcg->css.cgroup);
	struct ub_counter *c;
	struct ub_refusal why = { .bound = STOCKVZ_BOUND_LIMIT, .amount = 1 };

	if (!ub || ub_dir(ub) != memcg->css.cgroup)
		return;
	c = &ub->counter[STOCKVZ_RES_PHYSPAGES].c;
	why.held = page_counter_read(&memcg->memory);
	why.barrier = READ_ONCE(c->barrier);
	why.limit = READ_ONCE(c->limit);
	/* The kernel has counted the failure. */
	if (why.limit != UB_MAX)
		ub_refused(ub, STOCKVZ_RES_PHYSPAGES, UB_HARD, &why);
}

/* out_of_memory(oc): somebody has to go. */
static void oom_begin(struct ftrace_regs *fregs)
{
	struct oom_control *oc = hook_arg(fregs, 0, struct oom_control *);
	struct cgroup *within = oc->memcg ? oc->memcg->css.cgroup : NULL;

	if (!hook_on(FEATURE_OOM_CHOICE))
		return;
	preempt_disable();
	oom.shared = !within || !ub_of_cgroup(within);
	oom.payer = 0;
	oom.chosen = NULL;
	if (oom.shared)
		find_payer(within);
	else
		tell_of_limit(oc->memcg);
	preempt_enable();
}

DEFINE_HOOK(oom_begin)

/* Would this one be the payer's loss? Preemption off. */
static bool pays(struct task_struct *task)
{
	struct ub *ub = ub_of_cgroup(task_dfl_cgroup(task));

	return ub && ub->born == oom.payer;
}

/*
 * oom_evaluate_task(task, oc): the kernel compares a task with whom it has chosen so
 * far, who stays chosen unless the task has at least oc->chosen_points. So these
 * are as low as can be if the task is the payer's and the other is not, and as high
 * if it is the other way round. They are put right before the next comparison.
 */
static void oom_compare(struct ftrace_regs *fregs)
{
	struct task_struct *task = hook_arg(fregs, 0, struct task_struct *);
	struct oom_control *oc = hook_arg(fregs, 1, struct oom_control *);
	bool task_pays, chosen_pays;

	if (!hook_on(FEATURE_OOM_CHOICE) || !oom.payer)
		return;
	if (oc->chosen && oc->chosen == oom.chosen)
		oc->chosen_points = oom.points;
	oom.chosen = oc->chosen;
	oom.points = oc->chosen_points;
	if (!oc->chosen)
		return;
	preempt_disable();
	task_pays = pays(task);
	chosen_pays = pays(oc->chosen);
	preempt_enable();
	if (task_pays && !chosen_pays)
		oc->chosen_points = LONG_MIN;
	else if (chosen_pays && !task_pays)
		oc->chosen_points = LONG_MAX;
}

DEFINE_HOOK(oom_compare)

/* __oom_kill_process(victim, message): it is decided. */
static void oom_kill(struct ftrace_regs *fregs)
{
	struct task_struct *victim = hook_arg(fregs, 0, struct task_struct *);
	struct ub_refusal why = { .bound = STOCKVZ_BOUND_BARRIER };
	struct ub_counter *c;
	struct ub *ub;

	if (!hook_on(FEATURE_OOM_CHOICE) || !oom.shared)
		return;
	preempt_disable();
	ub = ub_of_cgroup(task_dfl_cgroup(victim));
	if (ub) {
		c = &ub->counter[STOCKVZ_RES_OOMGUARPAGES].c;
		atomic_long_inc(&c->failcnt);
		why.amount = ub->born == oom.payer ? oom.excess : 0;
		why.held = ub_dir(ub) ? memcg_oomguarpages(ub_dir(ub)) : 0;
		why.barrier = READ_ONCE(c->barrier);
		why.limit = READ_ONCE(c->limit);
		ub_refused(ub, STOCKVZ_RES_OOMGUARPAGES, UB_HARD, &why);
	}
	preempt_enable();
}

DEFINE_HOOK(oom_kill)
