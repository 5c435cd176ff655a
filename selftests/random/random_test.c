// SPDX-License-Identifier: GPL-2.0
/*
 * Exactness under everything at once: eight processes on two CPUs take and give
 * back whatever can be counted, as a random generator says, with barriers so low
 * that about one in ten is refused. What each of them does is known, so the sum
 * of it is the truth that the beancounter is held against:
 *
 *  - at every quiet point held is the truth, to the unit;
 *  - held and maxheld never pass the barrier;
 *  - every refusal had a moment at which it did not fit: see has_reason();
 *  - failcnt is the number of refused calls.
 *
 * STOCKVZ_OPS says how many operations (default 200000), STOCKVZ_THINGS which
 * things, by bit, STOCKVZ_SEED repeats a run: what each process does is the same
 * then, how they interleave is not.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "env.h"
#include "fixture.h"
#include "things.h"

#define TAKERS 8
#define SLOTS 48
#define ROUND 2500	/* operations of one taker between quiet points */

/**
 * struct tally - what the takers know of one resource, in shared memory
 * @most: units that may be held: raised before a call that takes, lowered after
 *	it was refused or what it took was given back
 * @least: units that are held for certain: raised after, lowered before
 * @returned: grows before @most is lowered, by as much
 * @refused: calls that only this resource can have refused
 * @asked: calls that asked for some
 * @base: what was held before anything was taken
 * @barrier: as it was set
 * @highest: the highest that it ever was
 */
struct tally {
	atomic_long most;
	atomic_long least;
	atomic_long returned;
	atomic_long refused;
	atomic_long asked;
	long base;
	long barrier;
	long highest;
};

/**
 * struct run - what test and takers share
 * @tally: by resource
 * @on: which things can be counted on this kernel
 * @round: which one goes on; takers wait for the next
 * @ready: takers that are done with it
 * @wrong: what the first taker that found something wrong found
 */
struct run {
	struct tally tally[UB_NR];
	bool on[ARRAY_SIZE(things)];
	atomic_uint round;
	atomic_uint ready;
	atomic_ulong calls;
	atomic_ulong refusals;
	atomic_bool stop;
	atomic_bool failed;
	char wrong[256];
};

static struct run *run;

/**
 * struct taker - one process's own
 * @random: its generator
 * @slot: what it has
 * @kind: of what kind each is; -1: empty
 */
struct taker {
	uint64_t random;
	struct slot slot[SLOTS];
	int kind[SLOTS];
};

static struct taker me;

static uint64_t next(void)
{
	me.random ^= me.random << 13;
	me.random ^= me.random >> 7;
	me.random ^= me.random << 17;
	return me.random;
}

static long amount(const struct charge *c, const struct slot *s)
{
	return c->amount ?: s->pages;
}

#define for_each_charge(c, t)						\
	for ((c) = (t)->charge; (c) < (t)->charge + CHARGES && (c)->err; (c)++)

static __attribute__((format(printf, 1, 2))) void complain(const char *fmt, ...)
{
	va_list ap;

	if (atomic_exchange(&run->failed, true))
		return;
	va_start(ap, fmt);
	vsnprintf(run->wrong, sizeof(run->wrong), fmt, ap);
	va_end(ap);
}

static void announce(const struct thing *t, const struct slot *s)
{
	const struct charge *c;

	for_each_charge(c, t) {
		run->tally[c->res].asked++;
		run->tally[c->res].most += amount(c, s);
	}
}

static void withdraw(const struct thing *t, const struct slot *s)
{
	const struct charge *c;

	for_each_charge(c, t) {
		run->tally[c->res].returned += amount(c, s);
		run->tally[c->res].most -= amount(c, s);
	}
}

static void settle(const struct thing *t, const struct slot *s, int sign)
{
	const struct charge *c;

	for_each_charge(c, t) {
		struct tally *y = &run->tally[c->res];
		long held = y->least += sign * amount(c, s);

		if (held + y->base > y->barrier)
			complain("%s: %ld held for certain, over %ld", t->name,
				 held + y->base, y->barrier);
	}
}

/*
 * Did it not fit at some moment of the call? What may have been held at any of
 * them is no more than what may be held now, and what went since the call began.
 */
static bool has_reason(const struct charge *c, long returned_before)
{
	struct tally *y = &run->tally[c->res];
	long most = y->most;

	return y->base + most + y->returned - returned_before > y->barrier;
}

static void judge(const struct thing *t, int err, const long *before)
{
	const struct charge *c, *only = NULL;
	bool reason = false;
	int n = 0;

	for_each_charge(c, t) {
		if (c->err != err)
			continue;
		n++;
		only = c;
		reason |= has_reason(c, before[c - t->charge]);
	}
	run->refusals++;
	if (n == 1)
		run->tally[only->res].refused++;
	if (!n)
		complain("%s: errno %d", t->name, err);
	else if (!reason)
		complain("%s: refused with errno %d, though it fits", t->name, err);
}

static void take(unsigned int i)
{
	unsigned int kind = next() % ARRAY_SIZE(things);
	const struct thing *t = &things[kind];
	struct slot *s = &me.slot[i];
	long before[CHARGES], err;
	const struct charge *c;

	if (!run->on[kind])
		return;
	s->pages = 1 + next() % MANY_PAGES;
	for_each_charge(c, t)
		before[c - t->charge] = run->tally[c->res].returned;
	announce(t, s);
	run->calls++;
	err = t->take(s);
	if (err) {
		judge(t, -err, before);
		withdraw(t, s);
		return;
	}
	settle(t, s, 1);
	me.kind[i] = kind;
}

static void drop(unsigned int i)
{
	const struct thing *t = &things[me.kind[i]];

	settle(t, &me.slot[i], -1);
	run->calls++;
	t->drop(&me.slot[i]);
	withdraw(t, &me.slot[i]);
	me.kind[i] = -1;
}

static void step(void)
{
	unsigned int i = next() % SLOTS;

	if (me.kind[i] < 0)
		take(i);
	else
		drop(i);
}

static void prepare_taker(unsigned int n, unsigned int seed)
{
	const struct rlimit plenty = { RLIM_INFINITY, RLIM_INFINITY };
	char name[] = "/tmp/random.XXXXXX";
	unsigned int i;
	sigset_t set;

	me.random = 0x9e3779b97f4a7c15 * (seed * TAKERS + n + 1);
	for (i = 0; i < SLOTS; i++)
		me.kind[i] = -1;
	setrlimit(RLIMIT_MEMLOCK, &plenty);
	setrlimit(RLIMIT_SIGPENDING, &plenty);
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	own_file = mkstemp(name);
	unlink(name);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Wait until the test begins a round after this one. */
static bool wait_round(unsigned int *round)
{
	run->ready++;
	while (run->round == *round && !run->stop)
		usleep(1000);
	*round = run->round;
	return !run->stop;
}

static void taker_main(unsigned int n, unsigned int seed)
{
	unsigned int i, round = 0;

	prepare_taker(n, seed);
	while (wait_round(&round))
		for (i = 0; i < ROUND && !run->failed; i++)
			step();
	for (i = 0; i < SLOTS; i++)
		if (me.kind[i] >= 0)
			drop(i);
	run->ready++;
	while (run->stop)
		usleep(1000);
	_exit(0);
}

static void all_ready(void)
{
	while (run->ready < TAKERS)
		usleep(1000);
	run->ready = 0;
}

/* Which resources does any thing that can be counted here cost? */
static unsigned int resources_used(void)
{
	const struct charge *c;
	unsigned int i, used = 0;

	for (i = 0; i < ARRAY_SIZE(things); i++)
		if (run->on[i])
			for_each_charge(c, &things[i])
				used |= 1U << c->res;
	return used;
}

static void find_out_what_works(void)
{
	const struct charge *c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(things); i++) {
		run->on[i] = env_number("STOCKVZ_THINGS", ~0UL) >> i & 1;
		for_each_charge(c, &things[i])
			run->on[i] &= ub_counts(c->res);
	}
}

static void set_barrier(struct box *box, int res, long barrier)
{
	struct tally *y = &run->tally[res];

	y->barrier = barrier;
	if (barrier > y->highest)
		y->highest = barrier;
	ub_limit(box->id, res, barrier);
}

/* Where about one in ten is refused: looked for as the run goes on. */
static void tune(struct box *box, int res, unsigned long no)
{
	struct tally *y = &run->tally[res];
	unsigned long asked = atomic_exchange(&y->asked, 0);
	long room = y->barrier - y->base;

	if (no * 12 < asked)
		room -= room / 16 + 1;
	else if (no * 8 > asked)
		room += room / 16 + 1;
	if (room > y->least)
		set_barrier(box, res, y->base + room);
}

static void check_quiet(struct __test_metadata *_metadata, struct box *box,
			unsigned int used)
{
	unsigned int res;

	EXPECT_FALSE(run->failed) TH_LOG("%s", run->wrong);
	for (res = 0; res < UB_NR; res++) {
		struct tally *y = &run->tally[res];
		struct ub_row row;

		if (!(used & 1U << res))
			continue;
		EXPECT_EQ(y->most, y->least);
		EXPECT_TRUE(EVENTUALLY(ub_row(box->id, res).held ==
				       (unsigned long)(y->base + y->least)))
			TH_LOG("resource %u: %lu held, %ld in truth", res,
			       ub_row(box->id, res).held, y->base + y->least);
		row = ub_row(box->id, res);
		EXPECT_LE(row.maxheld, (unsigned long)y->highest)
			TH_LOG("resource %u", res);
		EXPECT_LE((unsigned long)y->refused, row.failcnt)
			TH_LOG("resource %u", res);
	}
}

static unsigned long failures(struct box *box, unsigned int used)
{
	unsigned long sum = 0;
	unsigned int res;

	for (res = 0; res < UB_NR; res++)
		if (used & 1U << res)
			sum += ub_row(box->id, res).failcnt;
	return sum;
}

FIXTURE(random) {
	struct laws laws;
	struct box a;
	pid_t pid[TAKERS];
	unsigned int seed;
};

FIXTURE_SETUP(random)
{
	unsigned int i;

	laws_begin(_metadata, &self->laws);
	box_make(_metadata, &self->a, BOX_A);
	run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, run);
	find_out_what_works();
	self->seed = env_number("STOCKVZ_SEED", getpid());
	TH_LOG("STOCKVZ_SEED=%u", self->seed);
	for (i = 0; i < TAKERS; i++) {
		self->pid[i] = fork_into(self->a.cgroup);
		if (!self->pid[i])
			taker_main(i, self->seed);
		ASSERT_LT(0, self->pid[i]);
	}
	all_ready();
	for (i = 0; i < UB_NR; i++)
		run->tally[i].base = ub_row(self->a.id, i).held;
}

FIXTURE_TEARDOWN(random)
{
	unsigned int i;

	for (i = 0; i < TAKERS; i++) {
		kill(self->pid[i], SIGKILL);
		waitpid(self->pid[i], NULL, 0);
	}
	munmap(run, sizeof(*run));
	box_close(_metadata, &self->a);
	laws_end(_metadata, &self->laws);
}

/* Half of the slots are taken on average; all takers can hold that of each. */
static void first_barriers(struct box *box, unsigned int used)
{
	unsigned int res;

	for (res = 0; res < UB_NR; res++)
		if (used & 1U << res)
			set_barrier(box, res, run->tally[res].base +
				    TAKERS * SLOTS / 4);
}

TEST_F_TIMEOUT(random, held_is_the_truth_at_every_quiet_point, 3000)
{
	unsigned long ops = env_number("STOCKVZ_OPS", 200000);
	unsigned int used = resources_used(), res;
	unsigned long before[UB_NR];

	first_barriers(&self->a, used);
	while (run->calls < ops && !run->failed) {
		for (res = 0; res < UB_NR; res++)
			before[res] = ub_row(self->a.id, res).failcnt;
		run->round++;
		all_ready();
		check_quiet(_metadata, &self->a, used);
		for (res = 0; res < UB_NR; res++)
			if (used & 1U << res)
				tune(&self->a, res, ub_row(self->a.id, res).failcnt -
				     before[res]);
	}
	run->stop = true;
	all_ready();
	check_quiet(_metadata, &self->a, used);
	EXPECT_EQ(run->refusals, failures(&self->a, used));
	TH_LOG("%lu calls, %lu refused", run->calls, run->refusals);
	/* Otherwise nothing was tried. */
	EXPECT_LT(run->calls / 50, run->refusals);
}

TEST_HARNESS_MAIN
