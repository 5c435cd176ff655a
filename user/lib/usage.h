/* SPDX-License-Identifier: GPL-2.0 */
/* How much of the host's memory beancounters use, and how much they were promised. */
#ifndef _VZ_USAGE_H
#define _VZ_USAGE_H

#include "host.h"
#include "ubnl.h"

/* Bytes, or parts of what the host has; sums of what is unlimited are beyond integers */
struct usage {
	double low;		/* of the kernel */
	double ram;
	double mem_swap;
	double alloc;		/* that was asked for, used or not */
	double alloc_limit;	/* that may be asked for; of what is held, the same as alloc */
};

/* From what is held */
struct usage usage_held(const struct ub_res res[UB_NR]);
/* From barriers and limits: what was promised, in part by not refusing it */
struct usage usage_committed(const struct ub_limits *limits);
/* What the host has for all of them */
struct usage usage_whole(const struct host *host);

struct usage usage_sum(const struct usage *a, const struct usage *b);
/* a / b, piece by piece */
struct usage usage_parts(const struct usage *a, const struct usage *b);

/* Barriers and limits in force */
struct ub_limits limits_of(const struct ub_res res[UB_NR], uint32_t known);

#endif /* _VZ_USAGE_H */
