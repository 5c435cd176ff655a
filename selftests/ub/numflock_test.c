// SPDX-License-Identifier: GPL-2.0
/*
 * numflock counts file locks: flock(), POSIX and OFD locks, leases. Who asked for
 * one pays until it is gone. Over the barrier flock() and leases say ENOMEM,
 * fcntl() says ENOLCK. What each kind has in common, and flock() and leases. What
 * fcntl() does with ranges is in numflock_posix_test.c, what is asked of a server
 * in numflock_remote_test.c.
 */
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "child.h"
#include "crowd.h"
#include "fds.h"
#include "locks.h"

static long do_lease(long at, long type)
{
	return sys(fcntl(fds[at], F_SETLEASE, type));
}

static long get_lease(long at, long b)
{
	return sys(fcntl(fds[at], F_GETLEASE));
}

/*
 * The cases of the reference.
 */

TEST_F(ub, oracle_35_flock)
{
	struct box *a = &self->a;

	ASSERT_EQ(0, IN(a, open_file, 0));
	ASSERT_EQ(1, IN(a, open_file, 1));
	ASSERT_EQ(2, IN(a, open_to_read, 2));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_EX));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	LIMIT(a, NUMFLOCK, 1);
	EXPECT_REFUSED(a, NUMFLOCK, ENOMEM, SYS_flock,
		       IN(a, do_flock, 1, LOCK_SH));
	EXPECT_REFUSED(a, NUMFLOCK, ENOLCK, SYS_fcntl,
		       IN(a, posix, 1, WR(0, 10)));
	EXPECT_REFUSED(a, NUMFLOCK, ENOLCK, SYS_fcntl, IN(a, ofd, 1, RD(ALL)));
	EXPECT_REFUSED(a, NUMFLOCK, ENOMEM, SYS_fcntl,
		       IN(a, do_lease, 2, F_RDLCK));
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_UN));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, IN(a, do_lease, 2, F_RDLCK));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, IN(a, do_lease, 2, F_UNLCK));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
}

TEST_F(ub, oracle_37_conversion_at_the_barrier)
{
	struct box *a = &self->a;

	ASSERT_EQ(0, IN(a, open_file, 0));
	LIMIT(a, NUMFLOCK, 1);
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_SH));
	EXPECT_REFUSED(a, NUMFLOCK, ENOMEM, SYS_flock,
		       IN(a, do_flock, 0, LOCK_EX));
	/* And so is one that asks for what it has. */
	EXPECT_REFUSED(a, NUMFLOCK, ENOMEM, SYS_flock,
		       IN(a, do_flock, 0, LOCK_SH));
	LIMIT(a, NUMFLOCK, 2);
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_EX));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(2, ub_row(a->id, STOCKVZ_RES_NUMFLOCK).maxheld);
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_EX));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_UN));
}

/*
 * Each kind, one by one.
 */

static long flock_ex(long at, long lock)
{
	return do_flock(at, lock ? LOCK_EX | LOCK_NB : LOCK_UN);
}

static long posix_all(long at, long lock)
{
	return posix(at, lock ? WR(ALL) : UN(ALL));
}

static long posix_sleeping(long at, long lock)
{
	return posix_wait(at, lock ? WR(5, 5) : UN(5, 5));
}

static long ofd_all(long at, long lock)
{
	return ofd(at, lock ? WR(ALL) : UN(ALL));
}

static long lease(long at, long lock)
{
	return do_lease(at, lock ? F_RDLCK : F_UNLCK);
}

FIXTURE(kind) {
	struct laws laws;
	struct box a;
};

FIXTURE_VARIANT(kind) {
	worker_fn open;
	worker_fn lock;
	int err;
	int syscall;
};

#define KIND(opener, locker, errno_, nr) {				\
	.open = opener,							\
	.lock = locker,							\
	.err = errno_,							\
	.syscall = nr,							\
}

FIXTURE_VARIANT_ADD(kind, flock) KIND(open_file, flock_ex, ENOMEM, SYS_flock);
FIXTURE_VARIANT_ADD(kind, posix) KIND(open_file, posix_all, ENOLCK, SYS_fcntl);
FIXTURE_VARIANT_ADD(kind, posix_sleeping)
	KIND(open_file, posix_sleeping, ENOLCK, SYS_fcntl);
FIXTURE_VARIANT_ADD(kind, ofd) KIND(open_file, ofd_all, ENOLCK, SYS_fcntl);
FIXTURE_VARIANT_ADD(kind, lease) KIND(open_to_read, lease, ENOMEM, SYS_fcntl);

FIXTURE_SETUP(kind)
{
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
}

FIXTURE_TEARDOWN(kind)
{
	box_close(_metadata, &self->a);
	laws_end(_metadata, &self->laws);
}

#define DO(fn, ...) IN(&self->a, variant->fn, ##__VA_ARGS__)

TEST_F(kind, counts_and_is_refused)
{
	struct box *a = &self->a;
	int i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(i, DO(open, i));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, DO(lock, i, 1));
		EXPECT_EQ(i + 1, HELD(a, NUMFLOCK));
		EXPECT_EQ(1, locks_of(i));
	}
	LIMIT(a, NUMFLOCK, 3);
	EXPECT_REFUSED(a, NUMFLOCK, variant->err, variant->syscall,
		       DO(lock, 3, 1));
	EXPECT_EQ(0, locks_of(3));
	EXPECT_EQ(0, DO(lock, 1, 0));
	EXPECT_EQ(2, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, DO(lock, 3, 1));
	EXPECT_EQ(3, HELD(a, NUMFLOCK));
	EXPECT_REFUSED(a, NUMFLOCK, variant->err, variant->syscall,
		       DO(lock, 1, 1));
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMFLOCK) == 0));
}

static long fork_that_locks(long fn, long n)
{
	pid_t pid = fork();

	if (!pid) {
		while (n--)
			if (((worker_fn)fn)(n, 1))
				_exit(1);
		kill(getpid(), SIGKILL);
	}
	return sys(waitpid(pid, NULL, 0)) == pid ? 0 : -ECHILD;
}

/* A flock, an OFD lock and a lease are the file's, which the worker has too. */
TEST_F(kind, killed_with_locks)
{
	struct box *a = &self->a;
	bool of_file = variant->lock != posix_all &&
		       variant->lock != posix_sleeping;
	int i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(i, DO(open, i));
	EXPECT_EQ(0, IN(a, fork_that_locks, variant->lock, 4));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMFLOCK) == (of_file ? 4 : 0)));
	EXPECT_EQ(4, ub_row(a->id, STOCKVZ_RES_NUMFLOCK).maxheld);
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMFLOCK) == 0));
}

/* What the host locked was never charged, whoever unlocks it. */
TEST_F(kind, of_the_host)
{
	struct box *a = &self->a;
	struct worker w;

	ASSERT_EQ(0, worker_start(&w, "/"));
	ASSERT_EQ(0, worker_do(&w, variant->open, 0, 0));
	ASSERT_EQ(0, worker_do(&w, variant->open, 1, 0) - 1);
	EXPECT_EQ(0, worker_do(&w, variant->lock, 0, 1));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	LIMIT(a, NUMFLOCK, 0);
	EXPECT_EQ(0, worker_do(&w, variant->lock, 1, 1));
	LIMIT(a, NUMFLOCK, 1);
	ASSERT_EQ(0, cg_enter(a->cgroup, w.pid));
	EXPECT_EQ(0, worker_do(&w, variant->lock, 0, 0));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, worker_do(&w, variant->lock, 0, 1));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	worker_stop(&w);
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMFLOCK) == 0));
	EXPECT_EQ(0, FAILCNT(a, NUMFLOCK));
}

/* A task that moves leaves its locks behind, with whom it asked for them. */
TEST_F(kind, task_that_moved)
{
	struct box *a = &self->a;
	struct box b;
	int i;

	box_open(_metadata, &b, BOX_B);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(i, DO(open, i));
	EXPECT_EQ(0, DO(lock, 0, 1));
	ASSERT_EQ(0, cg_enter(b.cgroup, a->worker.pid));
	EXPECT_EQ(0, DO(lock, 1, 1));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(1, HELD(&b, NUMFLOCK));
	EXPECT_EQ(0, DO(lock, 0, 0));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	EXPECT_EQ(1, HELD(&b, NUMFLOCK));
	EXPECT_EQ(0, DO(lock, 1, 0));
	EXPECT_EQ(0, HELD(&b, NUMFLOCK));
	box_close(_metadata, &b);
}

/*
 * flock().
 */

/* The lock is the file's: it lives as long, and children have it too. */
TEST_F(ub, flock_and_fork)
{
	struct box *a = &self->a;
	long pid;

	ASSERT_EQ(0, IN(a, open_file, 0));
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_EX));
	pid = IN(a, fork_pausing);
	ASSERT_LT(0, pid);
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMFLOCK) == 0));
}

/* Who asked for it pays, who has the file may unlock it. */
TEST_F(two, flock_passed_on)
{
	struct box *a = &self->a, *b = &self->b;

	LIMIT(b, NUMFLOCK, 0);
	ASSERT_EQ(0, IN(a, open_file, 0));
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_EX));
	EXPECT_EQ(0, IN(a, give, 0));
	box_pass(_metadata, a, b);
	ASSERT_EQ(0, IN(b, take));
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, HELD(b, NUMFLOCK));
	EXPECT_EQ(0, IN(b, do_flock, 0, LOCK_UN));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	EXPECT_REFUSED(b, NUMFLOCK, ENOMEM, SYS_flock,
		       IN(b, do_flock, 0, LOCK_EX));
	LIMIT(b, NUMFLOCK, 1);
	EXPECT_EQ(0, IN(b, do_flock, 0, LOCK_EX));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	EXPECT_EQ(1, HELD(b, NUMFLOCK));
	EXPECT_EQ(0, IN(b, drop_all));
	EXPECT_EQ(0, HELD(b, NUMFLOCK));
}

/* OFD locks too travel with the file; merged, they stay the first payer's. */
TEST_F(two, ofd_passed_on)
{
	struct box *a = &self->a, *b = &self->b;

	LIMIT(b, NUMFLOCK, 1);
	ASSERT_EQ(0, IN(a, open_file, 0));
	EXPECT_EQ(0, IN(a, ofd, 0, WR(0, 10)));
	EXPECT_EQ(0, IN(a, give, 0));
	box_pass(_metadata, a, b);
	ASSERT_EQ(0, IN(b, take));
	EXPECT_EQ(0, IN(b, ofd, 0, WR(5, 10)));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, HELD(b, NUMFLOCK));
	EXPECT_EQ(0, IN(b, ofd, 0, UN(5, 5)));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(1, HELD(b, NUMFLOCK));
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, IN(b, drop_all));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, HELD(b, NUMFLOCK));
}

/* A request that sleeps counts already. */
TEST_F(two, flock_that_waits)
{
	struct box *a = &self->a, *b = &self->b;

	ASSERT_EQ(0, IN(a, open_file, 0));
	ASSERT_EQ(0, IN(b, open_file, 0));
	EXPECT_EQ(0, IN(b, catch_signals));
	LIMIT(b, NUMFLOCK, 1);
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_EX));
	worker_begin(&b->worker, do_flock, 0, LOCK_EX);
	EXPECT_TRUE(EVENTUALLY(is_waited_for(0)));
	EXPECT_EQ(1, HELD(b, NUMFLOCK));
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_UN));
	EXPECT_EQ(0, worker_end(&b->worker));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	EXPECT_EQ(1, HELD(b, NUMFLOCK));
	EXPECT_EQ(0, IN(b, do_flock, 0, LOCK_UN));

	/* One that gives up. */
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_EX));
	worker_begin(&b->worker, do_flock, 0, LOCK_SH);
	EXPECT_TRUE(EVENTUALLY(is_waited_for(0)));
	EXPECT_EQ(1, HELD(b, NUMFLOCK));
	kill(b->worker.pid, SIGUSR1);
	EXPECT_EQ(-EINTR, worker_end(&b->worker));
	EXPECT_EQ(0, HELD(b, NUMFLOCK));

	/* One that is killed over it. */
	worker_begin(&b->worker, do_flock, 0, LOCK_SH);
	EXPECT_TRUE(EVENTUALLY(is_waited_for(0)));
	kill(b->worker.pid, SIGKILL);
	EXPECT_EQ(-EPIPE, worker_end(&b->worker));
	EXPECT_TRUE(EVENTUALLY(HELD(b, NUMFLOCK) == 0));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, FAILCNT(b, NUMFLOCK));
}

/* One that moves while it sleeps stays with whom it began. */
TEST_F(two, flock_that_moves_while_it_waits)
{
	struct box *a = &self->a, *b = &self->b;
	struct worker w;

	ASSERT_EQ(0, worker_start(&w, a->cgroup));
	ASSERT_EQ(0, IN(a, open_file, 0));
	ASSERT_EQ(0, worker_do(&w, open_file, 0, 0));
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_EX));
	worker_begin(&w, do_flock, 0, LOCK_EX);
	EXPECT_TRUE(EVENTUALLY(is_waited_for(0)));
	ASSERT_EQ(0, cg_enter(b->cgroup, w.pid));
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_UN));
	EXPECT_EQ(0, worker_end(&w));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, HELD(b, NUMFLOCK));
	EXPECT_EQ(0, worker_do(&w, do_flock, 0, LOCK_SH));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	EXPECT_EQ(1, HELD(b, NUMFLOCK));
	worker_stop(&w);
}

TEST_F(two, flock_in_conflict)
{
	struct box *a = &self->a, *b = &self->b;

	ASSERT_EQ(0, IN(a, open_file, 0));
	ASSERT_EQ(0, IN(b, open_file, 0));
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_EX));
	EXPECT_EQ(-EAGAIN, IN(b, do_flock, 0, LOCK_EX | LOCK_NB));
	EXPECT_EQ(0, HELD(b, NUMFLOCK));
	EXPECT_EQ(1, ub_row(b->id, STOCKVZ_RES_NUMFLOCK).maxheld);
	EXPECT_EQ(0, FAILCNT(b, NUMFLOCK));
	LIMIT(b, NUMFLOCK, 0);
	EXPECT_REFUSED(b, NUMFLOCK, ENOMEM, SYS_flock,
		       IN(b, do_flock, 0, LOCK_EX | LOCK_NB));
}

/*
 * Leases.
 */

TEST_F(ub, lease_that_changes)
{
	struct box *a = &self->a;

	ASSERT_EQ(0, IN(a, open_to_read, 0));
	LIMIT(a, NUMFLOCK, 2);
	EXPECT_EQ(0, IN(a, do_lease, 0, F_WRLCK));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, IN(a, do_lease, 0, F_RDLCK));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	LIMIT(a, NUMFLOCK, 1);
	EXPECT_REFUSED(a, NUMFLOCK, ENOMEM, SYS_fcntl,
		       IN(a, do_lease, 0, F_WRLCK));
	EXPECT_EQ(F_RDLCK, IN(a, get_lease, 0));
	EXPECT_EQ(0, IN(a, do_lease, 0, F_UNLCK));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	/* One that cannot be had. */
	ASSERT_EQ(1, IN(a, open_file, 0));
	EXPECT_EQ(-EAGAIN, IN(a, do_lease, 0, F_RDLCK));
	EXPECT_EQ(-EAGAIN, IN(a, do_lease, 0, F_UNLCK));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
}

static long open_to_write_soon(long file, long b)
{
	return sys(open(lock_file(file), O_WRONLY | O_NONBLOCK));
}

static long ignore_sigio(long a, long b)
{
	signal(SIGIO, SIG_IGN);
	return 0;
}

/* Broken by somebody else, and taken back by its owner or at the close. */
TEST_F(two, lease_that_is_broken)
{
	struct box *a = &self->a, *b = &self->b;

	EXPECT_EQ(0, IN(a, ignore_sigio));
	ASSERT_EQ(0, IN(a, open_to_read, 0));
	ASSERT_EQ(1, IN(a, open_to_read, 0));
	EXPECT_EQ(0, IN(a, do_lease, 0, F_RDLCK));
	EXPECT_EQ(0, IN(a, do_lease, 1, F_RDLCK));
	EXPECT_EQ(2, HELD(a, NUMFLOCK));
	EXPECT_EQ(-EWOULDBLOCK, IN(b, open_to_write_soon, 0));
	EXPECT_EQ(2, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, HELD(b, NUMFLOCK));
	EXPECT_EQ(0, IN(a, do_lease, 0, F_UNLCK));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, IN(a, drop_at, 1));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
}

/*
 * Crowds.
 */

static long lock_bomb(long fn, long n)
{
	long i, locked = 0;

	for (i = 0; i < n; i++) {
		long err = ((worker_fn)fn)(i, 1);

		if (err && err != -ENOLCK && err != -ENOMEM)
			return err;
		locked += !err;
	}
	return locked;
}

/* Of all that ask at once exactly as many get one as fit. */
TEST_F(ub, crowd_at_the_barrier)
{
	static const worker_fn fns[] = { flock_ex, ofd_all };
	struct box *a = &self->a;
	struct crowd crowd;
	unsigned int i, k;

	for (k = 0; k < 2; k++) {
		LIMIT(a, NUMFLOCK, 250);
		crowd_open(_metadata, &crowd, a, CROWD);
		for (i = 0; i < CROWD * 100; i++)
			ASSERT_EQ(i % 100, worker_do(&crowd.w[i / 100], open_file,
						     1000 + i, 0));
		crowd_begin(&crowd, lock_bomb, (long)fns[k], 100);
		EXPECT_EQ(250, crowd_end(_metadata, &crowd));
		EXPECT_EQ(250, HELD(a, NUMFLOCK));
		EXPECT_EQ(250, ub_row(a->id, STOCKVZ_RES_NUMFLOCK).maxheld);
		EXPECT_EQ(150 * (k + 1), FAILCNT(a, NUMFLOCK));
		crowd_close(&crowd);
		EXPECT_TRUE(EVENTUALLY(HELD(a, NUMFLOCK) == 0));
	}
}

TEST_HARNESS_MAIN
