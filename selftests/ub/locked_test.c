// SPDX-License-Identifier: GPL-2.0
/*
 * lockedpages counts the pages of locked mappings, there or not, as the kernel
 * does, and those of SHM_LOCKed segments. Over the barrier: ENOMEM.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "child.h"
#include "crowd.h"
#include "pages.h"

/* What a call adds. */
#define EXPECT_LOCKS(pages, box, call) do {				\
	long before_ = HELD(box, LOCKEDPAGES);				\
									\
	EXPECT_EQ(0, (call));						\
	EXPECT_EQ((pages), (long)HELD(box, LOCKEDPAGES) - before_);	\
	EXPECT_EQ(truly_locked(box), (long)HELD(box, LOCKEDPAGES));	\
} while (0)

static long lock(long i, long pages)
{
	return sys(mlock(spot[i].at, pages * PAGE));
}

static long unlock(long i, long pages)
{
	return sys(munlock(spot[i].at, pages * PAGE));
}

static long lock_all(long flags, long b)
{
	return sys(mlockall(flags));
}

static long unlock_all(long a, long b)
{
	return sys(munlockall());
}

TEST_F(ub, oracle_02_mlock)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, map_private, 0, 10));
	LIMIT(a, LOCKEDPAGES, 4);
	EXPECT_LOCKS(4, a, IN(a, lock, 0, 4));
	/* The first four are locked already: it is one page more. */
	EXPECT_REFUSED(a, LOCKEDPAGES, ENOMEM, SYS_mlock, IN(a, lock, 0, 5));
	EXPECT_LOCKS(0, a, IN(a, lock, 0, 4));
	EXPECT_LOCKS(-1, a, IN(a, unlock, 0, 1));
	EXPECT_LOCKS(1, a, IN(a, lock, 0, 1));
	EXPECT_EQ(1, FAILCNT(a, LOCKEDPAGES));
}

TEST_F(ub, oracle_03_barrier_below_limit)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, map_private, 0, 10));
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_LOCKEDPAGES, 2, 10));
	EXPECT_REFUSED_OF(3, a, LOCKEDPAGES, ENOMEM, SYS_mlock,
			  IN(a, lock, 0, 3));
	EXPECT_LOCKS(2, a, IN(a, lock, 0, 2));
}

/* A child starts with nothing locked, and leaves nothing. */
static long fork_locking(long pages, long b)
{
	pid_t pid = fork();

	if (!pid) {
		if (map_private(1, pages) || lock(1, pages))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	return sys(waitpid(pid, NULL, 0)) == pid ? 0 : -ECHILD;
}

TEST_F(ub, oracle_26_munlock_and_exit)
{
	struct box *a = &self->a;
	long pid;

	EXPECT_EQ(0, IN(a, map_private, 0, 20));
	EXPECT_LOCKS(20, a, IN(a, lock, 0, 20));
	EXPECT_LOCKS(0, a, IN(a, lock, 0, 20));
	EXPECT_LOCKS(-5, a, IN(a, unlock, 0, 5));
	EXPECT_LOCKS(0, a, IN(a, unlock, 0, 5));
	pid = IN(a, fork_pausing);
	ASSERT_LT(0, pid);
	EXPECT_EQ(15, HELD(a, LOCKEDPAGES));
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_LOCKS(0, a, IN(a, fork_locking, 30));
	EXPECT_EQ(45, ub_row(a->id, STOCKVZ_RES_LOCKEDPAGES).maxheld);
	EXPECT_LOCKS(-15, a, IN(a, unmap, 0));
}

/* Locked as it is mapped: both rows are asked, and both or none is charged. */
TEST_F(ub, oracle_25_map_locked)
{
	struct box *a = &self->a;
	unsigned long private = HELD(a, PRIVVMPAGES);

	LIMIT(a, LOCKEDPAGES, 9);
	EXPECT_REFUSED_OF(10, a, LOCKEDPAGES, ENOMEM, SYS_mmap,
			  IN(a, map_locked, 0, 10));
	EXPECT_EQ(private, HELD(a, PRIVVMPAGES));
	EXPECT_LOCKS(9, a, IN(a, map_locked, 0, 9));
	EXPECT_EQ(private + 9, HELD(a, PRIVVMPAGES));
	/* Over itself it is no more than it was. */
	EXPECT_LOCKS(0, a, IN(a, map_locked, 0, 9));
	EXPECT_LOCKS(-9, a, IN(a, unmap, 0));
	/* The other way round. */
	LIMIT(a, PRIVVMPAGES, private + 5);
	EXPECT_REFUSED_OF(6, a, PRIVVMPAGES, ENOMEM, SYS_mmap,
			  IN(a, map_locked, 0, 6));
	EXPECT_EQ(0, HELD(a, LOCKEDPAGES));
	EXPECT_LOCKS(5, a, IN(a, map_locked, 0, 5));
}

static long grow_brk(long pages, long b)
{
	long now = syscall(SYS_brk, 0);
	long want = now + pages * PAGE;

	return syscall(SYS_brk, want) == want ? 0 : -ENOMEM;
}

static long resize(long i, long pages)
{
	void *p = mremap(spot[i].at, spot[i].pages * PAGE, pages * PAGE,
			 MREMAP_MAYMOVE);

	if (p == MAP_FAILED)
		return -errno;
	spot[i].at = p;
	spot[i].pages = pages;
	return 0;
}

TEST_F(ub, growing_what_is_locked)
{
	struct box *a = &self->a;

	EXPECT_LOCKS(10, a, IN(a, map_locked, 0, 10));
	LIMIT(a, LOCKEDPAGES, 12);
	EXPECT_REFUSED_OF(3, a, LOCKEDPAGES, ENOMEM, SYS_mremap,
			  IN(a, resize, 0, 13));
	EXPECT_LOCKS(2, a, IN(a, resize, 0, 12));
	EXPECT_LOCKS(-4, a, IN(a, resize, 0, 8));
}

TEST_F(ub, mlockall_of_the_future)
{
	struct box *a = &self->a;
	unsigned long private;

	EXPECT_LOCKS(0, a, IN(a, lock_all, MCL_FUTURE));
	EXPECT_LOCKS(10, a, IN(a, map_private, 0, 10));
	LIMIT(a, LOCKEDPAGES, 12);
	private = HELD(a, PRIVVMPAGES);
	EXPECT_REFUSED_OF(3, a, LOCKEDPAGES, ENOMEM, SYS_mmap,
			  IN(a, map_private, 1, 3));
	EXPECT_REFUSED_OF(3, a, LOCKEDPAGES, ENOMEM, SYS_brk,
			  IN(a, grow_brk, 3));
	EXPECT_EQ(private, HELD(a, PRIVVMPAGES));
	EXPECT_LOCKS(2, a, IN(a, grow_brk, 2));
	EXPECT_LOCKS(-12, a, IN(a, unlock_all));
	EXPECT_LOCKS(0, a, IN(a, map_private, 1, 3));
}

/* What cannot be locked is left out without a word, but counted. */
TEST_F(ub, mlockall_of_the_present)
{
	struct box *a = &self->a;
	unsigned long failures;

	EXPECT_EQ(0, IN(a, map_private, 0, 1000));
	LIMIT(a, LOCKEDPAGES, 999);
	EXPECT_EQ(0, IN(a, lock_all, MCL_CURRENT));
	EXPECT_EQ(truly_locked(a), (long)HELD(a, LOCKEDPAGES));
	EXPECT_GE(999, HELD(a, LOCKEDPAGES));
	EXPECT_LT(0, HELD(a, LOCKEDPAGES));
	failures = FAILCNT(a, LOCKEDPAGES);
	EXPECT_LT(0, failures);
	EXPECT_EQ(0, IN(a, unlock_all));
	EXPECT_EQ(0, HELD(a, LOCKEDPAGES));
	EXPECT_EQ(failures, FAILCNT(a, LOCKEDPAGES));
	LIMIT(a, LOCKEDPAGES, UB_MAX);
	EXPECT_EQ(0, IN(a, lock_all, MCL_CURRENT));
	EXPECT_LE(1000, HELD(a, LOCKEDPAGES));
	EXPECT_EQ(truly_locked(a), (long)HELD(a, LOCKEDPAGES));
	EXPECT_EQ(0, IN(a, unlock_all));
	EXPECT_EQ(0, HELD(a, LOCKEDPAGES));
}

/* Up to the limit, and no further. */
static long grow_locked_stack(long pages, long b)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		map_spot(9, 2, RW, PRIVATE | MAP_GROWSDOWN | MAP_LOCKED, -1);
		*(volatile char *)(spot[9].at - pages * PAGE) = 1;
		kill(getpid(), SIGSTOP);
		_exit(0);
	}
	if (pid < 0)
		return -errno;
	waitpid(pid, &status, WUNTRACED);
	return WIFSTOPPED(status) ? pid : -WTERMSIG(status);
}

TEST_F(ub, locked_stack)
{
	struct box *a = &self->a;
	long pid;

	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_LOCKEDPAGES, 2, 6));
	pid = IN(a, grow_locked_stack, 4);
	ASSERT_LT(0, pid);
	EXPECT_EQ(6, HELD(a, LOCKEDPAGES));
	EXPECT_EQ(truly_locked(a), (long)HELD(a, LOCKEDPAGES));
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_EQ(0, HELD(a, LOCKEDPAGES));
	EXPECT_EQ(0, FAILCNT(a, LOCKEDPAGES));
	EXPECT_EQ(-SIGSEGV, IN(a, grow_locked_stack, 5));
	EXPECT_EQ(0, HELD(a, LOCKEDPAGES));
	EXPECT_EQ(1, FAILCNT(a, LOCKEDPAGES));
}

/* RLIMIT_MEMLOCK is another matter, and is asked first. */
static long drop_ipc_lock(long pages, long b)
{
	struct rlimit r = { pages * PAGE, pages * PAGE };

	return sys(setrlimit(RLIMIT_MEMLOCK, &r)) ?: sys(setuid(65534));
}

TEST_F(ub, memlock_is_another_matter)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, map_private, 0, 10));
	EXPECT_EQ(0, IN(a, drop_ipc_lock, 5));
	EXPECT_EQ(-ENOMEM, IN(a, lock, 0, 6));
	EXPECT_EQ(0, FAILCNT(a, LOCKEDPAGES));
	EXPECT_LOCKS(5, a, IN(a, lock, 0, 5));
}

/*
 * Segments: who made one pays for locking it, whoever does.
 */

static int segment;

static long make_segment(long pages, long b)
{
	segment = shmget(IPC_PRIVATE, pages * PAGE, 0666);
	return segment < 0 ? -errno : segment;
}

static long lock_segment(long id, long on)
{
	return sys(shmctl(id, on ? SHM_LOCK : SHM_UNLOCK, NULL));
}

static long remove_segment(long id, long b)
{
	return sys(shmctl(id, IPC_RMID, NULL));
}

TEST_F(two, shm_lock)
{
	struct box *a = &self->a, *b = &self->b;
	long id = IN(a, make_segment, 8), other;

	ASSERT_LE(0, id);
	EXPECT_EQ(0, IN(a, lock_segment, id, 1));
	EXPECT_EQ(8, HELD(a, LOCKEDPAGES));
	EXPECT_EQ(0, IN(a, lock_segment, id, 1));
	EXPECT_EQ(8, HELD(a, LOCKEDPAGES));
	EXPECT_EQ(0, IN(a, lock_segment, id, 0));
	EXPECT_EQ(0, HELD(a, LOCKEDPAGES));
	EXPECT_EQ(0, IN(b, lock_segment, id, 1));
	EXPECT_EQ(8, HELD(a, LOCKEDPAGES));
	EXPECT_EQ(0, HELD(b, LOCKEDPAGES));
	LIMIT(a, LOCKEDPAGES, 8);
	other = IN(a, make_segment, 1);
	ASSERT_LE(0, other);
	EXPECT_REFUSED(a, LOCKEDPAGES, ENOMEM, SYS_shmctl,
		       IN(a, lock_segment, other, 1));
	EXPECT_EQ(0, IN(a, remove_segment, id));
	EXPECT_TRUE(EVENTUALLY(HELD(a, LOCKEDPAGES) == 0));
	EXPECT_EQ(0, IN(a, lock_segment, other, 1));
	EXPECT_EQ(1, HELD(a, LOCKEDPAGES));
	EXPECT_EQ(0, IN(a, remove_segment, other));
	EXPECT_TRUE(EVENTUALLY(HELD(a, LOCKEDPAGES) == 0));
}

/* One that the host made is the host's. */
TEST_F(ub, shm_lock_of_the_hosts)
{
	struct box *a = &self->a;
	long id = make_segment(4, 0);

	ASSERT_LE(0, id);
	EXPECT_EQ(0, IN(a, lock_segment, id, 1));
	EXPECT_EQ(0, HELD(a, LOCKEDPAGES));
	EXPECT_EQ(0, remove_segment(id, 0));
}

/* The kernel refuses it for another reason: nothing stays charged. */
TEST_F(ub, shm_lock_over_memlock)
{
	struct box *a = &self->a;
	long id = IN(a, make_segment, 8);

	ASSERT_LE(0, id);
	EXPECT_EQ(0, IN(a, drop_ipc_lock, 5));
	EXPECT_GT(0, IN(a, lock_segment, id, 1));
	EXPECT_EQ(0, HELD(a, LOCKEDPAGES));
	EXPECT_EQ(0, FAILCNT(a, LOCKEDPAGES));
	EXPECT_EQ(0, remove_segment(id, 0));
}

/*
 * Crowds.
 */

static long churn(long n, long pages)
{
	long refused = 0;

	if (map_private(0, pages))
		return -errno;
	while (n--) {
		long err = lock(0, pages);

		if (err && err != -ENOMEM)
			return err;
		refused += !!err;
		unlock(0, pages);
	}
	return refused;
}

TEST_F(ub, crowd_at_the_barrier)
{
	struct box *a = &self->a;

	crowd_churns(_metadata, a, STOCKVZ_RES_LOCKEDPAGES, 5, churn, repeats(5000), 2);
	/* As many as there is room for: nobody is refused. */
	EXPECT_EQ(0, crowd_churns(_metadata, a, STOCKVZ_RES_LOCKEDPAGES, 2 * CROWD,
				  churn, repeats(5000), 2));
}

TEST_HARNESS_MAIN
