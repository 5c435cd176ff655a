/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who pays: a cgroup v2 directory is bound to a beancounter, and whatever is in
 * it or below belongs to that one. The nearest binding upwards counts.
 */
#ifndef STOCKVZ_UB_BIND_H
#define STOCKVZ_UB_BIND_H

#include <linux/cgroup.h>

#include "ub.h"

/**
 * struct ub_binding - the cgroup of a beancounter
 * @cgroup: its id, which the kernel never uses twice: a cgroup that was
 *	removed leaves a binding that nothing finds
 * @ub: counted: see struct ub. Constant once it is in the table
 * @hash: in the table of all. ub_mutex; read with preemption off
 * @path: where it was when it was bound, from the root of the hierarchy
 */
struct ub_binding {
	u64 cgroup;
	struct ub *ub;
	struct hlist_node hash;
	char path[];
};

struct ub_binding *ub_binding_new(const char *cgroup, const char **why);
void ub_bind(struct ub *ub, struct ub_binding *b);
struct ub *ub_of_cgroup(struct cgroup *cgroup);
struct ub *ub_of_current(void);

#endif
