// SPDX-License-Identifier: GPL-2.0
/*
 * physpages, swappages, oomguarpages, vmguarpages: what the memory controller of
 * the beancounter's cgroup counts anyway. Nothing is charged here: the rows are
 * read when somebody looks, and a cgroup without a memory controller holds 0.
 *
 * physpages is user memory, page cache and kernel memory; its limit is memory.max:
 * over it the kernel takes pages back from the cgroup, and failing that kills in
 * it, which counts as a failure. swappages is swap; its limit is memory.swap.max,
 * and a failure is a page that got no swap. Barriers of both mean nothing.
 * oomguarpages is anonymous and unevictable memory, and swap; vmguarpages holds
 * nothing. Their barriers are guarantees: when memory is short, of whom nothing is
 * taken that others can spare (vmguarpages: memory.low), and when it is gone, who does
 * not pay first (oomguarpages: see oom.c).
 */
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/vmstat.h>

#include "res.h"
#include "ub/cgfile.h"

/* Caller is in an RCU read-side section. */
static struct mem_cgroup *memcg_of(struct cgroup *cgroup)
{
	return mem_cgroup_from_css(rcu_dereference(cgroup->subsys[memory_cgrp_id]));
}

/* The multi-generational LRU, if the kernel goes by that, keeps its own sums. */
static long generation_pages(struct lruvec *lruvec, int zone)
{
	long n = 0;
#ifdef CONFIG_LRU_GEN
	int gen;

	for (gen = 0; gen < MAX_NR_GENS; gen++)
		n += READ_ONCE(lruvec->lrugen.nr_pages[gen][0][zone]);
#endif
	/* Eventually consistent, says the kernel. */
	return max(n, 0L);
}

static unsigned long lru_pages(struct mem_cgroup *memcg, int nid)
{
	struct lruvec *lruvec = &memcg->nodeinfo[nid]->lruvec;
	unsigned long n = 0;
	int zone;

	for (zone = 0; zone < MAX_NR_ZONES; zone++)
		n += mem_cgroup_get_zone_lru_size(lruvec, LRU_INACTIVE_ANON, zone) +
		     mem_cgroup_get_zone_lru_size(lruvec, LRU_ACTIVE_ANON, zone) +
		     mem_cgroup_get_zone_lru_size(lruvec, LRU_UNEVICTABLE, zone) +
		     generation_pages(lruvec, zone);
	return n;
}

/* Anonymous and unevictable pages of a cgroup and all below it. RCU. */
static unsigned long pages_in_need_of_swap(struct mem_cgroup *memcg)
{
	struct cgroup_subsys_state *css;
	unsigned long n = 0;
	int nid;

	css_for_each_descendant_pre(css, &memcg->css)
		for_each_node_state(nid, N_MEMORY)
			n += lru_pages(mem_cgroup_from_css(css), nid);
	return n;
}

/**
 * memcg_oomguarpages() - what a cgroup would have to lose for its memory to be free
 * @cgroup: the cgroup
 *
 * Context: any; @cgroup stays meanwhile.
 * Return: pages; 0 without a memory controller.
 */
unsigned long memcg_oomguarpages(struct cgroup *cgroup)
{
	struct mem_cgroup *memcg;
	unsigned long n = 0;

	/* The kernel's walk asks for just this: preemption off is not enough. */
	rcu_read_lock();
	memcg = memcg_of(cgroup);
	if (memcg)
		n = pages_in_need_of_swap(memcg) + page_counter_read(&memcg->swap);
	rcu_read_unlock();
	return n;
}

static void read_counter(struct page_counter *c, struct ub_numbers *n)
{
	n->held = page_counter_read(c);
	n->maxheld = READ_ONCE(c->watermark);
}

/* A row's numbers as the memory controller has them: see ub_row_fn. */
static void read_row(struct cgroup *cgroup, enum stockvz_resource res,
		     struct ub_numbers *n)
{
	struct mem_cgroup *memcg;

	rcu_read_lock();
	memcg = memcg_of(cgroup);
	if (!memcg)
		goto out;
	switch (res) {
	case STOCKVZ_RES_PHYSPAGES:
		read_counter(&memcg->memory, n);
		n->failcnt = atomic_long_read(&memcg->memory_events[MEMCG_OOM]);
		break;
	case STOCKVZ_RES_SWAPPAGES:
		read_counter(&memcg->swap, n);
		n->failcnt = atomic_long_read(&memcg->memory_events[MEMCG_SWAP_FAIL]);
		break;
	case STOCKVZ_RES_OOMGUARPAGES:
		n->held = memcg_oomguarpages(cgroup);
		break;
	default:
		break;
	}
out:
	rcu_read_unlock();
}

/* What is to be in a file: pages, or UB_MAX for what would be there without us. */
static unsigned long limit_of(const struct ub_counter *c)
{
	return READ_ONCE(c->limit);
}

/*
 * The host is to live, too, whatever somebody was promised. Never memory.min: what that
 * withholds, page cache and all, is withheld also when the next step is to kill.
 */
static unsigned long guarantee_of(const struct ub_counter *c)
{
	unsigned long barrier = READ_ONCE(c->barrier);

	return barrier ? min(barrier, totalram_pages() / 4 * 3) : UB_MAX;
}

/* What the kernel enforces for us, where, and what is there without us. */
static const struct {
	enum stockvz_resource res;
	const char *file;
	const char *none;
	unsigned long (*pages)(const struct ub_counter *c);
} enforced[] = {
	{ STOCKVZ_RES_PHYSPAGES, "memory.max", "max", limit_of },
	{ STOCKVZ_RES_SWAPPAGES, "memory.swap.max", "max", limit_of },
	{ STOCKVZ_RES_VMGUARPAGES, "memory.low", "0", guarantee_of },
};

static int apply(struct ub_binding *b, unsigned int i, unsigned long pages)
{
	unsigned long *applied = &b->applied[enforced[i].res];
	bool asked = b->asked & BIT(enforced[i].res);
	char bytes[24] = "max";
	int err;

	/* What is not ours stays as somebody else has set it. */
	if (pages == *applied && (pages == UB_MAX || !asked))
		return 0;
	if (pages <= ULONG_MAX / PAGE_SIZE)
		snprintf(bytes, sizeof(bytes), "%lu", pages * PAGE_SIZE);
	err = cgfile_write(b->dir, enforced[i].file,
			   pages == UB_MAX ? enforced[i].none : bytes);
	if (!err)
		*applied = pages;
	return err;
}

/**
 * memcg_changed() - limits or cgroup of a beancounter are others now
 * @ub: the beancounter
 * @now: its cgroup, or NULL
 * @old: the one that it gave up, or NULL: it gets its files back as they would be
 *	without us
 *
 * Context: see ub_change_fn.
 * Return: as that.
 */
const char *memcg_changed(struct ub *ub, struct ub_binding *now,
			  struct ub_binding *old)
{
	const char *why = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(enforced); i++) {
		struct ub_counter *c = &ub->counter[enforced[i].res].c;

		if (!hook_on(enforced[i].res))
			continue;
		if (old)
			apply(old, i, UB_MAX);
		if (now && apply(now, i, enforced[i].pages(c)))
			why = "stored only: the cgroup has no memory controller";
	}
	return why;
}

static unsigned long total_physpages(void)
{
	return totalram_pages() - global_zone_page_state(NR_FREE_PAGES);
}

static unsigned long total_oomguarpages(void)
{
	return global_node_page_state(NR_INACTIVE_ANON) +
	       global_node_page_state(NR_ACTIVE_ANON) +
	       global_node_page_state(NR_UNEVICTABLE);
}

static void add_row(enum stockvz_resource res, const char *missing)
{
	ub_set_row(res, read_row);
	hook_without(res, true, missing);
}

/**
 * memcg_init() - read rows, if there is a memory controller to read
 */
void memcg_init(void)
{
	static const enum stockvz_resource all[] = {
		STOCKVZ_RES_PHYSPAGES, STOCKVZ_RES_SWAPPAGES,
		STOCKVZ_RES_OOMGUARPAGES, STOCKVZ_RES_VMGUARPAGES,
	};
	const char *unlimited = cgfile_init() ? NULL :
		"its limit is not enforced: cgroup2 cannot be mounted";
	unsigned int i;

	if (mem_cgroup_disabled() || !cgroup_subsys_on_dfl(memory_cgrp_subsys)) {
		for (i = 0; i < ARRAY_SIZE(all); i++)
			hook_without(all[i], false,
				     "cgroup v2 has no memory controller here");
		return;
	}
	add_row(STOCKVZ_RES_PHYSPAGES, unlimited);
	add_row(STOCKVZ_RES_SWAPPAGES, unlimited);
	add_row(STOCKVZ_RES_OOMGUARPAGES, NULL);
	hook_without(STOCKVZ_RES_VMGUARPAGES, true,
		     "the kernel's own overcommit test does not heed it");
	ub_set_total(STOCKVZ_RES_PHYSPAGES, total_physpages);
	ub_set_total(STOCKVZ_RES_OOMGUARPAGES, total_oomguarpages);
}

/**
 * memcg_exit() - read nothing any more
 */
void memcg_exit(void)
{
	unsigned int i;

	for (i = 0; i < UB_RESOURCES; i++)
		ub_set_row(i, NULL);
	cgfile_exit();
}
