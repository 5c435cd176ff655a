// SPDX-License-Identifier: GPL-2.0
#include <linux/lockdep.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "meter.h"

/*
 * A bucket for this much memory. A process takes more than its share, and a file
 * with nothing in it a kilobyte: however many there are, no bucket gets long.
 */
#define BYTES_PER_MM (128UL << 10)
#define BYTES_PER_INODE (32UL << 10)
#define MIN_BITS 12
#define MAX_BITS 22

/*
 * At so many files is looked with preemption off, a millisecond or so, while others
 * of the same beancounter wait for the lock in the same way.
 */
#define FILES_AT_ONCE 4096

struct meter_table meter_tables[UB_METERED] __read_mostly;

/* Changes of the tables. */
static DEFINE_SPINLOCK(meters_table_lock);

/* meter_find() past its first glance. */
struct meter *__meter_find(struct hlist_head *bucket, const void *object)
{
	struct meter *m;

	hlist_for_each_entry_rcu(m, bucket, node, !preemptible())
		if (m->object == object)
			return m;
	return NULL;
}

/**
 * meter_watch() - from now on the object may change unasked
 * @m: its meter
 *
 * Context: the lock held.
 */
void meter_watch(struct meter *m)
{
	struct ub *ub = m->ub;

	lockdep_assert_held(&ub->meters_lock);
	if (!list_empty(&m->link))
		return;
	list_add_tail(&m->link, &ub->meters[m->kind]);
	WRITE_ONCE(ub->watched[m->kind], ub->watched[m->kind] + 1);
}

static void unwatch(struct meter *m)
{
	struct ub *ub = m->ub;

	lockdep_assert_held(&ub->meters_lock);
	if (list_empty(&m->link))
		return;
	list_del_init(&m->link);
	WRITE_ONCE(ub->watched[m->kind], ub->watched[m->kind] - 1);
}

static void settle(struct meter *m)
{
	if (!m->settle(m))
		unwatch(m);
}

/*
 * Before a refusal, but for one who knows better what it is about to hold. numproc
 * bounds address spaces, which change unasked all the time. Files hardly do: if
 * there are too many to look at all, the next look goes on where this one ends.
 */
static void settle_all(struct ub *ub, const struct meter *but)
{
	struct list_head *files = &ub->meters[UB_INODES];
	unsigned int left = FILES_AT_ONCE;
	struct meter *m, *next;

	lockdep_assert_held(&ub->meters_lock);
	list_for_each_entry_safe(m, next, &ub->meters[UB_MMS], link)
		if (m != but)
			settle(m);
	list_for_each_entry_safe(m, next, files, link) {
		if (!left--) {
			list_rotate_to_front(&m->link, files);
			break;
		}
		if (m != but)
			settle(m);
	}
}

/* As far as it goes, others may have the lock in between: new ones come at the end. */
static void settle_kind(struct ub *ub, enum ub_metered kind)
{
	struct list_head *meters = &ub->meters[kind];
	unsigned long left;

	spin_lock(&ub->meters_lock);
	for (left = ub->watched[kind]; left && !list_empty(meters); left--) {
		struct meter *m = list_first_entry(meters, struct meter, link);

		list_move_tail(&m->link, meters);
		settle(m);
		cond_resched_lock(&ub->meters_lock);
	}
	spin_unlock(&ub->meters_lock);
}

/**
 * meters_settle() - make a beancounter's metered rows say what is so
 * @ub: whose
 *
 * Context: task, may sleep.
 */
void meters_settle(struct ub *ub)
{
	settle_kind(ub, UB_MMS);
	settle_kind(ub, UB_INODES);
}

/**
 * meters_watched() - how many objects may change unasked
 *
 * Return: so many, of all beancounters.
 */
unsigned long meters_watched(void)
{
	unsigned long n = 0;
	struct ub *ub;

	for (ub = ub_next_get(NULL); ub; ub = ub_next_get(ub))
		n += READ_ONCE(ub->watched[UB_MMS]) +
		     READ_ONCE(ub->watched[UB_INODES]);
	return n;
}

/**
 * meter_init() - make a meter for an object
 * @m: the meter
 * @kind: what its object is
 * @object: its object, which has none
 * @ub: who pays; found with preemption still off, or with a reference
 * @settle: see struct meter
 *
 * Charge what the object has, then meter_start() and, if it may change unasked,
 * meter_watch(): nobody settles it before.
 */
void meter_init(struct meter *m, enum ub_metered kind, const void *object,
		struct ub *ub, bool (*settle)(struct meter *m))
{
	memset(m, 0, sizeof(*m));
	m->object = object;
	m->kind = kind;
	m->ub = ub;
	m->settle = settle;
	INIT_LIST_HEAD(&m->link);
}

/**
 * meter_start() - let a meter be found
 * @m: the meter
 *
 * Context: the lock held.
 */
void meter_start(struct meter *m)
{
	struct ub *ub = m->ub;

	lockdep_assert_held(&ub->meters_lock);
	ub_get(ub);
	spin_lock(&meters_table_lock);
	hlist_add_head_rcu(&m->node, meter_bucket(m->kind, m->object));
	spin_unlock(&meters_table_lock);
}

/**
 * meter_stop() - the object dies: all is paid back
 * @m: its meter. The caller frees it after a grace period
 *
 * Context: task, no lock held.
 */
void meter_stop(struct meter *m)
{
	enum stockvz_resource res;
	struct ub *ub = m->ub;

	spin_lock(&ub->meters_lock);
	unwatch(m);
	spin_lock(&meters_table_lock);
	hlist_del_rcu(&m->node);
	spin_unlock(&meters_table_lock);
	for (res = 0; res < METER_RESOURCES; res++)
		meter_set(m, res, 0);
	spin_unlock(&ub->meters_lock);
	ub_put(ub);
}

/**
 * meter_fits() - would meter_charge() be let through now?
 * @m: its meter
 * @res: the resource
 * @amount: in its unit
 *
 * For one who was refused already, and counted, and asks again. UB_HARD.
 *
 * Context: the lock held.
 * Return: true if so.
 */
bool meter_fits(struct meter *m, enum stockvz_resource res,
		unsigned long amount)
{
	const struct ub_counter *c = &m->ub->counter[res].c;

	if (ub_counter_fits(c, amount, UB_HARD))
		return true;
	settle_all(m->ub, m);
	return ub_counter_fits(c, amount, UB_HARD);
}

/**
 * meter_charge() - charge more for an object
 * @m: its meter, which the caller has settled
 * @res: the resource
 * @amount: in its unit
 * @severity: UB_HARD or UB_SOFT
 *
 * Context: the lock held.
 * Return: 0 or -ENOMEM, as ub_charge().
 */
int meter_charge(struct meter *m, enum stockvz_resource res,
		 unsigned long amount, enum ub_severity severity)
{
	struct ub *ub = m->ub;
	int err;

	lockdep_assert_held(&ub->meters_lock);
	if (unlikely(!ub_counter_fits(&ub->counter[res].c, amount, severity)))
		settle_all(ub, m);
	err = ub_charge(ub, res, amount, severity);
	if (!err)
		m->charged[res] += amount;
	return err;
}

/**
 * meter_set() - what is charged shall be what the object holds
 * @m: its meter
 * @res: the resource
 * @amount: what it holds. More than is charged only where it grew past
 *	every gate
 *
 * Context: the lock held.
 */
void meter_set(struct meter *m, enum stockvz_resource res, unsigned long amount)
{
	unsigned long charged = m->charged[res];

	lockdep_assert_held(&m->ub->meters_lock);
	if (amount < charged)
		ub_uncharge(m->ub, res, charged - amount);
	else if (unlikely(amount > charged))
		ub_charge(m->ub, res, amount - charged, UB_FORCE);
	m->charged[res] = amount;
}

static bool make_table(struct meter_table *table, unsigned long bytes)
{
	unsigned long buckets = (totalram_pages() << PAGE_SHIFT) / bytes;

	table->mask = BIT(clamp(order_base_2(buckets), MIN_BITS, MAX_BITS)) - 1;
	table->buckets = kvcalloc(table->mask + 1UL, sizeof(*table->buckets),
				  GFP_KERNEL);
	return table->buckets;
}

/**
 * meters_init() - make the tables
 *
 * Return: 0, -ENOMEM.
 */
int meters_init(void)
{
	if (make_table(&meter_tables[UB_MMS], BYTES_PER_MM) &&
	    make_table(&meter_tables[UB_INODES], BYTES_PER_INODE))
		return 0;
	meters_exit();
	return -ENOMEM;
}

/**
 * meters_exit() - every meter has stopped, and no hook is left
 */
void meters_exit(void)
{
	kvfree(meter_tables[UB_MMS].buckets);
	kvfree(meter_tables[UB_INODES].buckets);
}
