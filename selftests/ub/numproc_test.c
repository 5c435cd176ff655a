// SPDX-License-Identifier: GPL-2.0
/*
 * numproc counts tasks, threads and zombies included. Who pays is the
 * beancounter of the cgroup in which the child starts; it is paid back at
 * reaping, or when the fork fails after all. Over the barrier fork says ENOMEM.
 */
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "crowd.h"

/* A child goes with its parent, however that ends and however soon. */
static void pausing(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == parent)
		pause();
	_exit(0);
}

static long fork_pausing(long a, long b)
{
	pid_t self = getpid(), pid = fork();

	if (!pid)
		pausing(self);
	return sys(pid);
}

/* The name must be in the worker's memory: static, or older than the worker. */
static long fork_into_pausing(long cgroup, long b)
{
	pid_t self = getpid(), pid = fork_into((const char *)cgroup);

	if (!pid)
		pausing(self);
	return pid;
}

static long reap(long pid, long b)
{
	if (kill(pid, SIGKILL))
		return -errno;
	return sys(waitpid(pid, NULL, 0)) == pid ? 0 : -ECHILD;
}

/* Dead, and not yet reaped. */
static long make_zombie(long pid, long b)
{
	siginfo_t info;

	kill(pid, SIGKILL);
	return sys(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
}

static long reap_all(long a, long b)
{
	long n = 0;

	while (waitpid(-1, NULL, 0) > 0)
		n++;
	return n;
}

TEST_F(ub, oracle_13_child_counts_until_it_is_reaped)
{
	struct box *a = &self->a;
	long pid = IN(a, fork_pausing);

	ASSERT_LT(0, pid);
	EXPECT_EQ(2, HELD(a, NUMPROC));
	EXPECT_EQ(0, IN(a, make_zombie, pid));
	EXPECT_EQ(2, HELD(a, NUMPROC));
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_EQ(1, HELD(a, NUMPROC));
	EXPECT_EQ(2, ub_row(a->id, STOCKVZ_RES_NUMPROC).maxheld);
	EXPECT_EQ(0, FAILCNT(a, NUMPROC));
}

TEST_F(ub, oracle_14_fork_over_the_barrier)
{
	struct box *a = &self->a;
	pid_t outside;
	long pid;

	LIMIT(a, NUMPROC, 2);
	pid = IN(a, fork_pausing);
	ASSERT_LT(0, pid);
	EXPECT_REFUSED(a, NUMPROC, ENOMEM, SYS_clone, IN(a, fork_pausing));
	EXPECT_REFUSED(a, NUMPROC, ENOMEM, SYS_clone, IN(a, fork_pausing));
	/* The host is not concerned. */
	outside = fork();
	if (!outside)
		_exit(0);
	EXPECT_LT(0, outside);
	EXPECT_EQ(outside, waitpid(outside, NULL, 0));
	/* A zombie still takes the place. */
	EXPECT_EQ(0, IN(a, make_zombie, pid));
	EXPECT_REFUSED(a, NUMPROC, ENOMEM, SYS_clone, IN(a, fork_pausing));
	EXPECT_EQ(0, IN(a, reap, pid));
	pid = IN(a, fork_pausing);
	EXPECT_LT(0, pid);
	EXPECT_EQ(0, IN(a, reap, pid));
}

static long vfork_once(long a, long b)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	if (pid < 0)
		return -errno;
	return waitpid(pid, NULL, 0) == pid ? 0 : -ECHILD;
}

static long clone3_once(long a, long b)
{
	pid_t pid = fork_into((const char *)a);

	if (!pid)
		_exit(0);
	if (pid < 0)
		return pid;
	return waitpid(pid, NULL, 0) == pid ? 0 : -ECHILD;
}

TEST_F(ub, vfork_and_clone3)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, vfork_once));
	EXPECT_EQ(0, IN(a, clone3_once, a->cgroup));
	EXPECT_EQ(1, HELD(a, NUMPROC));
	EXPECT_EQ(2, ub_row(a->id, STOCKVZ_RES_NUMPROC).maxheld);
	LIMIT(a, NUMPROC, 1);
	EXPECT_REFUSED(a, NUMPROC, ENOMEM, SYS_vfork, IN(a, vfork_once));
	EXPECT_REFUSED(a, NUMPROC, ENOMEM, SYS_clone3,
		       IN(a, clone3_once, a->cgroup));
}

/* With a descriptor for the child, which is made first. */
static long clone_with_pidfd(long a, long b)
{
	int fd = -1;
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.exit_signal = SIGCHLD,
		.pidfd = (unsigned long)&fd,
	};
	long pid = sys(syscall(SYS_clone3, &args, sizeof(args)));

	if (!pid)
		_exit(0);
	if (pid < 0)
		return pid;
	waitpid(pid, NULL, 0);
	return sys(close(fd));
}

TEST_F(ub, refused_fork_leaves_no_pidfd)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, clone_with_pidfd));
	EXPECT_EQ(0, HELD(a, NUMFILE));
	LIMIT(a, NUMPROC, 1);
	EXPECT_REFUSED(a, NUMPROC, ENOMEM, SYS_clone3, IN(a, clone_with_pidfd));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMFILE) == 0));
	/* And the other way round. */
	LIMIT(a, NUMPROC, 2);
	LIMIT(a, NUMFILE, 0);
	EXPECT_REFUSED(a, NUMFILE, ENFILE, SYS_clone3, IN(a, clone_with_pidfd));
	EXPECT_EQ(1, HELD(a, NUMPROC));
	EXPECT_EQ(1, FAILCNT(a, NUMPROC));
}

TEST_F(ub, oracle_05_hard_stops_at_the_lower_of_barrier_and_limit)
{
	struct box *a = &self->a;
	long pid;

	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_NUMPROC, 2, 5));
	pid = IN(a, fork_pausing);
	EXPECT_LT(0, pid);
	EXPECT_REFUSED(a, NUMPROC, ENOMEM, SYS_clone, IN(a, fork_pausing));
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_NUMPROC, 5, 2));
	EXPECT_REFUSED(a, NUMPROC, ENOMEM, SYS_clone, IN(a, fork_pausing));
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_NUMPROC, 0, 5));
	EXPECT_REFUSED(a, NUMPROC, ENOMEM, SYS_clone, IN(a, fork_pausing));
	EXPECT_EQ(0, IN(a, reap, pid));
}

TEST_F(ub, oracle_06_barrier_lowered_below_held)
{
	struct box *a = &self->a;
	long pid[3];
	int i;

	for (i = 0; i < 3; i++) {
		pid[i] = IN(a, fork_pausing);
		ASSERT_LT(0, pid[i]);
	}
	LIMIT(a, NUMPROC, 2);
	/* Nobody is killed, and nothing was counted yet. */
	EXPECT_EQ(4, HELD(a, NUMPROC));
	EXPECT_EQ(0, FAILCNT(a, NUMPROC));
	for (i = 0; i < 3; i++) {
		EXPECT_REFUSED(a, NUMPROC, ENOMEM, SYS_clone,
			       IN(a, fork_pausing));
		EXPECT_EQ(0, IN(a, reap, pid[i]));
	}
	pid[0] = IN(a, fork_pausing);
	EXPECT_LT(0, pid[0]);
	EXPECT_EQ(0, IN(a, reap, pid[0]));
}

/*
 * Threads. One that has ended is reaped by the kernel, a moment after those
 * who wait for it know.
 */

static pthread_t thread;
static volatile bool thread_may_go;

static void *thread_main(void *arg)
{
	while (!thread_may_go)
		usleep(1000);
	return NULL;
}

static long thread_start(long a, long b)
{
	thread_may_go = false;
	return -pthread_create(&thread, NULL, thread_main, NULL);
}

static long thread_end(long detach, long b)
{
	if (detach)
		pthread_detach(thread);
	thread_may_go = true;
	return detach ? 0 : -pthread_join(thread, NULL);
}

static int never(void *arg)
{
	return 0;
}

/* What the C library makes an EAGAIN of. */
static long thread_raw(long a, long b)
{
	static char stack[16384] __attribute__((aligned(16)));

	return sys(clone(never, stack + sizeof(stack),
			 CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
			 CLONE_THREAD | CLONE_SYSVSEM, NULL));
}

TEST_F(ub, oracle_15_thread_counts)
{
	struct box *a = &self->a;
	int detach;

	for (detach = 0; detach < 2; detach++) {
		EXPECT_EQ(0, IN(a, thread_start));
		EXPECT_EQ(2, HELD(a, NUMPROC));
		EXPECT_EQ(0, IN(a, thread_end, detach));
		EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPROC) == 1));
	}
}

TEST_F(ub, oracle_15_thread_over_the_barrier)
{
	struct box *a = &self->a;

	LIMIT(a, NUMPROC, 2);
	EXPECT_EQ(0, IN(a, thread_start));
	EXPECT_REFUSED(a, NUMPROC, ENOMEM, SYS_clone, IN(a, thread_raw));
	EXPECT_EQ(0, IN(a, thread_end, false));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPROC) == 1));
	EXPECT_EQ(0, IN(a, thread_start));
	EXPECT_EQ(0, IN(a, thread_end, false));
}

/* Also as pthread_create() says it. */
TEST_F(ub, oracle_15_pthread_over_the_barrier)
{
	struct box *a = &self->a;

	LIMIT(a, NUMPROC, 1);
	EXPECT_REFUSED(a, NUMPROC, EAGAIN, SYS_clone3, IN(a, thread_start));
}

static void *pausing_thread(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

/* The first thread ends, another goes on: the first is a zombie till the end. */
static long fork_leaderless(long a, long b)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pthread_create(&thread, NULL, pausing_thread, NULL);
		syscall(SYS_exit, 0);
	}
	return sys(pid);
}

TEST_F(ub, dead_leader_of_a_living_process)
{
	struct box *a = &self->a;
	long pid = IN(a, fork_leaderless);

	ASSERT_LT(0, pid);
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPROC) == 3));
	usleep(100000);
	EXPECT_EQ(3, HELD(a, NUMPROC));
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPROC) == 1));
}

static void *exec_thread(void *arg)
{
	execl("/bin/sleep", "sleep", "1000", NULL);
	_exit(1);
}

/* A thread that execs takes over the number of the leader, who ends. */
static long fork_thread_exec(long a, long b)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pthread_create(&thread, NULL, pausing_thread, NULL);
		pthread_create(&thread, NULL, exec_thread, NULL);
		for (;;)
			pause();
	}
	return sys(pid);
}

TEST_F(ub, exec_by_another_thread_than_the_first)
{
	struct box *a = &self->a;
	long pid = IN(a, fork_thread_exec);

	ASSERT_LT(0, pid);
	EXPECT_TRUE(EVENTUALLY(ub_row(a->id, STOCKVZ_RES_NUMPROC).maxheld == 4));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPROC) == 2));
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_EQ(1, HELD(a, NUMPROC));
}

static long fork_exec_true(long a, long b)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	if (pid < 0)
		return -errno;
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

TEST_F(ub, exec_counts_nothing)
{
	struct box *a = &self->a;

	LIMIT(a, NUMPROC, 2);
	EXPECT_EQ(0, IN(a, fork_exec_true));
	EXPECT_EQ(1, HELD(a, NUMPROC));
	EXPECT_EQ(0, FAILCNT(a, NUMPROC));
}

/* Who ignores SIGCHLD has no zombies. */
static long fork_forgotten(long n, long b)
{
	signal(SIGCHLD, SIG_IGN);
	while (n--) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid < 0)
			return -errno;
	}
	reap_all(0, 0);
	signal(SIGCHLD, SIG_DFL);
	return 0;
}

TEST_F(ub, children_that_nobody_waits_for)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, fork_forgotten, 20));
	EXPECT_EQ(1, HELD(a, NUMPROC));
}

static long fork_orphan(long a, long b)
{
	pid_t pid = fork();

	if (!pid) {
		pid_t orphan = fork();

		while (!orphan)
			pause();
		*(long *)worker_shared = orphan;
		_exit(0);
	}
	return sys(waitpid(pid, NULL, 0)) == pid ? 0 : -ECHILD;
}

TEST_F(ub, orphan_is_paid_back_when_init_reaps_it)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, fork_orphan));
	EXPECT_EQ(2, HELD(a, NUMPROC));
	ASSERT_EQ(0, kill(*(long *)a->worker.shared, SIGKILL));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPROC) == 1));
}

/*
 * Cgroups: the one in which a child starts pays.
 */

TEST_F(ub, child_put_in_from_outside)
{
	struct box *a = &self->a;
	const struct refusal r = {
		.box = a,
		.res = STOCKVZ_RES_NUMPROC,
		.syscall = SYS_clone3,
		.pid = getpid(),
	};
	struct ub_row before;
	pid_t pid;

	LIMIT(a, NUMPROC, 2);
	pid = fork_into_pausing((long)a->cgroup, 0);
	ASSERT_LT(0, pid);
	EXPECT_EQ(2, HELD(a, NUMPROC));
	/* The parent is the host's, but the refusal is the cgroup's. */
	before = ub_row(a->id, STOCKVZ_RES_NUMPROC);
	EXPECT_EQ(-ENOMEM, fork_into_pausing((long)a->cgroup, 0));
	check_refused(_metadata, &r, &before);
	check_event(_metadata, &r, &before);
	EXPECT_EQ(0, reap(pid, 0));
	EXPECT_EQ(1, HELD(a, NUMPROC));
}

TEST_F(two, child_put_elsewhere_from_inside)
{
	struct box *a = &self->a, *b = &self->b;
	long pid;

	pid = IN(a, fork_into_pausing, BOX_B_CGROUP);
	ASSERT_LT(0, pid);
	EXPECT_EQ(1, HELD(a, NUMPROC));
	EXPECT_EQ(2, HELD(b, NUMPROC));
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_EQ(1, HELD(b, NUMPROC));

	/* Nor does a full purse of its own stop it. */
	LIMIT(a, NUMPROC, 1);
	pid = IN(a, fork_into_pausing, "");
	ASSERT_LT(0, pid);
	EXPECT_EQ(1, HELD(a, NUMPROC));
	EXPECT_EQ(0, FAILCNT(a, NUMPROC));
	EXPECT_EQ(0, IN(a, reap, pid));
}

TEST_F(ub, task_that_moved_in_is_not_charged)
{
	struct box *a = &self->a;
	struct worker w;
	long pid;

	ASSERT_EQ(0, worker_start(&w, ""));
	ASSERT_EQ(0, cg_enter(a->cgroup, w.pid));
	EXPECT_EQ(1, HELD(a, NUMPROC));
	pid = worker_do(&w, fork_pausing, 0, 0);
	EXPECT_LT(0, pid);
	EXPECT_EQ(2, HELD(a, NUMPROC));
	EXPECT_EQ(0, worker_do(&w, reap, pid, 0));
	EXPECT_EQ(1, HELD(a, NUMPROC));
	worker_stop(&w);
	EXPECT_EQ(1, HELD(a, NUMPROC));
}

TEST_F(two, task_that_moved_out_stays_with_its_payer)
{
	struct box *a = &self->a, *b = &self->b;
	long pid;

	ASSERT_EQ(0, cg_enter(b->cgroup, a->worker.pid));
	EXPECT_EQ(1, HELD(a, NUMPROC));
	EXPECT_EQ(1, HELD(b, NUMPROC));
	pid = IN(a, fork_pausing);
	EXPECT_LT(0, pid);
	EXPECT_EQ(1, HELD(a, NUMPROC));
	EXPECT_EQ(2, HELD(b, NUMPROC));
	worker_stop(&a->worker);
	EXPECT_EQ(0, HELD(a, NUMPROC));
	/* Its child went with it; init reaps that. */
	EXPECT_TRUE(EVENTUALLY(HELD(b, NUMPROC) == 1));
}

TEST_F(ub, task_that_was_there_before)
{
	struct box b = { .id = BOX_B, .cgroup = "/ubtestlate" };
	long pid;

	box_sweep(b.id, b.cgroup);
	ASSERT_EQ(0, cg_make(b.cgroup));
	ASSERT_EQ(0, worker_start(&b.worker, b.cgroup));
	ASSERT_EQ(0, ub_new(b.id, NULL));
	ASSERT_EQ(0, ub_attach(b.id, b.cgroup));
	EXPECT_EQ(0, HELD(&b, NUMPROC));
	pid = IN(&b, fork_pausing);
	EXPECT_LT(0, pid);
	EXPECT_EQ(1, HELD(&b, NUMPROC));
	EXPECT_EQ(0, IN(&b, reap, pid));
	EXPECT_EQ(0, HELD(&b, NUMPROC));
	box_close(_metadata, &b);
}

TEST_F(two, nearest_binding_pays)
{
	struct box *a = &self->a, *b = &self->b;
	char sub[64], deep[96];
	pid_t pid;

	snprintf(sub, sizeof(sub), "%s/sub", a->cgroup);
	snprintf(deep, sizeof(deep), "%s/deep", sub);
	ASSERT_EQ(0, cg_make(sub));
	ASSERT_EQ(0, cg_make(deep));
	pid = fork_into_pausing((long)deep, 0);
	ASSERT_LT(0, pid);
	EXPECT_EQ(2, HELD(a, NUMPROC));
	EXPECT_EQ(0, reap(pid, 0));

	ASSERT_EQ(0, ub_attach(b->id, sub));
	pid = fork_into_pausing((long)deep, 0);
	ASSERT_LT(0, pid);
	EXPECT_EQ(1, HELD(a, NUMPROC));
	EXPECT_EQ(2, HELD(b, NUMPROC));
	EXPECT_EQ(0, reap(pid, 0));
	EXPECT_EQ(1, HELD(b, NUMPROC));
	EXPECT_EQ(0, cg_remove(deep));
	EXPECT_EQ(0, cg_remove(sub));
}

/* Deleted under its tasks: what starts from then on is the host's. */
TEST_F(ub, oracle_54_tasks_of_a_deleted_beancounter)
{
	struct box *a = &self->a;
	struct ub_state state;
	long pid;

	LIMIT(a, NUMPROC, 1);
	ASSERT_EQ(0, ub_del(a->id));
	ASSERT_EQ(0, ub_get(a->id, &state));
	EXPECT_TRUE(state.dying);
	pid = IN(a, fork_pausing);
	EXPECT_LT(0, pid);
	EXPECT_EQ(1, HELD(a, NUMPROC));
	EXPECT_EQ(0, IN(a, reap, pid));
	/* Comes back with its counts and limits. */
	EXPECT_EQ(0, ub_new(a->id, a->cgroup));
	EXPECT_EQ(1, HELD(a, NUMPROC));
	EXPECT_REFUSED(a, NUMPROC, ENOMEM, SYS_clone, IN(a, fork_pausing));
}

/*
 * Forks that pass the gate and fail after all. Nothing may stay, nothing is
 * counted as a failure.
 */

TEST_F(ub, fork_stopped_by_the_pids_controller)
{
	struct box *a = &self->a;
	long pid;
	int i;

	ASSERT_EQ(0, cg_write("", "cgroup.subtree_control", "+pids"));
	ASSERT_EQ(0, cg_write(a->cgroup, "pids.max", "1"));
	for (i = 0; i < 20; i++)
		EXPECT_EQ(-EAGAIN, IN(a, fork_pausing));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPROC) == 1));
	EXPECT_EQ(0, FAILCNT(a, NUMPROC));
	ASSERT_EQ(0, cg_write(a->cgroup, "pids.max", "max"));
	pid = IN(a, fork_pausing);
	EXPECT_LT(0, pid);
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_EQ(1, HELD(a, NUMPROC));
}

/* Both limits at once: ours is asked first, and says ENOMEM. */
TEST_F(ub, barrier_and_pids_max_together)
{
	struct box *a = &self->a;

	ASSERT_EQ(0, cg_write("", "cgroup.subtree_control", "+pids"));
	ASSERT_EQ(0, cg_write(a->cgroup, "pids.max", "1"));
	LIMIT(a, NUMPROC, 1);
	EXPECT_REFUSED(a, NUMPROC, ENOMEM, SYS_clone, IN(a, fork_pausing));
}

/* Its init has gone: nobody can be born there. */
static long fork_in_dead_pidns(long a, long b)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (unshare(CLONE_NEWPID))
			_exit(1);
		pid = fork();
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
		pid = fork();
		_exit(pid < 0 && errno == ENOMEM ? 42 : 2);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

TEST_F(ub, fork_in_a_dead_pid_namespace)
{
	struct box *a = &self->a;

	EXPECT_EQ(42, IN(a, fork_in_dead_pidns));
	EXPECT_EQ(0, FAILCNT(a, NUMPROC));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPROC) == 1));
}

/* One forks into a namespace while its init is being killed. */
static long fork_into_dying_pidns(long rounds, long b)
{
	while (rounds--) {
		pid_t pid = fork();

		if (!pid) {
			unshare(CLONE_NEWPID);
			pid = fork();
			if (!pid) {
				usleep(rounds % 7 * 300);
				_exit(0);
			}
			signal(SIGCHLD, SIG_IGN);
			while ((pid = fork()) >= 0)
				if (!pid)
					_exit(0);
			_exit(0);
		}
		if (pid < 0)
			return -errno;
		waitpid(pid, NULL, 0);
	}
	return 0;
}

TEST_F(ub, fork_while_the_pid_namespace_dies)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, fork_into_dying_pidns, 40));
	EXPECT_EQ(0, FAILCNT(a, NUMPROC));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPROC) == 1));
}

/* One that forks without end is killed, at another moment each time. */
static long kill_forking(long rounds, long b)
{
	while (rounds--) {
		pid_t pid = fork();

		if (!pid) {
			signal(SIGCHLD, SIG_IGN);
			for (;;)
				if (!fork())
					_exit(0);
		}
		if (pid < 0)
			return -errno;
		usleep(2000 + rounds * 37 % 1000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return 0;
}

TEST_F(ub, fork_while_being_killed)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, kill_forking, 100));
	EXPECT_EQ(0, FAILCNT(a, NUMPROC));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPROC) == 1));
}

static void on_alarm(int sig)
{
}

/* A fork that a signal interrupts starts over; it is charged once. */
static long fork_under_signals(long n, long b)
{
	const struct itimerval often = { { 0, 5000 }, { 0, 5000 } }, off = {};
	long err = 0;

	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &often, NULL);
	while (n-- && !err) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid < 0)
			err = -errno;
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	setitimer(ITIMER_REAL, &off, NULL);
	return err;
}

TEST_F(ub, fork_under_signals)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, fork_under_signals, 200));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPROC) == 1));
	EXPECT_EQ(0, FAILCNT(a, NUMPROC));
}

/*
 * Crowds.
 */

#define BOMB repeats(10000)
#define BOMB_BARRIER 50

/* How many were refused, all with ENOMEM; anything else is negative. */
static long bomb(long n, long b)
{
	pid_t self = getpid();
	long refused = 0;

	while (n--) {
		pid_t pid = fork();

		if (!pid)
			pausing(self);
		if (pid < 0 && errno != ENOMEM)
			return -errno;
		refused += pid < 0;
	}
	return refused;
}

static long defuse(long a, long b)
{
	/* All but us. */
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	signal(SIGTERM, SIG_DFL);
	return reap_all(0, 0);
}

static long own_group(long a, long b)
{
	return sys(setpgid(0, 0));
}

TEST_F(ub, fork_bomb)
{
	struct box *a = &self->a;
	struct ub_row row;
	long pid;
	int i;

	ASSERT_EQ(0, IN(a, own_group));
	LIMIT(a, NUMPROC, BOMB_BARRIER);
	worker_begin(&a->worker, bomb, BOMB, 0);
	for (i = 0; i < 20; i++) {
		pid = fork();
		if (!pid)
			_exit(0);
		EXPECT_LT(0, pid);
		EXPECT_EQ(pid, waitpid(pid, NULL, 0));
	}
	EXPECT_EQ(BOMB - (BOMB_BARRIER - 1), worker_end(&a->worker));
	row = ub_row(a->id, STOCKVZ_RES_NUMPROC);
	EXPECT_EQ(BOMB_BARRIER, row.held);
	EXPECT_EQ(BOMB_BARRIER, row.maxheld);
	EXPECT_EQ(BOMB - (BOMB_BARRIER - 1), row.failcnt);
	EXPECT_EQ(BOMB_BARRIER - 1, IN(a, defuse));
	EXPECT_EQ(1, HELD(a, NUMPROC));
	pid = IN(a, fork_pausing);
	EXPECT_LT(0, pid);
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_EQ(BOMB - (BOMB_BARRIER - 1), FAILCNT(a, NUMPROC));
}

static long churn(long n, long b)
{
	long refused = 0;

	while (n--) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid < 0 && errno != ENOMEM)
			return -errno;
		if (pid < 0)
			refused++;
		else
			waitpid(pid, NULL, 0);
	}
	return refused;
}

/* More want to fork than may, on all CPUs at once. */
TEST_F(ub, crowd_at_the_barrier)
{
	struct box *a = &self->a;
	struct crowd crowd;
	struct ub_row row;
	long refused;

	crowd_open(_metadata, &crowd, a, CROWD);
	LIMIT(a, NUMPROC, 1 + CROWD + CROWD / 2);
	crowd_begin(&crowd, churn, repeats(1000), 0);
	refused = crowd_end(_metadata, &crowd);
	row = ub_row(a->id, STOCKVZ_RES_NUMPROC);
	EXPECT_EQ(1 + CROWD, row.held);
	EXPECT_GE(1 + CROWD + CROWD / 2, row.maxheld);
	EXPECT_EQ(refused, row.failcnt);
	TH_LOG("%ld of %ld refused", refused, CROWD * repeats(1000));
	crowd_close(&crowd);
	EXPECT_EQ(1, HELD(a, NUMPROC));
}

/* As many as may: nobody is refused. */
TEST_F(ub, crowd_that_fits_exactly)
{
	struct box *a = &self->a;
	struct crowd crowd;

	crowd_open(_metadata, &crowd, a, CROWD);
	LIMIT(a, NUMPROC, 1 + 2 * CROWD);
	crowd_begin(&crowd, churn, repeats(500), 0);
	EXPECT_EQ(0, crowd_end(_metadata, &crowd));
	EXPECT_EQ(0, FAILCNT(a, NUMPROC));
	crowd_close(&crowd);
	EXPECT_EQ(1, HELD(a, NUMPROC));
}

TEST_HARNESS_MAIN
