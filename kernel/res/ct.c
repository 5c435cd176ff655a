// SPDX-License-Identifier: GPL-2.0
/*
 * ct-events: the end of a container's init, told as it happens. Nobody who
 * started it is left to wait for it.
 */
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>

#include "res.h"

HOOK_PIN(zap_pid_ns_processes, void (struct pid_namespace *));

/* Set before the hook is attached, cleared after it is off. */
static res_ct_event_fn handler;

/**
 * res_set_ct_event_handler() - who is told of ends of containers
 * @fn: called with preemption off; NULL for nobody
 *
 * Context: while the hook is not attached.
 */
void res_set_ct_event_handler(res_ct_event_fn fn)
{
	handler = fn;
}

/*
 * zap_pid_ns_processes(ns): the init of a pid namespace is exiting. Namespaces
 * inside of a container are its own affair. The kernel notes a reboot(2) as the
 * signal that init shall seem to have died of.
 */
static void ct_init_exit(struct ftrace_regs *fregs)
{
	struct pid_namespace *ns = hook_arg(fregs, 0, struct pid_namespace *);
	struct ub *ub;

	if (ns->level != 1 || !handler)
		return;
	preempt_disable();
	ub = ub_of_current();
	if (ub)
		handler(ub, ns->reboot == SIGHUP ? STOCKVZ_CT_EVENT_REBOOT :
						   STOCKVZ_CT_EVENT_HALT);
	preempt_enable();
}

DEFINE_HOOK(ct_init_exit)
