/* SPDX-License-Identifier: GPL-2.0 */
/* What beancounters used of the CPU: see account.c. */
#ifndef STOCKVZ_FAIR_ACCOUNT_H
#define STOCKVZ_FAIR_ACCOUNT_H

#include "ub/bind.h"

/**
 * struct account - what a beancounter used since it has had a cgroup, in nanoseconds
 * @time: see there
 * @idle: for each CPU of the machine the time that it did not run on it
 * @uptime: how long it has had one
 * @load: the load averages, in 1/FIXED_1
 */
struct account {
	u64 time[UB_TIMES];
	u64 idle;
	u64 uptime;
	unsigned long load[UB_LOADS];
};

int account_init(void);
void account_exit(void);
void account_changed(struct ub *ub, struct ub_binding *now);
void account_refresh(struct ub *ub, u64 age);
bool account_read(struct ub *ub, struct account *a);

#endif
