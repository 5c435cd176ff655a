// SPDX-License-Identifier: GPL-2.0
#include <linux/compiler.h>
#include <linux/errno.h>

#include "counter.h"

/**
 * ub_counter_init() - start a counter at nothing held
 * @c: the counter; nobody else may see it yet
 * @barrier: 0 to UB_MAX
 * @limit: 0 to UB_MAX, also below @barrier
 */
void ub_counter_init(struct ub_counter *c, unsigned long barrier,
		     unsigned long limit)
{
	atomic_long_set(&c->held, 0);
	atomic_long_set(&c->maxheld, 0);
	atomic_long_set(&c->failcnt, 0);
	ub_counter_set(c, barrier, limit);
}

/**
 * ub_counter_charge() - take an amount, or refuse it
 * @c: the counter
 * @amount: in the unit of the resource; at most UB_MAX
 * @severity: how far it may go
 * @why: filled in when the charge is refused, untouched otherwise; NULL: a
 *	refusal does not count, since the caller will ask once more
 *
 * Adding first and looking afterwards would let one charge that does not fit
 * push out another that does. So the sum is tried before it is stored.
 *
 * Context: any, lockless.
 * Return: 0; -ENOMEM when refused (failcnt + 1); -EINVAL for an amount above
 * UB_MAX, of which nothing is recorded.
 */
int ub_counter_charge(struct ub_counter *c, unsigned long amount,
		      enum ub_severity severity, struct ub_refusal *why)
{
	return __ub_counter_charge(c, amount, severity, why);
}

/**
 * ub_counter_uncharge() - give an amount back
 * @c: the counter
 * @amount: what an earlier charge took
 *
 * Context: any, lockless.
 * Return: true, or false when more was given back than was held: then nothing
 * is held, and the caller has found a bug of ours to tell the log about.
 */
bool ub_counter_uncharge(struct ub_counter *c, unsigned long amount)
{
	return __ub_counter_uncharge(c, amount);
}

/**
 * ub_counter_fits() - would a charge be let through?
 * @c: the counter
 * @amount: in the unit of the resource
 * @severity: how far it may go
 *
 * Context: any, lockless.
 * Return: true if so, at a moment of the call.
 */
bool ub_counter_fits(const struct ub_counter *c, unsigned long amount,
		     enum ub_severity severity)
{
	return !ub_passes(atomic_long_read(&c->held), amount, ub_ceiling(c, severity));
}

/**
 * ub_counter_set() - set barrier and limit
 * @c: the counter
 * @barrier: 0 to UB_MAX
 * @limit: 0 to UB_MAX; neither is compared with the other, nor with what is
 *	held: what is charged stays charged
 *
 * A charge that is under way may still go by the old pair. The caller waits
 * such charges out if it promises otherwise.
 *
 * Context: callers exclude one another.
 */
void ub_counter_set(struct ub_counter *c, unsigned long barrier,
		    unsigned long limit)
{
	WRITE_ONCE(c->barrier, barrier);
	WRITE_ONCE(c->limit, limit);
	WRITE_ONCE(c->hard, barrier < limit ? barrier : limit);
}

/**
 * ub_counter_view() - read the numbers of a row
 * @c: the counter
 * @n: where to
 *
 * Context: any, lockless; each number is right for a moment of the call.
 */
void ub_counter_view(const struct ub_counter *c, struct ub_numbers *n)
{
	n->held = atomic_long_read(&c->held);
	n->maxheld = atomic_long_read(&c->maxheld);
	if (n->maxheld < n->held)
		n->maxheld = n->held;
	n->barrier = READ_ONCE(c->barrier);
	n->limit = READ_ONCE(c->limit);
	n->failcnt = atomic_long_read(&c->failcnt);
}
