// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges: locks of fcntl() that merge, split, take each other's place, conflict
 * and wait. Whatever they do, numflock is what the kernel shows, and ENOLCK is for
 * what needs a lock more than may be.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "fixture.h"
#include "child.h"
#include "crowd.h"
#include "fds.h"
#include "locks.h"

/* n locks that do not touch. */
static long posix_many(long at, long n)
{
	long err = 0;

	while (n-- && !err)
		err = posix(at, RD(10 * n, 1));
	return err;
}

#define EXPECT_LOCKS(n) do {						\
	EXPECT_EQ(n, HELD(a, NUMFLOCK));				\
	EXPECT_EQ(n, locks_of(0));					\
} while (0)

TEST_F(ub, oracle_36_unlock_in_the_midst)
{
	struct box *a = &self->a;

	ASSERT_EQ(0, IN(a, open_file, 0));
	EXPECT_EQ(0, IN(a, posix, 0, WR(0, 100)));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	/* To the limit, not to the barrier. */
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_NUMFLOCK, 2, 1));
	EXPECT_REFUSED(a, NUMFLOCK, ENOLCK, SYS_fcntl,
		       IN(a, posix, 0, UN(40, 20)));
	EXPECT_EQ(1, locks_of(0));
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_NUMFLOCK, 1, 2));
	EXPECT_EQ(0, IN(a, posix, 0, UN(40, 20)));
	EXPECT_EQ(2, HELD(a, NUMFLOCK));
	EXPECT_EQ(2, locks_of(0));
	EXPECT_EQ(0, IN(a, posix, 0, UN(0, 40)));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, IN(a, posix, 0, UN(ALL)));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
}

TEST_F(ub, posix_merges_and_splits)
{
	struct box *a = &self->a;

	ASSERT_EQ(0, IN(a, open_file, 0));
	EXPECT_EQ(0, IN(a, posix, 0, RD(0, 10)));
	EXPECT_LOCKS(1);
	EXPECT_EQ(0, IN(a, posix, 0, RD(20, 10)));
	EXPECT_LOCKS(2);
	/* Merges with both. */
	EXPECT_EQ(0, IN(a, posix, 0, RD(10, 10)));
	EXPECT_LOCKS(1);
	/* In the midst of it, of the other type. */
	EXPECT_EQ(0, IN(a, posix, 0, WR(10, 10)));
	EXPECT_LOCKS(3);
	/* Replaces all. */
	EXPECT_EQ(0, IN(a, posix, 0, WR(ALL)));
	EXPECT_LOCKS(1);
	EXPECT_EQ(0, IN(a, posix, 0, RD(ALL)));
	EXPECT_LOCKS(1);
	/* At the edges. */
	EXPECT_EQ(0, IN(a, posix, 0, WR(0, 5)));
	EXPECT_LOCKS(2);
	EXPECT_EQ(0, IN(a, posix, 0, UN(0, 7)));
	EXPECT_LOCKS(1);
	EXPECT_EQ(0, IN(a, posix, 0, UN(10, 1)));
	EXPECT_LOCKS(2);
	EXPECT_EQ(0, IN(a, posix, 0, UN(10, 1)));
	EXPECT_LOCKS(2);
	EXPECT_EQ(0, IN(a, posix, 0, UN(ALL)));
	EXPECT_LOCKS(0);
	EXPECT_EQ(0, FAILCNT(a, NUMFLOCK));
}

/* Succeeds at the barrier, and yet there was a refusal. */
#define EXPECT_WITHOUT(result, call) do {				\
	unsigned long failures_ = FAILCNT(a, NUMFLOCK);			\
									\
	EXPECT_EQ(result, call);					\
	EXPECT_EQ(failures_ + 1, FAILCNT(a, NUMFLOCK));			\
} while (0)

TEST_F(ub, posix_merges_at_the_barrier)
{
	struct box *a = &self->a;

	ASSERT_EQ(0, IN(a, open_file, 0));
	EXPECT_EQ(0, IN(a, posix, 0, RD(0, 10)));
	EXPECT_EQ(0, IN(a, posix, 0, RD(20, 10)));
	EXPECT_EQ(0, IN(a, posix, 0, WR(30, 10)));
	LIMIT(a, NUMFLOCK, 3);
	/* Again, longer. */
	EXPECT_WITHOUT(0, IN(a, posix, 0, RD(0, 10)));
	EXPECT_WITHOUT(0, IN(a, posix, 0, RD(5, 8)));
	EXPECT_LOCKS(3);
	/* Takes some of the writer's. */
	EXPECT_WITHOUT(0, IN(a, posix, 0, RD(25, 10)));
	EXPECT_LOCKS(3);
	/* Takes one's place: in the end none more, but one on the way. */
	EXPECT_REFUSED(a, NUMFLOCK, ENOLCK, SYS_fcntl,
		       IN(a, posix, 0, WR(0, 13)));
	EXPECT_REFUSED(a, NUMFLOCK, ENOLCK, SYS_fcntl,
		       IN(a, posix, 0, WR(50, 1)));
	EXPECT_LOCKS(3);
	/* Merges all that there are. */
	EXPECT_WITHOUT(0, IN(a, posix, 0, RD(ALL)));
	EXPECT_LOCKS(1);
	EXPECT_EQ(3, ub_row(a->id, STOCKVZ_RES_NUMFLOCK).maxheld);
}

/* The lock itself and the second half. */
TEST_F(ub, posix_in_the_midst)
{
	struct box *a = &self->a;

	ASSERT_EQ(0, IN(a, open_file, 0));
	EXPECT_EQ(0, IN(a, posix, 0, RD(0, 100)));
	LIMIT(a, NUMFLOCK, 1);
	EXPECT_REFUSED(a, NUMFLOCK, ENOLCK, SYS_fcntl,
		       IN(a, posix, 0, WR(40, 20)));
	/* The first of the two fits, so maxheld moves. */
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_NUMFLOCK, 2, UB_MAX));
	EXPECT_WITHOUT(-ENOLCK, IN(a, posix, 0, WR(40, 20)));
	EXPECT_LOCKS(1);
	LIMIT(a, NUMFLOCK, 3);
	EXPECT_EQ(0, IN(a, posix, 0, WR(40, 20)));
	EXPECT_LOCKS(3);
	/* At its edge it needs but one. */
	LIMIT(a, NUMFLOCK, 4);
	EXPECT_EQ(0, IN(a, posix, 0, WR(95, 5)));
	EXPECT_LOCKS(4);
}

TEST_F(two, posix_in_conflict)
{
	struct box *a = &self->a, *b = &self->b;

	ASSERT_EQ(0, IN(a, open_file, 0));
	ASSERT_EQ(0, IN(b, open_file, 0));
	EXPECT_EQ(0, IN(b, posix, 0, WR(0, 10)));
	EXPECT_EQ(-EAGAIN, IN(a, posix, 0, RD(5, 10)));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, FAILCNT(a, NUMFLOCK));
	EXPECT_EQ(1, ub_row(a->id, STOCKVZ_RES_NUMFLOCK).maxheld);
	LIMIT(a, NUMFLOCK, 0);
	EXPECT_WITHOUT(-EAGAIN, IN(a, posix, 0, RD(5, 10)));
	EXPECT_WITHOUT(-ENOLCK, IN(a, posix, 0, RD(10, 10)));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
}

/* One that sleeps holds nothing, and asks again when it wakes. */
TEST_F(two, posix_that_waits)
{
	struct box *a = &self->a, *b = &self->b;

	ASSERT_EQ(0, IN(a, open_file, 0));
	ASSERT_EQ(0, IN(b, open_file, 0));
	EXPECT_EQ(0, IN(b, posix, 0, WR(0, 10)));
	worker_begin(&a->worker, posix_wait, 0, WR(0, 10));
	EXPECT_TRUE(EVENTUALLY(is_waited_for(0)));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMFLOCK) == 0));
	EXPECT_EQ(0, IN(b, posix, 0, UN(ALL)));
	EXPECT_EQ(0, worker_end(&a->worker));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, IN(a, posix, 0, UN(ALL)));

	/* It sleeps at the barrier too, and learns when it wakes. */
	LIMIT(a, NUMFLOCK, 0);
	EXPECT_EQ(0, IN(b, posix, 0, WR(0, 10)));
	worker_begin(&a->worker, posix_wait, 0, WR(0, 10));
	EXPECT_TRUE(EVENTUALLY(is_waited_for(0)));
	EXPECT_EQ(0, IN(b, posix, 0, UN(ALL)));
	EXPECT_EQ(-ENOLCK, worker_end(&a->worker));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	EXPECT_EQ(2, FAILCNT(a, NUMFLOCK));

	/* Or has it, if there is room by then. */
	EXPECT_EQ(0, IN(b, posix, 0, WR(0, 10)));
	worker_begin(&a->worker, posix_wait, 0, WR(0, 10));
	EXPECT_TRUE(EVENTUALLY(is_waited_for(0)));
	LIMIT(a, NUMFLOCK, 1);
	EXPECT_EQ(0, IN(b, posix, 0, UN(ALL)));
	EXPECT_EQ(0, worker_end(&a->worker));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));

	EXPECT_EQ(0, IN(b, catch_signals));
	worker_begin(&b->worker, posix_wait, 0, WR(0, 10));
	EXPECT_TRUE(EVENTUALLY(is_waited_for(0)));
	kill(b->worker.pid, SIGUSR1);
	EXPECT_EQ(-EINTR, worker_end(&b->worker));
	EXPECT_EQ(0, HELD(b, NUMFLOCK));
}

/* Any descriptor of the file that is closed takes the locks along. */
TEST_F(ub, posix_and_close)
{
	struct box *a = &self->a;
	long pid;

	ASSERT_EQ(0, IN(a, open_file, 0));
	ASSERT_EQ(1, IN(a, open_file, 0));
	EXPECT_EQ(0, IN(a, posix_many, 0, 100));
	EXPECT_LOCKS(100);
	/* Children do not inherit them, nor do they take them away. */
	pid = IN(a, fork_pausing);
	ASSERT_LT(0, pid);
	EXPECT_LOCKS(100);
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_LOCKS(100);
	EXPECT_EQ(0, IN(a, drop_at, 1));
	EXPECT_LOCKS(0);
}

/* Locks of before, which nobody paid for, grow and shrink for nothing. */
TEST_F(ub, posix_of_before)
{
	struct box *a = &self->a;
	struct worker w;

	ASSERT_EQ(0, worker_start(&w, "/"));
	ASSERT_EQ(0, worker_do(&w, open_file, 0, 0));
	EXPECT_EQ(0, worker_do(&w, posix, 0, RD(0, 100)));
	ASSERT_EQ(0, cg_enter(a->cgroup, w.pid));
	EXPECT_EQ(0, worker_do(&w, posix, 0, RD(50, 100)));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, worker_do(&w, posix, 0, UN(0, 10)));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	/* The second half is ours. */
	EXPECT_EQ(0, worker_do(&w, posix, 0, UN(70, 10)));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, worker_do(&w, posix, 0, UN(ALL)));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	worker_stop(&w);
}

/*
 * Threads, hence one owner, lock and unlock at random in one file. Whatever
 * they did to one another, what is held is what the kernel has.
 */
static long hammer(long n, long seed)
{
	static const int types[] = { F_RDLCK, F_WRLCK, F_UNLCK };
	unsigned int state = seed;
	long refused = 0;

	while (n--) {
		long range = RANGE(types[rand_r(&state) % 3],
				   rand_r(&state) % 64, 1 + rand_r(&state) % 16);
		long err = posix(0, range);

		if (err && err != -ENOLCK)
			return err;
		refused += !!err;
	}
	return refused;
}

static void *hammer_thread(void *rounds)
{
	return (void *)hammer((long)rounds, (long)pthread_self() >> 8);
}

static long hammer_threads(long threads, long rounds)
{
	pthread_t t[CROWD];
	long i, refused = 0;

	for (i = 0; i < threads; i++)
		if (pthread_create(&t[i], NULL, hammer_thread, (void *)rounds))
			return -EAGAIN;
	for (i = 0; i < threads; i++) {
		void *result;

		pthread_join(t[i], &result);
		if ((long)result < 0)
			return (long)result;
		refused += (long)result;
	}
	return refused;
}

FIXTURE(hammer) {
	struct laws laws;
	struct box a;
};

FIXTURE_VARIANT(hammer) {
	int threads;
	unsigned long limit;
};

FIXTURE_VARIANT_ADD(hammer, one) { .threads = 1, .limit = UB_MAX };
FIXTURE_VARIANT_ADD(hammer, one_at_the_limit) { .threads = 1, .limit = 3 };
FIXTURE_VARIANT_ADD(hammer, threads) { .threads = CROWD, .limit = UB_MAX };
FIXTURE_VARIANT_ADD(hammer, threads_at_the_limit) { .threads = CROWD, .limit = 3 };

FIXTURE_SETUP(hammer)
{
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
}

FIXTURE_TEARDOWN(hammer)
{
	box_close(_metadata, &self->a);
	laws_end(_metadata, &self->laws);
}

TEST_F(hammer, agrees_with_the_kernel)
{
	struct box *a = &self->a;
	struct ub_row row;
	long refused;
	int i;

	ASSERT_EQ(0, IN(a, open_file, 0));
	LIMIT(a, NUMFLOCK, variant->limit);
	for (i = 0; i < 20; i++) {
		refused = IN(a, hammer_threads, variant->threads,
			     1000 / variant->threads);
		EXPECT_LE(0, refused);
		EXPECT_EQ(locks_of(0), HELD(a, NUMFLOCK));
	}
	row = ub_row(a->id, STOCKVZ_RES_NUMFLOCK);
	if (variant->threads == 1) {
		EXPECT_GE(variant->limit, row.maxheld);
	} else {
		/* What one takes from under another's feet goes by force. */
		EXPECT_GE(variant->limit + variant->threads, row.maxheld);
	}
	TH_LOG("maxheld %lu, failcnt %lu", row.maxheld, row.failcnt);
	EXPECT_EQ(0, IN(a, posix, 0, UN(ALL)));
	EXPECT_LOCKS(0);
}

TEST_HARNESS_MAIN
