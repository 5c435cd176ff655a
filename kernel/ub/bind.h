/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who pays: a cgroup v2 directory is bound to a beancounter, and whatever is in
 * it or below belongs to that one. The nearest binding upwards counts.
 */
#ifndef STOCKVZ_UB_BIND_H
#define STOCKVZ_UB_BIND_H

#include <linux/cgroup.h>
#include <linux/percpu.h>

#include "ub.h"

/**
 * struct ub_binding - the cgroup of a beancounter
 * @cgroup: its id, which the kernel never uses twice: a cgroup that was
 *	removed leaves a binding that nothing finds
 * @dir: the cgroup itself, counted; the directory may be gone. Constant
 * @ub: counted: see struct ub. Constant once it is in the table
 * @hash: in the table of all. ub_mutex; read with preemption off
 * @failed: for rows that are read: what the kernel had counted as failures of
 *	the cgroup when it was bound. ub_mutex
 * @applied: limits of ours that the kernel enforces: what was last written to
 *	the cgroup's files, UB_MAX if nothing was. settle_mutex
 * @asked: of which an admin has named the limits in the request that is being settled, as
 *	bits: what was written is written again, it may not be there. settle_mutex
 * @applied_share: the same of schedulers: what its files have of ub->share.
 *	settle_mutex
 * @siblings: those that it is one of; before it is, room for what the first of them has
 *	to bring, and afterwards NULL. settle_mutex
 * @sibling: in their list. settle_mutex
 * @units: what it counts for among them, 0 for as much as one that has none. settle_mutex
 * @settled: the change handler has seen it. settle_mutex
 * @removed: it has seen that its directory is gone. settle_mutex; read with preemption off
 * @path: where it was when it was bound, from the root of the hierarchy
 */
struct ub_binding {
	u64 cgroup;
	struct cgroup *dir;
	struct ub *ub;
	struct hlist_node hash;
	unsigned long failed[UB_RESOURCES];
	unsigned long applied[UB_RESOURCES];
	u32 asked;
	struct ub_applied applied_share;
	struct ub_siblings *siblings;
	struct list_head sibling;
	u64 units;
	bool settled;
	bool removed;
	char path[];
};

/* How many there are: nobody need look for one while it is 0. ub_mutex to change */
extern unsigned int ub_bindings;

struct ub_binding *ub_binding_new(const char *cgroup, const char **why);
void ub_binding_free(struct ub_binding *b);
struct ub_binding *ub_bind(struct ub *ub, struct ub_binding *b);
struct ub *ub_of_cgroup(struct cgroup *cgroup);
struct ub *ub_look_up(struct cgroup *cgroup);

/**
 * struct ub_answer - what a CPU found last
 * @cgroup: whose cgroup it asked for, by id
 * @generation: which table it asked
 * @ub: what the table said
 *
 * Only for the current task's cgroup: an interrupt in the middle of a write
 * would leave half of one answer with half of another, so interrupts do not
 * use it. Preemption off.
 */
struct ub_answer {
	u64 cgroup;
	unsigned int generation;
	struct ub *ub;
};

DECLARE_PER_CPU(struct ub_answer, ub_last_answer);

/*
 * Changes after the table of bindings did, so that what a CPU remembers from
 * before is worth nothing. Never 0, which is what an empty memory says. ub_mutex to
 * change.
 */
extern unsigned int ub_binding_generation;

/**
 * ub_remembered() - what this CPU remembers of who pays
 * @cgroup: the current task's
 * @generation: of the table, read before
 * @ub: the answer: as ub_of_cgroup()
 *
 * Context: task, preemption off.
 * Return: does it?
 */
static __always_inline bool ub_remembered(const struct cgroup *cgroup,
					  unsigned int generation, struct ub **ub)
{
	if (unlikely(__this_cpu_read(ub_last_answer.cgroup) != cgroup_id(cgroup) ||
		     __this_cpu_read(ub_last_answer.generation) != generation))
		return false;
	*ub = __this_cpu_read(ub_last_answer.ub);
	return true;
}

/**
 * ub_recall() - ub_of_current(), if this CPU remembers
 * @ub: the answer
 *
 * Context: as that.
 * Return: does it?
 */
static __always_inline bool ub_recall(struct ub **ub)
{
	/* Pairs with ub_bind(). */
	unsigned int now = smp_load_acquire(&ub_binding_generation);

	return ub_remembered(task_dfl_cgroup(current), now, ub);
}

/**
 * ub_of_current() - who pays for what the current task does
 *
 * Context: task, preemption off.
 * Return: as ub_of_cgroup().
 */
static __always_inline struct ub *ub_of_current(void)
{
	struct ub *ub;

	return likely(ub_recall(&ub)) ? ub : ub_look_up(task_dfl_cgroup(current));
}

/**
 * ub_of_current_get() - who pays for what the current task does, for longer
 *
 * Context: task.
 * Return: as ub_of_current(), with a reference.
 */
static inline struct ub *ub_of_current_get(void)
{
	struct ub *ub;

	preempt_disable();
	ub = ub_of_current();
	if (ub)
		ub_get(ub);
	preempt_enable();
	return ub;
}

/* The directory is gone, and never comes back; what is bound to it stays bound. */
static inline bool ub_is_removed(const struct cgroup *cgroup)
{
	return !(READ_ONCE(cgroup->self.flags) & CSS_ONLINE);
}

/* The cgroup of a beancounter, or NULL. Preemption off; good until it is on. */
static inline struct cgroup *ub_dir(const struct ub *ub)
{
	const struct ub_binding *b = READ_ONCE(ub->binding);

	return b ? b->dir : NULL;
}

/* The same for longer: counted. */
static inline struct cgroup *ub_dir_get(const struct ub *ub)
{
	struct cgroup *dir;

	preempt_disable();
	dir = ub_dir(ub);
	if (dir)
		cgroup_get(dir);
	preempt_enable();
	return dir;
}

#endif
