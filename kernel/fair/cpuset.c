// SPDX-License-Identifier: GPL-2.0
/*
 * cpumask and nodemask: the CPUs that a container may run on, and the NUMA nodes that
 * it may take memory from. A list of which nothing is there would be no restriction to
 * the kernel, so it is refused.
 */
#include <linux/cpumask.h>
#include <linux/nodemask.h>
#include <linux/slab.h>

#include "fair.h"
#include "ub/cgfile.h"

static int parse_cpus(const char *list, struct cpumask *cpus, char *text, const char **why)
{
	int err = cpulist_parse(list, cpus);

	if (err) {
		*why = err == -ERANGE || err == -EOVERFLOW ?
			"cpumask: there are not that many CPUs" :
			"cpumask: not a list of CPUs";
		return -EINVAL;
	}
	if (!cpumask_subset(cpus, cpu_possible_mask)) {
		*why = "cpumask: there are not that many CPUs";
		return -EINVAL;
	}
	if (!cpumask_intersects(cpus, cpu_online_mask)) {
		*why = "cpumask: none of these CPUs is online";
		return -EINVAL;
	}
	return snprintf(text, UB_MASK_SIZE, "%*pbl", cpumask_pr_args(cpus));
}

static int parse_nodes(const char *list, nodemask_t *nodes, char *text, const char **why)
{
	int err = nodelist_parse(list, *nodes);

	if (err && err != -ERANGE && err != -EOVERFLOW) {
		*why = "nodemask: not a list of nodes";
		return -EINVAL;
	}
	if (err || !nodes_subset(*nodes, node_states[N_MEMORY]) || nodes_empty(*nodes)) {
		*why = "nodemask: there is no memory on such a node";
		return -EINVAL;
	}
	return snprintf(text, UB_MASK_SIZE, "%*pbl", nodemask_pr_args(nodes));
}

/**
 * fair_parse_mask() - read a list, and write it as the kernel does
 * @mask: which mask it is for
 * @list: the list, not empty
 * @text: where to write, UB_MASK_SIZE bytes
 * @why: the reason of a failure, for people
 *
 * Context: process, may sleep.
 * Return: 0, -EINVAL, -E2BIG, -ENOMEM.
 */
int fair_parse_mask(enum ub_mask mask, const char *list, char *text, const char **why)
{
	cpumask_var_t cpus;
	nodemask_t nodes;
	int len;

	if (mask == UB_NODEMASK) {
		len = parse_nodes(list, &nodes, text, why);
	} else {
		if (!alloc_cpumask_var(&cpus, GFP_KERNEL)) {
			*why = "out of memory";
			return -ENOMEM;
		}
		len = parse_cpus(list, cpus, text, why);
		free_cpumask_var(cpus);
	}
	if (len < UB_MASK_SIZE)
		return min(len, 0);
	*why = "the list is too long";
	return -E2BIG;
}

static u64 want(const struct ub_binding *b, enum ub_mask mask)
{
	const struct ub_share *share = &b->ub->share;

	return share->mask[mask] ? share->since[mask] : 0;
}

/* Of a cgroup with tasks the kernel does not take nothing for an answer. */
static int write_all(struct cgroup *dir, const char *file, enum ub_mask mask)
{
	char *text = mask == UB_CPUMASK ?
		kasprintf(GFP_KERNEL, "%*pbl", cpumask_pr_args(cpu_possible_mask)) :
		kasprintf(GFP_KERNEL, "%*pbl", nodemask_pr_args(&node_possible_map));
	int err = text ? cgfile_write(dir, file, text) : -ENOMEM;

	kfree(text);
	return err;
}

static int write(const struct ub_binding *b, const char *file, enum ub_mask mask, u64 want)
{
	int err;

	if (want)
		return cgfile_write(b->dir, file, b->ub->share.mask[mask]);
	/* One cannot write nothing at all. */
	err = cgfile_write(b->dir, file, "\n");
	return err == -ENOSPC ? write_all(b->dir, file, mask) : err;
}

static u64 want_cpus(const struct ub_binding *b)
{
	return want(b, UB_CPUMASK);
}

static int write_cpus(const struct ub_binding *b, u64 want)
{
	return write(b, "cpuset.cpus", UB_CPUMASK, want);
}

static u64 want_mems(const struct ub_binding *b)
{
	return want(b, UB_NODEMASK);
}

static int write_mems(const struct ub_binding *b, u64 want)
{
	return write(b, "cpuset.mems", UB_NODEMASK, want);
}

const struct fair_file fair_cpuset_cpus = {
	.absent = "stored only: the cgroup has no cpuset controller",
	.refused = "the kernel does not let the cgroup have these CPUs",
	.want = want_cpus,
	.write = write_cpus,
};

const struct fair_file fair_cpuset_mems = {
	.absent = "stored only: the cgroup has no cpuset controller",
	.refused = "the kernel does not let the cgroup have memory of these nodes",
	.want = want_mems,
	.write = write_mems,
};
