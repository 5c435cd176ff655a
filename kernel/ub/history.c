// SPDX-License-Identifier: GPL-2.0
#include <linux/audit.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/spinlock.h>

#include <asm/syscall.h>

#include "history.h"

/**
 * struct place - room for a record
 * @seq: odd while somebody writes here, 0 while nobody ever did
 * @record: written by whoever made @seq odd
 */
struct place {
	unsigned int seq;
	struct ub_record record;
};

/**
 * struct ub_history - what is remembered of one number
 * @refs: @users together count one, and each reader one
 * @id: the beancounter's number. Constant
 * @users: beancounters of that number that are not gone: hardly ever two, when
 *	one is going and the next has come. history_lock
 * @link: in the list of the living or, newest first, of the dead. history_lock
 * @place: of the records, in no order
 */
struct ub_history {
	refcount_t refs;
	u32 id;
	unsigned int users;
	struct list_head link;
	struct place place[HISTORY_RECORDS];
};

/* Irq-safe and innermost: the last reference of a beancounter is put anywhere. */
static DEFINE_SPINLOCK(history_lock);
static LIST_HEAD(living);
static LIST_HEAD(dead);
static unsigned int n_dead;

/**
 * history_describe() - make a record of what is happening
 * @r: the record
 * @res: the resource that is refused
 * @why: what the charge ran into
 *
 * An interrupt is nobody's doing: it runs on top of some task by chance. And an
 * io_uring worker has registers, but made no call.
 *
 * Context: any.
 */
void history_describe(struct ub_record *r, enum stockvz_resource res,
		      const struct ub_refusal *why)
{
	bool task = in_task();
	bool call = task && !(current->flags & (PF_KTHREAD | PF_IO_WORKER));

	r->time = ktime_get_real_ns();
	r->first = r->time;
	r->count = 1;
	r->res = res;
	r->why = *why;
	r->pid = task ? task_pid_nr(current) : 0;
	r->syscall = call ? syscall_get_nr(current, task_pt_regs(current)) : -1;
	r->arch = r->syscall >= 0 ? syscall_get_arch(current) : 0;
	strscpy_pad(r->comm, task ? current->comm : "", sizeof(r->comm));
}

static void put(struct ub_history *h)
{
	if (h && refcount_dec_and_test(&h->refs))
		kfree(h);
}

static struct ub_history *find(struct list_head *list, u32 id)
{
	struct ub_history *h;

	lockdep_assert_held(&history_lock);
	list_for_each_entry(h, list, link)
		if (h->id == id)
			return h;
	return NULL;
}

/**
 * history_open() - a beancounter begins to be refused things
 * @id: its number
 *
 * Context: process, may sleep. Pair with history_close().
 * Return: the history of that number, or NULL if there is no memory.
 */
struct ub_history *history_open(u32 id)
{
	struct ub_history *fresh = kzalloc(sizeof(*fresh), GFP_KERNEL);
	struct ub_history *h;

	if (!fresh)
		return NULL;
	refcount_set(&fresh->refs, 1);
	fresh->id = id;
	INIT_LIST_HEAD(&fresh->link);

	spin_lock_irq(&history_lock);
	h = find(&living, id);
	if (!h) {
		h = find(&dead, id);
		if (h)
			n_dead--;
		else
			swap(h, fresh);
		list_move(&h->link, &living);
	}
	h->users++;
	spin_unlock_irq(&history_lock);
	kfree(fresh);
	return h;
}

static bool is_empty(const struct ub_history *h)
{
	unsigned int i;

	for (i = 0; i < HISTORY_RECORDS; i++)
		if (READ_ONCE(h->place[i].seq))
			return false;
	return true;
}

/* Its last beancounter is gone. Returns one that nobody will see again. */
static struct ub_history *bury(struct ub_history *h)
{
	lockdep_assert_held(&history_lock);
	if (is_empty(h)) {
		list_del(&h->link);
		return h;
	}
	list_move(&h->link, &dead);
	if (n_dead < HISTORY_DEAD) {
		n_dead++;
		return NULL;
	}
	h = list_last_entry(&dead, struct ub_history, link);
	list_del(&h->link);
	return h;
}

/**
 * history_close() - a beancounter is gone, and can be refused nothing more
 * @h: its history
 *
 * Context: any.
 */
void history_close(struct ub_history *h)
{
	struct ub_history *forgotten = NULL;
	unsigned long flags;

	spin_lock_irqsave(&history_lock, flags);
	if (!--h->users)
		forgotten = bury(h);
	spin_unlock_irqrestore(&history_lock, flags);
	put(forgotten);
}

static bool claim(struct place *p)
{
	unsigned int seq = READ_ONCE(p->seq);

	return !(seq & 1) && try_cmpxchg(&p->seq, &seq, seq + 1);
}

/* Pairs with read_place(). Never back to 0, which says that nothing is here. */
static void release(struct place *p)
{
	smp_store_release(&p->seq, p->seq + 1 ?: 2);
}

/* The same but for time and for what was held. */
static bool is_same(const struct ub_record *a, const struct ub_record *b)
{
	return a->res == b->res && a->why.bound == b->why.bound &&
	       a->why.amount == b->why.amount &&
	       a->why.barrier == b->why.barrier &&
	       a->why.limit == b->why.limit && a->pid == b->pid &&
	       a->syscall == b->syscall && a->arch == b->arch &&
	       !memcmp(a->comm, b->comm, sizeof(a->comm));
}

/* The glance without a claim may be wrong either way, and is looked at again. */
static bool add_to_same(struct place *p, const struct ub_record *r)
{
	bool same;

	if (!is_same(&p->record, r) || !claim(p))
		return false;
	same = p->record.count && is_same(&p->record, r);
	if (same) {
		p->record.count++;
		p->record.time = max(p->record.time, r->time);
		p->record.why.held = max(p->record.why.held, r->why.held);
	}
	release(p);
	return same;
}

/* Where nothing has happened for longest. NULL if all are being written. */
static struct place *oldest(struct ub_history *h)
{
	struct place *p, *best = NULL;

	for (p = h->place; p < h->place + HISTORY_RECORDS; p++) {
		if (READ_ONCE(p->seq) & 1)
			continue;
		if (!best || READ_ONCE(p->record.time) <
			     READ_ONCE(best->record.time))
			best = p;
	}
	return best;
}

/**
 * history_add() - remember a refusal
 * @h: whose
 * @r: the refusal
 *
 * It is only forgotten if as many others as there are places are being noted at
 * the same moment.
 *
 * Context: any, lockless.
 */
void history_add(struct ub_history *h, const struct ub_record *r)
{
	struct place *p;

	/* Readers wait for a writer, so it may not be put off. */
	preempt_disable();
	for (p = h->place; p < h->place + HISTORY_RECORDS; p++)
		if (add_to_same(p, r))
			goto out;
	do {
		p = oldest(h);
	} while (p && !claim(p));
	if (p) {
		p->record = *r;
		release(p);
	}
out:
	preempt_enable();
}

static bool read_place(const struct place *p, struct ub_record *r)
{
	unsigned int seq;

	for (;;) {
		/* Pairs with release(). */
		seq = smp_load_acquire(&p->seq);
		if (!seq)
			return false;
		if (!(seq & 1)) {
			memcpy(r, &p->record, sizeof(*r));
			smp_rmb();	/* the record, then whether it held still */
			if (READ_ONCE(p->seq) == seq)
				return r->count;
		}
		cpu_relax();
	}
}

static int by_time(const void *a, const void *b)
{
	const struct ub_record *x = a, *y = b;

	return x->time < y->time ? -1 : x->time > y->time;
}

/* That of the lowest number from @id on, with a reference. */
static struct ub_history *find_from(u32 id)
{
	struct ub_history *h, *best = NULL;

	spin_lock_irq(&history_lock);
	list_for_each_entry(h, &living, link)
		if (h->id >= id && (!best || h->id < best->id))
			best = h;
	list_for_each_entry(h, &dead, link)
		if (h->id >= id && (!best || h->id < best->id))
			best = h;
	if (best)
		refcount_inc(&best->refs);
	spin_unlock_irq(&history_lock);
	return best;
}

/**
 * history_read() - what was refused to the next number
 * @id: where to begin; becomes the number that was found
 * @records: room for HISTORY_RECORDS
 *
 * Context: process.
 * Return: how many records there are, the oldest first, or -ENOENT if no
 * number from @id on has a history.
 */
int history_read(u32 *id, struct ub_record *records)
{
	struct ub_history *h = find_from(*id);
	unsigned int i;
	int n = 0;

	if (!h)
		return -ENOENT;
	*id = h->id;
	for (i = 0; i < HISTORY_RECORDS; i++)
		n += read_place(&h->place[i], &records[n]);
	put(h);
	sort(records, n, sizeof(*records), by_time, NULL);
	return n;
}

/**
 * history_exit() - no beancounter is left, and no reader
 */
void history_exit(void)
{
	struct ub_history *h, *next;

	list_for_each_entry_safe(h, next, &dead, link)
		put(h);
}
