/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The code under test and the reference behind the same calls: every test runs
 * on both, so a test that demands something wrong shows itself.
 */
#ifndef MODEL_SUBJECT_H
#define MODEL_SUBJECT_H

#include "counter.h"
#include "ref.h"

struct subject {
	bool is_ref;
	struct ref ref;
	struct ub_counter counter;
};

static inline void subject_init(struct subject *s, bool is_ref,
				unsigned long barrier, unsigned long limit)
{
	s->is_ref = is_ref;
	if (is_ref)
		ref_init(&s->ref, barrier, limit);
	else
		ub_counter_init(&s->counter, barrier, limit);
}

static inline int subject_charge(struct subject *s, unsigned long amount,
				 enum ub_severity severity,
				 struct ub_refusal *why)
{
	return s->is_ref ? ref_charge(&s->ref, amount, severity, why) :
		ub_counter_charge(&s->counter, amount, severity, why);
}

static inline bool subject_uncharge(struct subject *s, unsigned long amount)
{
	return s->is_ref ? ref_uncharge(&s->ref, amount) :
		ub_counter_uncharge(&s->counter, amount);
}

static inline void subject_set(struct subject *s, unsigned long barrier,
			       unsigned long limit)
{
	if (s->is_ref)
		ref_set(&s->ref, barrier, limit);
	else
		ub_counter_set(&s->counter, barrier, limit);
}

static inline void subject_view(struct subject *s, struct ub_numbers *n)
{
	if (s->is_ref)
		ref_view(&s->ref, n);
	else
		ub_counter_view(&s->counter, n);
}

#endif
