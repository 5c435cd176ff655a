// SPDX-License-Identifier: GPL-2.0
/*
 * Rows as they are read: what is counted lazily is brought up to date, what the kernel
 * counts for a cgroup is read from there, and the host has what nobody else does.
 */
#include <linux/cgroup.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "bind.h"
#include "row.h"
#include "ub.h"

/* All are set before any hook is attached. */
static ub_total_fn total_of[UB_RESOURCES];
static ub_row_fn row_of[UB_RESOURCES];
static ub_refresh_fn refresh_of[UB_RESOURCES];

/* The most that a read of the host's row ever saw. ub_mutex */
static unsigned long host_maxheld[UB_RESOURCES];

/* What the kernel has counted as failures of a beancounter's cgroup. */
static unsigned long failures(struct ub_binding *b, enum stockvz_resource res)
{
	struct ub_numbers raw = {};

	row_of[res](b->dir, res, &raw);
	return raw.failcnt;
}

/* A cgroup that is gone has none, and so has one whose controller went. */
static unsigned long more(unsigned long failed, unsigned long before)
{
	return failed > before ? failed - before : 0;
}

static unsigned long failures_since(struct ub_binding *b,
				    enum stockvz_resource res)
{
	return more(failures(b, res), b->failed[res]);
}

/**
 * row_rebind() - a beancounter is about to have another cgroup
 * @ub: the beancounter
 * @b: its binding to be, or NULL
 *
 * Failures are a beancounter's from when its cgroup is bound until it is not.
 *
 * Context: process, ub_mutex held.
 */
void row_rebind(struct ub *ub, struct ub_binding *b)
{
	struct ub_binding *old = ub->binding;
	unsigned int i;

	lockdep_assert_held(&ub_mutex);
	for (i = 0; i < UB_RESOURCES; i++) {
		if (!row_of[i])
			continue;
		if (old)
			atomic_long_add(failures_since(old, i),
					&ub->counter[i].c.failcnt);
		if (b)
			b->failed[i] = failures(b, i);
	}
}

/* The cgroup of a beancounter, counted, and what it had failed before; or NULL. */
static struct cgroup *dir_get(struct ub *ub, enum stockvz_resource res,
			      unsigned long *failed)
{
	struct cgroup *dir = NULL;

	mutex_lock(&ub_mutex);
	if (ub->binding) {
		dir = ub->binding->dir;
		cgroup_get(dir);
		*failed = ub->binding->failed[res];
	}
	mutex_unlock(&ub_mutex);
	return dir;
}

static bool is_bound(const struct ub *ub, const struct cgroup *dir,
		     enum stockvz_resource res, unsigned long failed)
{
	const struct ub_binding *b = ub->binding;

	lockdep_assert_held(&ub_mutex);
	return b ? b->dir == dir && b->failed[res] == failed : !dir;
}

/* Add what was read, unless it is another cgroup's meanwhile. */
static bool add_raw(struct ub *ub, enum stockvz_resource res, const struct cgroup *dir,
		    unsigned long failed, const struct ub_numbers *raw,
		    struct ub_numbers *n)
{
	struct ub_counter *c = &ub->counter[res].c;
	bool bound;

	mutex_lock(&ub_mutex);
	bound = is_bound(ub, dir, res, failed);
	if (bound) {
		ub_counter_view(c, n);
		n->held = raw->held;
		n->maxheld = max3(n->maxheld, raw->held, raw->maxheld);
		n->failcnt += more(raw->failcnt, failed);
		/* It shall not shrink when the cgroup goes. */
		atomic_long_set(&c->maxheld, n->maxheld);
	}
	mutex_unlock(&ub_mutex);
	return bound;
}

/*
 * A row of which nothing is charged: the kernel counts it for the cgroup. It may take
 * its time over many of them below, for which admins should not have to wait.
 */
static void read_row(struct ub *ub, enum stockvz_resource res,
		     struct ub_numbers *n)
{
	struct ub_numbers raw;
	unsigned long failed;
	struct cgroup *dir;
	bool done;

	do {
		memset(&raw, 0, sizeof(raw));
		failed = 0;
		dir = dir_get(ub, res, &failed);
		if (dir)
			row_of[res](dir, res, &raw);
		done = add_raw(ub, res, dir, failed, &raw, n);
		if (dir)
			cgroup_put(dir);
	} while (!done);
}

static unsigned long held_of(struct ub *ub, enum stockvz_resource res)
{
	struct ub_numbers n;

	ub_numbers(ub, res, &n);
	return n.held;
}

/* The host's row: what the machine holds less what the others do. */
static void host_numbers(enum stockvz_resource res, struct ub_numbers *n)
{
	unsigned long total, others = 0;
	struct ub *ub;

	memset(n, 0, sizeof(*n));
	n->barrier = UB_MAX;
	n->limit = UB_MAX;
	if (!total_of[res])
		return;
	for (ub = ub_next_get(NULL); ub; ub = ub_next_get(ub))
		others += held_of(ub, res);
	total = total_of[res]();
	n->held = total > others ? total - others : 0;
	mutex_lock(&ub_mutex);
	host_maxheld[res] = max(host_maxheld[res], n->held);
	n->maxheld = host_maxheld[res];
	mutex_unlock(&ub_mutex);
}

/**
 * ub_numbers() - read a row
 * @ub: whose, or NULL for the host's
 * @res: which resource
 * @n: where to
 *
 * Context: process, may sleep.
 */
void ub_numbers(struct ub *ub, enum stockvz_resource res, struct ub_numbers *n)
{
	if (ub && refresh_of[res])
		refresh_of[res](ub);
	if (!ub)
		host_numbers(res, n);
	else if (row_of[res])
		read_row(ub, res, n);
	else
		ub_counter_view(&ub->counter[res].c, n);
}

/**
 * ub_set_total() - how to read what the whole machine holds
 * @res: of which resource
 * @fn: the reader, or NULL
 */
void ub_set_total(enum stockvz_resource res, ub_total_fn fn)
{
	total_of[res] = fn;
}

/**
 * ub_set_row() - a resource is not charged, but read
 * @res: the resource
 * @fn: the reader, or NULL
 */
void ub_set_row(enum stockvz_resource res, ub_row_fn fn)
{
	row_of[res] = fn;
}

/**
 * ub_set_refresh() - what to do before somebody looks at a row
 * @res: of which resource
 * @fn: brings held up to date, or NULL
 */
void ub_set_refresh(enum stockvz_resource res, ub_refresh_fn fn)
{
	refresh_of[res] = fn;
}
