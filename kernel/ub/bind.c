// SPDX-License-Identifier: GPL-2.0
#include <linux/hashtable.h>
#include <linux/limits.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "bind.h"

#define BINDING_BITS 10

/* All bindings by cgroup id. Changed under ub_mutex, read with preemption off. */
static DEFINE_HASHTABLE(bindings, BINDING_BITS);

unsigned int ub_binding_generation = 1;
unsigned int ub_bindings;
DEFINE_PER_CPU(struct ub_answer, ub_last_answer);

static struct ub_binding *find(u64 cgroup)
{
	struct ub_binding *b;

	hash_for_each_possible_rcu(bindings, b, hash, cgroup,
				   !preemptible())
		if (b->cgroup == cgroup)
			return b;
	return NULL;
}

/**
 * ub_of_cgroup() - who pays for what is done in a cgroup
 * @cgroup: of the v2 hierarchy
 *
 * Context: any, preemption off.
 * Return: the beancounter, good until preemption is on again; NULL for the
 * host's.
 */
struct ub *ub_of_cgroup(struct cgroup *cgroup)
{
	int level;

	for (level = cgroup->level; level > 0; level--) {
		struct ub_binding *b = find(cgroup_id(cgroup->ancestors[level]));

		if (b)
			return b->ub;
	}
	return NULL;
}

/**
 * ub_look_up() - ub_of_current() where this CPU does not remember
 * @cgroup: the current task's
 *
 * Context: task, preemption off.
 * Return: as ub_of_cgroup().
 */
struct ub *ub_look_up(struct cgroup *cgroup)
{
	struct ub_answer answer = {
		.cgroup = cgroup_id(cgroup),
		/* Before it looks. Pairs with ub_bind(). */
		.generation = smp_load_acquire(&ub_binding_generation),
	};

	answer.ub = ub_of_cgroup(cgroup);
	lockdep_assert_preemption_disabled();
	*this_cpu_ptr(&ub_last_answer) = answer;
	return answer.ub;
}

static struct ub_binding *binding_of(struct cgroup *cgroup, const char **why)
{
	struct ub_binding *b;
	char *path;
	int len;

	if (!cgroup->level) {
		*why = "the root cgroup is the host's";
		return ERR_PTR(-EINVAL);
	}
	path = kmalloc(PATH_MAX, GFP_KERNEL);
	/* A path that we were given is not longer. */
	len = path ? cgroup_path(cgroup, path, PATH_MAX) : -ENOMEM;
	b = len < 0 || len >= PATH_MAX ? NULL :
		kzalloc(struct_size(b, path, len + 1), GFP_KERNEL);
	if (b) {
		strscpy(b->path, path, len + 1);
		b->cgroup = cgroup_id(cgroup);
		cgroup_get(cgroup);
		b->dir = cgroup;
		memset64((u64 *)b->applied, UB_MAX, ARRAY_SIZE(b->applied));
		INIT_LIST_HEAD(&b->sibling);
		b->siblings = kzalloc(sizeof(*b->siblings), GFP_KERNEL);
	}
	kfree(path);
	if (b && b->siblings)
		return b;
	ub_binding_free(b);
	*why = "out of memory";
	return ERR_PTR(-ENOMEM);
}

/**
 * ub_binding_new() - prepare to bind a cgroup
 * @path: in the cgroup v2 hierarchy, from the root that the caller sees
 * @why: the reason of a failure, for people
 *
 * Context: process, ub_mutex held. Until ub_bind() takes it,
 * ub_binding_free() undoes.
 * Return: a binding, or -ENOENT, -ENOTDIR, -EBUSY, -EINVAL, -ENOMEM.
 */
struct ub_binding *ub_binding_new(const char *path, const char **why)
{
	struct cgroup *cgroup = cgroup_get_from_path(path);
	struct ub_binding *b;
	bool bound;

	if (IS_ERR(cgroup)) {
		*why = "no such cgroup in the v2 hierarchy";
		return ERR_CAST(cgroup);
	}
	preempt_disable();
	bound = find(cgroup_id(cgroup));
	preempt_enable();
	if (bound) {
		*why = "the cgroup is under a beancounter already";
		b = ERR_PTR(-EBUSY);
	} else {
		b = binding_of(cgroup, why);
	}
	cgroup_put(cgroup);
	return b;
}

/**
 * ub_binding_free() - the end of a binding that nobody finds
 * @b: the binding, or NULL
 */
void ub_binding_free(struct ub_binding *b)
{
	if (!b)
		return;
	cgroup_put(b->dir);
	kfree(b->siblings);
	kfree(b);
}

/**
 * ub_bind() - give a beancounter another cgroup
 * @ub: the beancounter; the caller holds a reference
 * @b: from ub_binding_new(); belongs to @ub from now on. NULL for none
 *
 * What starts in the old one from now on is not @ub's any more.
 *
 * Context: process, ub_mutex held, sleeps if there was one.
 * Return: the old one, which no charge looks at any more, and with it a
 * reference to @ub; NULL if there was none.
 */
struct ub_binding *ub_bind(struct ub *ub, struct ub_binding *b)
{
	struct ub_binding *old = ub->binding;

	if (b) {
		ub_get(ub);
		b->ub = ub;
		WRITE_ONCE(ub_bindings, ub_bindings + 1);
		hash_add_rcu(bindings, &b->hash, b->cgroup);
	}
	if (old) {
		hash_del_rcu(&old->hash);
		WRITE_ONCE(ub_bindings, ub_bindings - 1);
	}
	WRITE_ONCE(ub->binding, b);
	/* Pairs with the reads in ub_recall() and ub_look_up(): the new table comes first. */
	smp_store_release(&ub_binding_generation,
			  ub_binding_generation + 1 ?: 1);
	/* Nobody looks at it, nor has found @ub through it, after this. */
	if (old)
		synchronize_rcu();
	return old;
}
