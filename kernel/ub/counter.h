/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One counted resource of one beancounter: the arithmetic and nothing else.
 *
 * counter.c is pure. It compiles in user space too, where the model test runs
 * the very same source with millions of random operations on many threads, so
 * it may use atomics, errno names and nothing more of the kernel.
 *
 * What is exact, under any interleaving:
 *  - held is the sum of the charges that succeeded less what was given back;
 *  - a charge is refused only if there was a moment during the call at which it
 *    did not fit, and it succeeds only if there was one at which it did;
 *  - failcnt is the number of refused calls, maxheld a value that held had.
 */
#ifndef STOCKVZ_UB_COUNTER_H
#define STOCKVZ_UB_COUNTER_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/types.h>
#include <uapi/linux/stockvz.h>

/* The largest legal barrier, limit or request; it means no limit. */
#define UB_MAX ((unsigned long)STOCKVZ_VALUE_MAX)

/**
 * enum ub_severity - how far a charge may go
 * @UB_HARD: up to the barrier and up to the limit: the ordinary request
 * @UB_SOFT: up to the limit: one whose refusal kills or loses something
 * @UB_FORCE: as far as it likes: one that cannot be refused any more
 */
enum ub_severity { UB_HARD, UB_SOFT, UB_FORCE };

/**
 * struct ub_counter - held, limits and failures of one resource
 * @held: charged now. Exact.
 * @maxheld: the most that was ever held. Raised after @held, so a reader that
 *	wants maxheld >= held takes the larger of the two: see ub_counter_view().
 * @failcnt: refused calls since the beancounter was made. Never reset.
 * @barrier: as it was set. ub_mutex to change, as the next two; read without.
 * @limit: where UB_SOFT stops. It need not agree with @barrier.
 * @hard: where UB_HARD stops: the lower of the two. A word of its own, so that
 *	a charge amid a change goes by the old pair or by the new one, never
 *	by half of each.
 */
struct ub_counter {
	atomic_long_t held;
	atomic_long_t maxheld;
	atomic_long_t failcnt;
	unsigned long barrier;
	unsigned long limit;
	unsigned long hard;
};

/**
 * struct ub_numbers - the five numbers of a row, as they are shown
 * @held: charged now
 * @maxheld: never below @held
 * @barrier: see struct ub_counter
 * @limit: see struct ub_counter
 * @failcnt: refused calls
 */
struct ub_numbers {
	unsigned long held;
	unsigned long maxheld;
	unsigned long barrier;
	unsigned long limit;
	unsigned long failcnt;
};

/**
 * struct ub_refusal - what a refused charge ran into
 * @bound: the barrier or the limit
 * @amount: what was asked for
 * @held: what was held at the moment of the refusal
 * @barrier: as it was then
 * @limit: as it was then
 */
struct ub_refusal {
	enum stockvz_bound bound;
	unsigned long amount;
	unsigned long held;
	unsigned long barrier;
	unsigned long limit;
};

void ub_counter_init(struct ub_counter *c, unsigned long barrier,
		     unsigned long limit);
int ub_counter_charge(struct ub_counter *c, unsigned long amount,
		      enum ub_severity severity, struct ub_refusal *why);
bool ub_counter_uncharge(struct ub_counter *c, unsigned long amount);
bool ub_counter_fits(const struct ub_counter *c, unsigned long amount,
		     enum ub_severity severity);
void ub_counter_set(struct ub_counter *c, unsigned long barrier,
		    unsigned long limit);
void ub_counter_view(const struct ub_counter *c, struct ub_numbers *n);

/* The highest held that a charge of this severity may lead to. */
static __always_inline unsigned long ub_ceiling(const struct ub_counter *c,
						enum ub_severity severity)
{
	switch (severity) {
	case UB_HARD:
		return READ_ONCE(c->hard);
	case UB_SOFT:
		return READ_ONCE(c->limit);
	case UB_FORCE:
		break;
	}
	return ULONG_MAX;
}

/* Written so that it cannot wrap: UB_FORCE may have left held anywhere. */
static __always_inline bool ub_passes(unsigned long held, unsigned long amount,
				      unsigned long top)
{
	return held > top || amount > top - held;
}

static __always_inline void ub_raise_maxheld(struct ub_counter *c, unsigned long held)
{
	long max = atomic_long_read(&c->maxheld);

	while (held > (unsigned long)max)
		if (atomic_long_try_cmpxchg(&c->maxheld, &max, held))
			break;
}

/* ub_counter_charge(): what can be told when it is compiled costs nothing. */
static __always_inline int __ub_counter_charge(struct ub_counter *c, unsigned long amount,
					       enum ub_severity severity,
					       struct ub_refusal *why)
{
	unsigned long top = ub_ceiling(c, severity);
	long held = atomic_long_read(&c->held);

	if (amount > UB_MAX)
		return -EINVAL;
	do {
		if (unlikely(ub_passes(held, amount, top)))
			goto refuse;
	} while (!atomic_long_try_cmpxchg(&c->held, &held, held + amount));
	ub_raise_maxheld(c, held + amount);
	return 0;

refuse:
	if (!why)
		return -ENOMEM;
	atomic_long_inc(&c->failcnt);
	why->amount = amount;
	why->held = held;
	why->barrier = READ_ONCE(c->barrier);
	why->limit = READ_ONCE(c->limit);
	why->bound = severity == UB_HARD && ub_passes(held, amount, why->barrier) ?
		     STOCKVZ_BOUND_BARRIER : STOCKVZ_BOUND_LIMIT;
	/* An admin may have raised both since. */
	if (why->bound == STOCKVZ_BOUND_LIMIT &&
	    !ub_passes(held, amount, why->limit))
		why->limit = top;
	return -ENOMEM;
}

/* ub_counter_uncharge(). */
static __always_inline bool __ub_counter_uncharge(struct ub_counter *c, unsigned long amount)
{
	long held = atomic_long_read(&c->held);
	unsigned long left;

	do {
		left = amount > (unsigned long)held ? 0 : held - amount;
	} while (!atomic_long_try_cmpxchg(&c->held, &held, left));
	return amount <= (unsigned long)held;
}

#endif
