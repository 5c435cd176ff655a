/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who paid for an object: a side table keyed by its address, since we cannot
 * add a field to the kernel's structures. An object stands in it from the
 * charge to the release; objects of the host never do.
 *
 * An address may be used again while an entry still stands, if an object died
 * unseen by its release hook. Then the old payer is paid back first, and the
 * event is counted: see struct owner_stats.
 */
#ifndef STOCKVZ_UB_OWNER_H
#define STOCKVZ_UB_OWNER_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/hash.h>
#include <linux/irqflags.h>
#include <linux/lockdep.h>
#include <linux/percpu.h>

#include "ub.h"

/**
 * struct owner_stats - what an admin may want to know of the table
 * @owned: objects in it
 * @healed: entries found standing for an address that came again
 */
struct owner_stats {
	unsigned long owned;
	unsigned long healed;
};

/**
 * struct owner - an object and who paid for it
 * @next: in its bucket, whose lock guards all of this; while not in use, in a CPU's
 *	list of free ones
 * @object: its address, only ever compared
 * @ub: counted: see struct ub
 * @amount: what was charged
 * @res: of which resource
 */
struct owner {
	struct owner *next;
	const void *object;
	struct ub *ub;
	unsigned int amount;
	enum stockvz_resource res;
};

/**
 * struct owner_spares - entries that a CPU has ready
 * @first: of the list
 * @n: how many
 *
 * Four fifths of an entry's price is the allocator's. Used with irqs off.
 */
struct owner_spares {
	struct owner *first;
	unsigned int n;
};

DECLARE_PER_CPU(struct owner_spares, owner_spares);

/**
 * struct owner_bucket - the entries of some addresses
 * @first: the first of them; in its lowest bit, OWNER_LOCKED, the lock of all: irqs
 *	off, since objects die in interrupts too
 */
struct owner_bucket {
	unsigned long first;
};

#define OWNER_LOCK_BIT 0
#define OWNER_LOCKED BIT(OWNER_LOCK_BIT)

extern struct owner_bucket *owner_table;
extern unsigned int owner_mask;

/* A shift by a number that is known here saves two instructions, and a register. */
static inline struct owner_bucket *owner_bucket(const void *object)
{
	return &owner_table[hash_ptr(object, 32) & owner_mask];
}

static inline bool owner_bucket_is_empty(const struct owner_bucket *bucket)
{
	return READ_ONCE(bucket->first) <= OWNER_LOCKED;
}

/* Is it surely the host's? What lives was noted before, or never will be. */
static inline bool owner_is_nobody(const void *object)
{
	return owner_bucket_is_empty(owner_bucket(object));
}

int owner_charge(const void *object, struct ub *ub, enum stockvz_resource res,
		 unsigned int amount, enum ub_severity severity);
int owner_charge_slowly(const void *object, struct ub *ub, enum stockvz_resource res,
			unsigned int amount, enum ub_severity severity);
struct owner *owner_reserve_slowly(struct ub *ub, enum stockvz_resource res,
				   unsigned int amount, enum ub_severity severity);
void owner_place_slowly(struct owner *o, const void *object);
void owner_cancel(struct owner *o);
bool owner_pay_back(struct owner_bucket *bucket, const void *object);
bool owner_move(const void *from, const void *to);
struct ub *owner_get(const void *object);
void owner_stats(struct owner_stats *s);

/**
 * owner_release() - an object dies: whoever paid for it is paid back
 * @object: its address; most are the host's, which no entry knows
 *
 * An entry for it would have been made before it could die, so an empty bucket
 * needs no lock to be believed.
 *
 * Context: any.
 * Return: did anybody own it?
 */
static inline bool owner_release(const void *object)
{
	struct owner_bucket *bucket = owner_bucket(object);

	return !owner_bucket_is_empty(bucket) && owner_pay_back(bucket, object);
}

/* What follows calls nothing if all is well: what has to be called would cost a frame. */

/* The lock is not needed: an entry only has to be the first when nobody has it. */
static __always_inline void owner_put_in(struct owner_bucket *bucket, struct owner *o)
{
	unsigned long first = READ_ONCE(bucket->first);

	lockdep_assert_irqs_disabled();
	do {
		while (unlikely(first & OWNER_LOCKED)) {
			cpu_relax();
			first = READ_ONCE(bucket->first);
		}
		o->next = (struct owner *)first;
	} while (!try_cmpxchg(&bucket->first, &first, (unsigned long)o));
}

/* An entry gets what it is for, but not yet the object. */
static __always_inline void owner_fill(struct owner *o, struct ub *ub,
				       enum stockvz_resource res, unsigned int amount)
{
	ub_get(ub);
	o->ub = ub;
	o->amount = amount;
	o->res = res;
}

/*
 * Charges if there is a spare entry and it fits. What UB_HARD lets through needs no other
 * severity. Irqs off. NULL: nothing has happened.
 */
static __always_inline struct owner *owner_reserve_at_once(struct ub *ub,
							   enum stockvz_resource res,
							   unsigned int amount)
{
	struct owner *o = __this_cpu_read(owner_spares.first);

	lockdep_assert_irqs_disabled();
	if (unlikely(!o || __ub_counter_charge(&ub->counter[res].c, amount, UB_HARD, NULL)))
		return NULL;
	__this_cpu_write(owner_spares.first, o->next);
	__this_cpu_dec(owner_spares.n);
	owner_fill(o, ub, res, amount);
	return o;
}

/* owner_charge(), where it is done often. */
static __always_inline int __owner_charge(const void *object, struct ub *ub,
					  enum stockvz_resource res, unsigned int amount,
					  enum ub_severity severity)
{
	struct owner_bucket *bucket = owner_bucket(object);
	struct owner *o = NULL;
	unsigned long flags;

	local_irq_save(flags);
	if (likely(owner_bucket_is_empty(bucket)))
		o = owner_reserve_at_once(ub, res, amount);
	if (likely(o)) {
		o->object = object;
		owner_put_in(bucket, o);
	}
	local_irq_restore(flags);
	return likely(o) ? 0 : owner_charge_slowly(object, ub, res, amount, severity);
}

/**
 * owner_reserve() - charge for an object that has no address yet
 * @ub: see owner_charge(), as the others
 * @res: the resource
 * @amount: in its unit
 * @severity: how far it may go
 *
 * Context: irqs off.
 * Return: for owner_place() or owner_cancel(); NULL if it was refused.
 */
static __always_inline struct owner *owner_reserve(struct ub *ub, enum stockvz_resource res,
						   unsigned int amount,
						   enum ub_severity severity)
{
	return owner_reserve_at_once(ub, res, amount) ?:
	       owner_reserve_slowly(ub, res, amount, severity);
}

/**
 * owner_place() - the object that was charged for has an address
 * @o: from owner_reserve()
 * @object: its address
 *
 * Context: irqs off.
 */
static __always_inline void owner_place(struct owner *o, const void *object)
{
	struct owner_bucket *bucket = owner_bucket(object);

	if (unlikely(!owner_bucket_is_empty(bucket))) {
		owner_place_slowly(o, object);
		return;
	}
	o->object = object;
	owner_put_in(bucket, o);
}

int owner_init(void);
void owner_exit(void);

#endif
