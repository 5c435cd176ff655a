/* SPDX-License-Identifier: GPL-2.0 */
/* What ub.c and row.c need of one another. What others read is in ub.h. */
#ifndef STOCKVZ_UB_ROW_H
#define STOCKVZ_UB_ROW_H

#include <linux/mutex.h>

struct ub;
struct ub_binding;

/* See the head of ub.h. */
extern struct mutex ub_mutex;

void row_rebind(struct ub *ub, struct ub_binding *b);

#endif
