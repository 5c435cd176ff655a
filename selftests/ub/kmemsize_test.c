// SPDX-License-Identifier: GPL-2.0
/*
 * kmemsize is what the kernel counts as its own memory for the cgroup, to the page,
 * whatever happens: that is asked after every test here. Over the barrier the call
 * says ENOMEM; page tables may go on to the limit, page faults further.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define PAGE 4096L
#define MAXHELD(box) (ub_row((box)->id, STOCKVZ_RES_KMEMSIZE).maxheld)
#define MIB (1024 * 1024L)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* What the kernel says; its sums are up to date for whoever asks for CPU time. */
static long truth(const char *cgroup)
{
	cg_read(cgroup, "cpu.stat", "usage_usec");
	return cg_read(cgroup, "memory.stat", "kernel");
}

static bool agrees(struct box *box)
{
	return (long)HELD(box, KMEMSIZE) == truth(box->cgroup);
}

#define EXPECT_AGREES(box)						\
	EXPECT_TRUE(EVENTUALLY(agrees(box)))				\
		TH_LOG("held %lu, the kernel says %ld",			\
		       HELD(box, KMEMSIZE), truth((box)->cgroup))

FIXTURE(kmem) {
	struct laws laws;
	struct box a;
};

FIXTURE_SETUP(kmem)
{
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
	if (truth(self->a.cgroup) < 0)
		SKIP(return, "no memory controller");
}

FIXTURE_TEARDOWN(kmem)
{
	LIMIT(&self->a, KMEMSIZE, UB_MAX);
	LIMIT(&self->a, PHYSPAGES, UB_MAX);
	EXPECT_AGREES(&self->a);
	box_close(_metadata, &self->a);
	laws_end(_metadata, &self->laws);
}

#define MANY 20000
static int fds[MANY];
static int nr_fds;

static long allow_many(long a, long b)
{
	struct rlimit r = { MANY + 100, MANY + 100 };

	return sys(setrlimit(RLIMIT_NOFILE, &r));
}

/* How many could be opened, of so many. The first error goes to the test. */
static long open_files(long n, long b)
{
	long *err = worker_shared;
	long done = 0;

	*err = 0;
	while (done < n) {
		int fd = open("/dev/null", O_RDONLY);

		if (fd < 0) {
			*err = errno;
			break;
		}
		fds[nr_fds++] = fd;
		done++;
	}
	return done;
}

static long close_files(long a, long b)
{
	while (nr_fds)
		close(fds[--nr_fds]);
	return 0;
}

static long a_bit_of_everything(long n, long b)
{
	int pair[2], i, status;
	void *p;

	while (n--) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (!pid) {
			execl("/bin/true", "true", NULL);
			_exit(1);
		}
		waitpid(pid, &status, 0);
		for (i = 0; i < 20; i++) {
			if (pipe(pair))
				return -errno;
			if (write(pair[1], &status, 1) < 0)
				return -errno;
			close(pair[0]);
			close(pair[1]);
			close(socket(AF_INET, SOCK_STREAM, 0));
			if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
				return -errno;
			close(pair[0]);
			close(pair[1]);
		}
		p = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		for (i = 0; i < 64; i += 2)
			((char *)p)[i * MIB] = 1;
		munmap(p, 64 * MIB);
	}
	return 0;
}

/* Almost all of it is something that has a name. */
static bool is_named(const struct box *a)
{
	long known = cg_read(a->cgroup, "memory.stat", "slab") +
		     cg_read(a->cgroup, "memory.stat", "kernel_stack") +
		     cg_read(a->cgroup, "memory.stat", "pagetables") +
		     cg_read(a->cgroup, "memory.stat", "percpu");
	long held = HELD(a, KMEMSIZE);

	return held >= known - 8 * PAGE && held <= known + 64 * PAGE;
}

TEST_F(kmem, is_what_the_kernel_counts)
{
	struct box *a = &self->a;

	/* What fork() itself took is the forking task's: so far it may have nothing. */
	EXPECT_EQ(0, IN(a, allow_many));
	EXPECT_AGREES(a);
	EXPECT_EQ(5000, IN(a, open_files, 5000));
	EXPECT_LT(5000 * 128, HELD(a, KMEMSIZE));
	EXPECT_AGREES(a);
	EXPECT_EQ(0, IN(a, close_files));
	EXPECT_AGREES(a);
	EXPECT_EQ(0, IN(a, a_bit_of_everything, 20));
	EXPECT_AGREES(a);
	EXPECT_TRUE(EVENTUALLY(is_named(a)));
	EXPECT_EQ(0, FAILCNT(a, KMEMSIZE));
}

TEST_F(kmem, refused)
{
	struct box *a = &self->a;
	unsigned long limit, failures;
	struct ub_event e;
	long done;

	EXPECT_EQ(0, IN(a, allow_many));
	EXPECT_EQ(100, IN(a, open_files, 100));
	EXPECT_EQ(0, IN(a, close_files));
	EXPECT_AGREES(a);
	limit = HELD(a, KMEMSIZE) + 100 * PAGE;
	LIMIT(a, KMEMSIZE, limit);
	failures = FAILCNT(a, KMEMSIZE);
	ub_events_drain();
	done = IN(a, open_files, MANY);
	EXPECT_LT(500, done);
	EXPECT_GT(5000, done);
	EXPECT_EQ(ENOMEM, *(long *)a->worker.shared);
	EXPECT_EQ(failures + 1, FAILCNT(a, KMEMSIZE));
	/* CPUs may have given back what they kept ready, and RCU tables of descriptors. */
	EXPECT_GE(limit, HELD(a, KMEMSIZE));
	EXPECT_LT(limit - 20 * PAGE, HELD(a, KMEMSIZE));
	EXPECT_GE(limit, MAXHELD(a));
	ASSERT_EQ(0, ub_event_next(&e, PATIENCE_MS));
	EXPECT_EQ(a->id, e.id);
	EXPECT_EQ(STOCKVZ_RES_KMEMSIZE, (int)e.resource);
	EXPECT_EQ(PAGE, (long)e.amount);
	/* By less than a page it did not fit. */
	EXPECT_LT(limit, e.held + e.amount);
	EXPECT_EQ(SYS_openat, e.syscall);
	EXPECT_EQ((unsigned int)a->worker.pid, e.pid);
	EXPECT_AGREES(a);
	/* What is given back is there to be had. */
	EXPECT_EQ(0, IN(a, close_files));
	EXPECT_TRUE(EVENTUALLY(HELD(a, KMEMSIZE) < limit - 50 * PAGE));
	EXPECT_EQ(300, IN(a, open_files, 300));
	EXPECT_EQ(failures + 1, FAILCNT(a, KMEMSIZE));
	/* One page more, and the page that did not fit does. */
	EXPECT_LT(0, IN(a, open_files, MANY));
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_KMEMSIZE, limit + PAGE, UB_MAX));
	EXPECT_LT(0, IN(a, open_files, MANY));
	EXPECT_LT(limit, MAXHELD(a));
	EXPECT_GE(limit + PAGE, MAXHELD(a));
	EXPECT_EQ(0, IN(a, close_files));
}

static long try_fork(long a, long b)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (pid < 0)
		return -errno;
	waitpid(pid, NULL, 0);
	return 0;
}

static long try_pipe(long a, long b)
{
	long err = 0;
	int fd[2];

	/* Until what lies ready is used up. */
	while (!err && nr_fds < 1000) {
		err = sys(pipe(fd));
		if (!err) {
			fds[nr_fds++] = fd[0];
			fds[nr_fds++] = fd[1];
		}
	}
	return err;
}

static long try_socket(long a, long b)
{
	long err = 0;

	while (!err && nr_fds < 1000) {
		int fd = socket(AF_INET, SOCK_DGRAM, 0);

		err = fd < 0 ? -errno : 0;
		if (!err)
			fds[nr_fds++] = fd;
	}
	return err;
}

TEST_F(kmem, calls_that_are_refused)
{
	struct box *a = &self->a;
	long err;

	EXPECT_EQ(0, IN(a, try_fork));
	EXPECT_AGREES(a);
	LIMIT(a, KMEMSIZE, 0);
	EXPECT_EQ(-ENOMEM, IN(a, try_fork));
	EXPECT_LT(0, FAILCNT(a, KMEMSIZE));
	err = IN(a, try_pipe);
	EXPECT_TRUE(err == -ENOMEM || err == -ENFILE) TH_LOG("%ld", err);
	err = IN(a, try_socket);
	EXPECT_TRUE(err == -ENOMEM || err == -ENFILE || err == -ENOBUFS)
		TH_LOG("%ld", err);
	EXPECT_EQ(0, IN(a, close_files));
	LIMIT(a, KMEMSIZE, UB_MAX);
	EXPECT_EQ(0, IN(a, try_fork));
}

/* Page after page, wherever a fork needs one: it fails or it does not. */
TEST_F(kmem, fork_at_every_page)
{
	struct box *a = &self->a;
	unsigned long base;
	unsigned int i, failed = 0;

	EXPECT_EQ(0, IN(a, try_fork));
	EXPECT_AGREES(a);
	base = HELD(a, KMEMSIZE);
	for (i = 0; i < 60; i++) {
		long err;

		LIMIT(a, KMEMSIZE, base + i * PAGE);
		err = IN(a, try_fork);
		EXPECT_TRUE(!err || err == -ENOMEM) TH_LOG("%u: %ld", i, err);
		failed += !!err;
	}
	EXPECT_LT(5, failed);
	EXPECT_GT(60, failed);
	LIMIT(a, KMEMSIZE, UB_MAX);
	EXPECT_EQ(0, IN(a, try_fork));
}

#define STEP (2 * MIB)
#define SPARSE 512
static char *sparse;

/* Every two MiB are a page table. The first touch is for what comes only once. */
static long map_sparse(long a, long b)
{
	sparse = mmap(NULL, SPARSE * STEP, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sparse == MAP_FAILED)
		return -errno;
	madvise(sparse, SPARSE * STEP, MADV_NOHUGEPAGE);
	*sparse = 1;
	return 0;
}

/* By a system call: how many could be. */
static long populate(long n, long b)
{
	long *err = worker_shared;
	long i;

	*err = 0;
	for (i = 1; i <= n; i++)
		if (madvise(sparse + i * STEP, PAGE, MADV_POPULATE_WRITE)) {
			*err = errno;
			break;
		}
	return i - 1;
}

static long touch_sparse(long n, long b)
{
	long i;

	for (i = 1; i <= n; i++)
		sparse[i * STEP] = 1;
	return 0;
}

TEST_F(kmem, page_tables_go_to_the_limit)
{
	struct box *a = &self->a;
	unsigned long barrier, failures;
	long done;

	ASSERT_EQ(0, IN(a, map_sparse));
	EXPECT_AGREES(a);
	barrier = HELD(a, KMEMSIZE);
	failures = FAILCNT(a, KMEMSIZE);
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_KMEMSIZE, barrier,
			    barrier + 100 * PAGE));
	done = IN(a, populate, 200);
	EXPECT_LE(90, done);
	EXPECT_GE(100, done);
	EXPECT_LT(0, *(long *)a->worker.shared);
	EXPECT_LT(failures, FAILCNT(a, KMEMSIZE));
	EXPECT_LT(barrier + 99 * PAGE, HELD(a, KMEMSIZE));
	EXPECT_GE(barrier + 100 * PAGE, HELD(a, KMEMSIZE));
}

/* There is no call to refuse; refused, it would come again for ever. */
TEST_F(kmem, page_faults_are_served)
{
	struct box *a = &self->a;
	unsigned long limit;

	ASSERT_EQ(0, IN(a, map_sparse));
	EXPECT_AGREES(a);
	limit = HELD(a, KMEMSIZE);
	LIMIT(a, KMEMSIZE, limit);
	EXPECT_EQ(0, IN(a, touch_sparse, 300));
	EXPECT_LE(limit + 300 * PAGE, HELD(a, KMEMSIZE));
	EXPECT_LE(limit + 300 * PAGE, ub_row(a->id, STOCKVZ_RES_KMEMSIZE).maxheld);
	EXPECT_EQ(-ENOMEM, IN(a, try_fork));
}

static void *opener(void *arg)
{
	long i;

	for (i = 0; i < 4000; i++) {
		int fd = open("/dev/null", O_RDONLY);

		if (fd < 0)
			break;
		fds[__atomic_fetch_add(&nr_fds, 1, __ATOMIC_RELAXED)] = fd;
	}
	return NULL;
}

static long two_openers(long a, long b)
{
	pthread_t t[2];
	long opened;
	int n = 0;

	while (n < 2 && !pthread_create(&t[n], NULL, opener, NULL))
		n++;
	while (n)
		pthread_join(t[--n], NULL);
	opened = nr_fds;
	close_files(0, 0);
	return opened;
}

/* Two CPUs at the limit: never over it, and refused only what does not fit. */
TEST_F(kmem, contended)
{
	struct box *a = &self->a;
	unsigned long limit, before;
	struct ub_event e;
	int round, seen = 0;

	EXPECT_EQ(0, IN(a, allow_many));
	before = HELD(a, KMEMSIZE);
	EXPECT_LT(0, IN(a, two_openers));
	/* Files are freed after a while. */
	EXPECT_TRUE(EVENTUALLY(HELD(a, KMEMSIZE) < before + 100 * PAGE));
	EXPECT_AGREES(a);
	limit = HELD(a, KMEMSIZE) + 60 * PAGE;
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_KMEMSIZE, limit, limit));
	ub_events_drain();
	for (round = 0; round < 5; round++)
		IN(a, two_openers);
	while (!ub_event_next(&e, 100)) {
		EXPECT_EQ(STOCKVZ_RES_KMEMSIZE, (int)e.resource);
		EXPECT_LT(limit, e.held + e.amount);
		seen++;
	}
	EXPECT_LT(0, seen);
}

/* Each of them is killed by the memory controller, in the middle of something. */
static long crowd(long n, long pages)
{
	while (n--) {
		pid_t pid = fork();
		int i;

		if (pid)
			continue;
		for (i = 0; i < 40; i++) {
			int fd[2];

			if (!fork())
				pause();
			if (!pipe(fd) && write(fd[1], fds, pages * PAGE) < 0)
				break;
			open("/dev/null", O_RDONLY);
		}
		pause();
	}
	return 0;
}

/* memory.max refuses behind our back; what we let through comes to nothing. */
TEST_F(kmem, memory_controller_refuses)
{
	struct box *a = &self->a;
	struct box sub = *a;
	pid_t pid;
	int i;

	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_PHYSPAGES, 0, 2048));
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_SWAPPAGES, 0, 0));
	for (i = 0; i < 3; i++) {
		pid = fork_into(sub.cgroup);
		if (!pid) {
			crowd(15, 4);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		EXPECT_TRUE(EVENTUALLY(FAILCNT(a, PHYSPAGES) > (unsigned int)i * 2));
		sleep(2);
		/* Whoever is left. */
		kill(a->worker.pid, SIGKILL);
		cg_write(a->cgroup, "cgroup.kill", "1");
		EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPROC) <= 1));
	}
	LIMIT(a, PHYSPAGES, UB_MAX);
	EXPECT_AGREES(a);
	EXPECT_EQ(0, FAILCNT(a, KMEMSIZE));
}

/* Who is refused by memory.max shall not be killed for it. */
static long open_files_at_any_price(long n, long b)
{
	int f = open("/proc/self/oom_score_adj", O_WRONLY);

	if (f < 0 || write(f, "-1000", 5) != 5)
		return -errno;
	close(f);
	return open_files(n, 0);
}

/*
 * He was let through, memory.max refused, and he has not asked for anything since:
 * what is counted anew meanwhile has that in it, and he gives it back once.
 */
TEST_F(kmem, counted_anew_with_one_on_his_way)
{
	struct box *a = &self->a;
	char max[32];
	long done;

	EXPECT_EQ(0, IN(a, allow_many));
	EXPECT_AGREES(a);
	snprintf(max, sizeof(max), "%ld", cg_read(a->cgroup, "memory.current", "") + MIB);
	ASSERT_EQ(0, cg_write(a->cgroup, "memory.max", max));
	done = IN(a, open_files_at_any_price, MANY);
	EXPECT_LT(0, done);
	EXPECT_GT(MANY, done);
	EXPECT_EQ(ENOMEM, *(long *)a->worker.shared);
	EXPECT_TRUE(EVENTUALLY(truth(a->cgroup) + PAGE == (long)HELD(a, KMEMSIZE)));
	ASSERT_EQ(0, cg_make(BOX_B_CGROUP));
	ASSERT_EQ(0, ub_attach(a->id, BOX_B_CGROUP));
	EXPECT_TRUE(EVENTUALLY(truth(BOX_B_CGROUP) + PAGE == (long)HELD(a, KMEMSIZE)));
	ASSERT_EQ(0, ub_attach(a->id, a->cgroup));
	EXPECT_TRUE(EVENTUALLY(truth(a->cgroup) + PAGE == (long)HELD(a, KMEMSIZE)));
	ASSERT_EQ(0, cg_write(a->cgroup, "memory.max", "max"));
	EXPECT_LT(0, IN(a, open_files, 200));
	EXPECT_AGREES(a);
	EXPECT_EQ(0, IN(a, close_files));
	EXPECT_EQ(0, cg_remove(BOX_B_CGROUP));
}

/* What is there when a cgroup is bound counts, and what comes and goes then. */
TEST_F(kmem, bound_while_it_runs)
{
	struct box *a = &self->a, b;
	struct worker w;

	EXPECT_EQ(0, IN(a, a_bit_of_everything, 2));
	ASSERT_EQ(0, cg_make(BOX_B_CGROUP));
	ASSERT_EQ(0, worker_start(&w, BOX_B_CGROUP));
	EXPECT_EQ(0, worker_do(&w, allow_many, 0, 0));
	EXPECT_EQ(5000, worker_do(&w, open_files, 5000, 0));
	ASSERT_EQ(0, ub_attach(a->id, BOX_B_CGROUP));
	b = *a;
	strcpy(b.cgroup, BOX_B_CGROUP);
	EXPECT_LT(5000 * 128, HELD(&b, KMEMSIZE));
	EXPECT_AGREES(&b);
	EXPECT_EQ(0, worker_do(&w, a_bit_of_everything, 2, 0));
	EXPECT_AGREES(&b);
	EXPECT_EQ(0, worker_do(&w, close_files, 0, 0));
	EXPECT_AGREES(&b);
	worker_stop(&w);
	EXPECT_AGREES(&b);
	ASSERT_EQ(0, ub_attach(a->id, a->cgroup));
	EXPECT_EQ(0, cg_remove(BOX_B_CGROUP));
}

/* What outlives a cgroup below is its parent's. */
TEST_F(kmem, cgroups_below)
{
	struct box *a = &self->a;
	struct worker w;
	char child[64];
	int fd;

	snprintf(child, sizeof(child), "%s/child", a->cgroup);
	/* Whoever is in it would be in the way of its controllers. */
	worker_stop(&a->worker);
	ASSERT_EQ(0, cg_write(a->cgroup, "cgroup.subtree_control", "+memory"));
	ASSERT_EQ(0, cg_make(child));
	ASSERT_EQ(0, worker_start(&w, child));
	EXPECT_EQ(0, worker_do(&w, a_bit_of_everything, 2, 0));
	EXPECT_AGREES(a);
	EXPECT_LT(0, truth(child));
	fd = open("/vz/outlives", O_RDWR | O_CREAT, 0600);
	EXPECT_EQ(100, worker_do(&w, open_files, 100, 0));
	worker_stop(&w);
	EXPECT_AGREES(a);
	EXPECT_EQ(0, cg_remove(child));
	EXPECT_AGREES(a);
	close(fd);
	unlink("/vz/outlives");
	EXPECT_EQ(0, cg_write(a->cgroup, "cgroup.subtree_control", "-memory"));
	EXPECT_AGREES(a);
}

/* BOX_B what is in the child, A the rest. */
static bool each_has_its_own(const struct box *a, const char *child)
{
	long of_child = truth(child);

	return (long)ub_row(BOX_B, STOCKVZ_RES_KMEMSIZE).held == of_child &&
	       (long)HELD(a, KMEMSIZE) == truth(a->cgroup) - of_child;
}

/* The nearest pays, and whoever was there before pays for it no more. */
TEST_F(kmem, one_inside_the_other)
{
	struct box *a = &self->a;
	char child[64];
	struct worker w;

	snprintf(child, sizeof(child), "%s/child", a->cgroup);
	worker_stop(&a->worker);
	ASSERT_EQ(0, cg_write(a->cgroup, "cgroup.subtree_control", "+memory"));
	ASSERT_EQ(0, cg_make(child));
	ASSERT_EQ(0, worker_start(&w, child));
	EXPECT_EQ(0, worker_do(&w, allow_many, 0, 0));
	EXPECT_EQ(2000, worker_do(&w, open_files, 2000, 0));
	EXPECT_AGREES(a);
	ASSERT_EQ(0, ub_new(BOX_B, child));
	EXPECT_TRUE(EVENTUALLY(each_has_its_own(a, child)));
	EXPECT_EQ(2000, worker_do(&w, open_files, 2000, 0));
	EXPECT_TRUE(EVENTUALLY(each_has_its_own(a, child)));
	ASSERT_EQ(0, ub_del(BOX_B));
	EXPECT_AGREES(a);
	worker_stop(&w);
	EXPECT_EQ(0, cg_remove(child));
	EXPECT_AGREES(a);
	EXPECT_EQ(0, cg_write(a->cgroup, "cgroup.subtree_control", "-memory"));
}

/* What is left of it is its parent's. */
TEST_F(kmem, cgroup_is_gone)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, a_bit_of_everything, 1));
	worker_stop(&a->worker);
	EXPECT_LT(0, ub_row(a->id, STOCKVZ_RES_KMEMSIZE).maxheld);
	EXPECT_EQ(0, cg_remove(a->cgroup));
	EXPECT_TRUE(EVENTUALLY(HELD(a, KMEMSIZE) == 0));
	EXPECT_LT(0, ub_row(a->id, STOCKVZ_RES_KMEMSIZE).maxheld);
	ASSERT_EQ(0, cg_make(a->cgroup));
	ASSERT_EQ(0, ub_attach(a->id, a->cgroup));
	EXPECT_AGREES(a);
}

TEST_F(kmem, others_are_not_charged)
{
	struct box *a = &self->a;
	unsigned long before;
	struct worker w;

	ASSERT_EQ(0, cg_make(BOX_B_CGROUP));
	ASSERT_EQ(0, worker_start(&w, BOX_B_CGROUP));
	EXPECT_AGREES(a);
	before = HELD(a, KMEMSIZE);
	LIMIT(a, KMEMSIZE, 0);
	EXPECT_EQ(0, worker_do(&w, a_bit_of_everything, 5, 0));
	a_bit_of_everything(2, 0);
	EXPECT_EQ(before, HELD(a, KMEMSIZE));
	EXPECT_EQ(0, FAILCNT(a, KMEMSIZE));
	worker_stop(&w);
	EXPECT_EQ(0, cg_remove(BOX_B_CGROUP));
}

TEST_F(kmem, no_memory_controller)
{
	struct box *a = &self->a;
	char child[64];

	snprintf(child, sizeof(child), "%s/child", a->cgroup);
	EXPECT_EQ(0, IN(a, a_bit_of_everything, 1));
	ASSERT_EQ(0, cg_make(child));
	ASSERT_EQ(0, ub_attach(a->id, child));
	EXPECT_EQ(0, HELD(a, KMEMSIZE));
	ASSERT_EQ(0, ub_attach(a->id, a->cgroup));
	EXPECT_LT(0, HELD(a, KMEMSIZE));
	EXPECT_EQ(0, cg_remove(child));
}

/* The side that closes first keeps the connection for a minute. */
static long leave_time_wait(long a, long b)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int server = socket(AF_INET, SOCK_STREAM, 0);
	int client = socket(AF_INET, SOCK_STREAM, 0), peer;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(server, (void *)&addr, len) || listen(server, 1) ||
	    getsockname(server, (void *)&addr, &len) ||
	    connect(client, (void *)&addr, len))
		return -errno;
	peer = accept(server, NULL, NULL);
	close(client);
	close(peer);
	close(server);
	return 0;
}

/*
 * OpenVZ charged a connection in TIME_WAIT to kmemsize, and kept the row for it.
 * This kernel accounts them to nobody: the row goes.
 */
TEST_F(kmem, oracle_53_time_wait)
{
	struct box *a = &self->a;
	struct ub_state state;

	EXPECT_EQ(0, IN(a, leave_time_wait));
	worker_stop(&a->worker);
	EXPECT_TRUE(EVENTUALLY(empty(a->id)));
	ASSERT_EQ(0, ub_del(a->id));
	EXPECT_TRUE(EVENTUALLY(ub_get(a->id, &state) == -ENOENT));
	ASSERT_EQ(0, ub_new(a->id, a->cgroup));
	EXPECT_AGREES(a);
}

TEST_HARNESS_MAIN
