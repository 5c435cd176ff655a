// SPDX-License-Identifier: GPL-2.0
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include "owner.h"

/**
 * struct owner - an object and who paid for it
 * @node: in its bucket, whose bit lock guards all of this; irqs off, since
 *	objects die in interrupts too. While not in use: in @next
 * @next: in a CPU's list of free ones
 * @object: its address, only ever compared
 * @ub: counted: see struct ub
 * @amount: what was charged
 * @res: of which resource
 */
struct owner {
	union {
		struct hlist_bl_node node;
		struct owner *next;
	};
	const void *object;
	struct ub *ub;
	unsigned int amount;
	enum stockvz_resource res;
};

/*
 * Four fifths of an entry's price is the allocator's, so each CPU keeps some.
 * Used with irqs off.
 */
#define SPARES 64

struct spares {
	struct owner *first;
	unsigned int n;
};

/* A bucket for this much memory; at least and at most 2^MIN, 2^MAX buckets. */
#define BYTES_PER_BUCKET (128UL << 10)
#define MIN_BITS 12
#define MAX_BITS 22

struct hlist_bl_head *owner_table;
unsigned int owner_bits __read_mostly;

static struct kmem_cache *cache;
static DEFINE_PER_CPU(struct spares, spares);
static DEFINE_PER_CPU(long, owned);
static atomic_long_t healed;

static struct owner *take(void)
{
	struct spares *s = this_cpu_ptr(&spares);
	struct owner *o = s->first;

	lockdep_assert_irqs_disabled();
	if (!o)
		return kmem_cache_alloc(cache, GFP_ATOMIC | __GFP_NOWARN);
	s->first = o->next;
	s->n--;
	return o;
}

static void keep(struct owner *o)
{
	struct spares *s = this_cpu_ptr(&spares);

	lockdep_assert_irqs_disabled();
	if (s->n >= SPARES) {
		kmem_cache_free(cache, o);
		return;
	}
	o->next = s->first;
	s->first = o;
	s->n++;
}

static struct owner *find(struct hlist_bl_head *bucket, const void *object)
{
	struct hlist_bl_node *node;
	struct owner *o;

	hlist_bl_for_each_entry(o, node, bucket, node)
		if (o->object == object)
			return o;
	return NULL;
}

/* An entry that is in no bucket any more: its payer gets it back. */
static void settle(struct owner *o)
{
	ub_uncharge(o->ub, o->res, o->amount);
	ub_put(o->ub);
	this_cpu_dec(owned);
	keep(o);
}

static __always_inline void put_in(struct hlist_bl_head *bucket, struct owner *o)
{
	hlist_bl_lock(bucket);
	hlist_bl_add_head(&o->node, bucket);
	hlist_bl_unlock(bucket);
}

/* An entry that is in no bucket yet; NULL if there is no memory. */
static __always_inline struct owner *make(struct ub *ub, enum stockvz_resource res,
					  unsigned int amount)
{
	struct owner *o = take();

	if (unlikely(!o))
		return NULL;
	refcount_inc(&ub->refs);
	o->ub = ub;
	o->amount = amount;
	o->res = res;
	this_cpu_inc(owned);
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
	struct hlist_bl_head *bucket = owner_bucket(object);
	unsigned long flags;
	struct owner *o;
	int err;

	/* Nobody else owns a new object: an entry is an old one's. */
	if (unlikely(!hlist_bl_empty(bucket)) && owner_pay_back(bucket, object))
		atomic_long_inc(&healed);
	err = ub_charge(ub, res, amount, severity);
	if (unlikely(err))
		return err;
	local_irq_save(flags);
	o = make(ub, res, amount);
	if (likely(o)) {
		o->object = object;
		put_in(bucket, o);
	}
	local_irq_restore(flags);
	return likely(o) ? 0 : no_memory(ub, res, amount);
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
struct owner *owner_reserve(struct ub *ub, enum stockvz_resource res,
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
 * owner_place() - the object that was charged for has an address
 * @o: from owner_reserve()
 * @object: its address
 *
 * Context: irqs off.
 */
void owner_place(struct owner *o, const void *object)
{
	struct hlist_bl_head *bucket = owner_bucket(object);

	lockdep_assert_irqs_disabled();
	if (unlikely(!hlist_bl_empty(bucket)) && owner_pay_back(bucket, object))
		atomic_long_inc(&healed);
	o->object = object;
	put_in(bucket, o);
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
bool owner_pay_back(struct hlist_bl_head *bucket, const void *object)
{
	unsigned long flags;
	struct owner *o;

	local_irq_save(flags);
	hlist_bl_lock(bucket);
	o = find(bucket, object);
	if (o)
		__hlist_bl_del(&o->node);
	hlist_bl_unlock(bucket);
	if (o)
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
	struct hlist_bl_head *bucket = owner_bucket(from);
	unsigned long flags;
	struct owner *o;

	if (hlist_bl_empty(bucket))
		return false;
	local_irq_save(flags);
	hlist_bl_lock(bucket);
	o = find(bucket, from);
	if (o)
		__hlist_bl_del(&o->node);
	hlist_bl_unlock(bucket);
	if (o) {
		if (owner_release(to))
			atomic_long_inc(&healed);
		o->object = to;
		put_in(owner_bucket(to), o);
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
	struct hlist_bl_head *bucket = owner_bucket(object);
	struct ub *ub = NULL;
	unsigned long flags;
	struct owner *o;

	if (hlist_bl_empty(bucket))
		return NULL;
	local_irq_save(flags);
	hlist_bl_lock(bucket);
	o = find(bucket, object);
	if (o) {
		ub = o->ub;
		refcount_inc(&ub->refs);
	}
	hlist_bl_unlock(bucket);
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
		n += per_cpu(owned, cpu);
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

	owner_bits = clamp_t(unsigned int, order_base_2(buckets), MIN_BITS,
			     MAX_BITS);
	cache = kmem_cache_create("stockvz_owner", sizeof(struct owner), 0, 0,
				  NULL);
	owner_table = kvcalloc(1UL << owner_bits, sizeof(*owner_table),
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
		struct spares *s = per_cpu_ptr(&spares, cpu);

		while (s->first) {
			struct owner *o = s->first;

			s->first = o->next;
			kmem_cache_free(cache, o);
		}
	}
	kvfree(owner_table);
	kmem_cache_destroy(cache);
}
