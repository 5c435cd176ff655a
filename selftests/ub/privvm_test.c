// SPDX-License-Identifier: GPL-2.0
/*
 * privvmpages counts private writable mappings and stacks, touched or not, of
 * every process: what the kernel itself says of them, at each moment that
 * somebody looks. Growing is refused with ENOMEM at the barrier; stacks,
 * mprotect and exec go up to the limit.
 */
#include <signal.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "child.h"
#include "crowd.h"
#include "pages.h"

/* The row says what the kernel does. */
#define EXPECT_TRUE_ROW(box)						\
	EXPECT_EQ(truly_private(box), (long)HELD(box, PRIVVMPAGES))

/* What a call adds. */
#define EXPECT_ADDS(pages, box, call) do {				\
	long before_ = HELD(box, PRIVVMPAGES);				\
									\
	EXPECT_EQ(0, (call));						\
	EXPECT_EQ((pages), (long)HELD(box, PRIVVMPAGES) - before_);	\
	EXPECT_TRUE_ROW(box);						\
} while (0)

/* What it held, and so much more, is all it may have. */
#define LIMIT_TO(box, more)						\
	LIMIT(box, PRIVVMPAGES, HELD(box, PRIVVMPAGES) + (more))

/* No barrier. */
#define ONLY_LIMIT_TO(box, more)					\
	ASSERT_EQ(0, ub_set((box)->id, STOCKVZ_RES_PRIVVMPAGES, UB_MAX,	\
			    HELD(box, PRIVVMPAGES) + (more)))

/* The limit only: the barrier is passed already. */
#define LIMIT_ABOVE_BARRIER(box, more)					\
	ASSERT_EQ(0, ub_set((box)->id, STOCKVZ_RES_PRIVVMPAGES, 0,	\
			    HELD(box, PRIVVMPAGES) + (more)))

TEST_F(ub, what_a_fork_brings)
{
	struct box *a = &self->a;

	EXPECT_LT(0, HELD(a, PRIVVMPAGES));
	EXPECT_TRUE_ROW(a);
}

TEST_F(ub, oracle_17_mmap_and_munmap)
{
	struct box *a = &self->a;

	EXPECT_ADDS(256, a, IN(a, map_private, 0, 256));
	EXPECT_ADDS(0, a, IN(a, touch, 0, 256));
	EXPECT_ADDS(-100, a, IN(a, unmap_part, 0, 100));
	EXPECT_ADDS(-156, a, IN(a, unmap, 0));
	EXPECT_EQ(0, FAILCNT(a, PRIVVMPAGES));
}

TEST_F(ub, mmap_over_the_barrier)
{
	struct box *a = &self->a;

	LIMIT_TO(a, 10);
	EXPECT_ADDS(10, a, IN(a, map_private, 0, 10));
	EXPECT_REFUSED(a, PRIVVMPAGES, ENOMEM, SYS_mmap,
		       IN(a, map_private, 1, 1));
	EXPECT_REFUSED(a, PRIVVMPAGES, ENOMEM, SYS_mmap,
		       IN(a, map_private, 1, 1));
	EXPECT_ADDS(-1, a, IN(a, unmap_part, 0, 1));
	EXPECT_ADDS(1, a, IN(a, map_private, 1, 1));
	EXPECT_REFUSED_OF(1000, a, PRIVVMPAGES, ENOMEM, SYS_mmap,
			  IN(a, map_private, 2, 1000));
}

static long protect(long i, long prot)
{
	return sys(mprotect(spot[i].at, spot[i].pages * PAGE, prot));
}

TEST_F(ub, oracle_18_mprotect)
{
	struct box *a = &self->a;

	EXPECT_ADDS(0, a, IN(a, map_none, 0, 20));
	EXPECT_ADDS(20, a, IN(a, protect, 0, RW));
	EXPECT_ADDS(0, a, IN(a, touch, 0, 20));
	EXPECT_ADDS(-20, a, IN(a, protect, 0, PROT_READ));
	EXPECT_ADDS(20, a, IN(a, protect, 0, RW));
	EXPECT_ADDS(-20, a, IN(a, protect, 0, PROT_NONE));
	/* At the barrier it still works: it is let go up to the limit. */
	LIMIT_ABOVE_BARRIER(a, 20);
	EXPECT_ADDS(20, a, IN(a, protect, 0, RW));
	/* What counts already does not count again. */
	EXPECT_ADDS(0, a, IN(a, protect, 0, RW | PROT_EXEC));
	EXPECT_ADDS(0, a, IN(a, protect, 0, RW));
	EXPECT_EQ(0, FAILCNT(a, PRIVVMPAGES));
}

TEST_F(ub, mprotect_over_the_limit)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, map_none, 0, 1));
	EXPECT_EQ(0, IN(a, map_none, 1, 5));
	ONLY_LIMIT_TO(a, 0);
	EXPECT_REFUSED(a, PRIVVMPAGES, ENOMEM, SYS_mprotect,
		       IN(a, protect, 0, RW));
	EXPECT_TRUE_ROW(a);
	ONLY_LIMIT_TO(a, 5);
	EXPECT_ADDS(5, a, IN(a, protect, 1, RW));
	EXPECT_REFUSED(a, PRIVVMPAGES, ENOMEM, SYS_mprotect,
		       IN(a, protect, 0, RW));
	EXPECT_ADDS(-5, a, IN(a, protect, 1, PROT_READ));
	EXPECT_ADDS(1, a, IN(a, protect, 0, RW));
}

TEST_F(ub, oracle_04_barrier_and_limit)
{
	struct box *a = &self->a;
	unsigned long held = HELD(a, PRIVVMPAGES);
	struct ub_row row;

	EXPECT_EQ(0, IN(a, map_none, 0, 20));
	EXPECT_EQ(0, IN(a, map_none, 1, 91));
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_PRIVVMPAGES, held + 10,
			    held + 110));
	EXPECT_EQ(-ENOMEM, IN(a, map_private, 2, 20));
	EXPECT_EQ(1, FAILCNT(a, PRIVVMPAGES));
	EXPECT_ADDS(20, a, IN(a, protect, 0, RW));
	EXPECT_EQ(held + 20, HELD(a, PRIVVMPAGES));
	EXPECT_EQ(-ENOMEM, IN(a, protect, 1, RW));
	row = ub_row(a->id, STOCKVZ_RES_PRIVVMPAGES);
	EXPECT_EQ(2, row.failcnt);
	EXPECT_EQ(held + 20, row.held);
	EXPECT_EQ(held + 20, row.maxheld);
	EXPECT_TRUE(log_has(self->laws.kmsg,
			    "Fatal resource shortage: privvmpages, UB 101."));
}

static long map_file(long prot, long flags)
{
	int fd = open("/vz/privvm", O_RDWR | O_CREAT, 0600);
	long err;

	if (fd < 0 || ftruncate(fd, 8 * PAGE))
		return -errno;
	err = map_spot(0, 8, prot, flags, fd);
	close(fd);
	return err;
}

TEST_F(ub, oracle_19_shared_file)
{
	struct box *a = &self->a;

	EXPECT_ADDS(0, a, IN(a, map_file, RW, MAP_SHARED));
	EXPECT_ADDS(0, a, IN(a, touch, 0, 8));
	EXPECT_ADDS(0, a, IN(a, unmap, 0));
}

TEST_F(ub, oracle_20_private_file)
{
	struct box *a = &self->a;

	EXPECT_ADDS(0, a, IN(a, map_file, PROT_READ, MAP_PRIVATE));
	EXPECT_ADDS(0, a, IN(a, map_file, PROT_READ | PROT_EXEC, MAP_PRIVATE));
	EXPECT_ADDS(8, a, IN(a, map_file, RW, MAP_PRIVATE));
	EXPECT_ADDS(-8, a, IN(a, unmap, 0));
}

/*
 * What is mapped over something else adds only what was not counted there.
 */

static long map_over(long prot, long pages)
{
	void *p = mmap(place(0), pages * PAGE, prot, PRIVATE | MAP_FIXED, -1, 0);

	return p == MAP_FAILED ? -errno : 0;
}

TEST_F(ub, mapped_over_something)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, map_none, 0, 40));
	LIMIT_TO(a, 20);
	EXPECT_EQ(-ENOMEM, IN(a, map_over, RW, 30));
	EXPECT_EQ(1, FAILCNT(a, PRIVVMPAGES));
	EXPECT_ADDS(20, a, IN(a, map_over, RW, 20));
	EXPECT_ADDS(0, a, IN(a, map_over, RW, 20));
	EXPECT_ADDS(0, a, IN(a, map_over, RW, 10));
	EXPECT_EQ(1, FAILCNT(a, PRIVVMPAGES));
	EXPECT_EQ(-ENOMEM, IN(a, map_over, RW, 21));
	EXPECT_EQ(2, FAILCNT(a, PRIVVMPAGES));
	EXPECT_ADDS(-10, a, IN(a, map_over, PROT_NONE, 10));
	EXPECT_ADDS(-10, a, IN(a, map_over, PROT_READ, 20));
}

/*
 * brk.
 */

static long grow_brk(long pages, long b)
{
	long now = syscall(SYS_brk, 0);
	long want = now + pages * PAGE;

	return syscall(SYS_brk, want) == want ? 0 : -ENOMEM;
}

TEST_F(ub, oracle_22_brk)
{
	struct box *a = &self->a;

	EXPECT_ADDS(1, a, IN(a, grow_brk, 1));
	EXPECT_ADDS(20, a, IN(a, grow_brk, 20));
	EXPECT_ADDS(-15, a, IN(a, grow_brk, -15));
	LIMIT_TO(a, 3);
	EXPECT_REFUSED_OF(4, a, PRIVVMPAGES, ENOMEM, SYS_brk,
			  IN(a, grow_brk, 4));
	EXPECT_ADDS(3, a, IN(a, grow_brk, 3));
	EXPECT_REFUSED(a, PRIVVMPAGES, ENOMEM, SYS_brk, IN(a, grow_brk, 1));
	EXPECT_REFUSED(a, PRIVVMPAGES, ENOMEM, SYS_mmap,
		       IN(a, map_private, 0, 1));
	EXPECT_ADDS(-1, a, IN(a, grow_brk, -1));
	EXPECT_ADDS(1, a, IN(a, grow_brk, 1));
}

/*
 * mremap.
 */

static long resize(long i, long pages)
{
	void *p = mremap(spot[i].at, spot[i].pages * PAGE, pages * PAGE, 0);

	if (p == MAP_FAILED)
		return -errno;
	spot[i].pages = pages;
	return 0;
}

/* There and back. */
static long move(long i, long pages)
{
	char *to = spot[i].at == place(i) ? place(20 + i) : place(i);
	void *p = mremap(spot[i].at, spot[i].pages * PAGE, pages * PAGE,
			 MREMAP_MAYMOVE | MREMAP_FIXED, to);

	if (p == MAP_FAILED)
		return -errno;
	spot[i].at = p;
	spot[i].pages = pages;
	return 0;
}

static long move_and_leave(long i, long b)
{
	void *p = mremap(spot[i].at, spot[i].pages * PAGE, spot[i].pages * PAGE,
			 MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
			 place(40 + i));

	return p == MAP_FAILED ? -errno : 0;
}

/* One that moves needs room only for what it grows by: see the documentation. */
TEST_F(ub, oracle_23_mremap)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, map_private, 0, 10));
	EXPECT_ADDS(5, a, IN(a, resize, 0, 15));
	EXPECT_ADDS(-5, a, IN(a, resize, 0, 10));
	EXPECT_ADDS(0, a, IN(a, move, 0, 10));
	LIMIT_TO(a, 4);
	EXPECT_EQ(0, IN(a, map_none, 1, 4));
	EXPECT_REFUSED_OF(5, a, PRIVVMPAGES, ENOMEM, SYS_mremap,
			  IN(a, resize, 0, 15));
	EXPECT_REFUSED_OF(5, a, PRIVVMPAGES, ENOMEM, SYS_mremap,
			  IN(a, move, 0, 15));
	EXPECT_ADDS(4, a, IN(a, resize, 0, 14));
	EXPECT_ADDS(-4, a, IN(a, resize, 0, 10));
	EXPECT_EQ(0, IN(a, map_private, 2, 2));
	EXPECT_ADDS(2, a, IN(a, move, 2, 4));
	EXPECT_REFUSED_OF(4, a, PRIVVMPAGES, ENOMEM, SYS_mremap,
			  IN(a, move_and_leave, 2));
	LIMIT_TO(a, 4);
	EXPECT_EQ(0, IN(a, unmap, 1));
	EXPECT_EQ(0, IN(a, map_private, 3, 4));
	EXPECT_EQ(0, IN(a, unmap, 0));
	EXPECT_ADDS(4, a, IN(a, move_and_leave, 3));
}

/*
 * Stacks.
 */

/* Grow a stack of its own, which was mapped to do so, by touching below it. */
static long grow_stack(long pages, long b)
{
	pid_t pid;
	int status;

	pid = fork();
	if (!pid) {
		*(volatile char *)(spot[9].at - pages * PAGE) = 1;
		kill(getpid(), SIGSTOP);
		_exit(0);
	}
	if (pid < 0)
		return -errno;
	waitpid(pid, &status, WUNTRACED);
	return WIFSTOPPED(status) ? pid : -WTERMSIG(status);
}

static long map_stack(long a, long b)
{
	return map_spot(9, 2, RW, PRIVATE | MAP_GROWSDOWN, -1);
}

TEST_F(ub, oracle_24_stack)
{
	struct box *a = &self->a;
	unsigned long own;
	long pid;

	EXPECT_ADDS(2, a, IN(a, map_stack));
	own = HELD(a, PRIVVMPAGES);
	/* At the barrier only: it grows. */
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_PRIVVMPAGES, 2 * own,
			    2 * own + 10));
	pid = IN(a, grow_stack, 10);
	ASSERT_LT(0, pid);
	EXPECT_EQ(2 * own + 10, HELD(a, PRIVVMPAGES));
	EXPECT_TRUE_ROW(a);
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_EQ(own, HELD(a, PRIVVMPAGES));
	EXPECT_EQ(0, FAILCNT(a, PRIVVMPAGES));
	/* At the limit it is killed. */

	EXPECT_EQ(-SIGSEGV, IN(a, grow_stack, 11));
	EXPECT_EQ(1, FAILCNT(a, PRIVVMPAGES));
	EXPECT_EQ(own, HELD(a, PRIVVMPAGES));
	EXPECT_EQ(2 * own + 10, ub_row(a->id, STOCKVZ_RES_PRIVVMPAGES).maxheld);
}

/*
 * fork, exec, exit.
 */

static long forbid_copy(long i, long b)
{
	return sys(madvise(spot[i].at, spot[i].pages * PAGE, MADV_DONTFORK));
}

TEST_F(ub, oracle_16_fork_doubles)
{
	struct box *a = &self->a;
	unsigned long own;
	long pid;

	EXPECT_EQ(0, IN(a, map_private, 0, 100));
	EXPECT_EQ(0, IN(a, map_private, 1, 1000));
	EXPECT_EQ(0, IN(a, touch, 0, 100));
	EXPECT_EQ(0, IN(a, forbid_copy, 1));
	own = HELD(a, PRIVVMPAGES);
	pid = IN(a, fork_pausing);
	ASSERT_LT(0, pid);
	EXPECT_EQ(2 * own - 1000, HELD(a, PRIVVMPAGES));
	EXPECT_TRUE_ROW(a);
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_EQ(own, HELD(a, PRIVVMPAGES));
}

TEST_F(ub, fork_over_the_barrier)
{
	struct box *a = &self->a;
	unsigned long own = HELD(a, PRIVVMPAGES);
	long pid;

	LIMIT_TO(a, own - 1);
	EXPECT_REFUSED_OF(own, a, PRIVVMPAGES, ENOMEM, SYS_clone,
			  IN(a, fork_pausing));
	EXPECT_EQ(1, HELD(a, NUMPROC));
	EXPECT_TRUE_ROW(a);
	LIMIT_TO(a, own);
	pid = IN(a, fork_pausing);
	ASSERT_LT(0, pid);
	EXPECT_REFUSED(a, PRIVVMPAGES, ENOMEM, SYS_mmap,
		       IN(a, map_private, 0, 1));
	EXPECT_EQ(0, IN(a, reap, pid));
	/* The other way round: nothing of it is left when numproc refuses. */
	LIMIT(a, NUMPROC, 1);
	EXPECT_EQ(-ENOMEM, IN(a, fork_pausing));
	EXPECT_EQ(own, HELD(a, PRIVVMPAGES));
	EXPECT_EQ(2, FAILCNT(a, PRIVVMPAGES));
}

TEST_F(ub, fork_that_fails_behind_us)
{
	struct box *a = &self->a;
	unsigned long own = HELD(a, PRIVVMPAGES);

	if (cg_write("", "cgroup.subtree_control", "+pids") ||
	    cg_write(a->cgroup, "pids.max", "1"))
		SKIP(return, "no pids controller");
	EXPECT_EQ(-EAGAIN, IN(a, fork_pausing));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPROC) == 1));
	EXPECT_EQ(own, HELD(a, PRIVVMPAGES));
	EXPECT_EQ(0, cg_write(a->cgroup, "pids.max", "max"));
}

static long exec_sleep(long a, long b)
{
	pid_t self = getpid(), pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == self)
			execl("/bin/sleep", "sleep", "1000", NULL);
		_exit(errno);
	}
	return sys(pid);
}

TEST_F(ub, exec)
{
	struct box *a = &self->a;
	unsigned long own = HELD(a, PRIVVMPAGES);
	long pid = IN(a, exec_sleep);

	ASSERT_LT(0, pid);
	EXPECT_TRUE(EVENTUALLY(is_asleep(pid)));
	EXPECT_TRUE_ROW(a);
	EXPECT_EQ(status_pages(pid, "VmData") + status_pages(pid, "VmStk"),
		  (long)(HELD(a, PRIVVMPAGES) - own));
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_EQ(own, HELD(a, PRIVVMPAGES));
}

/* From a task whose memory is its parent's, so that exec alone charges. */
static long vfork_exec(long kilobytes, long b)
{
	static char big[512 << 10];
	char *argv[] = { "true", big, NULL };
	int status;
	pid_t pid;

	memset(big, 'x', kilobytes << 10);
	big[kilobytes << 10] = 0;
	pid = vfork();
	if (!pid) {
		close(STDERR_FILENO);
		execv("/bin/true", argv);
		_exit(errno);
	}
	if (pid < 0)
		return -errno;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -1000 - WTERMSIG(status);
}

TEST_F(ub, exec_over_the_limit)
{
	struct box *a = &self->a;
	unsigned long own = HELD(a, PRIVVMPAGES);

	EXPECT_EQ(0, IN(a, vfork_exec, 100));
	/* The arguments alone are too many: exec itself fails. */
	LIMIT_TO(a, 20);
	EXPECT_EQ(-ENOMEM, IN(a, vfork_exec, 100));
	EXPECT_EQ(own, HELD(a, PRIVVMPAGES));
	EXPECT_EQ(1, FAILCNT(a, PRIVVMPAGES));
	/* Up to the limit: it starts, and it is its loader that gets no more. */
	LIMIT_ABOVE_BARRIER(a, 10000);
	EXPECT_EQ(-127, IN(a, vfork_exec, 100));
	EXPECT_EQ(own, HELD(a, PRIVVMPAGES));
	/* They fit, but the program does not: it is too late to tell. */
	LIMIT_TO(a, 30);
	EXPECT_GT(-1000, IN(a, vfork_exec, 100));
	EXPECT_EQ(own, HELD(a, PRIVVMPAGES));
	EXPECT_LT(1, FAILCNT(a, PRIVVMPAGES));
	EXPECT_LE(ub_row(a->id, STOCKVZ_RES_PRIVVMPAGES).held, own + 30);
}

/* Killed with a lot, and on purpose in the middle of growing. */
static long fork_killed(long pages, long b)
{
	pid_t pid = fork();

	if (!pid) {
		map_private(0, pages);
		kill(getpid(), SIGKILL);
	}
	return sys(waitpid(pid, NULL, 0)) == pid ? 0 : -ECHILD;
}

TEST_F(ub, exit_gives_all_back)
{
	struct box *a = &self->a;
	unsigned long own = HELD(a, PRIVVMPAGES);

	EXPECT_EQ(0, IN(a, fork_killed, 5000));
	EXPECT_EQ(own, HELD(a, PRIVVMPAGES));
	EXPECT_EQ(2 * own + 5000,
		  ub_row(a->id, STOCKVZ_RES_PRIVVMPAGES).maxheld);
}

/*
 * Who pays.
 */

/* A thread in another beancounter shares its memory: that has its payer. */
TEST_F(two, moved_to_another)
{
	struct box *a = &self->a, *b = &self->b;
	unsigned long of_b = HELD(b, PRIVVMPAGES);
	long pid;

	ASSERT_EQ(0, cg_enter(b->cgroup, a->worker.pid));
	EXPECT_EQ(0, IN(a, map_private, 0, 10));
	EXPECT_EQ(of_b, HELD(b, PRIVVMPAGES));
	EXPECT_EQ(status_pages(a->worker.pid, "VmData") +
		  status_pages(a->worker.pid, "VmStk"),
		  (long)HELD(a, PRIVVMPAGES));
	/* Its children are the other's. */
	pid = IN(a, fork_pausing);
	ASSERT_LT(0, pid);
	EXPECT_EQ(of_b + HELD(a, PRIVVMPAGES), HELD(b, PRIVVMPAGES));
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_EQ(of_b, HELD(b, PRIVVMPAGES));
}

/* What a process had before it came is the host's, and stays so. */
TEST_F(ub, process_of_the_host)
{
	struct box *a = &self->a;
	unsigned long own = HELD(a, PRIVVMPAGES);
	struct worker w;
	long pid;

	ASSERT_EQ(0, worker_start(&w, ""));
	ASSERT_EQ(0, cg_enter(a->cgroup, w.pid));
	EXPECT_EQ(0, worker_do(&w, map_private, 0, 100));
	EXPECT_EQ(own, HELD(a, PRIVVMPAGES));
	pid = worker_do(&w, fork_pausing, 0, 0);
	ASSERT_LT(0, pid);
	EXPECT_EQ(own + status_pages(pid, "VmData") +
		  status_pages(pid, "VmStk"), HELD(a, PRIVVMPAGES));
	EXPECT_EQ(0, worker_do(&w, reap, pid, 0));
	EXPECT_EQ(own, HELD(a, PRIVVMPAGES));
	worker_stop(&w);
	EXPECT_EQ(own, HELD(a, PRIVVMPAGES));
}

static void *pausing(void *unused)
{
	for (;;)
		pause();
	return NULL;
}

static long make_thread(long stack, long b)
{
	static pthread_t thread;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, stack);
	return -pthread_create(&thread, &attr, pausing, NULL);
}

/* Threads share: only what is mapped for them counts. */
TEST_F(ub, thread)
{
	struct box *a = &self->a;
	unsigned long own = HELD(a, PRIVVMPAGES);

	EXPECT_EQ(0, IN(a, make_thread, 1 << 20));
	EXPECT_EQ(2, HELD(a, NUMPROC));
	EXPECT_LE(own + (1 << 20) / PAGE, HELD(a, PRIVVMPAGES));
	EXPECT_TRUE_ROW(a);
}

/* A call that fails for another reason gives back what it had asked for. */
static long limit_data(long bytes, long b)
{
	struct rlimit r = { bytes, bytes };

	return sys(setrlimit(RLIMIT_DATA, &r));
}

TEST_F(ub, refused_for_other_reasons)
{
	struct box *a = &self->a;
	unsigned long own;

	EXPECT_EQ(0, IN(a, map_none, 1, 10));
	own = HELD(a, PRIVVMPAGES);
	EXPECT_EQ(0, IN(a, limit_data, 0));
	EXPECT_EQ(0, IN(a, limit_data, 0));
	EXPECT_EQ(-ENOMEM, IN(a, map_private, 0, 10));
	EXPECT_EQ(own, HELD(a, PRIVVMPAGES));
	EXPECT_EQ(-ENOMEM, IN(a, grow_brk, 10));
	EXPECT_EQ(own, HELD(a, PRIVVMPAGES));
	EXPECT_EQ(-ENOMEM, IN(a, protect, 1, RW));
	EXPECT_EQ(own, HELD(a, PRIVVMPAGES));
	EXPECT_EQ(0, FAILCNT(a, PRIVVMPAGES));
	EXPECT_TRUE_ROW(a);
}

/*
 * Crowds.
 */

/* All at once want the last pages; each page goes to exactly one. */
static long map_one_by_one(long n, long b)
{
	long i, got = 0;

	for (i = 0; i < n; i++) {
		/* Apart, so that each is a mapping of its own. */
		void *p = mmap(place(0) + i * 2 * PAGE, PAGE, RW,
			       PRIVATE | MAP_FIXED, -1, 0);

		if (p == MAP_FAILED && errno != ENOMEM)
			return -errno;
		got += p != MAP_FAILED;
	}
	return got;
}

TEST_F(ub, last_pages_go_to_somebody)
{
	struct box *a = &self->a;
	struct crowd crowd;
	struct ub_row row;

	crowd_open(_metadata, &crowd, a, CROWD_MAX);
	LIMIT_TO(a, 1000);
	crowd_begin(&crowd, map_one_by_one, 200, 0);
	EXPECT_EQ(1000, crowd_end(_metadata, &crowd));
	row = ub_row(a->id, STOCKVZ_RES_PRIVVMPAGES);
	EXPECT_EQ(row.barrier, row.held);
	EXPECT_EQ(row.barrier, row.maxheld);
	EXPECT_EQ(CROWD_MAX * 200 - 1000, (long)row.failcnt);
	EXPECT_TRUE_ROW(a);
	crowd_close(&crowd);
}

/* Whatever a process can do to its memory, at random. */
static unsigned int seed;

static long roll(long n)
{
	return rand_r(&seed) % n;
}

static void random_fork(void)
{
	pid_t pid = fork();

	if (!pid) {
		map_private(roll(4), roll(50) + 1);
		unmap(roll(4), 0);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void random_step(void)
{
	long i = roll(4);

	if (!spot[i].pages) {
		map_private(i, roll(50) + 1);
		return;
	}
	switch (roll(9)) {
	case 0:
		map_private(i, roll(50) + 1);
		break;
	case 1:
		unmap_part(i, roll(spot[i].pages) + 1);
		break;
	case 2:
		protect(i, PROT_READ);
		break;
	case 3:
		protect(i, RW);
		break;
	case 4:
		map_none(i, roll(80) + 1);
		break;
	case 5:
		resize(i, roll(60) + 1);
		break;
	case 6:
		grow_brk(roll(20) - 9, 0);
		break;
	case 7:
		unmap(i, 0);
		break;
	case 8:
		random_fork();
		break;
	}
}

static void *random_thread(void *steps)
{
	long n = (long)steps;

	while (n--) {
		long i = 10 + roll(4);

		map_private(i, roll(30) + 1);
		unmap(i, 0);
	}
	return NULL;
}

static long random_walk(long steps, long start)
{
	pthread_t thread;
	bool two = start & 1;

	seed = start;
	if (two && pthread_create(&thread, NULL, random_thread, (void *)steps))
		two = false;
	while (steps--)
		random_step();
	if (two)
		pthread_join(thread, NULL);
	return 0;
}

TEST_F(ub, random_walks)
{
	struct box *a = &self->a;
	struct crowd crowd;
	struct ub_row row;
	unsigned long top;
	int i, round;

	crowd_open(_metadata, &crowd, a, CROWD_MAX);
	top = HELD(a, PRIVVMPAGES) * 5 / 4;
	LIMIT(a, PRIVVMPAGES, top);
	for (round = 0; round < 10; round++) {
		for (i = 0; i < crowd.n; i++)
			worker_begin(&crowd.w[i], random_walk, 300,
				     round * crowd.n + i + 1);
		EXPECT_EQ(0, crowd_end(_metadata, &crowd));
		EXPECT_TRUE(EVENTUALLY(truly_private(a) ==
				       (long)HELD(a, PRIVVMPAGES)))
			TH_LOG("round %d: row %lu, truth %ld", round,
			       HELD(a, PRIVVMPAGES), truly_private(a));
	}
	row = ub_row(a->id, STOCKVZ_RES_PRIVVMPAGES);
	EXPECT_GE(top, row.maxheld);
	EXPECT_LT(0, row.failcnt);
	TH_LOG("%lu refused, %lu of %lu at most", row.failcnt, row.maxheld, top);
	crowd_close(&crowd);
	/* A single walker that fits is never refused. */
	LIMIT_TO(a, 100000);
	EXPECT_EQ(0, IN(a, random_walk, 300, 1));
	EXPECT_EQ(row.failcnt, FAILCNT(a, PRIVVMPAGES));
}

/* The row may be read at any time, and never says more than there was. */
TEST_F(ub, read_while_it_changes)
{
	struct box *a = &self->a;
	unsigned long own = HELD(a, PRIVVMPAGES);
	int i;

	LIMIT(a, PRIVVMPAGES, 10 * own + 2000);
	worker_begin(&a->worker, random_walk, 2000, 2);
	for (i = 0; i < 300; i++)
		EXPECT_GE(10 * own + 2000, HELD(a, PRIVVMPAGES));
	EXPECT_EQ(0, worker_end(&a->worker));
	EXPECT_TRUE_ROW(a);
}

TEST_HARNESS_MAIN
