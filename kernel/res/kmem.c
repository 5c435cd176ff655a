// SPDX-License-Identifier: GPL-2.0
/*
 * kmemsize: kernel memory, in bytes.
 *
 * It is what the memory controller counts as kernel memory of the beancounter's
 * cgroup and those below ("kernel" in memory.stat): kernel stacks, page tables,
 * pipe buffers, and the slab and per-CPU memory of whatever the kernel accounts:
 * tasks, files, sockets, mappings, dentries, inodes, ... It is charged by the page, as
 * the controller does: small objects fill up a page that is charged already, and
 * what is left of it stays on its CPU for the next ones. What a cgroup holds when
 * it is bound counts as well; when it is not bound any more, or removed, nothing
 * does. A cgroup without a memory controller holds 0.
 *
 * A page that does not fit is refused (HARD), and the call that needed it fails as
 * it does when the kernel has no memory: ENOMEM mostly. Page tables and what exec
 * needs go up to the limit (SOFT). A page fault in user mode is always served
 * (FORCE): refused, it would only be tried again, for ever.
 *
 * A gate in front of try_charge_memcg() reserves, __mod_memcg_state() tells of pages
 * that were really charged and of those given back: see struct pending.
 */
#include <linux/log2.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>

#include <asm/pgalloc.h>
#include <asm/syscall.h>

#include "compat/compat.h"
#include "res.h"
#include "ub/cgfile.h"

HOOK_PIN(__mod_memcg_state, void (struct mem_cgroup *, compat_memcg_stat, int));

/**
 * struct pending - a task that was let through the gate, and is on its way
 * @task: which; only its address counts. NULL: free. Claimed by itself, by
 *	cmpxchg; cleared by itself, or by whoever reaps it
 * @memcg: for which the charge is; only its address counts
 * @born: of the beancounter that was charged
 * @generation: of the bindings by which that one was found
 * @pages: for how many pages; 0 until they are charged
 *
 * The charge stands for good when __mod_memcg_state() is called for as many pages by
 * the same task. If memory.max refuses it behind our back nothing is called: then
 * the next thing that the task wants, or its end, gives the charge back. The other
 * fields belong to the task, as long as it has the slot.
 */
struct pending {
	struct task_struct *task;
	struct mem_cgroup *memcg;
	u64 born;
	unsigned int generation;
	unsigned int pages;
};

/*
 * Each task may have one of two slots. All of a container that has run into its
 * limit of physpages may sleep with one: two slots for this much memory.
 */
struct slots {
	struct pending of[2];
};

#define BYTES_PER_SLOTS (256UL << 10)
#define MIN_BITS 9
#define MAX_BITS 15

static struct slots *slots __read_mostly;
static unsigned int slots_mask __read_mostly;

/* Both were another's. */
static atomic_long_t crowded;

static __always_inline struct slots *slots_of(const struct task_struct *task)
{
	return &slots[hash_ptr(task, 32) & slots_mask];
}

static struct pending *find_pending(const struct task_struct *task)
{
	struct slots *s = slots_of(task);

	if (READ_ONCE(s->of[0].task) == task)
		return &s->of[0];
	if (READ_ONCE(s->of[1].task) == task)
		return &s->of[1];
	return NULL;
}

static struct pending *claim_pending(struct task_struct *task)
{
	struct slots *s = slots_of(task);

	if (!cmpxchg(&s->of[0].task, NULL, task))
		return &s->of[0];
	if (!cmpxchg(&s->of[1].task, NULL, task))
		return &s->of[1];
	return NULL;
}

static __always_inline void drop_pending(struct pending *p)
{
	WRITE_ONCE(p->pages, 0);
	/* Whoever claims it next writes to it after we have read it. */
	smp_store_release(&p->task, NULL);
}

static __always_inline struct ub_counter *counter_to_move(struct ub *ub)
{
	atomic_long_inc(&ub->counter[STOCKVZ_RES_KMEMSIZE].moves);
	return &ub->counter[STOCKVZ_RES_KMEMSIZE].c;
}

static int charge(struct ub *ub, unsigned int pages, enum ub_severity severity)
{
	counter_to_move(ub);
	return ub_charge(ub, STOCKVZ_RES_KMEMSIZE, (unsigned long)pages << PAGE_SHIFT,
			 severity);
}

/* A refusal is not told of. */
static __always_inline bool charge_if_it_fits(struct ub *ub, unsigned int pages)
{
	return !__ub_counter_charge(counter_to_move(ub), (unsigned long)pages << PAGE_SHIFT,
				    UB_HARD, NULL);
}

/*
 * Not an underflow to shout about: what a busy cgroup held when it was bound may
 * have been read too low: see recount().
 */
static __always_inline void uncharge(struct ub *ub, unsigned int pages)
{
	__ub_counter_uncharge(counter_to_move(ub), (unsigned long)pages << PAGE_SHIFT);
}

/* The charge came to nothing. Its beancounter may be gone: then so is the charge. */
static noinline void take_back(struct pending *p)
{
	struct ub *ub = ub_from_get(p->born);

	if (ub && ub->born == p->born)
		uncharge(ub, p->pages);
	if (ub)
		ub_put(ub);
	drop_pending(p);
}

static noinline struct ub *payer_elsewhere(struct cgroup *cgroup)
{
	/* Somebody may mount the controller as one of version 1, later on. */
	return cgroup->root == &cgrp_dfl_root ? ub_of_cgroup(cgroup) : NULL;
}

/*
 * Who pays for a memory cgroup. Preemption off. The task may be moved to another cgroup
 * at any time: if the memory is of the one it is in now, then that one is asked about.
 */
static __always_inline struct ub *payer(struct mem_cgroup *memcg)
{
	/* Pairs with ub_bind(). */
	unsigned int generation = smp_load_acquire(&ub_binding_generation);
	struct cgroup *cgroup = memcg->css.cgroup;
	struct ub *ub;

	if (likely(in_task() && cgroup == task_dfl_cgroup(current)))
		return likely(ub_remembered(cgroup, generation, &ub)) ? ub : ub_look_up(cgroup);
	return payer_elsewhere(cgroup);
}

/* Which code charges kernel memory: what objects need, and whole pages. */
struct hook_text kmem_callers[] __read_mostly = {
	{ .name = "obj_cgroup_charge" },
	{ .name = "__memcg_kmem_charge_page" },
};

#define PAGES (&kmem_callers[1])

/*
 * Where else charges come from, as it turns out: users' pages, sockets' buffers. Each place
 * is written once, by cmpxchg, when it is first met.
 */
unsigned long kmem_strangers[KMEM_STRANGERS] __read_mostly;

static __always_inline const struct hook_text *caller_at(unsigned long ip)
{
	return hook_text_at(kmem_callers, ARRAY_SIZE(kmem_callers), ip);
}

static void remember_stranger(unsigned long ip)
{
	unsigned int i;

	for (i = 0; i < KMEM_STRANGERS; i++) {
		unsigned long old = cmpxchg(&kmem_strangers[i], 0, ip);

		if (!old || old == ip)
			break;
	}
}

/* One that is not seen at once: a stranger, or hidden by a tracer, whose address says nothing. */
static noinline const struct hook_text *find_caller(struct ftrace_regs *fregs,
						    unsigned long parent_ip)
{
	const struct hook_text *caller;
	unsigned long ip;
	unsigned int i;

	for (i = 0; i < KMEM_STRANGERS; i++)
		if (READ_ONCE(kmem_strangers[i]) == parent_ip)
			return NULL;
	ip = hook_caller(fregs);
	caller = caller_at(ip);
	if (!caller && ip == parent_ip)
		remember_stranger(ip);
	return caller;
}

/* A fault that comes out of user mode has no system call to fail. */
static bool in_user_fault(void)
{
	return !(current->flags & PF_IO_WORKER) &&
	       syscall_get_nr(current, task_pt_regs(current)) == -1;
}

static enum ub_severity severity_of(const struct hook_text *caller, gfp_t gfp)
{
	if (gfp & __GFP_NOFAIL || current->flags & PF_KTHREAD || in_user_fault())
		return UB_FORCE;
	if (current->in_execve ||
	    (caller == PAGES && (gfp & ~__GFP_COMP) == GFP_PGTABLE_USER))
		return UB_SOFT;
	return UB_HARD;
}

static __always_inline void fill(struct pending *p, struct mem_cgroup *memcg,
				 const struct ub *ub, unsigned int generation,
				 unsigned int pages)
{
	p->memcg = memcg;
	p->born = ub->born;
	p->generation = generation;
	WRITE_ONCE(p->pages, pages);
}

/*
 * The kernel may free memory on the way of a charge, and need some for that: what
 * the outer charge has reserved is not for this one, which cannot be refused. An
 * interrupt is no part of the task either.
 */
static bool may_reserve(void)
{
	return in_task() && !(current->flags & PF_MEMALLOC);
}

static int reserve(struct mem_cgroup *memcg, unsigned int pages,
		   enum ub_severity severity)
{
	/* Before the payer is looked up: if it changes in between, confirm() asks again. */
	unsigned int generation = smp_load_acquire(&ub_binding_generation);
	struct pending *p = find_pending(current);
	struct ub *ub = payer(memcg);
	int err;

	if (p)
		take_back(p);
	if (!ub)
		return 0;
	err = charge(ub, pages, severity);
	if (err)
		return err;
	p = claim_pending(current);
	if (likely(p)) {
		fill(p, memcg, ub, generation, pages);
	} else {
		/* It fits, as it seems; it is charged when it is done. */
		uncharge(ub, pages);
		atomic_long_inc(&crowded);
	}
	return 0;
}

/*
 * As nearly always: the task's own beancounter pays, which this CPU remembers, it fits
 * any severity, and the task has nothing pending and gets the first slot. Calls nothing,
 * which would cost it a frame. Returns whether it is done; if not nothing has happened.
 */
static __always_inline bool reserve_at_once(struct mem_cgroup *memcg, unsigned int pages)
{
	/* Pairs with ub_bind(). */
	unsigned int generation = smp_load_acquire(&ub_binding_generation);
	struct cgroup *cgroup = memcg->css.cgroup;
	struct slots *s = slots_of(current);
	struct ub *ub;

	if (cgroup != task_dfl_cgroup(current) || !ub_remembered(cgroup, generation, &ub))
		return false;
	if (!ub)
		return READ_ONCE(s->of[0].task) != current &&
		       READ_ONCE(s->of[1].task) != current;
	if (READ_ONCE(s->of[1].task) == current || cmpxchg(&s->of[0].task, NULL, current))
		return false;
	if (unlikely(!charge_if_it_fits(ub, pages))) {
		drop_pending(&s->of[0]);
		return false;
	}
	fill(&s->of[0], memcg, ub, generation, pages);
	return true;
}

static noinline void charge_or_refuse(struct ftrace_regs *fregs,
				      const struct hook_text *caller)
{
	gfp_t gfp = (__force gfp_t)hook_arg(fregs, 1, unsigned int);
	int err = reserve(hook_arg(fregs, 0, struct mem_cgroup *),
			  hook_arg(fregs, 2, unsigned int),
			  severity_of(caller, gfp));

	preempt_enable();
	if (unlikely(err))
		hook_refuse(fregs, err);
}

static __always_inline void kmem_charge(struct ftrace_regs *fregs,
					const struct hook_text *caller)
{
	preempt_disable();
	if (likely(reserve_at_once(hook_arg(fregs, 0, struct mem_cgroup *),
				   hook_arg(fregs, 2, unsigned int))))
		preempt_enable();
	else
		charge_or_refuse(fregs, caller);
}

static __always_inline bool kmem_concerns(void)
{
	return READ_ONCE(ub_bindings) && may_reserve();
}

/* The proof is also one that its callers are known. */
static noinline void kmem_charge_proof(struct ftrace_regs *fregs,
				       const struct hook_text *caller)
{
	if (hook_is_proof(kmem_charge_hook))
		hook_refuse(fregs, HOOK_PROOF_ERRNO);
	else if (kmem_concerns())
		kmem_charge(fregs, caller);
}

/*
 * try_charge_memcg(memcg, gfp, pages): pages of any kind are about to be charged.
 * Kernel memory it is if one of the two callers above asks. What cannot reserve is
 * charged when it is done.
 */
void kmem_charge_hook(unsigned long ip, unsigned long parent_ip,
		      struct ftrace_ops *op, struct ftrace_regs *fregs)
{
	const struct hook_text *caller;

	if (!kmem_concerns() && !hook_proving_any())
		return;
	caller = caller_at(parent_ip) ?: find_caller(fregs, parent_ip);
	if (!caller)
		return;
	if (hook_proving_any())
		kmem_charge_proof(fregs, caller);
	else
		kmem_charge(fregs, caller);
}

/* The reservation, if there is one, is not in the first slot, or not for these. */
static noinline void confirm_slowly(struct mem_cgroup *memcg, unsigned int pages)
{
	struct pending *p = may_reserve() ? find_pending(current) : NULL;
	struct ub *ub = payer(memcg);

	if (p && p->pages == pages && ub && ub->born == p->born) {
		drop_pending(p);
		return;
	}
	if (p)
		take_back(p);
	if (ub)
		charge(ub, pages, UB_FORCE);
}

/*
 * Pages were charged: the reservation was for these, or there was none. If the cgroup
 * was bound anew meanwhile, it was with another one, who gets it back. If nothing was,
 * who pays need not be asked again.
 */
static __always_inline void confirm(struct mem_cgroup *memcg, unsigned int pages)
{
	struct pending *p = &slots_of(current)->of[0];

	if (likely(may_reserve() && READ_ONCE(p->task) == current &&
		   p->memcg == memcg && p->pages == pages &&
		   p->generation == READ_ONCE(ub_binding_generation)))
		drop_pending(p);
	else
		confirm_slowly(memcg, pages);
}

static __always_inline void give_back(struct mem_cgroup *memcg, unsigned int pages)
{
	struct ub *ub = payer(memcg);

	if (ub)
		uncharge(ub, pages);
}

/*
 * __mod_memcg_state(memcg, item, n): memcg has that many more or less of something.
 * Interrupts are off, or this is one.
 */
static void kmem_account(struct ftrace_regs *fregs)
{
	struct mem_cgroup *memcg = hook_arg(fregs, 0, struct mem_cgroup *);
	int item = hook_arg(fregs, 1, int);
	int pages = hook_arg(fregs, 2, int);

	if (item != MEMCG_KMEM || !READ_ONCE(ub_bindings))
		return;
	lockdep_assert_preemption_disabled();
	if (pages > 0)
		confirm(memcg, pages);
	else
		give_back(memcg, -pages);
}

DEFINE_HOOK(kmem_account)

/**
 * kmem_task_gone() - a task is reaped: what it was still to get it will not
 * @task: the task
 *
 * Context: any.
 */
void kmem_task_gone(const struct task_struct *task)
{
	struct pending *p = find_pending(task);

	if (unlikely(p))
		take_back(p);
}

/* A memory cgroup other than the root's, which charges nothing. */
static struct mem_cgroup *some_memcg_get(void)
{
	struct cgroup_subsys_state *root, *css;

	/* One of version 1 has cgroups of its own, which nobody can bind. */
	if (!cgroup_subsys_on_dfl(memory_cgrp_subsys))
		return NULL;
	root = cgroup_get_e_css(&cgrp_dfl_root.cgrp, &memory_cgrp_subsys);
	if (!root)
		return NULL;
	rcu_read_lock();
	css_for_each_descendant_pre(css, root)
		if (css != root && css_tryget_online(css))
			break;
	rcu_read_unlock();
	css_put(root);
	return css ? mem_cgroup_from_css(css) : NULL;
}

/* Each caller in turn; the object is too large for what a CPU has ready. */
static int charge_something(void)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	void *object = kmalloc(2 * PAGE_SIZE, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	int err = page || object ? -ENOENT : 0;

	if (page)
		__free_page(page);
	kfree(object);
	return err;
}

int kmem_prove(void)
{
	struct mem_cgroup *memcg = some_memcg_get(), *before;
	int err;

	if (!memcg)
		return -ENODEV;
	before = set_active_memcg(memcg);
	err = charge_something();
	set_active_memcg(before);
	css_put(&memcg->css);
	return err;
}

/* Charged for tasks that are on their way, and may come to nothing. Bytes. */
static unsigned long reserved(const struct ub *ub)
{
	unsigned long pages = 0;
	unsigned int i;

	for (i = 0; i < 2 * (slots_mask + 1); i++) {
		const struct pending *p = &slots[i / 2].of[i % 2];

		if (READ_ONCE(p->task) && READ_ONCE(p->born) == ub->born)
			pages += READ_ONCE(p->pages);
	}
	return pages << PAGE_SHIFT;
}

/* As far as the kernel counts it as well. */
static unsigned long confirmed(struct ub *ub)
{
	unsigned long held = atomic_long_read(&ub->counter[STOCKVZ_RES_KMEMSIZE].c.held);

	return held - min(held, reserved(ub));
}

/* What the kernel has counted for a cgroup and those below. Bytes. */
static unsigned long kernel_memory(struct cgroup *cgroup)
{
	unsigned long n = 0;
	char text[256], *at;

	/* Whoever asks for CPU time has all sums of the cgroup brought up to date. */
	cgfile_read(cgroup, "cpu.stat", text, sizeof(text));
	if (cgfile_read(cgroup, "memory.stat", text, sizeof(text)) <= 0)
		return 0;
	at = strstr(text, "\nkernel ");
	if (at)
		sscanf(at, "\nkernel %lu", &n);
	return n;
}

/* Is this other one's cgroup below? */
static bool is_below(struct ub *ub, struct cgroup *cgroup)
{
	struct cgroup *dir;
	bool below;

	preempt_disable();
	dir = ub_dir(ub);
	below = dir && dir != cgroup && cgroup_is_descendant(dir, cgroup);
	preempt_enable();
	return below;
}

/* What a cgroup and those below hold that nobody nearer pays for. */
static unsigned long own_memory(struct cgroup *cgroup)
{
	unsigned long n = kernel_memory(cgroup), others = 0;
	struct ub *ub;

	for (ub = ub_next_get(NULL); ub; ub = ub_next_get(ub))
		if (is_below(ub, cgroup))
			others += confirmed(ub);
	return n > others ? n - others : 0;
}

static void correct(struct ub *ub, long bytes)
{
	if (bytes > 0)
		charge(ub, bytes >> PAGE_SHIFT, UB_FORCE);
	else
		uncharge(ub, -bytes >> PAGE_SHIFT);
}

#define LOOKS 20

/*
 * From now on a beancounter holds what its cgroup does; nothing without one.
 *
 * As long as something moves during a look the sum is not to be believed. If it never
 * stops, that look counts during which the least did. Who is still on his way after
 * half of them sleeps there, and will be back.
 */
static void recount(struct ub *ub, struct cgroup *cgroup)
{
	atomic_long_t *moves = &ub->counter[STOCKVZ_RES_KMEMSIZE].moves;
	struct ub_counter *c = &ub->counter[STOCKVZ_RES_KMEMSIZE].c;
	unsigned long held, truth, owed, later, moved, least = ULONG_MAX;
	unsigned int looks;
	long before, off = 0;

	for (looks = 0; looks < LOOKS; looks++) {
		before = atomic_long_read(moves);
		held = atomic_long_read(&c->held);
		owed = reserved(ub);
		truth = cgroup ? own_memory(cgroup) : 0;
		later = reserved(ub);
		moved = atomic_long_read(moves) - before +
			(max(owed, later) - min(owed, later)) / PAGE_SIZE;
		if (moved <= least) {
			least = moved;
			off = truth + owed - held;
		}
		if (!moved && (!owed || looks >= LOOKS / 2))
			break;
		schedule_timeout_uninterruptible(1);
	}
	correct(ub, off);
}

/* Who pays for what is around a cgroup pays for it no more, or again. */
static void recount_around(struct cgroup *cgroup)
{
	struct cgroup *dir;
	struct ub *ub;

	for (ub = ub_next_get(NULL); ub; ub = ub_next_get(ub)) {
		dir = ub_dir_get(ub);
		if (dir && dir != cgroup && cgroup_is_descendant(cgroup, dir))
			recount(ub, dir);
		if (dir)
			cgroup_put(dir);
	}
}

/**
 * kmem_changed() - a beancounter may have another cgroup: it holds what that holds
 * @ub: the beancounter
 * @now: its cgroup, or NULL
 * @old: the one that it gave up, or NULL
 *
 * Context: see ub_change_fn.
 */
void kmem_changed(struct ub *ub, struct ub_binding *now, struct ub_binding *old)
{
	if (!hook_on(STOCKVZ_RES_KMEMSIZE))
		return;
	if (!now || !now->settled || ub_is_removed(now->dir))
		recount(ub, now ? now->dir : NULL);
	if (old)
		recount_around(old->dir);
	if (now && !now->settled)
		recount_around(now->dir);
}

static unsigned long total_kmemsize(void)
{
	return (global_node_page_state_pages(NR_SLAB_RECLAIMABLE_B) +
		global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B) +
		global_node_page_state(NR_PAGETABLE)) * PAGE_SIZE +
	       global_node_page_state_pages(NR_KERNEL_STACK_KB) * 1024;
}

/**
 * kmem_crowded() - how often a charge could not be noted before it was made
 *
 * Return: the number: such a charge may be over the limit.
 */
unsigned long kmem_crowded(void)
{
	return atomic_long_read(&crowded);
}

/**
 * kmem_init() - learn where kernel memory is charged
 *
 * Return: 0, -ENOMEM.
 */
int kmem_init(void)
{
	unsigned long n = (totalram_pages() << PAGE_SHIFT) / BYTES_PER_SLOTS;

	slots_mask = BIT(clamp(order_base_2(n), MIN_BITS, MAX_BITS)) - 1;
	slots = kvcalloc(slots_mask + 1UL, sizeof(*slots), GFP_KERNEL);
	if (!slots)
		return -ENOMEM;
	hook_texts_find(kmem_callers, ARRAY_SIZE(kmem_callers));
	ub_set_total(STOCKVZ_RES_KMEMSIZE, total_kmemsize);
	return 0;
}

/**
 * kmem_exit() - no hook is left
 */
void kmem_exit(void)
{
	kvfree(slots);
}
