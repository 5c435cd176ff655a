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

struct owner;

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
struct owner *owner_reserve(struct ub *ub, enum stockvz_resource res,
			    unsigned int amount, enum ub_severity severity);
void owner_place(struct owner *o, const void *object);
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

int owner_init(void);
void owner_exit(void);

#endif
