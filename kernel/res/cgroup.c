// SPDX-License-Identifier: GPL-2.0
/*
 * cgroup-gone: a cgroup that is removed counts for nothing any more, from then on and not
 * from the next change of its beancounter on. What is left of its kernel memory is its
 * parent's, says the kernel (kmem.c), and it has no share of the CPU among those that are
 * in the same directory (fair/siblings.c).
 */
#include <linux/workqueue.h>

#include <trace/events/cgroup.h>

#include "res.h"

/* Was its cgroup removed since the change handler has looked? */
static bool lost_cgroup(const struct ub *ub)
{
	const struct ub_binding *b;
	bool lost;

	preempt_disable();
	b = READ_ONCE(ub->binding);
	lost = b && !READ_ONCE(b->removed) && ub_is_removed(b->dir);
	preempt_enable();
	return lost;
}

static void look_again(struct work_struct *work)
{
	struct ub *ub;

	for (ub = ub_next_get(NULL); ub; ub = ub_next_get(ub))
		if (lost_cgroup(ub))
			ub_resettle(ub);
}

static DECLARE_WORK(looks, look_again);

/* Tracepoint cgroup_rmdir: a cgroup is removed. It may not sleep there. */
void cgroup_gone(void *data, struct cgroup *cgroup, const char *path)
{
	if (READ_ONCE(ub_bindings) && hook_on(FEATURE_CGROUP_GONE))
		schedule_work(&looks);
}

HOOK_PIN_PROBE(cgroup_rmdir, cgroup_gone)

/**
 * cgroup_gone_exit() - no hook is left
 */
void cgroup_gone_exit(void)
{
	cancel_work_sync(&looks);
}
