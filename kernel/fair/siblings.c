// SPDX-License-Identifier: GPL-2.0
/*
 * Who is beside whom. Of the cgroups that beancounters have in one directory all is kept
 * that the weight of one depends on, so that to change it nobody need look at the others.
 *
 * All of it with settle_mutex held.
 */
#include <linux/hashtable.h>
#include <linux/slab.h>

#include "fair.h"

/* By the id of the directory. settle_mutex */
static DEFINE_HASHTABLE(table, 8);

/**
 * fair_siblings_in() - the cgroups of beancounters in a directory
 * @dir: the directory
 *
 * Context: settle_mutex held, and the result is good until it is not.
 * Return: them, or NULL if there is none.
 */
struct ub_siblings *fair_siblings_in(const struct cgroup *dir)
{
	struct ub_siblings *s;

	hash_for_each_possible(table, s, hash, cgroup_id(dir))
		if (s->dir == dir)
			return s;
	return NULL;
}

/* One that has these units comes or goes. */
static void count(struct ub_siblings *s, u64 units, int sign)
{
	s->units += sign * (units ?: FAIR_UNITS_DEFAULT);
	s->large += sign * (units > FAIR_USUAL_MOST);
}

static bool is_counted(const struct ub_binding *b)
{
	return !list_empty(&b->sibling);
}

/* The first brings what is kept of all. */
static void join(struct ub_binding *b)
{
	struct cgroup *dir = cgroup_parent(b->dir);
	struct ub_siblings *s = fair_siblings_in(dir);

	if (s) {
		kfree(b->siblings);
		b->siblings = s;
	} else {
		s = b->siblings;
		s->dir = dir;
		INIT_LIST_HEAD(&s->all);
		hash_add(table, &s->hash, cgroup_id(dir));
	}
	list_add(&b->sibling, &s->all);
}

/* What goes by all of them: each one's weight if the scale is another, and the host. */
static void weigh(struct ub_siblings *s)
{
	bool coarse = s->large;
	struct ub_binding *b;

	if (coarse != s->coarse) {
		s->coarse = coarse;
		list_for_each_entry(b, &s->all, sibling)
			/* Tried again when there is occasion. */
			if (fair_apply(b, UB_CPU_WEIGHT, fair_cpu_weight.want(b)))
				b->applied_share.version = 0;
	}
	fair_weigh_dir(s);
}

/**
 * fair_count() - have a cgroup count for what is wanted of it now
 * @b: its binding; one that was removed counts for nothing
 *
 * Context: process, settle_mutex held, may sleep.
 */
void fair_count(struct ub_binding *b)
{
	if (ub_is_removed(b->dir)) {
		fair_uncount(b);
		return;
	}
	if (is_counted(b))
		count(b->siblings, b->units, -1);
	else
		join(b);
	b->units = b->ub->share.knob[UB_CPUUNITS];
	count(b->siblings, b->units, 1);
}

/**
 * fair_weigh() - what counts may be other than it was: have all that goes by it follow
 * @b: binding of the cgroup that it was changed for
 *
 * Context: process, settle_mutex held, may sleep.
 */
void fair_weigh(struct ub_binding *b)
{
	if (is_counted(b))
		weigh(b->siblings);
}

/**
 * fair_uncount() - a cgroup counts no more
 * @b: its binding, which is given up or will never count again
 *
 * Context: process, settle_mutex held, may sleep.
 */
void fair_uncount(struct ub_binding *b)
{
	struct ub_siblings *s = b->siblings;

	if (!is_counted(b))
		return;
	list_del_init(&b->sibling);
	b->siblings = NULL;
	count(s, b->units, -1);
	weigh(s);
	if (!list_empty(&s->all))
		return;
	hash_del(&s->hash);
	kfree(s);
}
