/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The reference model of one counter: what a charge, a refusal and a limit
 * mean, written down as plainly as can be, from the semantics and not from
 * kernel/ub/counter.c. One lock, plain numbers. Only the types in which
 * results are handed over are shared with the code under test.
 */
#ifndef MODEL_REF_H
#define MODEL_REF_H

#include <pthread.h>

#include "counter.h"

struct ref {
	pthread_mutex_t lock;
	unsigned long held;
	unsigned long maxheld;
	unsigned long failcnt;
	unsigned long barrier;
	unsigned long limit;
};

void ref_init(struct ref *r, unsigned long barrier, unsigned long limit);
int ref_charge(struct ref *r, unsigned long amount, enum ub_severity severity,
	       struct ub_refusal *why);
bool ref_uncharge(struct ref *r, unsigned long amount);
void ref_set(struct ref *r, unsigned long barrier, unsigned long limit);
void ref_view(struct ref *r, struct ub_numbers *n);

#endif
