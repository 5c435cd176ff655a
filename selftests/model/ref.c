// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include "ref.h"

void ref_init(struct ref *r, unsigned long barrier, unsigned long limit)
{
	*r = (struct ref){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.barrier = barrier,
		.limit = limit,
	};
}

/* A charge that leads exactly to the bound still fits. */
static bool fits(const struct ref *r, unsigned long amount, unsigned long bound)
{
	return r->held <= bound && amount <= bound - r->held;
}

static int refuse(struct ref *r, unsigned long amount,
		  enum stockvz_bound bound, struct ub_refusal *why)
{
	if (!why)
		return -ENOMEM;
	r->failcnt++;
	*why = (struct ub_refusal){
		.bound = bound,
		.amount = amount,
		.held = r->held,
		.barrier = r->barrier,
		.limit = r->limit,
	};
	return -ENOMEM;
}

static int charge(struct ref *r, unsigned long amount,
		  enum ub_severity severity, struct ub_refusal *why)
{
	if (amount > LONG_MAX)
		return -EINVAL;
	/* The barrier is asked first, and only the hard charge asks it. */
	if (severity == UB_HARD && !fits(r, amount, r->barrier))
		return refuse(r, amount, STOCKVZ_BOUND_BARRIER, why);
	if (severity != UB_FORCE && !fits(r, amount, r->limit))
		return refuse(r, amount, STOCKVZ_BOUND_LIMIT, why);
	r->held += amount;
	if (r->maxheld < r->held)
		r->maxheld = r->held;
	return 0;
}

int ref_charge(struct ref *r, unsigned long amount, enum ub_severity severity,
	       struct ub_refusal *why)
{
	int err;

	pthread_mutex_lock(&r->lock);
	err = charge(r, amount, severity, why);
	pthread_mutex_unlock(&r->lock);
	return err;
}

bool ref_uncharge(struct ref *r, unsigned long amount)
{
	bool enough;

	pthread_mutex_lock(&r->lock);
	enough = amount <= r->held;
	r->held = enough ? r->held - amount : 0;
	pthread_mutex_unlock(&r->lock);
	return enough;
}

void ref_set(struct ref *r, unsigned long barrier, unsigned long limit)
{
	pthread_mutex_lock(&r->lock);
	r->barrier = barrier;
	r->limit = limit;
	pthread_mutex_unlock(&r->lock);
}

void ref_view(struct ref *r, struct ub_numbers *n)
{
	pthread_mutex_lock(&r->lock);
	*n = (struct ub_numbers){
		.held = r->held,
		.maxheld = r->maxheld,
		.barrier = r->barrier,
		.limit = r->limit,
		.failcnt = r->failcnt,
	};
	pthread_mutex_unlock(&r->lock);
}
