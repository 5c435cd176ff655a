// SPDX-License-Identifier: GPL-2.0
/*
 * numproc: tasks.
 *
 * Every thread and process counts one, from fork until it is reaped: a zombie
 * counts. A task that starts in another cgroup than its parent's
 * (CLONE_INTO_CGROUP) is paid for by the one where it starts. One that is moved
 * later stays with its first payer. A refused fork fails with ENOMEM.
 *
 * The gate is where the pids controller has its own: the first point at which
 * the child's cgroup is known, and the last at which a fork may fail. Pay-back
 * is at reaping (cgroup_release), and where a fork that passed the gate fails
 * after all (pids_cancel_fork). If it fails in the pids controller, right
 * behind the gate, only free_task() is left, some milliseconds later.
 */
#include <linux/cgroup.h>
#include <linux/sched/task.h>

#include "res.h"

HOOK_PIN(cgroup_release, void (struct task_struct *));
HOOK_PIN(free_task, void (struct task_struct *));

/* The task, and its address space: the last that a fork can fail for. */
static int charge_child(struct task_struct *child, struct ub *ub)
{
	int err = 0;

	if (hook_on(STOCKVZ_RES_NUMPROC))
		err = owner_charge(child, ub, STOCKVZ_RES_NUMPROC, 1, UB_HARD);
	if (err)
		return err;
	err = mm_fork(child, ub);
	if (err)
		owner_release(child);
	return err;
}

/* pids_can_fork(task, cset): a child is about to enter its cgroup. */
static long numproc_fork(struct ftrace_regs *fregs)
{
	struct task_struct *child = hook_arg(fregs, 0, struct task_struct *);
	struct css_set *cset = hook_arg(fregs, 1, struct css_set *);
	struct ub *ub;
	long err = 0;

	preempt_disable();
	ub = ub_of_cgroup(cset->dfl_cgrp);
	if (ub)
		err = charge_child(child, ub);
	preempt_enable();
	return err;
}

DEFINE_GATE(numproc_fork)

/* cgroup_release(task): a task is reaped. */
static void task_gone(struct ftrace_regs *fregs)
{
	struct task_struct *task = hook_arg(fregs, 0, struct task_struct *);

	owner_release(task);
	kmem_task_gone(task);
}

DEFINE_HOOK(task_gone)

/*
 * Ask the pids controller as fork does, through the pointer that fork uses. If
 * the gate does not stand, the controller has charged us and is told to forget.
 */
int numproc_prove(void)
{
	struct cgroup_subsys_state *css;
	struct css_set *cset;
	int err;

	rcu_read_lock();
	cset = task_css_set(current);
	css = cset->subsys[pids_cgrp_id];
	err = css->ss->can_fork(current, cset);
	if (!err)
		css->ss->cancel_fork(current, cset);
	rcu_read_unlock();
	return err == HOOK_PROOF_ERRNO ? 0 : -ENOENT;
}
