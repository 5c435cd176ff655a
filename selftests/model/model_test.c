// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the beancounter arithmetic, kernel/ub/counter.c, in user space:
 * sentence by sentence, then at random next to the reference, then from many
 * threads at once.
 *
 * Usage: model_test [seed [operations]]
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kselftest.h"
#include "subject.h"

#define OPERATIONS 10000000UL

static unsigned long seed;
static unsigned long operations = OPERATIONS;

static const char *const severity_name[] = { "hard", "soft", "force" };

/* Written by any thread. */
static unsigned int failures;

#define fail(fmt, ...) do {						\
	if (__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED) < 10)	\
		ksft_print_msg("%s:%d: " fmt "\n", __func__, __LINE__,	\
			       ##__VA_ARGS__);				\
} while (0)

#define expect(cond) do {						\
	if (!(cond))							\
		fail("not so: %s", #cond);				\
} while (0)

#define expect_eq(seen, want) do {					\
	unsigned long seen_ = (seen), want_ = (want);			\
									\
	if (seen_ != want_)						\
		fail("%s is %lu, not %lu", #seen, seen_, want_);	\
} while (0)

/* xorshift64*: small, and the same on every machine. */
static unsigned long next_random(unsigned long *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dUL;
}

static unsigned long random_below(unsigned long *state, unsigned long n)
{
	return (next_random(state) >> 16) % n;
}

/* The state must not be 0. */
static unsigned long random_start(unsigned int stream)
{
	unsigned long state = (seed + 1) * 0x9e3779b97f4a7c15UL + stream;

	state |= 1;
	next_random(&state);
	return state;
}

/* Only the threads of a scenario stumble; 0 elsewhere. */
static __thread unsigned long stumble;

void model_interleave(void)
{
	unsigned long n;

	if (!stumble)
		return;
	n = random_below(&stumble, 128);
	if (n == 0)
		sched_yield();
	else if (n < 4)
		for (n *= 64; n; n--)
			__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/*
 * Sentences of the semantics, one at a time.
 */

static void expect_row(struct subject *s, unsigned long held,
		       unsigned long maxheld, unsigned long failcnt)
{
	struct ub_numbers n;

	subject_view(s, &n);
	expect_eq(n.held, held);
	expect_eq(n.maxheld, maxheld);
	expect_eq(n.failcnt, failcnt);
}

static void charged(struct subject *s, unsigned long amount,
		    enum ub_severity severity)
{
	static const struct ub_refusal nothing;
	struct ub_refusal why = nothing;

	if (subject_charge(s, amount, severity, &why))
		fail("%s charge of %lu was refused", severity_name[severity],
		     amount);
	expect(!memcmp(&why, &nothing, sizeof(why)));
}

static void refused(struct subject *s, unsigned long amount,
		    enum ub_severity severity, enum stockvz_bound bound)
{
	struct ub_numbers before, after;
	struct ub_refusal why;

	memset(&why, 0x55, sizeof(why));
	subject_view(s, &before);
	expect_eq(subject_charge(s, amount, severity, &why), -ENOMEM);
	subject_view(s, &after);
	expect_eq(after.held, before.held);
	expect_eq(after.maxheld, before.maxheld);
	expect_eq(after.failcnt, before.failcnt + 1);
	expect_eq(why.bound, bound);
	expect_eq(why.amount, amount);
	expect_eq(why.held, before.held);
	expect_eq(why.barrier, before.barrier);
	expect_eq(why.limit, before.limit);
}

static void starts_at_nothing(struct subject *s)
{
	struct ub_numbers n;

	subject_set(s, 3, 7);
	subject_view(s, &n);
	expect_row(s, 0, 0, 0);
	expect_eq(n.barrier, 3);
	expect_eq(n.limit, 7);
}

static void hard_fits_up_to_the_barrier(struct subject *s)
{
	subject_set(s, 10, 20);
	charged(s, 4, UB_HARD);
	charged(s, 6, UB_HARD);
	refused(s, 1, UB_HARD, STOCKVZ_BOUND_BARRIER);
	expect_row(s, 10, 10, 1);
}

static void soft_fits_up_to_the_limit(struct subject *s)
{
	subject_set(s, 10, 20);
	charged(s, 10, UB_SOFT);
	charged(s, 10, UB_SOFT);
	refused(s, 1, UB_SOFT, STOCKVZ_BOUND_LIMIT);
	refused(s, 1, UB_HARD, STOCKVZ_BOUND_BARRIER);
	expect_row(s, 20, 20, 2);
}

static void force_is_never_refused(struct subject *s)
{
	subject_set(s, 1, 2);
	charged(s, 100, UB_FORCE);
	charged(s, 1, UB_FORCE);
	expect_row(s, 101, 101, 0);
}

static void barrier_above_limit(struct subject *s)
{
	subject_set(s, 10, 5);
	refused(s, 6, UB_HARD, STOCKVZ_BOUND_LIMIT);
	charged(s, 5, UB_HARD);
	refused(s, 1, UB_HARD, STOCKVZ_BOUND_LIMIT);
	refused(s, 6, UB_HARD, STOCKVZ_BOUND_BARRIER);
	refused(s, 1, UB_SOFT, STOCKVZ_BOUND_LIMIT);
	expect_row(s, 5, 5, 4);
}

static void barrier_zero_refuses_hard(struct subject *s)
{
	subject_set(s, 0, 10);
	refused(s, 1, UB_HARD, STOCKVZ_BOUND_BARRIER);
	charged(s, 1, UB_SOFT);
	expect_row(s, 1, 1, 1);
}

static void limit_below_held(struct subject *s)
{
	subject_set(s, 10, 10);
	charged(s, 8, UB_HARD);
	subject_set(s, 4, 4);
	expect_row(s, 8, 8, 0);
	refused(s, 1, UB_HARD, STOCKVZ_BOUND_BARRIER);
	refused(s, 1, UB_SOFT, STOCKVZ_BOUND_LIMIT);
	expect(subject_uncharge(s, 4));
	refused(s, 1, UB_HARD, STOCKVZ_BOUND_BARRIER);
	expect(subject_uncharge(s, 1));
	charged(s, 1, UB_HARD);
	expect_row(s, 4, 8, 3);
}

static void setting_touches_no_count(struct subject *s)
{
	struct ub_numbers n;

	subject_set(s, 5, 5);
	charged(s, 5, UB_HARD);
	refused(s, 1, UB_HARD, STOCKVZ_BOUND_BARRIER);
	expect(subject_uncharge(s, 2));
	subject_set(s, 77, 66);
	expect_row(s, 3, 5, 1);
	subject_view(s, &n);
	expect_eq(n.barrier, 77);
	expect_eq(n.limit, 66);
}

static void too_large_is_invalid(struct subject *s)
{
	struct ub_refusal why;
	int severity;

	charged(s, 3, UB_HARD);
	for (severity = UB_HARD; severity <= UB_FORCE; severity++) {
		expect_eq(subject_charge(s, UB_MAX + 1, severity, &why), -EINVAL);
		expect_eq(subject_charge(s, ULONG_MAX, severity, &why), -EINVAL);
	}
	expect_row(s, 3, 3, 0);
}

static void largest_is_legal(struct subject *s)
{
	charged(s, UB_MAX, UB_HARD);
	refused(s, 1, UB_HARD, STOCKVZ_BOUND_BARRIER);
	refused(s, 1, UB_SOFT, STOCKVZ_BOUND_LIMIT);
	refused(s, UB_MAX, UB_HARD, STOCKVZ_BOUND_BARRIER);
	expect_row(s, UB_MAX, UB_MAX, 3);
	expect(subject_uncharge(s, UB_MAX));
	expect_row(s, 0, UB_MAX, 3);
}

/* Absurd, but whatever was let in must be counted, and close the door. */
static void force_past_the_largest(struct subject *s)
{
	charged(s, UB_MAX, UB_FORCE);
	charged(s, 10, UB_FORCE);
	refused(s, 1, UB_HARD, STOCKVZ_BOUND_BARRIER);
	refused(s, UB_MAX, UB_SOFT, STOCKVZ_BOUND_LIMIT);
	expect(subject_uncharge(s, 10));
	expect_row(s, UB_MAX, UB_MAX + 10, 2);
	expect(subject_uncharge(s, UB_MAX));
	expect_row(s, 0, UB_MAX + 10, 2);
}

static void nothing_is_charged_for_nothing(struct subject *s)
{
	subject_set(s, 2, 2);
	charged(s, 2, UB_HARD);
	charged(s, 0, UB_HARD);
	charged(s, 0, UB_SOFT);
	subject_set(s, 1, 1);
	/* Already over: even nothing does not fit. */
	refused(s, 0, UB_HARD, STOCKVZ_BOUND_BARRIER);
	expect_row(s, 2, 2, 1);
}

static void failcnt_counts_calls(struct subject *s)
{
	subject_set(s, 10, 10);
	refused(s, 11, UB_HARD, STOCKVZ_BOUND_BARRIER);
	refused(s, 1000, UB_HARD, STOCKVZ_BOUND_BARRIER);
	refused(s, UB_MAX, UB_SOFT, STOCKVZ_BOUND_LIMIT);
	charged(s, 10, UB_HARD);
	expect(subject_uncharge(s, 10));
	expect_row(s, 0, 10, 3);
}

static void one_that_asks_again_is_not_counted(struct subject *s)
{
	subject_set(s, 10, 10);
	expect(subject_charge(s, 11, UB_HARD, NULL) == -ENOMEM);
	expect_row(s, 0, 0, 0);
	expect(!subject_charge(s, 10, UB_HARD, NULL));
	expect_row(s, 10, 10, 0);
	refused(s, 1, UB_HARD, STOCKVZ_BOUND_BARRIER);
	expect_row(s, 10, 10, 1);
}

static void maxheld_is_the_most(struct subject *s)
{
	charged(s, 10, UB_HARD);
	expect(subject_uncharge(s, 10));
	charged(s, 5, UB_HARD);
	expect_row(s, 5, 10, 0);
	charged(s, 5, UB_HARD);
	expect_row(s, 10, 10, 0);
	charged(s, 1, UB_FORCE);
	expect_row(s, 11, 11, 0);
}

static void uncharging_too_much(struct subject *s)
{
	charged(s, 5, UB_HARD);
	expect(!subject_uncharge(s, 6));
	expect_row(s, 0, 5, 0);
	expect(!subject_uncharge(s, 1));
	expect(!subject_uncharge(s, ULONG_MAX));
	expect(subject_uncharge(s, 0));
	charged(s, 2, UB_HARD);
	expect(subject_uncharge(s, 2));
	expect_row(s, 0, 5, 0);
}

/*
 * The same random calls to both, all results and numbers compared. Bounds are
 * small, so that most calls meet one; now and then a number is at an edge.
 */

static unsigned long random_amount(unsigned long *rnd)
{
	switch (random_below(rnd, 64)) {
	case 0:
		return 0;
	case 1:
		return UB_MAX - random_below(rnd, 3);
	case 2:
		return UB_MAX + 1 + random_below(rnd, 3);
	case 3:
		return ULONG_MAX - random_below(rnd, 3);
	default:
		return 1 + random_below(rnd, 40);
	}
}

static unsigned long random_bound(unsigned long *rnd)
{
	return random_below(rnd, 16) ? random_below(rnd, 200) :
		UB_MAX - random_below(rnd, 2);
}

static void same_numbers(struct subject *a, struct subject *b)
{
	struct ub_numbers n, m;

	subject_view(a, &n);
	subject_view(b, &m);
	expect_eq(n.held, m.held);
	expect_eq(n.maxheld, m.maxheld);
	expect_eq(n.barrier, m.barrier);
	expect_eq(n.limit, m.limit);
	expect_eq(n.failcnt, m.failcnt);
}

static void same_charge(struct subject *a, struct subject *b, unsigned long *rnd)
{
	enum ub_severity severity = random_below(rnd, 3);
	unsigned long amount = random_amount(rnd);
	struct ub_refusal why_a, why_b;
	struct ub_numbers n;
	int err;

	/* What is held has to stay a number: no sum of forces wraps. */
	subject_view(b, &n);
	if (severity == UB_FORCE && amount > ULONG_MAX - n.held)
		amount = 0;
	memset(&why_a, 0x55, sizeof(why_a));
	memset(&why_b, 0x55, sizeof(why_b));
	err = subject_charge(b, amount, severity, &why_b);
	expect_eq(subject_charge(a, amount, severity, &why_a), err);
	expect_eq(why_a.bound, why_b.bound);
	expect_eq(why_a.amount, why_b.amount);
	expect_eq(why_a.held, why_b.held);
	expect_eq(why_a.barrier, why_b.barrier);
	expect_eq(why_a.limit, why_b.limit);
}

static void same_uncharge(struct subject *a, struct subject *b, unsigned long *rnd)
{
	unsigned long amount = random_amount(rnd);
	struct ub_numbers n;

	/* Mostly what is there, or it would be empty most of the time. */
	subject_view(b, &n);
	if (amount > n.held && random_below(rnd, 8))
		amount = n.held;
	expect_eq(subject_uncharge(a, amount), subject_uncharge(b, amount));
}

static void same_as_reference(void)
{
	unsigned long rnd = random_start(0);
	unsigned long i, barrier, limit;
	struct subject a, b;

	for (i = 0; i < operations && !failures; i++) {
		if (i % 100000 == 0) {
			barrier = random_bound(&rnd);
			limit = random_bound(&rnd);
			subject_init(&a, false, barrier, limit);
			subject_init(&b, true, barrier, limit);
		}
		switch (random_below(&rnd, 16)) {
		case 0:
			barrier = random_bound(&rnd);
			limit = random_bound(&rnd);
			subject_set(&a, barrier, limit);
			subject_set(&b, barrier, limit);
			break;
		case 1 ... 8:
			same_charge(&a, &b, &rnd);
			break;
		default:
			same_uncharge(&a, &b, &rnd);
		}
		same_numbers(&a, &b);
		if (failures)
			fail("at operation %lu", i);
	}
}

/*
 * Many threads. What each of them holds is known to it alone; the sum is
 * compared with the counter wherever all of them stand still.
 */

#define THREADS 4

struct shared;

struct worker {
	pthread_t thread;
	struct shared *shared;
	unsigned int index;
	unsigned long random;
	/* Odd while a charge is under way: see set_and_wait(). */
	unsigned long steps;
	unsigned long mine;
	unsigned long peak;
	unsigned long refusals;
};

struct shared {
	struct subject subject;
	struct worker worker[THREADS];
	unsigned long arrivals;
	unsigned long todo;
	const struct scenario *scenario;
	/*
	 * What is surely held: raised after a charge, lowered before an
	 * uncharge. The counter is never below it.
	 */
	unsigned long surely;
	unsigned long surely_most;
};

/**
 * struct scenario - one way of being busy
 * @name: what it shows
 * @barrier: to begin with
 * @limit: to begin with
 * @ceiling: more than this is never held
 * @step: what a thread does over and over
 * @first: what the first thread does instead, if anything else
 * @round: so many steps from one quiet point to the next; 0: 20 rounds in all
 */
struct scenario {
	const char *name;
	unsigned long barrier;
	unsigned long limit;
	unsigned long ceiling;
	void (*step)(struct worker *w);
	void (*first)(struct worker *w);
	unsigned long round;
};

static void raise_to(unsigned long *most, unsigned long value)
{
	unsigned long old = __atomic_load_n(most, __ATOMIC_SEQ_CST);

	while (old < value &&
	       !__atomic_compare_exchange_n(most, &old, value, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

static void check_ceiling(struct worker *w, unsigned long held)
{
	if (held > w->shared->scenario->ceiling)
		fail("%lu held, at most %lu allowed", held,
		     w->shared->scenario->ceiling);
}

/* A refusal must be true: as it is told, the charge did not fit. */
static void check_refusal(struct worker *w, unsigned long amount,
			  const struct ub_refusal *why)
{
	unsigned long bound = why->bound == STOCKVZ_BOUND_BARRIER ?
			      why->barrier : why->limit;

	expect_eq(why->amount, amount);
	if (why->held + amount <= bound)
		fail("%lu refused with %lu of %lu held", amount, why->held,
		     bound);
	check_ceiling(w, why->held);
}

static bool charge(struct worker *w, unsigned long amount,
		   enum ub_severity severity)
{
	struct shared *sh = w->shared;
	struct ub_refusal why;
	unsigned long surely;
	int err;

	__atomic_add_fetch(&w->steps, 1, __ATOMIC_SEQ_CST);
	err = subject_charge(&sh->subject, amount, severity, &why);
	__atomic_add_fetch(&w->steps, 1, __ATOMIC_SEQ_CST);
	if (err) {
		expect_eq(err, -ENOMEM);
		check_refusal(w, amount, &why);
		w->refusals++;
		return false;
	}
	surely = __atomic_add_fetch(&sh->surely, amount, __ATOMIC_SEQ_CST);
	check_ceiling(w, surely);
	raise_to(&sh->surely_most, surely);
	w->mine += amount;
	if (w->peak < w->mine)
		w->peak = w->mine;
	return true;
}

static void uncharge(struct worker *w, unsigned long amount)
{
	__atomic_sub_fetch(&w->shared->surely, amount, __ATOMIC_SEQ_CST);
	w->mine -= amount;
	if (!subject_uncharge(&w->shared->subject, amount))
		fail("%lu uncharged, but was not held", amount);
}

static void must_charge(struct worker *w, unsigned long amount,
			enum ub_severity severity)
{
	if (!charge(w, amount, severity))
		fail("false refusal of %lu (%s)", amount,
		     severity_name[severity]);
}

static void must_refuse(struct worker *w, unsigned long amount,
			enum ub_severity severity)
{
	if (charge(w, amount, severity)) {
		fail("%lu (%s) went in and cannot have fit", amount,
		     severity_name[severity]);
		uncharge(w, amount);
	}
}

/*
 * Set a pair and wait for the charges that may still go by the old one, as
 * the kernel's ub_set() does with RCU. From then on the new pair holds.
 */
static void set_and_wait(struct worker *w, unsigned long barrier,
			 unsigned long limit)
{
	unsigned long steps;
	unsigned int i;

	subject_set(&w->shared->subject, barrier, limit);
	/* Who is seen standing still below has to see the new pair. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (i = 0; i < THREADS; i++) {
		unsigned long *of = &w->shared->worker[i].steps;

		steps = __atomic_load_n(of, __ATOMIC_SEQ_CST);
		while (steps % 2 && steps == __atomic_load_n(of, __ATOMIC_SEQ_CST))
			sched_yield();
	}
}

static enum ub_severity hard_or_soft(struct worker *w)
{
	return random_below(&w->random, 2) ? UB_HARD : UB_SOFT;
}

/* Charge, or give back some of it, so that at most @quota is ever mine. */
static void within_quota(struct worker *w, unsigned long quota,
			 enum ub_severity severity)
{
	unsigned long room = quota - w->mine;

	if (room && random_below(&w->random, 2))
		must_charge(w, 1 + random_below(&w->random, room), severity);
	else if (w->mine)
		uncharge(w, 1 + random_below(&w->random, w->mine));
}

#define QUOTA 5

/* Together they fill the barrier to the last unit and never pass it. */
static void thrifty(struct worker *w)
{
	within_quota(w, QUOTA, hard_or_soft(w));
}

/* Asks for what can never fit. That must not be in anybody's way. */
static void greedy(struct worker *w)
{
	unsigned long most = w->shared->scenario->ceiling;

	must_refuse(w, most + 1 + random_below(&w->random, most),
		    hard_or_soft(w));
}

#define FEW 6

/* Everybody wants all of it, unit by unit. */
static void crowd_units(struct worker *w)
{
	if (w->mine && random_below(&w->random, 2))
		uncharge(w, 1);
	else
		charge(w, 1, UB_HARD);
}

static void crowd_amounts(struct worker *w)
{
	if (w->mine && random_below(&w->random, 3) == 0)
		uncharge(w, 1 + random_below(&w->random, w->mine));
	else
		charge(w, random_below(&w->random, 12), hard_or_soft(w));
}

static void crowd_forced(struct worker *w)
{
	if (w->mine && random_below(&w->random, 5) < 2)
		uncharge(w, 1 + random_below(&w->random, w->mine));
	else if (random_below(&w->random, 4) || w->mine > 100)
		charge(w, random_below(&w->random, 12), hard_or_soft(w));
	else
		must_charge(w, random_below(&w->random, 20), UB_FORCE);
}

/* Nothing is given back, so at a quiet point all that is held is maxheld. */
static void grow(struct worker *w)
{
	must_charge(w, 1, UB_HARD);
}

#define LOW 8
#define HIGH (4 * LOW)

/* The lower of the two is always the same: a torn pair would let more in. */
static void swap_bounds(struct worker *w)
{
	subject_set(&w->shared->subject, LOW, HIGH);
	crowd_units(w);
	subject_set(&w->shared->subject, HIGH, LOW);
	crowd_units(w);
}

/* While the bounds are low the others' share fits, and while they are high. */
static void raise_and_lower(struct worker *w)
{
	set_and_wait(w, 2 * LOW, 2 * LOW);
	must_charge(w, LOW, hard_or_soft(w));
	uncharge(w, LOW);
	set_and_wait(w, LOW, LOW);
}

static void share_of_low(struct worker *w)
{
	within_quota(w, LOW / (THREADS - 1), hard_or_soft(w));
}

/* High and half full, or low and empty: there is never room for LOW + 1. */
static void fill_before_raising(struct worker *w)
{
	must_charge(w, LOW, hard_or_soft(w));
	set_and_wait(w, 2 * LOW, 2 * LOW);
	set_and_wait(w, LOW, LOW);
	uncharge(w, LOW);
}

static void low_plus_one(struct worker *w)
{
	must_refuse(w, LOW + 1, hard_or_soft(w));
}

static const struct scenario scenarios[] = {
	{
		.name = "no false refusal when demand never exceeds the barrier",
		.barrier = THREADS * QUOTA,
		.limit = THREADS * QUOTA,
		.ceiling = THREADS * QUOTA,
		.step = thrifty,
	}, {
		.name = "no false refusal beside requests that never fit",
		.barrier = (THREADS - 1) * QUOTA,
		.limit = (THREADS - 1) * QUOTA,
		.ceiling = (THREADS - 1) * QUOTA,
		.step = thrifty,
		.first = greedy,
	}, {
		.name = "unit charges against a low barrier",
		.barrier = FEW,
		.limit = 2 * FEW,
		.ceiling = FEW,
		.step = crowd_units,
	}, {
		.name = "unit charges, barrier above limit",
		.barrier = 2 * FEW,
		.limit = FEW,
		.ceiling = FEW,
		.step = crowd_units,
	}, {
		.name = "amounts and severities",
		.barrier = 30,
		.limit = 50,
		.ceiling = 50,
		.step = crowd_amounts,
	}, {
		.name = "amounts and severities, force among them",
		.barrier = 30,
		.limit = 50,
		.ceiling = ULONG_MAX,
		.step = crowd_forced,
	}, {
		.name = "maxheld is exact however many raise it",
		.barrier = UB_MAX,
		.limit = UB_MAX,
		.ceiling = ULONG_MAX,
		.step = grow,
		.round = 1,
	}, {
		.name = "barrier and limit are swapped, the lower one holds",
		.barrier = LOW,
		.limit = HIGH,
		.ceiling = LOW,
		.step = crowd_units,
		.first = swap_bounds,
	}, {
		.name = "no false refusal while bounds are raised and lowered",
		.barrier = LOW,
		.limit = LOW,
		.ceiling = 2 * LOW,
		.step = share_of_low,
		.first = raise_and_lower,
	}, {
		.name = "nothing slips in while bounds are raised and lowered",
		.barrier = LOW,
		.limit = LOW,
		.ceiling = LOW,
		.step = low_plus_one,
		.first = fill_before_raising,
	},
};

/* Everybody stands still: the numbers must agree, and the next unit fits. */
static void quiet_point(struct worker *w)
{
	const struct scenario *sc = w->shared->scenario;
	unsigned long sum = 0, refusals = 0;
	unsigned int i;
	struct ub_numbers n;

	for (i = 0; i < THREADS; i++) {
		sum += w->shared->worker[i].mine;
		refusals += w->shared->worker[i].refusals;
	}
	subject_view(&w->shared->subject, &n);
	expect_eq(n.held, sum);
	expect_eq(n.failcnt, refusals);
	expect(n.maxheld >= n.held);
	expect(n.maxheld >= w->shared->surely_most);
	expect(n.maxheld <= sc->ceiling);
	if (sc->step == grow) {
		/* One lower: a view never shows less than what is held. */
		uncharge(w, 1);
		subject_view(&w->shared->subject, &n);
		expect_eq(n.maxheld, n.held + 1);
		return;
	}
	if (n.held < n.barrier && n.held < n.limit) {
		must_charge(w, 1, UB_HARD);
		uncharge(w, 1);
	} else {
		must_refuse(w, 1, UB_HARD);
	}
}

/*
 * Wait for all. Spinning, or they would set off one after the other and never
 * meet in a short round.
 */
static void meet(struct shared *sh)
{
	unsigned long n = __atomic_fetch_add(&sh->arrivals, 1, __ATOMIC_SEQ_CST);
	unsigned long all = (n / THREADS + 1) * THREADS;

	while (__atomic_load_n(&sh->arrivals, __ATOMIC_SEQ_CST) < all)
		sched_yield();
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct shared *sh = w->shared;
	const struct scenario *sc = sh->scenario;
	void (*step)(struct worker *) = !w->index && sc->first ? sc->first : sc->step;
	unsigned long round = sc->round ?: sh->todo / 20;
	unsigned long i, done;

	stumble = next_random(&w->random) | 1;
	for (done = 0; done < sh->todo; done += round) {
		for (i = 0; i < round; i++)
			step(w);
		meet(sh);
		if (!w->index)
			quiet_point(w);
		meet(sh);
	}
	while (w->mine)
		uncharge(w, 1 + random_below(&w->random, w->mine));
	stumble = 0;
	return NULL;
}

static void check_end(struct shared *sh)
{
	unsigned long refusals = 0, peaks = 0;
	struct ub_numbers n;
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		refusals += sh->worker[i].refusals;
		peaks += sh->worker[i].peak;
	}
	subject_view(&sh->subject, &n);
	expect_eq(n.held, 0);
	expect_eq(n.failcnt, refusals);
	expect(n.maxheld <= peaks);
	expect(n.maxheld >= sh->surely_most);
}

static void play(const struct scenario *sc, bool is_ref, unsigned long todo)
{
	struct shared sh = { .scenario = sc, .todo = todo / THREADS };
	unsigned int i;

	/* Short rounds are mostly waiting, and this many are enough. */
	if (sc->round && sh.todo > 50000)
		sh.todo = 50000;

	subject_init(&sh.subject, is_ref, sc->barrier, sc->limit);
	for (i = 0; i < THREADS; i++) {
		struct worker *w = &sh.worker[i];

		w->shared = &sh;
		w->index = i;
		w->random = random_start(1 + i);
		if (pthread_create(&w->thread, NULL, worker_main, w))
			ksft_exit_fail_msg("no thread\n");
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(sh.worker[i].thread, NULL);
	check_end(&sh);
}

#define SENTENCE(name) { #name, name }

static const struct {
	const char *name;
	void (*run)(struct subject *s);
} sentences[] = {
	SENTENCE(starts_at_nothing),
	SENTENCE(hard_fits_up_to_the_barrier),
	SENTENCE(soft_fits_up_to_the_limit),
	SENTENCE(force_is_never_refused),
	SENTENCE(barrier_above_limit),
	SENTENCE(barrier_zero_refuses_hard),
	SENTENCE(limit_below_held),
	SENTENCE(setting_touches_no_count),
	SENTENCE(too_large_is_invalid),
	SENTENCE(largest_is_legal),
	SENTENCE(force_past_the_largest),
	SENTENCE(nothing_is_charged_for_nothing),
	SENTENCE(failcnt_counts_calls),
	SENTENCE(one_that_asks_again_is_not_counted),
	SENTENCE(maxheld_is_the_most),
	SENTENCE(uncharging_too_much),
};

static void report(const char *kind, const char *name, bool is_ref)
{
	ksft_test_result(!failures, "%s: %s%s\n", kind, name,
			 is_ref ? " (the reference itself)" : "");
	failures = 0;
}

static void run_all(bool is_ref, unsigned long todo)
{
	struct subject s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sentences); i++) {
		subject_init(&s, is_ref, UB_MAX, UB_MAX);
		sentences[i].run(&s);
		report("alone", sentences[i].name, is_ref);
	}
	for (i = 0; i < ARRAY_SIZE(scenarios); i++) {
		play(&scenarios[i], is_ref, todo / ARRAY_SIZE(scenarios));
		report("threads", scenarios[i].name, is_ref);
	}
}

int main(int argc, char **argv)
{
	seed = argc > 1 ? strtoul(argv[1], NULL, 0) : (unsigned long)time(NULL);
	if (argc > 2)
		operations = strtoul(argv[2], NULL, 0);

	ksft_print_header();
	ksft_set_plan(2 * (ARRAY_SIZE(sentences) + ARRAY_SIZE(scenarios)) + 1);
	ksft_print_msg("seed %lu, %lu operations\n", seed, operations);
	/* A test that the reference fails is itself wrong. */
	run_all(true, operations / 20);
	run_all(false, operations);
	same_as_reference();
	report("random", "the same as the reference", false);
	ksft_finished();
}
