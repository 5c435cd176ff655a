/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tasks of a beancounter used of the CPU. Kept here, with the beancounter;
 * counted by fair/account.c, which nobody else need know how.
 */
#ifndef STOCKVZ_UB_USAGE_H
#define STOCKVZ_UB_USAGE_H

#include <linux/list.h>
#include <linux/types.h>

struct cgroup;

/**
 * enum ub_time - kinds of time, in nanoseconds
 * @UB_TIME_USED: ran, as the scheduler counts
 * @UB_TIME_USER: of that in user space, and not nice
 * @UB_TIME_NICE: in user space, and nice
 * @UB_TIME_SYSTEM: in the kernel
 * @UB_TIME_SUMS: those before it are sums over a cgroup and all below it, of which parts
 *	may be taken away; the others are not
 * @UB_TIME_WAIT: a task, or several, waited for a CPU, in the cgroup or below
 * @UB_TIME_THROTTLED: CPUs were kept from the cgroup by its limit
 * @UB_TIMES: how many there are
 */
enum ub_time {
	UB_TIME_USED,
	UB_TIME_USER,
	UB_TIME_NICE,
	UB_TIME_SYSTEM,
	UB_TIME_SUMS,
	UB_TIME_WAIT = UB_TIME_SUMS,
	UB_TIME_THROTTLED,
	UB_TIMES,
};

/* Averaged over 1, 5 and 15 minutes. */
#define UB_LOADS 3

/**
 * struct ub_usage - the account of a beancounter
 * @link: in the list of those that have a cgroup
 * @dir: that cgroup, counted; NULL for none. account_changed() looks, too: it is who has
 *	it changed, and waits for that
 * @outer: whose cgroup @dir is in, if any: the nearest upwards
 * @inners: how many have this one as their outer
 * @raw: what the kernel said last of @dir
 * @base: what of that is not this beancounter's: used before it came, or by others
 * @time: what is told to whoever asks; never less than it was. told_lock to change
 * @idle: CPUs were there to use, and were not; as @time
 * @since: when it began, by the clock that goes on in suspend; 0 for not yet. Before
 *	@at, so that who has the lock finds it
 * @at: when @time was true; 0 while nothing is to be told. told_lock to change
 * @active: tasks that run or are about to, as far as they have been counted
 * @load: averages of that, in 1/FIXED_1. told_lock to change
 *
 * Only the queue of fair/account.c changes it, and reads it without a lock, since it does
 * one thing after the other. Others read what is told, with told_lock held.
 */
struct ub_usage {
	struct list_head link;
	struct cgroup *dir;
	struct ub_usage *outer;
	unsigned int inners;
	u64 raw[UB_TIMES];
	u64 base[UB_TIMES];
	u64 time[UB_TIMES];
	u64 idle;
	u64 since;
	u64 at;
	unsigned int active;
	unsigned long load[UB_LOADS];
};

#endif
