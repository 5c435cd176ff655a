// SPDX-License-Identifier: GPL-2.0
/*
 * numflock counts file locks: flock(), POSIX and OFD locks, leases. Who asked for
 * one pays until it is gone. Over the barrier flock() and leases say ENOMEM,
 * fcntl() says ENOLCK if it needs a new lock.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "child.h"
#include "crowd.h"
#include "fds.h"

static const char *name_of(long file)
{
	static char name[64];

	snprintf(name, sizeof(name), "/vz/numflock.%ld", file);
	return name;
}

/* Where it is in fds. */
static long open_file(long file, long b)
{
	return keep_at(open(name_of(file), O_RDWR | O_CREAT, 0600));
}

/* For a lease nobody may have it open for writing. */
static long open_to_read(long file, long b)
{
	return keep_at(open(name_of(file), O_RDONLY | O_CREAT, 0600));
}

static long do_flock(long at, long op)
{
	return sys(flock(fds[at], op));
}

static long do_lease(long at, long type)
{
	return sys(fcntl(fds[at], F_SETLEASE, type));
}

static long get_lease(long at, long b)
{
	return sys(fcntl(fds[at], F_GETLEASE));
}

/* A range of a file and what to do with it, in one number. */
#define RANGE(...) RANGE_(__VA_ARGS__)
#define RANGE_(type, start, len) \
	((long)(type) | (long)(start) << 8 | (long)(len) << 32)
#define RD(...) RANGE(F_RDLCK, __VA_ARGS__)
#define WR(...) RANGE(F_WRLCK, __VA_ARGS__)
#define UN(...) RANGE(F_UNLCK, __VA_ARGS__)
#define ALL 0, 0

static long lock_range(int fd, int cmd, long range)
{
	struct flock l = {
		.l_type = range & 0xff,
		.l_whence = SEEK_SET,
		.l_start = range >> 8 & 0xffffff,
		.l_len = range >> 32,
	};

	return sys(fcntl(fd, cmd, &l));
}

static long posix(long at, long range)
{
	return lock_range(fds[at], F_SETLK, range);
}

static long posix_wait(long at, long range)
{
	return lock_range(fds[at], F_SETLKW, range);
}

static long ofd(long at, long range)
{
	return lock_range(fds[at], F_OFD_SETLK, range);
}

/* n locks that do not touch. */
static long posix_many(long at, long n)
{
	long err = 0;

	while (n-- && !err)
		err = posix(at, RD(10 * n, 1));
	return err;
}

/* What the kernel shows of a file's locks. */
static long locks_of(long file)
{
	char line[256], inode[32];
	struct stat st;
	long n = 0;
	FILE *f;

	if (stat(name_of(file), &st))
		return 0;
	snprintf(inode, sizeof(inode), ":%lu ", (unsigned long)st.st_ino);
	f = fopen("/proc/locks", "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		n += strstr(line, inode) && !strstr(line, "->");
	fclose(f);
	return n;
}

/* Is somebody waiting for a lock of that file? */
static bool is_waited_for(long file)
{
	char line[256], inode[32];
	bool waits = false;
	struct stat st;
	FILE *f;

	if (stat(name_of(file), &st))
		return false;
	snprintf(inode, sizeof(inode), ":%lu ", (unsigned long)st.st_ino);
	f = fopen("/proc/locks", "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f))
		waits |= strstr(line, inode) && strstr(line, "->");
	fclose(f);
	return waits;
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

static void wake(int sig)
{
}

static long catch_signals(long a, long b)
{
	struct sigaction sa = { .sa_handler = wake };

	return sys(sigaction(SIGUSR1, &sa, NULL));
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
 * fcntl().
 */

#define EXPECT_LOCKS(n) do {						\
	EXPECT_EQ(n, HELD(a, NUMFLOCK));				\
	EXPECT_EQ(n, locks_of(0));					\
} while (0)

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
	return sys(open(name_of(file), O_WRONLY | O_NONBLOCK));
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
TEST_F_TIMEOUT(ub, crowd_at_the_barrier, 120)
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
		long err = lock_range(fds[0], F_SETLK, range);

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

TEST_F_TIMEOUT(hammer, agrees_with_the_kernel, 120)
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

/*
 * A file whose locks a server keeps, which grants all that it is asked for.
 */

#define SERVER "stockvz_server"

static long open_remote(long a, long b)
{
	return keep_at(open("/dev/" SERVER, O_RDWR));
}

/* How often it was asked; closing a file asks it as well. */
static long asked(void)
{
	FILE *f = fopen("/sys/module/" SERVER "/parameters/asked", "re");
	long n = -1;

	if (!f || fscanf(f, "%ld", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

#define EXPECT_NOT_ASKED(nr, call) do {					\
	long before_ = asked();						\
									\
	EXPECT_REFUSED(&self->a, NUMFLOCK, ENOLCK, nr, call);		\
	EXPECT_EQ(before_, asked());					\
} while (0)

FIXTURE(remote) {
	struct laws laws;
	struct box a;
};

FIXTURE_SETUP(remote)
{
	ASSERT_EQ(0, system("modprobe " SERVER));
	ASSERT_LE(0, asked());
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
	ASSERT_EQ(0, IN(&self->a, open_remote));
	ASSERT_EQ(1, IN(&self->a, open_remote));
}

FIXTURE_TEARDOWN(remote)
{
	EXPECT_EQ(0, IN(&self->a, drop_all));
	EXPECT_TRUE(EVENTUALLY(HELD(&self->a, NUMFLOCK) == 0));
	box_close(_metadata, &self->a);
	laws_end(_metadata, &self->laws);
	EXPECT_EQ(0, system("rmmod " SERVER));
}

/* What it has granted nobody could take back. */
TEST_F(remote, refused_before_the_server_is_asked)
{
	struct box *a = &self->a;
	long before;

	LIMIT(a, NUMFLOCK, 1);
	before = asked();
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_SH));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(before + 1, asked());
	EXPECT_NOT_ASKED(SYS_flock, IN(a, do_flock, 1, LOCK_SH));
	EXPECT_NOT_ASKED(SYS_fcntl, IN(a, posix, 1, WR(0, 10)));
	EXPECT_NOT_ASKED(SYS_fcntl, IN(a, posix_wait, 1, WR(0, 10)));
	EXPECT_NOT_ASKED(SYS_fcntl, IN(a, ofd, 1, RD(ALL)));
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_UN));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, IN(a, posix, 1, WR(0, 10)));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	/* Even what would only merge. */
	EXPECT_NOT_ASKED(SYS_fcntl, IN(a, posix, 1, WR(5, 10)));
	EXPECT_NOT_ASKED(SYS_flock, IN(a, do_flock, 0, LOCK_EX));
	LIMIT(a, NUMFLOCK, 2);
	EXPECT_EQ(0, IN(a, posix, 1, WR(5, 10)));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
}

TEST_F(remote, what_splits_is_not_refused)
{
	struct box *a = &self->a;

	LIMIT(a, NUMFLOCK, 1);
	EXPECT_EQ(0, IN(a, posix, 0, WR(0, 100)));
	EXPECT_EQ(0, IN(a, posix, 0, UN(40, 20)));
	EXPECT_EQ(2, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, FAILCNT(a, NUMFLOCK));
	LIMIT(a, NUMFLOCK, 3);
	EXPECT_EQ(0, IN(a, posix, 0, RD(10, 10)));
	EXPECT_EQ(4, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, FAILCNT(a, NUMFLOCK));
	EXPECT_EQ(0, IN(a, posix, 0, UN(ALL)));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
}

TEST_F(remote, host_pays_nothing)
{
	long at = open_remote(0, 0);

	LIMIT(&self->a, NUMFLOCK, 0);
	ASSERT_LE(0, at);
	EXPECT_EQ(0, do_flock(at, LOCK_EX));
	EXPECT_EQ(0, posix(at, WR(ALL)));
	EXPECT_EQ(0, HELD(&self->a, NUMFLOCK));
	EXPECT_EQ(0, drop_all(0, 0));
}

TEST_HARNESS_MAIN
