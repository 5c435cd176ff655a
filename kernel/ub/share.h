/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What admins want of the kernel's schedulers for a beancounter. Kept here, with the
 * beancounter and with its binding; put into force by fair/, which alone knows what
 * it means.
 */
#ifndef STOCKVZ_UB_SHARE_H
#define STOCKVZ_UB_SHARE_H

#include <linux/limits.h>
#include <linux/list.h>
#include <linux/types.h>

struct cgroup;

/**
 * enum ub_knob - what can be wanted, as a number; 0 is for nothing wanted
 * @UB_CPUUNITS: share of the CPU, relative to others
 * @UB_CPULIMIT: hundredths of a percent of one CPU
 * @UB_CPUS: so many CPUs' worth
 * @UB_KNOBS: how many there are
 */
enum ub_knob {
	UB_CPUUNITS,
	UB_CPULIMIT,
	UB_CPUS,
	UB_KNOBS,
};

/**
 * enum ub_mask - what can be wanted, as a list of numbers; NULL is for all
 * @UB_CPUMASK: CPUs to run on
 * @UB_NODEMASK: NUMA nodes to take memory from
 * @UB_MASKS: how many there are
 */
enum ub_mask {
	UB_CPUMASK,
	UB_NODEMASK,
	UB_MASKS,
};

/* The longest list, as text, with its 0. */
#define UB_MASK_SIZE 1024

/**
 * struct ub_share - all that is wanted for one beancounter
 * @knob: numbers
 * @mask: as the kernel prints them; a copy of the beancounter's own
 * @since: the version that a list is of
 * @version: of the whole: no two are alike, and 0 is for one that nobody has set
 *
 * Changed under settle_mutex and a lock of fair/'s: either is enough to read it.
 */
struct ub_share {
	u64 knob[UB_KNOBS];
	char *mask[UB_MASKS];
	u64 since[UB_MASKS];
	u64 version;
};

/**
 * enum ub_share_file - the files of a cgroup that follow from it
 */
enum ub_share_file {
	UB_CPU_WEIGHT,
	UB_CPU_MAX,
	UB_CPUSET_CPUS,
	UB_CPUSET_MEMS,
	UB_SHARE_FILES,
};

#define UB_UNSURE U64_MAX

/**
 * struct ub_applied - what of it the files of a cgroup have
 * @file: a number for what was last written there; 0 if nothing of ours was, UB_UNSURE
 *	if something was, but may not be there any more
 * @version: of the struct ub_share that all of them follow from; 0 for none
 */
struct ub_applied {
	u64 file[UB_SHARE_FILES];
	u64 version;
};

/**
 * struct ub_siblings - the cgroups that beancounters have in one directory
 * @hash: in a table of all such directories
 * @dir: that one: each of them keeps it
 * @all: they
 * @units: the sum of their cpuunits
 * @large: how many have more of these than the usual scale holds
 * @coarse: their weights are by the other scale
 *
 * All under settle_mutex.
 */
struct ub_siblings {
	struct hlist_node hash;
	struct cgroup *dir;
	struct list_head all;
	u64 units;
	unsigned int large;
	bool coarse;
};

#endif
