// SPDX-License-Identifier: GPL-2.0
#include <linux/bitops.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include "owner.h"

#define SPARES 64

/* A bucket for this much memory; at least and at most 2^MIN, 2^MAX buckets. */
#define BYTES_PER_BUCKET (128UL << 10)
#define MIN_BITS 12
#define MAX_BITS 22

struct owner_bucket *owner_table;
unsigned int owner_mask __read_mostly;

static struct kmem_cache *cache;
DEFINE_PER_CPU(struct owner_spares, owner_spares);
/* Entries, spare ones too: this changes less often than how many are in use. */
static DEFINE_PER_CPU(long, allocated);
static atomic_long_t healed;

static noinline struct owner *allocate(void)
{
	struct owner *o = kmem_cache_alloc(cache, GFP_ATOMIC | __GFP_NOWARN);

	if (o)
		this_cpu_inc(allocated);
	return o;
}

static __always_inline struct owner *take(void)
{
	struct owner *o = __this_cpu_read(owner_spares.first);

	lockdep_assert_irqs_disabled();
	if (unlikely(!o))
		return allocate();
	__this_cpu_write(owner_spares.first, o->next);
	__this_cpu_dec(owner_spares.n);
	return o;
}

static noinline void discard(struct owner *o)
{
	this_cpu_dec(allocated);
	kmem_cache_free(cache, o);
}

static __always_inline void keep(struct owner *o)
{
	lockdep_assert_irqs_disabled();
	if (unlikely(__this_cpu_read(owner_spares.n) >= SPARES)) {
		discard(o);
		return;
	}
	o->next = __this_cpu_read(owner_spares.first);
	__this_cpu_write(owner_spares.first, o);
	__this_cpu_inc(owner_spares.n);
}

/*
 * The lock keeps what is in a bucket there, for whoever reads. To be put in, an entry
 * only has to be the first at a moment when nobody has it.
 */
static __always_inline struct owner *lock(struct owner_bucket *bucket)
{
	lockdep_assert_irqs_disabled();
	while (unlikely(test_and_set_bit_lock(OWNER_LOCK_BIT, &bucket->first)))
		while (READ_ONCE(bucket->first) & OWNER_LOCKED)
			cpu_relax();
	return (struct owner *)(READ_ONCE(bucket->first) & ~OWNER_LOCKED);
}

static __always_inline void unlock(struct owner_bucket *bucket, struct owner *first)
{
	/* Pairs with test_and_set_bit_lock(). */
	smp_store_release(&bucket->first, (unsigned long)first);
}

/* Not the first. NULL if it is none at all. */
static noinline struct owner *take_from_behind(struct owner *before, const void *object)
{
	struct owner *o;

	for (; before; before = o) {
		o = before->next;
		if (o && o->object == object) {
			before->next = o->next;
			return o;
		}
	}
	return NULL;
}

static __always_inline struct owner *take_out(struct owner_bucket *bucket,
					      const void *object)
{
	struct owner *first = lock(bucket), *o = first;

	if (likely(o && o->object == object))
		first = o->next;
	else
		o = take_from_behind(first, object);
	unlock(bucket, first);
	return o;
}

/* An entry that is in no bucket any more: its payer gets it back. */
static __always_inline void settle(struct owner *o)
{
	struct ub *ub = o->ub;

	ub_uncharge(ub, o->res, o->amount);
	ub_put(ub);
	keep(o);
}

/* An entry that is in no bucket yet; NULL if there is no memory. */
static __always_inline struct owner *make(struct ub *ub, enum stockvz_resource res,
					  unsigned int amount)
{
	struct owner *o = take();

	if (likely(o))
		owner_fill(o, ub, res, amount);
	return o;
}

static noinline int no_memory(struct ub *ub, enum stockvz_resource res,
			      unsigned int amount)
{
	ub_uncharge(ub, res, amount);
	ub_no_memory(ub, res, amount);
	return -ENOMEM;
}

/**
 * owner_charge_slowly() - owner_charge() of what cannot be done at once
 * @object: as there, as all others
 * @ub: who pays
 * @res: the resource
 * @amount: in its unit
 * @severity: how far it may go
 *
 * There is no spare entry, the bucket is used, or it does not fit, as it seems.
 *
 * Context: any.
 * Return: as there.
 */
int owner_charge_slowly(const void *object, struct ub *ub, enum stockvz_resource res,
			unsigned int amount, enum ub_severity severity)
{
	unsigned long flags;
	struct owner *o;
	int err;

	/* Nobody else owns a new object: an entry is an old one's. */
	if (unlikely(owner_release(object)))
		atomic_long_inc(&healed);
	err = ub_charge(ub, res, amount, severity);
	if (unlikely(err))
		return err;
	local_irq_save(flags);
	o = make(ub, res, amount);
	if (likely(o)) {
		o->object = object;
		owner_put_in(owner_bucket(object), o);
	}
	local_irq_restore(flags);
	return likely(o) ? 0 : no_memory(ub, res, amount);
}

/**
 * owner_charge() - charge for an object, and remember who paid
 * @object: its address
 * @ub: who pays; found with preemption still off, or with a reference
 * @res: the resource
 * @amount: in its unit
 * @severity: how far it may go
 *
 * Context: any.
 * Return: 0, or -ENOMEM: refused by @ub, which counts it as a failure, or no
 * memory for the entry: see ub_no_memory().
 */
int owner_charge(const void *object, struct ub *ub, enum stockvz_resource res,
		 unsigned int amount, enum ub_severity severity)
{
	return __owner_charge(object, ub, res, amount, severity);
}

/**
 * owner_reserve_slowly() - owner_reserve() of what cannot be done at once
 * @ub: as there, as all others
 * @res: the resource
 * @amount: in its unit
 * @severity: how far it may go
 *
 * Context: irqs off.
 * Return: as there.
 */
struct owner *owner_reserve_slowly(struct ub *ub, enum stockvz_resource res,
				   unsigned int amount, enum ub_severity severity)
{
	struct owner *o;

	lockdep_assert_irqs_disabled();
	if (unlikely(ub_charge(ub, res, amount, severity)))
		return NULL;
	o = make(ub, res, amount);
	if (unlikely(!o))
		no_memory(ub, res, amount);
	return o;
}

/**
 * owner_place_slowly() - owner_place() where something stands already
 * @o: as there
 * @object: its address
 *
 * Context: irqs off.
 */
void owner_place_slowly(struct owner *o, const void *object)
{
	struct owner_bucket *bucket = owner_bucket(object);

	lockdep_assert_irqs_disabled();
	if (owner_pay_back(bucket, object))
		atomic_long_inc(&healed);
	o->object = object;
	owner_put_in(bucket, o);
}

/**
 * owner_cancel() - the object that was charged for is not made after all
 * @o: from owner_reserve()
 *
 * Context: irqs off.
 */
void owner_cancel(struct owner *o)
{
	settle(o);
}

/**
 * owner_pay_back() - owner_release() past its first glance
 * @bucket: where an entry would be
 * @object: its address
 *
 * Context: any.
 * Return: did anybody own it?
 */
bool owner_pay_back(struct owner_bucket *bucket, const void *object)
{
	unsigned long flags;
	struct owner *o;

	local_irq_save(flags);
	o = take_out(bucket, object);
	if (likely(o))
		settle(o);
	local_irq_restore(flags);
	return o;
}

/**
 * owner_move() - what was charged for one address is another's from now on
 * @from: what the charge was noted for, such as a place in the task that asked
 * @to: the object that was made since
 *
 * For a function that has to refuse before the object has an address.
 *
 * Context: any; nobody else asks for @from or @to meanwhile.
 * Return: was there a charge?
 */
bool owner_move(const void *from, const void *to)
{
	struct owner_bucket *bucket = owner_bucket(from);
	unsigned long flags;
	struct owner *o;

	if (owner_bucket_is_empty(bucket))
		return false;
	local_irq_save(flags);
	o = take_out(bucket, from);
	if (o) {
		if (owner_release(to))
			atomic_long_inc(&healed);
		o->object = to;
		owner_put_in(owner_bucket(to), o);
	}
	local_irq_restore(flags);
	return o;
}

/**
 * owner_get() - who paid for an object
 * @object: its address
 *
 * Context: any. Pair with ub_put().
 * Return: NULL if it is the host's.
 */
struct ub *owner_get(const void *object)
{
	struct owner_bucket *bucket = owner_bucket(object);
	struct owner *first, *o;
	struct ub *ub = NULL;
	unsigned long flags;

	if (owner_bucket_is_empty(bucket))
		return NULL;
	local_irq_save(flags);
	first = lock(bucket);
	for (o = first; o && o->object != object; o = o->next)
		;
	if (o) {
		ub = o->ub;
		ub_get(ub);
	}
	unlock(bucket, first);
	local_irq_restore(flags);
	return ub;
}

/**
 * owner_stats() - read the table's numbers
 * @s: where to
 */
void owner_stats(struct owner_stats *s)
{
	long n = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		n += per_cpu(allocated, cpu) - per_cpu(owner_spares.n, cpu);
	/* CPUs go on while we add. */
	s->owned = max(n, 0L);
	s->healed = atomic_long_read(&healed);
}

/**
 * owner_init() - make the table
 *
 * Return: 0, -ENOMEM.
 */
int owner_init(void)
{
	unsigned long buckets = (totalram_pages() << PAGE_SHIFT) /
				BYTES_PER_BUCKET;

	owner_mask = BIT(clamp(order_base_2(buckets), MIN_BITS, MAX_BITS)) - 1;
	cache = kmem_cache_create("stockvz_owner", sizeof(struct owner), 0, 0,
				  NULL);
	owner_table = kvcalloc(owner_mask + 1UL, sizeof(*owner_table),
			       GFP_KERNEL);
	if (cache && owner_table)
		return 0;
	kvfree(owner_table);
	kmem_cache_destroy(cache);
	return -ENOMEM;
}

/**
 * owner_exit() - every object was released, and no hook is left
 */
void owner_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct owner_spares *s = per_cpu_ptr(&owner_spares, cpu);

		while (s->first) {
			struct owner *o = s->first;

			s->first = o->next;
			kmem_cache_free(cache, o);
		}
	}
	kvfree(owner_table);
	kmem_cache_destroy(cache);
}
