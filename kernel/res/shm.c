// SPDX-License-Identifier: GPL-2.0
/*
 * shmpages: SysV segments, shared anonymous mappings, memfds, tmpfs.
 *
 * What reserves its size (a segment, a shared anonymous mapping) counts as a
 * whole from its creation; what does not (a file on tmpfs, a memfd, NORESERVE)
 * counts page by page as they are made, and as they go. Swapped out they still
 * count. Each page counts in privvmpages as well. Who created the file pays,
 * until its last name, mapping and descriptor are gone.
 *
 * What reserves fails with ENOMEM. A page is refused with ENOSPC, which makes a
 * write fail and a fault a SIGBUS. SHM_LOCK charges lockedpages to who created
 * the segment, and fails with ENOMEM.
 */
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/pagemap.h>
#include <linux/security.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "ub/meter.h"

#include "res.h"

HOOK_PIN(alloc_file_pseudo, struct file *(struct inode *, struct vfsmount *, const char *,
					  int, const struct file_operations *));
HOOK_PIN(security_inode_init_security, int (struct inode *, struct inode *,
					    const struct qstr *, initxattrs, void *));
HOOK_PIN(shmem_lock, int (struct file *, int, struct ucounts *));

/**
 * struct adding - pages that were let through on their way into a file
 * @link: in its file's list, the lowest @index first; or, when they are over, among
 *	those that are free for the next
 * @task: who adds them: one thing at a time
 * @folio: the pages, locked until it is clear whether they got in
 * @index: where in the file
 * @pages: how many
 */
struct adding {
	struct list_head link;
	const struct task_struct *task;
	const struct folio *folio;
	pgoff_t index;
	unsigned long pages;
};

/**
 * struct shm_meter - what is charged for a shmem inode
 * @m: the meter, which guards the rest
 * @reserved: so many pages count, whether they are there or not
 * @adding: a list of &struct adding
 * @spare: another, of those that are over
 * @locking: SHM_LOCK was let through; till the inode says that it is locked
 * @refused: the task that was refused last, to know it when it asks again
 * @refused_at: the page that it wanted
 */
struct shm_meter {
	struct meter m;
	unsigned long reserved;
	struct list_head adding;
	struct list_head spare;
	bool locking;
	const struct task_struct *refused;
	pgoff_t refused_at;
};

static struct shm_meter *of_inode(const struct inode *inode)
{
	struct meter *m = meter_find(UB_INODES, inode);

	return m ? container_of(m, struct shm_meter, m) : NULL;
}

static struct inode *inode_of(const struct shm_meter *s)
{
	return (struct inode *)s->m.object;
}

/*
 * Somebody's page is there, so that this one got in, or will be told so and
 * thrown away; or it was. It may long be something else then, but it does not
 * stay locked.
 */
static bool is_over(const struct adding *a, struct address_space *mapping)
{
	return xa_load(&mapping->i_pages, a->index) ||
	       !test_bit(PG_locked, &a->folio->flags);
}

static void retire(struct shm_meter *s, struct adding *a)
{
	list_move(&a->link, &s->spare);
}

/*
 * Pages that are in the file, in memory or in swap, or about to be; i_pages locked.
 * When several add the same page one of them will get it in.
 */
static unsigned long count_pages(struct shm_meter *s)
{
	struct inode *inode = inode_of(s);
	struct address_space *mapping = inode->i_mapping;
	struct adding *a, *next;
	unsigned long pages;
	pgoff_t end = 0;

	lockdep_assert_held(&mapping->i_pages.xa_lock);
	pages = mapping->nrpages + READ_ONCE(SHMEM_I(inode)->swapped);
	list_for_each_entry_safe(a, next, &s->adding, link) {
		if (is_over(a, mapping)) {
			retire(s, a);
		} else if (a->index + a->pages > end) {
			pages += a->index + a->pages - max(a->index, end);
			end = a->index + a->pages;
		}
	}
	return pages;
}

static unsigned long pages_of(struct shm_meter *s)
{
	struct xarray *i_pages = &inode_of(s)->i_mapping->i_pages;
	unsigned long flags, pages;

	xa_lock_irqsave(i_pages, flags);
	pages = count_pages(s);
	xa_unlock_irqrestore(i_pages, flags);
	return pages;
}

/* SHM_LOCK counts whole pages, as it did on 2.6.32. */
static unsigned long locked_pages(const struct inode *inode)
{
	return i_size_read(inode) >> PAGE_SHIFT;
}

static void settle_locked(struct shm_meter *s)
{
	bool locked = SHMEM_I(inode_of(s))->flags & VM_LOCKED;

	if (locked)
		s->locking = false;
	if (!locked && !s->locking)
		meter_set(&s->m, STOCKVZ_RES_LOCKEDPAGES, 0);
}

static void settle_pages(struct shm_meter *s, unsigned long pages)
{
	pages = max(pages, s->reserved);
	if (!hook_on(STOCKVZ_RES_SHMPAGES))
		return;
	meter_set(&s->m, STOCKVZ_RES_SHMPAGES, pages);
	if (hook_on(STOCKVZ_RES_PRIVVMPAGES))
		meter_set(&s->m, STOCKVZ_RES_PRIVVMPAGES, pages);
}

/*
 * A page in swap, or one that nobody wrote to, may go unseen. Where nothing is
 * nothing goes; and before a page comes, or a lock, there is a meter_watch().
 * What reserves was watched for pages behind that: they may be on their way still.
 */
static bool shm_settle(struct meter *m)
{
	struct shm_meter *s = container_of(m, struct shm_meter, m);
	unsigned long pages = pages_of(s);

	settle_locked(s);
	settle_pages(s, pages);
	return pages || s->reserved || s->m.charged[STOCKVZ_RES_LOCKEDPAGES];
}

static int charge_pages(struct shm_meter *s, unsigned long pages)
{
	int err = 0;

	if (!pages || !hook_on(STOCKVZ_RES_SHMPAGES))
		return 0;
	if (hook_on(STOCKVZ_RES_PRIVVMPAGES))
		err = meter_charge(&s->m, STOCKVZ_RES_PRIVVMPAGES, pages,
				   UB_HARD);
	if (!err)
		err = meter_charge(&s->m, STOCKVZ_RES_SHMPAGES, pages, UB_HARD);
	if (err && hook_on(STOCKVZ_RES_PRIVVMPAGES))
		meter_set(&s->m, STOCKVZ_RES_PRIVVMPAGES,
			  s->m.charged[STOCKVZ_RES_SHMPAGES]);
	return err;
}

/* A meter is for all three rows, and told of under one. */
static void shm_no_memory(struct ub *ub, unsigned long pages)
{
	if (hook_on(STOCKVZ_RES_SHMPAGES))
		ub_no_memory(ub, STOCKVZ_RES_SHMPAGES, pages);
	else
		ub_no_memory(ub, STOCKVZ_RES_LOCKEDPAGES, 0);
}

static int shm_start(struct inode *inode, struct ub *ub, unsigned long reserved)
{
	struct shm_meter *s = kzalloc(sizeof(*s), GFP_ATOMIC | __GFP_NOWARN);
	int err;

	if (!s) {
		shm_no_memory(ub, reserved);
		return -ENOMEM;
	}
	meter_init(&s->m, UB_INODES, inode, ub, shm_settle);
	INIT_LIST_HEAD(&s->adding);
	INIT_LIST_HEAD(&s->spare);
	s->reserved = reserved;
	meter_lock(&s->m);
	err = charge_pages(s, reserved);
	if (!err)
		meter_start(&s->m);
	meter_unlock(&s->m);
	if (err)
		kfree(s);
	return err;
}

/* The current task has made a file. */
static int shm_created(struct inode *inode, unsigned long reserved)
{
	struct ub *ub;
	int err = 0;

	preempt_disable();
	ub = ub_of_current();
	if (ub && !of_inode(inode))
		err = shm_start(inode, ub, reserved);
	preempt_enable();
	return err;
}

static bool is_shmem(const struct inode *inode)
{
	return inode->i_sb->s_magic == TMPFS_MAGIC;
}

/*
 * alloc_file_pseudo(inode, ...): an inode without a name gets its file. Those of
 * shmem are segments, shared anonymous mappings and memfds.
 */
static long shm_file(struct ftrace_regs *fregs)
{
	struct inode *inode = hook_arg(fregs, 0, struct inode *);
	bool reserves;

	if (likely(!is_shmem(inode)))
		return 0;
	reserves = !(SHMEM_I(inode)->flags & VM_NORESERVE);
	return shm_created(inode, reserves ?
			   DIV_ROUND_UP(inode->i_size, PAGE_SIZE) : 0);
}

DEFINE_GATE(shm_file)

/* security_inode_init_security(inode, ...): one with a name, or O_TMPFILE. */
static long shm_inode(struct ftrace_regs *fregs)
{
	struct inode *inode = hook_arg(fregs, 0, struct inode *);

	if (!is_shmem(inode) ||
	    !(S_ISREG(inode->i_mode) || S_ISLNK(inode->i_mode)))
		return 0;
	return shm_created(inode, 0);
}

DEFINE_GATE(shm_inode)

/* What this task added before has got in or has not. */
static void retire_own(struct shm_meter *s)
{
	struct adding *a;

	list_for_each_entry(a, &s->adding, link) {
		if (a->task == current) {
			retire(s, a);
			return;
		}
	}
}

static struct adding *spare_adding(struct shm_meter *s)
{
	struct adding *a;

	a = list_first_entry_or_null(&s->spare, struct adding, link);
	if (a)
		list_del(&a->link);
	else
		a = kmalloc(sizeof(*a), GFP_ATOMIC | __GFP_NOWARN);
	return a;
}

/* Note what this task is about to add. */
static struct adding *add(struct shm_meter *s, struct folio *folio, pgoff_t index)
{
	struct list_head *at;
	struct adding *a;

	retire_own(s);
	a = spare_adding(s);
	if (!a) {
		shm_no_memory(s->m.ub, folio_nr_pages(folio));
		return NULL;
	}
	a->task = current;
	a->folio = folio;
	a->index = index;
	a->pages = folio_nr_pages(folio);
	list_for_each(at, &s->adding)
		if (list_entry(at, struct adding, link)->index > index)
			break;
	list_add_tail(&a->link, at);
	return a;
}

/* The same question again, by a kernel that asks twice: no second failure. */
static bool asks_again(struct shm_meter *s, pgoff_t index)
{
	bool again = COMPAT_SHMEM_ASKS_TWICE && s->refused == current &&
		     s->refused_at == index;

	s->refused = NULL;
	return again;
}

static bool fits(struct shm_meter *s, unsigned long pages)
{
	return meter_fits(&s->m, STOCKVZ_RES_SHMPAGES, pages) &&
	       (!hook_on(STOCKVZ_RES_PRIVVMPAGES) ||
		meter_fits(&s->m, STOCKVZ_RES_PRIVVMPAGES, pages));
}

static int shm_grow(struct shm_meter *s, struct folio *folio, pgoff_t index)
{
	struct adding *a = add(s, folio, index);
	bool again = asks_again(s, index);
	unsigned long want, more;

	meter_watch(&s->m);
	if (!a)
		return -ENOSPC;
	want = max(pages_of(s), s->reserved);
	/* It may have shrunk meanwhile, even by more than is added. */
	if (want < s->m.charged[STOCKVZ_RES_SHMPAGES])
		settle_pages(s, want);
	more = want - s->m.charged[STOCKVZ_RES_SHMPAGES];
	if ((!again || fits(s, more)) && !charge_pages(s, more))
		return 0;
	retire(s, a);
	s->refused = again ? NULL : current;
	s->refused_at = index;
	return -ENOSPC;
}

/*
 * shmem_add_to_page_cache(folio, mapping, index, expected, ...): a page gets into
 * a file. If something is expected there it is back from swap.
 */
static long shm_add(struct ftrace_regs *fregs)
{
	struct folio *folio = hook_arg(fregs, 0, struct folio *);
	struct address_space *mapping = hook_arg(fregs, 1, struct address_space *);
	pgoff_t index = hook_arg(fregs, 2, pgoff_t);
	void *expected = hook_arg(fregs, 3, void *);
	struct shm_meter *s;
	long err = 0;

	preempt_disable();
	s = of_inode(mapping->host);
	if (s && !expected && index + folio_nr_pages(folio) > s->reserved) {
		meter_lock(&s->m);
		/* A huge page may begin in what is reserved. */
		if (index < s->reserved)
			meter_watch(&s->m);
		else
			err = shm_grow(s, folio, index);
		meter_unlock(&s->m);
	}
	preempt_enable();
	return err;
}

DEFINE_GATE(shm_add)

/*
 * Give back what has gone, if it can be told now. 6.1 splits and joins huge pages
 * with i_pages locked: whoever waited for it there would wait for himself.
 */
static void try_to_give_back(struct shm_meter *s)
{
	struct xarray *i_pages = &inode_of(s)->i_mapping->i_pages;
	unsigned long flags;

	if (!meter_trylock(&s->m))
		return;
	if (spin_trylock_irqsave(&i_pages->xa_lock, flags)) {
		settle_pages(s, count_pages(s));
		spin_unlock_irqrestore(&i_pages->xa_lock, flags);
	}
	meter_unlock(&s->m);
}

/*
 * shmem_recalc_inode(inode, ...): pages came or went. If none has gone there is
 * nothing to give back: those that came were charged.
 */
static void shm_recalc(struct ftrace_regs *fregs)
{
	struct inode *inode = hook_arg(fregs, 0, struct inode *);
	struct shm_meter *s;

	preempt_disable();
	s = of_inode(inode);
	if (s && READ_ONCE(inode->i_mapping->nrpages) <
		 READ_ONCE(s->m.charged[STOCKVZ_RES_SHMPAGES]))
		try_to_give_back(s);
	preempt_enable();
}

DEFINE_HOOK(shm_recalc)

static void free_addings(struct shm_meter *s)
{
	struct adding *a, *next;

	list_splice(&s->spare, &s->adding);
	list_for_each_entry_safe(a, next, &s->adding, link)
		kfree(a);
}

/* shmem_evict_inode(inode): nothing has it any more. */
static void shm_evict(struct ftrace_regs *fregs)
{
	struct shm_meter *s;

	preempt_disable();
	s = of_inode(hook_arg(fregs, 0, struct inode *));
	if (s) {
		meter_stop(&s->m);
		free_addings(s);
		kfree_rcu(s, m.rcu);
	}
	preempt_enable();
}

DEFINE_HOOK(shm_evict)

/* What user_shm_lock() is about to find out. */
static bool rlimit_allows(const struct inode *inode, struct ucounts *ucounts)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK);
	unsigned long pages = DIV_ROUND_UP(i_size_read(inode), PAGE_SIZE);

	return limit == RLIM_INFINITY ||
	       get_rlimit_value(ucounts, UCOUNT_RLIMIT_MEMLOCK) + pages <=
	       limit >> PAGE_SHIFT ||
	       ns_capable_noaudit(&init_user_ns, CAP_IPC_LOCK);
}

static long lock_segment(struct shm_meter *s, bool lock, struct ucounts *ucounts)
{
	struct inode *inode = inode_of(s);
	long err = 0;

	meter_watch(&s->m);
	s->locking = false;
	settle_locked(s);
	if (!lock || SHMEM_I(inode)->flags & VM_LOCKED ||
	    !rlimit_allows(inode, ucounts))
		return 0;
	err = meter_charge(&s->m, STOCKVZ_RES_LOCKEDPAGES, locked_pages(inode),
			   UB_HARD);
	s->locking = !err;
	return err;
}

/* shmem_lock(file, lock, ucounts): SHM_LOCK, SHM_UNLOCK, or the segment goes. */
static long shm_lock(struct ftrace_regs *fregs)
{
	struct file *file = hook_arg(fregs, 0, struct file *);
	struct shm_meter *s;
	long err = 0;

	preempt_disable();
	s = of_inode(file_inode(file));
	if (s && hook_on(STOCKVZ_RES_LOCKEDPAGES)) {
		meter_lock(&s->m);
		err = lock_segment(s, hook_arg(fregs, 1, int),
				   hook_arg(fregs, 2, struct ucounts *));
		meter_unlock(&s->m);
	}
	preempt_enable();
	return err;
}

DEFINE_GATE(shm_lock)

/* A file of one page that is not there yet. */
static struct file *new_file(void)
{
	return shmem_file_setup("stockvz", PAGE_SIZE, VM_NORESERVE);
}

int shm_file_prove(void)
{
	struct file *file = new_file();

	if (!IS_ERR(file))
		fput(file);
	return PTR_ERR_OR_ZERO(file) == HOOK_PROOF_ERRNO ? 0 : -ENOENT;
}

int shm_add_prove(void)
{
	struct file *file = new_file();
	struct page *page;

	if (IS_ERR(file))
		return PTR_ERR(file);
	page = shmem_read_mapping_page(file->f_mapping, 0);
	if (!IS_ERR(page))
		put_page(page);
	fput(file);
	return PTR_ERR_OR_ZERO(page) == HOOK_PROOF_ERRNO ? 0 : -ENOENT;
}

/* Of a private inode it only says that this is none of its business. */
int shm_inode_prove(void)
{
	struct file *file = new_file();
	struct inode *inode;
	int err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	inode = file_inode(file);
	inode->i_flags |= S_PRIVATE;
	err = security_inode_init_security(inode, inode, NULL, NULL, NULL);
	fput(file);
	return err == HOOK_PROOF_ERRNO ? 0 : -ENOENT;
}
