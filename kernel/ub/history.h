/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Refusals remembered: the last different ones of each beancounter. A history
 * belongs to the number rather than to the beancounter, so that it can still be
 * asked for when the container is gone, and goes on when it comes back.
 *
 * It is written wherever something is refused, interrupts included, and
 * nobody waits for anybody: each place for a record has a sequence number that
 * is odd while somebody writes there, and a writer that finds it so takes
 * another place. Readers look again. A refusal like one that is remembered only
 * adds to its count.
 *
 * Histories of the living are as many as beancounters; of the dead, the last
 * HISTORY_DEAD that have anything to tell are kept.
 */
#ifndef STOCKVZ_UB_HISTORY_H
#define STOCKVZ_UB_HISTORY_H

#include <linux/sched.h>

#include "counter.h"

#define HISTORY_RECORDS 32
#define HISTORY_DEAD 256

struct ub_history;

/**
 * struct ub_record - a refusal, or several of the same
 * @first: when the first was, in nanoseconds since the epoch
 * @time: when the last was
 * @count: how many
 * @res: of which resource
 * @why: what it ran into; of several, @why.held is the most that was held
 * @pid: the task that asked, as the host numbers it; 0 for none
 * @syscall: the call that it made, -1 for none
 * @arch: whose numbers @syscall is one of: AUDIT_ARCH_*
 * @comm: the task's name
 */
struct ub_record {
	u64 first;
	u64 time;
	u64 count;
	enum stockvz_resource res;
	struct ub_refusal why;
	u32 pid;
	s32 syscall;
	u32 arch;
	char comm[TASK_COMM_LEN];
};

void history_describe(struct ub_record *r, enum stockvz_resource res,
		      const struct ub_refusal *why);
struct ub_history *history_open(u32 id);
void history_close(struct ub_history *h);
void history_add(struct ub_history *h, const struct ub_record *r);
int history_read(u32 *id, struct ub_record *records);
void history_exit(void);

#endif
