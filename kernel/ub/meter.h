/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Objects whose size the kernel itself keeps, such as the address space of a
 * process: they grow where we may refuse and shrink where we cannot look. So a
 * meter stands beside such an object and says how much of it is charged, and to
 * whom, and what is charged is set to what the kernel says ("settled") at the
 * object's next event - and, for all meters of a beancounter whose objects may
 * change unasked, before one of its rows is read or a charge is refused. So nobody
 * ever sees an old number. Those are in the beancounter's lists: an address space
 * always, a file as long as there is something in it.
 *
 * Of files there may be millions. So whoever is refused looks at some thousands of
 * them, and the next one at the following: see settle_all().
 *
 * Locks. ub->meters_lock guards the beancounter's lists and what its meters say,
 * and is held over every charge of what is metered, so that settling all and
 * then charging is one step. It may be taken with interrupts off, but not in
 * one. Inside it: what settling needs. meters_table_lock, inside that: the hash.
 *
 * Life. A meter goes when its object does, under the lock: an object whose
 * meter stands in a list is alive. One that was found by its object, which the
 * caller keeps alive, stays with preemption off.
 */
#ifndef STOCKVZ_UB_METER_H
#define STOCKVZ_UB_METER_H

#include <linux/hash.h>
#include <linux/list.h>

#include "ub.h"

/**
 * struct meter_table - the meters of one kind of objects
 * @buckets: meters_table_lock; read with preemption off
 * @mask: how many there are, a power of 2, less 1. Constant
 */
struct meter_table {
	struct hlist_head *buckets;
	unsigned int mask;
};

/* By kind: a container may have a million files and should not slow mmap() down. */
extern struct meter_table meter_tables[UB_METERED];

/* kmemsize is none of them, but the three come right behind it. */
#define METER_RESOURCES (STOCKVZ_RES_SHMPAGES + 1)

/**
 * struct meter - what is charged for one object
 * @node: in its bucket; meters_table_lock; read with preemption off
 * @link: in the beancounter's list, or empty. ub->meters_lock
 * @object: its address. Constant, as the next three
 * @kind: what it is
 * @ub: who pays; counted: see struct ub
 * @settle: set what is charged to what the object holds. Called with the lock
 *	held, interrupts as they are. Returns whether it may change unasked
 * @charged: by resource. ub->meters_lock
 * @rcu: frees it
 */
struct meter {
	struct hlist_node node;
	struct list_head link;
	const void *object;
	enum ub_metered kind;
	struct ub *ub;
	bool (*settle)(struct meter *m);
	unsigned long charged[METER_RESOURCES];
	struct rcu_head rcu;
};

struct meter *__meter_find(struct hlist_head *bucket, const void *object);

static __always_inline struct hlist_head *meter_bucket(enum ub_metered kind,
						       const void *object)
{
	const struct meter_table *table = &meter_tables[kind];

	return &table->buckets[hash_ptr(object, 32) & table->mask];
}

/**
 * meter_find() - the meter of an object
 * @kind: what it is
 * @object: its address; alive
 *
 * Context: preemption off, until which is on again the result stays.
 * Return: NULL if it has none: most are the host's.
 */
static __always_inline struct meter *meter_find(enum ub_metered kind,
						const void *object)
{
	struct hlist_head *bucket = meter_bucket(kind, object);

	if (likely(hlist_empty(bucket)))
		return NULL;
	return __meter_find(bucket, object);
}

static inline void meter_lock(struct meter *m)
{
	spin_lock(&m->ub->meters_lock);
}

/* For one who holds what settling needs. */
static inline bool meter_trylock(struct meter *m)
{
	return spin_trylock(&m->ub->meters_lock);
}

static inline void meter_unlock(struct meter *m)
{
	spin_unlock(&m->ub->meters_lock);
}

void meter_init(struct meter *m, enum ub_metered kind, const void *object,
		struct ub *ub, bool (*settle)(struct meter *m));
void meter_start(struct meter *m);
void meter_watch(struct meter *m);
void meter_stop(struct meter *m);
bool meter_fits(struct meter *m, enum stockvz_resource res,
		unsigned long amount);
int meter_charge(struct meter *m, enum stockvz_resource res,
		 unsigned long amount, enum ub_severity severity);
void meter_set(struct meter *m, enum stockvz_resource res,
	       unsigned long amount);
void meters_settle(struct ub *ub);
unsigned long meters_watched(void);
int meters_init(void);
void meters_exit(void);

#endif
