// SPDX-License-Identifier: GPL-2.0
/*
 * What a beancounter used of the CPU, since a cgroup was put under it until it is
 * deleted. The kernel counts for every cgroup, so nothing is counted here: its files are
 * read, and what is others' is taken off. That is what was used before the cgroup came,
 * and what cgroups below it use that are bound to somebody else. What was used in a
 * cgroup that is given up for another stays.
 *
 * The load is an exception. Every LOAD_FREQ, while anybody has a cgroup, all tasks are
 * looked at, and those that run or sleep uninterruptibly are counted for theirs.
 *
 * All of this happens in one queue, one thing after the other, and that is all that it
 * needs of locking. It also makes it the host's: whoever asks may be in a container, and
 * would pay for files that are opened, and be stopped in the middle by a CPU limit.
 */
#include <linux/idr.h>
#include <linux/kernel.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/loadavg.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include "account.h"
#include "ub/cgfile.h"

/* Tasks that are looked at without a pause: some tens of microseconds. */
#define TASKS_AT_ONCE 512

static struct workqueue_struct *queue;

/* Those with a cgroup. Only in the queue, like all that follows but the lock. */
static LIST_HEAD(usages);

/* Over what account_read() copies, innermost: process context, too. */
static DEFINE_SPINLOCK(told_lock);

/* When the tasks are to be counted next. */
static unsigned long sample_due;

static void sample(struct work_struct *work);
static DECLARE_DELAYED_WORK(sampler, sample);

/*
 * What the kernel says of a cgroup.
 */

/* Microseconds in the files, nanoseconds here. What is not there is 0. */
static u64 usecs_after(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	u64 usecs;

	if (!at || sscanf(at + strlen(name), "%llu", &usecs) != 1)
		return 0;
	return usecs * NSEC_PER_USEC;
}

/* What is known in ticks, as the same part of what was used. */
static u64 of_used(const struct ub_usage *u, u64 used, u64 ticks)
{
	const struct task_cputime *sum = &u->dir->bstat.cputime;
	u64 all = READ_ONCE(sum->utime) + READ_ONCE(sum->stime);

	return all ? mul_u64_u64_div_u64(min(ticks, all), used, all) : 0;
}

/*
 * Such a part may grow where the whole did not: the rest of it comes later, so that no
 * kind ever gets less.
 */
static void note_split(struct ub_usage *u, u64 user, u64 nice, u64 system)
{
	u64 *raw = u->raw;
	u64 more = user - min(user, raw[UB_TIME_USER] + raw[UB_TIME_NICE]);

	nice = clamp(nice, raw[UB_TIME_NICE], raw[UB_TIME_NICE] + more);
	raw[UB_TIME_USER] += more - (nice - raw[UB_TIME_NICE]);
	raw[UB_TIME_NICE] = nice;
	raw[UB_TIME_SYSTEM] = max(raw[UB_TIME_SYSTEM], system);
}

/*
 * A removed cgroup has no files, but we hold the cgroup. To read any one above it has the
 * kernel add up what still stands with the CPUs; where none is left, it does so itself,
 * every two seconds.
 */
static void note_removed(struct ub_usage *u)
{
	struct cgroup *dir = u->dir;
	const struct task_cputime *sum = &dir->bstat.cputime;
	u64 used, user, system;
	char text[16];
	int level;

	for (level = dir->level - 1; level > 0; level--)
		if (cgfile_read(dir->ancestors[level], "cpu.stat", text, sizeof(text)) > 0)
			break;
	used = max(READ_ONCE(sum->sum_exec_runtime), u->raw[UB_TIME_USED]);
	user = u->raw[UB_TIME_USER] + u->raw[UB_TIME_NICE];
	/* No kind more than there is, nor less than there was. */
	system = clamp(of_used(u, used, READ_ONCE(sum->stime)), u->raw[UB_TIME_SYSTEM],
		       u->raw[UB_TIME_SYSTEM] + used - u->raw[UB_TIME_USED]);
	user += used - u->raw[UB_TIME_USED] - (system - u->raw[UB_TIME_SYSTEM]);
	note_split(u, user, u->raw[UB_TIME_NICE], system);
	u->raw[UB_TIME_USED] = used;
}

/*
 * A controller that was taken from the cgroup and given back counts from 0 again, of an
 * account that goes on.
 */
static void note_throttled(struct ub_usage *u, u64 throttled)
{
	if (throttled < u->raw[UB_TIME_THROTTLED])
		u->base[UB_TIME_THROTTLED] -= u->raw[UB_TIME_THROTTLED];
	u->raw[UB_TIME_THROTTLED] = throttled;
}

static void note(struct ub_usage *u)
{
	char text[512];
	u64 used, nice;

	if (cgfile_read(u->dir, "cpu.stat", text, sizeof(text)) < 0) {
		note_removed(u);
		return;
	}
	used = max(u->raw[UB_TIME_USED], usecs_after(text, "usage_usec "));
	/* Of the three the kernel leaves this one in ticks. */
	nice = of_used(u, used, usecs_after(text, "nice_usec "));
	note_split(u, usecs_after(text, "user_usec "), nice, usecs_after(text, "system_usec "));
	u->raw[UB_TIME_USED] = used;
	note_throttled(u, usecs_after(text, "throttled_usec "));
	/* Not with psi=0. The first line is of "some", the next of "full". */
	if (cgfile_read(u->dir, "cpu.pressure", text, sizeof(text)) > 0)
		u->raw[UB_TIME_WAIT] = usecs_after(text, "total=");
}

/*
 * Whose it is. A beancounter's own is what the kernel says of its cgroup, less what it
 * says of others' cgroups in there (of the outermost: those within are in it), less base.
 */

static void own(const struct ub_usage *u, u64 *time)
{
	const struct ub_usage *in;
	unsigned int i;

	memcpy(time, u->raw, sizeof(u->raw));
	if (!u->inners)
		return;
	list_for_each_entry(in, &usages, link)
		for (i = 0; in->outer == u && i < UB_TIME_SUMS; i++)
			time[i] -= in->raw[i];
}

/* The inner ones after it, so that nothing of theirs ever seems to be its own. */
static void note_own(struct ub_usage *u, u64 *time)
{
	struct ub_usage *in;

	note(u);
	if (u->inners)
		list_for_each_entry(in, &usages, link)
			if (in->outer == u)
				note(in);
	own(u, time);
}

static void tell(struct ub_usage *u)
{
	u64 now, all, time[UB_TIMES];
	unsigned int i;

	note_own(u, time);
	now = ktime_get_boottime_ns();
	all = (now - u->since) * num_online_cpus();
	spin_lock(&told_lock);
	for (i = 0; i < UB_TIMES; i++)
		u->time[i] = max_t(s64, u->time[i], time[i] - u->base[i]);
	u->idle = max(u->idle, all - min(all, u->time[UB_TIME_USED]));
	u->at = now;
	spin_unlock(&told_lock);
}

/* The nearest upwards. */
static struct ub_usage *outer_of(struct cgroup *dir)
{
	struct ub_usage *u, *nearest = NULL;

	list_for_each_entry(u, &usages, link)
		if (cgroup_is_descendant(dir, u->dir) &&
		    (!nearest || nearest->dir->level < u->dir->level))
			nearest = u;
	return nearest;
}

/* Those in @dir that were right below @from are right below @to from now on. */
static void hand_inners(struct ub_usage *from, struct ub_usage *to, struct cgroup *dir)
{
	struct ub_usage *in;

	list_for_each_entry(in, &usages, link) {
		if (in->outer != from || !cgroup_is_descendant(in->dir, dir))
			continue;
		in->outer = to;
		if (from)
			from->inners--;
		if (to)
			to->inners++;
	}
}

/* What the outer one has no more, or has again, it shall not seem to have used. */
static void take_from_outer(struct ub_usage *u, const u64 *time, int sign)
{
	unsigned int i;

	if (!u->outer)
		return;
	u->outer->inners += sign;
	for (i = 0; i < UB_TIME_SUMS; i++)
		u->outer->base[i] -= sign * time[i];
}

static void leave(struct ub_usage *u)
{
	struct cgroup *dir = u->dir;
	u64 time[UB_TIMES];

	tell(u);
	own(u, time);
	take_from_outer(u, time, -1);
	list_del(&u->link);
	hand_inners(u, u->outer, dir);
	u->dir = NULL;
	cgroup_put(dir);
}

static void join(struct ub_usage *u, struct cgroup *dir)
{
	u64 time[UB_TIMES];
	unsigned int i;

	cgroup_get(dir);
	u->outer = outer_of(dir);
	hand_inners(u->outer, u, dir);
	list_add(&u->link, &usages);
	memset(u->raw, 0, sizeof(u->raw));
	/* It is bound already, so a sample may have counted for it that was not for it. */
	u->active = 0;
	u->dir = dir;
	note_own(u, time);
	take_from_outer(u, time, 1);
	for (i = 0; i < UB_TIMES; i++)
		u->base[i] = time[i] - u->time[i];
}

/*
 * The queue.
 */

/**
 * struct job - something for the queue to do, while somebody waits
 * @work: does it
 * @ub: for whom; NULL for all
 * @dir: for account_changed(): the cgroup, or NULL
 * @age: for account_refresh()
 */
struct job {
	struct work_struct work;
	struct ub *ub;
	struct cgroup *dir;
	u64 age;
};

static void run(struct job *job, work_func_t fn)
{
	INIT_WORK_ONSTACK(&job->work, fn);
	queue_work(queue, &job->work);
	flush_work(&job->work);
	destroy_work_on_stack(&job->work);
}

static void start_sampler(void)
{
	unsigned long due = jiffies + LOAD_FREQ;

	/* One that is under way goes on. */
	if (queue_delayed_work(queue, &sampler, LOAD_FREQ))
		sample_due = due;
}

static void do_change(struct work_struct *work)
{
	struct job *job = container_of(work, struct job, work);
	struct ub_usage *u = &job->ub->usage;

	if (u->dir)
		leave(u);
	if (!job->dir) {
		/* Deleted: should it come back, it begins anew. */
		spin_lock(&told_lock);
		memset(u, 0, sizeof(*u));
		spin_unlock(&told_lock);
		return;
	}
	if (!u->since)
		u->since = ktime_get_boottime_ns();
	join(u, job->dir);
	tell(u);
	start_sampler();
}

static bool is_fresh(const struct ub_usage *u, u64 age)
{
	u64 at;

	spin_lock(&told_lock);
	at = u->at;
	spin_unlock(&told_lock);
	return at && ktime_get_boottime_ns() - at < age;
}

static void do_refresh(struct work_struct *work)
{
	struct job *job = container_of(work, struct job, work);
	struct ub_usage *u;

	if (job->ub) {
		u = &job->ub->usage;
		/* Whoever waited at the same time may have had it done. */
		if (u->dir && !is_fresh(u, job->age))
			tell(u);
		return;
	}
	list_for_each_entry(u, &usages, link) {
		tell(u);
		cond_resched();
	}
}

/**
 * account_changed() - the cgroup of a beancounter is another now, or may be
 * @ub: the beancounter
 * @now: its binding, or NULL
 *
 * Context: as ub_change_fn: one at a time, and only here is told who has which cgroup.
 */
void account_changed(struct ub *ub, struct ub_binding *now)
{
	struct job job = {
		.ub = ub,
		.dir = now ? now->dir : NULL,
	};

	if (job.dir != ub->usage.dir)
		run(&job, do_change);
}

/**
 * account_refresh() - let account_read() tell what is true now
 * @ub: of which beancounter; NULL for all
 * @age: nothing need be done if what it tells was true so many nanoseconds ago; not
 *	for all
 *
 * Context: process, sleeps, also to read files of cgroups.
 */
void account_refresh(struct ub *ub, u64 age)
{
	struct job job = {
		.ub = ub,
		.age = age,
	};

	/* The queue is the host's: nobody has it run for nothing. */
	if (!ub || !is_fresh(&ub->usage, age))
		run(&job, do_refresh);
}

/**
 * account_read() - what a beancounter has used, as of the last account_refresh()
 * @ub: the beancounter
 * @a: where to
 *
 * Context: process.
 * Return: false if it has no account: there is one when it has a cgroup.
 */
bool account_read(struct ub *ub, struct account *a)
{
	const struct ub_usage *u = &ub->usage;
	bool exists;

	spin_lock(&told_lock);
	/* Told of once, it is told of until it ends, also between two cgroups. */
	exists = u->at;
	memcpy(a->time, u->time, sizeof(a->time));
	memcpy(a->load, u->load, sizeof(a->load));
	a->idle = u->idle;
	a->uptime = u->at - u->since;
	spin_unlock(&told_lock);
	return exists;
}

/*
 * The load.
 */

/* As the kernel has it for its own. */
static bool is_active(struct task_struct *task)
{
	unsigned int state = READ_ONCE(task->__state);

	return state == TASK_RUNNING ||
	       ((state & TASK_UNINTERRUPTIBLE) && !(state & (TASK_NOLOAD | TASK_FROZEN)));
}

static void count_task(struct task_struct *task)
{
	struct ub *ub;

	if (!is_active(task))
		return;
	preempt_disable();
	ub = ub_of_cgroup(task_dfl_cgroup(task));
	if (ub)
		ub->usage.active++;
	preempt_enable();
}

/* By number, so that nothing need stay where it was in a pause. */
static void count_tasks(void)
{
	unsigned int seen = 0;
	struct pid *pid;
	int nr = 1;

	rcu_read_lock();
	for (; (pid = idr_get_next(&init_pid_ns.idr, &nr)); nr++) {
		struct task_struct *task = pid_task(pid, PIDTYPE_PID);

		if (task)
			count_task(task);
		if (++seen % TASKS_AT_ONCE)
			continue;
		rcu_read_unlock();
		cond_resched();
		rcu_read_lock();
	}
	rcu_read_unlock();
}

/* A sample that comes late stands for those that were left out. */
static void average(struct ub_usage *u, unsigned int periods)
{
	static const unsigned long exp[UB_LOADS] = { EXP_1, EXP_5, EXP_15 };
	unsigned long active = u->active * FIXED_1;
	unsigned int i;

	u->active = 0;
	spin_lock(&told_lock);
	while (periods--)
		for (i = 0; i < UB_LOADS; i++)
			u->load[i] = calc_load(u->load[i], exp[i], active);
	spin_unlock(&told_lock);
}

static void sample(struct work_struct *work)
{
	unsigned int periods = 1 + (jiffies - sample_due) / LOAD_FREQ;
	struct ub_usage *u;

	/* Nobody left: the next to come starts it again. */
	if (list_empty(&usages))
		return;
	count_tasks();
	list_for_each_entry(u, &usages, link)
		average(u, periods);
	sample_due += periods * LOAD_FREQ;
	queue_delayed_work(queue, &sampler, max_t(long, sample_due - jiffies, 0));
}

/**
 * account_init() - begin
 *
 * Return: 0, -ENOMEM.
 */
int account_init(void)
{
	queue = alloc_ordered_workqueue("stockvz_cpu", 0);
	return queue ? 0 : -ENOMEM;
}

/**
 * account_exit() - no beancounter is left
 */
void account_exit(void)
{
	cancel_delayed_work_sync(&sampler);
	destroy_workqueue(queue);
}
