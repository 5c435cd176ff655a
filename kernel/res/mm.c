// SPDX-License-Identifier: GPL-2.0
/*
 * privvmpages, lockedpages: the address space of processes.
 *
 * privvmpages counts the pages of private writable mappings and of stacks,
 * touched or not, once for each process, and the pages of shmem files (shm.c).
 * lockedpages counts those of locked mappings, and of SHM_LOCKed segments.
 *
 * The kernel keeps both sums for every address space: data_vm + stack_vm, and
 * locked_vm. A meter beside it says what is charged. Address spaces come from
 * fork and exec, which charge what a new one has to the task's beancounter, and
 * grow in the calls that are asked below; whoever shares or enters one later,
 * its payer stays. What was made outside has no meter.
 *
 * A refused mmap, mremap, mprotect, fork, exec or mlock fails with ENOMEM, brk
 * leaves the break where it was, a stack that cannot grow is a SIGSEGV, an exec
 * behind the point of no return kills. Stacks, mprotect and exec may go up to
 * the limit, all else up to the barrier.
 *
 * mmap and mprotect are where address spaces change kind without growing, so
 * how much they really add has to be found out before; the others are all asked
 * in may_expand_vm().
 */
#include <linux/binfmts.h>
#include <linux/dax.h>
#include <linux/hugetlb_inline.h>
#include <linux/kallsyms.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/slab.h>
#include <linux/userfaultfd_k.h>

#include "ub/meter.h"

#include "res.h"

HOOK_PIN(may_expand_vm, bool (struct mm_struct *, vm_flags_t, unsigned long));
HOOK_PIN(mmap_region, unsigned long (struct file *, unsigned long, unsigned long,
				     vm_flags_t, unsigned long,
				     struct list_head *));
HOOK_PIN(mprotect_fixup, COMPAT_MPROTECT_FIXUP);
HOOK_PIN(begin_new_exec, int (struct linux_binprm *));
HOOK_PIN(exit_mmap, void (struct mm_struct *));
HOOK_PIN(userfaultfd_unmap_complete, void (struct mm_struct *, struct list_head *));

/**
 * struct mm_meter - what is charged for an address space
 * @m: the meter, which guards the rest
 * @asker: who asked last. While that task has the mmap_lock for writing, its
 *	call is under way: what it asked for is charged, and the kernel's sums
 *	do not tell yet. Only compared
 * @was: the flags of the mapping whose protection is about to change
 * @refused: that change was refused
 */
struct mm_meter {
	struct meter m;
	const struct task_struct *asker;
	vm_flags_t was;
	bool refused;
};

static __always_inline struct mm_meter *mm_meter(struct meter *m)
{
	return m ? container_of(m, struct mm_meter, m) : NULL;
}

static struct mm_meter *of_mm(const struct mm_struct *mm)
{
	return mm_meter(meter_find(UB_MMS, mm));
}

static const struct mm_struct *mm_of(const struct mm_meter *a)
{
	return a->m.object;
}

/* Does a mapping count? As the kernel sums up data_vm and stack_vm. */
static bool counts(vm_flags_t flags)
{
	return flags & (VM_STACK | VM_SHADOW_STACK) ||
	       (flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;
}

/**
 * mm_private_pages() - what privvmpages counts of an address space
 * @mm: the address space
 *
 * Return: the kernel's own sum, in pages.
 */
unsigned long mm_private_pages(const struct mm_struct *mm)
{
	return READ_ONCE(mm->data_vm) + READ_ONCE(mm->stack_vm);
}

/**
 * mm_locked_pages() - what lockedpages counts of an address space
 * @mm: the address space
 *
 * Return: the kernel's own sum, in pages.
 */
unsigned long mm_locked_pages(const struct mm_struct *mm)
{
	return READ_ONCE(mm->locked_vm);
}

static void adopt(struct mm_meter *a)
{
	const struct mm_struct *mm = mm_of(a);

	if (hook_on(STOCKVZ_RES_PRIVVMPAGES))
		meter_set(&a->m, STOCKVZ_RES_PRIVVMPAGES, mm_private_pages(mm));
	if (hook_on(STOCKVZ_RES_LOCKEDPAGES))
		meter_set(&a->m, STOCKVZ_RES_LOCKEDPAGES, mm_locked_pages(mm));
}

/*
 * The kernel's sums are complete when mmap_lock is let go, and its owner is
 * cleared before that. Readers mark the owner in bit 0; bit 1 is advice.
 */
static bool under_way(const struct mm_meter *a)
{
	unsigned long owner = atomic_long_read(&mm_of(a)->mmap_lock.owner);

	return a->asker && (owner & ~2UL) == (unsigned long)a->asker;
}

static bool mm_settle(struct meter *m)
{
	struct mm_meter *a = container_of(m, struct mm_meter, m);

	if (under_way(a))
		return true;
	/* Pairs with the mmap_lock's release: the sums are read after. */
	smp_rmb();
	a->asker = NULL;
	adopt(a);
	return true;
}

/*
 * A call is about to add so much to an address space that current has locked:
 * calls before it are complete.
 */
static int ask(struct mm_meter *a, unsigned long private, unsigned long locked,
	       enum ub_severity severity)
{
	int err = 0;

	adopt(a);
	a->asker = current;
	if (locked && hook_on(STOCKVZ_RES_LOCKEDPAGES))
		err = meter_charge(&a->m, STOCKVZ_RES_LOCKEDPAGES, locked,
				   severity);
	if (!err && private && hook_on(STOCKVZ_RES_PRIVVMPAGES))
		err = meter_charge(&a->m, STOCKVZ_RES_PRIVVMPAGES, private,
				   severity);
	if (err)
		adopt(a);
	return err;
}

static enum ub_severity severity_of(vm_flags_t flags)
{
	return current->in_execve || flags & VM_STACK ? UB_SOFT : UB_HARD;
}

/*
 * Where may_expand_vm() is called from. There are some ten places in a kernel:
 * each is looked up by name when first seen, and remembered: its address with
 * two bits of it, which in the kernel's half are known, given up for what it is.
 */
enum place { PLACE_OTHER, PLACE_MMAP, PLACE_MPROTECT };

#define PLACES 16

static unsigned long places[PLACES] __read_mostly;

static bool is_named(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);

	/* A compiler may add a dot and what it made of it. */
	return !strncmp(name, prefix, len) && (!name[len] || name[len] == '.');
}

static enum place named_place(unsigned long ip)
{
	char name[KSYM_SYMBOL_LEN];

	sprint_symbol_no_offset(name, ip - 1);
	if (is_named(name, "mmap_region") || is_named(name, "__mmap_region"))
		return PLACE_MMAP;
	return is_named(name, "mprotect_fixup") ? PLACE_MPROTECT : PLACE_OTHER;
}

static void remember_place(unsigned long ip, enum place place)
{
	unsigned long entry = ip << 2 | place, old;
	unsigned int i;

	for (i = 0; i < PLACES; i++) {
		old = cmpxchg(&places[i], 0, entry);
		if (!old || old == entry)
			break;
	}
}

static bool place_known(unsigned long ip, enum place *place)
{
	unsigned int i;

	for (i = 0; i < PLACES; i++) {
		unsigned long known = READ_ONCE(places[i]);

		*place = known & 3;
		if (known >> 2 == ip << 2 >> 2)
			return true;
		if (!known)
			break;
	}
	return false;
}

/* A tracer's address says nothing: what it hides is looked for each time. */
static noinline enum place learn_place(struct ftrace_regs *fregs, unsigned long parent_ip)
{
	unsigned long ip = hook_caller(fregs);
	enum place place;

	if (place_known(ip, &place))
		return place;
	place = named_place(ip);
	if (ip == parent_ip)
		remember_place(ip, place);
	return place;
}

static enum place place_of(struct ftrace_regs *fregs, unsigned long parent_ip)
{
	enum place place;

	return likely(place_known(parent_ip, &place)) ? place : learn_place(fregs, parent_ip);
}

/*
 * The hooks below ask for the meter of an address space, MM_OF(fregs). Most have none,
 * which shows in a bucket that nobody is in: then there is no frame to make. NAME(fregs,
 * meter) is called with preemption off, and says 0, or what the function shall fail with
 * if it is a gate's.
 */
#define DEFINE_MM_HOOK(name, mm_of)					\
	static __always_inline const struct mm_struct *name##_mm(struct ftrace_regs *fregs) \
	{								\
		return (mm_of)(fregs);					\
	}								\
									\
	static noinline void name##_in(struct ftrace_regs *fregs, struct hlist_head *bucket) \
	{								\
		struct mm_meter *a;					\
		long err = 0;						\
									\
		if (hook_proving(name##_hook)) {			\
			hook_refuse(fregs, HOOK_PROOF_ERRNO);		\
			return;						\
		}							\
		preempt_disable();					\
		a = mm_meter(__meter_find(bucket, name##_mm(fregs)));	\
		if (a)							\
			err = name(fregs, a);				\
		preempt_enable();					\
		if (unlikely(err))					\
			hook_refuse(fregs, err);			\
	}								\
									\
	void name##_hook(unsigned long ip, unsigned long parent_ip,	\
			 struct ftrace_ops *op, struct ftrace_regs *fregs) \
	{								\
		struct hlist_head *bucket = meter_bucket(UB_MMS, name##_mm(fregs)); \
									\
		if (unlikely(!hlist_empty(bucket)) || hook_proving_any()) \
			name##_in(fregs, bucket);			\
	}

static __always_inline const struct mm_struct *mm_current(struct ftrace_regs *fregs)
{
	return current->mm;
}

static __always_inline const struct mm_struct *mm_argument(struct ftrace_regs *fregs)
{
	return hook_arg(fregs, 0, const struct mm_struct *);
}

/* mprotect asks once for what shall be, and if refused for what was. */
static bool expand_protected(struct mm_meter *a, vm_flags_t flags,
			     unsigned long pages, bool *answer)
{
	*answer = !counts(flags);
	if (!counts(flags))
		return a->refused;
	if (counts(a->was))
		return false;
	a->refused = ask(a, pages, 0, UB_SOFT);
	return a->refused;
}

/* Shall the question be answered in the kernel's place, and how? */
static bool expand(struct mm_meter *a, vm_flags_t flags, unsigned long pages,
		   enum place place, bool *answer)
{
	*answer = false;
	if (place == PLACE_MPROTECT)
		return expand_protected(a, flags, pages, answer);
	return ask(a, counts(flags) ? pages : 0, flags & VM_LOCKED ? pages : 0,
		   severity_of(flags));
}

/* Asked already if it is mmap's: see mm_map(). */
static bool expand_asked(struct ftrace_regs *fregs, struct mm_meter *a,
			 unsigned long parent_ip, bool *answer)
{
	enum place place = place_of(fregs, parent_ip);
	bool skip;

	if (place == PLACE_MMAP)
		return false;
	meter_lock(&a->m);
	skip = expand(a, hook_arg(fregs, 1, vm_flags_t), hook_arg(fregs, 2, unsigned long),
		      place, answer);
	meter_unlock(&a->m);
	return skip;
}

static noinline void mm_expand_in(struct ftrace_regs *fregs, struct hlist_head *bucket,
				  unsigned long parent_ip)
{
	bool skip = hook_proving(mm_expand_hook), answer = false;
	struct mm_meter *a;

	preempt_disable();
	a = mm_meter(__meter_find(bucket, mm_argument(fregs)));
	if (a && !skip)
		skip = expand_asked(fregs, a, parent_ip, &answer);
	preempt_enable();
	if (unlikely(skip))
		hook_refuse(fregs, answer);
}

/*
 * may_expand_vm(mm, flags, pages): brk, mremap or a stack is about to grow, or
 * a private mapping becomes writable.
 */
void mm_expand_hook(unsigned long ip, unsigned long parent_ip,
		    struct ftrace_ops *op, struct ftrace_regs *fregs)
{
	struct hlist_head *bucket = meter_bucket(UB_MMS, mm_argument(fregs));

	if (unlikely(!hlist_empty(bucket)) || hook_proving_any())
		mm_expand_in(fregs, bucket, parent_ip);
}

/* How much of what counts goes when something is mapped there? */
static void overlapped(struct mm_struct *mm, unsigned long from,
		       unsigned long to, unsigned long *private,
		       unsigned long *locked)
{
	MA_STATE(mas, &mm->mm_mt, from, from);
	VMA_ITERATOR(vmi, mm, from);
	struct vm_area_struct *vma;

	*private = 0;
	*locked = 0;
	/* One look tells that nothing is there, as nearly always. */
	if (!mas_walk(&mas) && mas.last >= to - 1)
		return;
	for_each_vma_range(vmi, vma, to) {
		unsigned long pages = (min(to, vma->vm_end) -
				       max(from, vma->vm_start)) >> PAGE_SHIFT;

		if (counts(vma->vm_flags))
			*private += pages;
		if (vma->vm_flags & VM_LOCKED)
			*locked += pages;
	}
}

static long map(struct mm_meter *a, unsigned long addr, unsigned long len,
		vm_flags_t flags)
{
	unsigned long private = counts(flags) ? len >> PAGE_SHIFT : 0;
	unsigned long locked = flags & VM_LOCKED ? len >> PAGE_SHIFT : 0;
	unsigned long gone, unlocked;
	long err;

	if (!private && !locked)
		return 0;
	overlapped(current->mm, addr, addr + len, &gone, &unlocked);
	meter_lock(&a->m);
	err = ask(a, private - min(private, gone),
		  locked - min(locked, unlocked), severity_of(0));
	meter_unlock(&a->m);
	return err;
}

/* mmap_region(file, addr, len, flags, ...): something is about to be mapped. */
static __always_inline long mm_map(struct ftrace_regs *fregs, struct mm_meter *a)
{
	return map(a, hook_arg(fregs, 1, unsigned long), hook_arg(fregs, 2, unsigned long),
		   hook_arg(fregs, 3, vm_flags_t));
}

DEFINE_MM_HOOK(mm_map, mm_current)

/* mprotect_fixup(tlb, vma, ...): the protection of a mapping changes. */
static __always_inline const struct vm_area_struct *mm_protected(struct ftrace_regs *fregs)
{
	return hook_arg(fregs, COMPAT_VMA_ITERATOR + 1, const struct vm_area_struct *);
}

static __always_inline const struct mm_struct *mm_of_protected(struct ftrace_regs *fregs)
{
	return mm_protected(fregs)->vm_mm;
}

static __always_inline long mm_protect(struct ftrace_regs *fregs, struct mm_meter *a)
{
	meter_lock(&a->m);
	ask(a, 0, 0, UB_SOFT);
	a->was = mm_protected(fregs)->vm_flags;
	a->refused = false;
	meter_unlock(&a->m);
	return 0;
}

DEFINE_MM_HOOK(mm_protect, mm_of_protected)

/* Will the kernel count it when it is locked? */
static bool lockable(const struct vm_area_struct *vma)
{
	return !(vma->vm_flags & (VM_LOCKED | VM_SPECIAL | VM_DROPPABLE)) &&
	       !vma_is_dax(vma) &&
	       !is_vm_hugetlb_page((struct vm_area_struct *)vma);
}

static __always_inline const struct vm_area_struct *mm_to_lock(struct ftrace_regs *fregs)
{
	return hook_arg(fregs, COMPAT_VMA_ITERATOR, const struct vm_area_struct *);
}

static __always_inline const struct mm_struct *mm_of_lock(struct ftrace_regs *fregs)
{
	return mm_to_lock(fregs)->vm_mm;
}

/* mlock_fixup(vma, prev, start, end, flags): it is locked, or no longer. */
static __always_inline long mm_lock(struct ftrace_regs *fregs, struct mm_meter *a)
{
	unsigned long start = hook_arg(fregs, COMPAT_VMA_ITERATOR + 2, unsigned long);
	unsigned long end = hook_arg(fregs, COMPAT_VMA_ITERATOR + 3, unsigned long);
	vm_flags_t flags = hook_arg(fregs, COMPAT_VMA_ITERATOR + 4, vm_flags_t);
	bool more = flags & VM_LOCKED && lockable(mm_to_lock(fregs));
	long err;

	meter_lock(&a->m);
	err = ask(a, 0, more ? (end - start) >> PAGE_SHIFT : 0, UB_HARD);
	meter_unlock(&a->m);
	return err;
}

DEFINE_MM_HOOK(mm_lock, mm_of_lock)

/*
 * userfaultfd_unmap_complete(mm, uf): the last that mmap, munmap, brk and
 * mremap do, mmap_lock let go: the kernel's sums tell what came of it.
 */
static __always_inline long mm_done(struct ftrace_regs *fregs, struct mm_meter *a)
{
	meter_lock(&a->m);
	mm_settle(&a->m);
	meter_unlock(&a->m);
	return 0;
}

DEFINE_MM_HOOK(mm_done, mm_argument)

static int charge_new(struct mm_meter *a, enum ub_severity severity)
{
	if (!hook_on(STOCKVZ_RES_PRIVVMPAGES))
		return 0;
	return meter_charge(&a->m, STOCKVZ_RES_PRIVVMPAGES,
			    mm_private_pages(mm_of(a)), severity);
}

/* A meter is for both rows, and told of under one. Nothing is locked in it yet. */
static void mm_no_memory(const struct mm_struct *mm, struct ub *ub)
{
	if (hook_on(STOCKVZ_RES_PRIVVMPAGES))
		ub_no_memory(ub, STOCKVZ_RES_PRIVVMPAGES, mm_private_pages(mm));
	else
		ub_no_memory(ub, STOCKVZ_RES_LOCKEDPAGES, 0);
}

/* Nobody but us can reach the address space yet. Preemption is off. */
static int mm_start(struct mm_struct *mm, struct ub *ub,
		    enum ub_severity severity)
{
	struct mm_meter *a = kzalloc(sizeof(*a), GFP_ATOMIC | __GFP_NOWARN);
	int err;

	if (!a) {
		mm_no_memory(mm, ub);
		return -ENOMEM;
	}
	meter_init(&a->m, UB_MMS, mm, ub, mm_settle);
	meter_lock(&a->m);
	err = charge_new(a, severity);
	if (!err) {
		meter_start(&a->m);
		meter_watch(&a->m);
	}
	meter_unlock(&a->m);
	if (err)
		kfree(a);
	return err;
}

static bool mm_counted(void)
{
	return hook_on(STOCKVZ_RES_PRIVVMPAGES) ||
	       hook_on(STOCKVZ_RES_LOCKEDPAGES);
}

/**
 * mm_fork() - a child with an address space of its own is about to be
 * @child: all made up but for its cgroup
 * @ub: whose that is
 *
 * If the fork fails later, the address space dies as any other.
 *
 * Context: preemption off.
 * Return: 0 or -ENOMEM.
 */
int mm_fork(struct task_struct *child, struct ub *ub)
{
	struct mm_struct *mm = child->mm;

	if (!mm || mm == current->mm || !mm_counted())
		return 0;
	return mm_start(mm, ub, UB_HARD);
}

/*
 * begin_new_exec(bprm): exec has put arguments on a new stack and is about to
 * change over to it. From here on the new address space asks as it grows.
 */
static long mm_exec(struct ftrace_regs *fregs)
{
	struct linux_binprm *bprm = hook_arg(fregs, 0, struct linux_binprm *);
	struct ub *ub;
	long err = 0;

	if (!mm_counted())
		return 0;
	preempt_disable();
	ub = ub_of_current();
	if (ub && !of_mm(bprm->mm))
		err = mm_start(bprm->mm, ub, UB_SOFT);
	preempt_enable();
	return err;
}

DEFINE_GATE(mm_exec)

/* exit_mmap(mm): its last user has gone, or it never had one. */
static __always_inline long mm_exit(struct ftrace_regs *fregs, struct mm_meter *a)
{
	meter_stop(&a->m);
	kfree_rcu(a, m.rcu);
	return 0;
}

DEFINE_MM_HOOK(mm_exit, mm_argument)

static unsigned long map_a_page(void)
{
	unsigned long addr = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ,
				     MAP_PRIVATE | MAP_ANONYMOUS, 0);

	if (!IS_ERR_VALUE(addr))
		vm_munmap(addr, PAGE_SIZE);
	return addr;
}

int mm_map_prove(void)
{
	return map_a_page() == HOOK_PROOF_ERRNO ? 0 : -ENOENT;
}

/* Not brk: that it is refused shows in nothing but the break. */
int mm_expand_prove(void)
{
	return map_a_page() == -ENOMEM ? 0 : -ENOENT;
}
