// SPDX-License-Identifier: GPL-2.0
/*
 * numsiginfo counts signals that wait with their siginfo, and POSIX timers. The
 * receiver pays. Over the barrier sigqueue() and timer_create() say EAGAIN; what
 * may not fail arrives without its siginfo.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "child.h"
#include "crowd.h"

/* Real-time signals begin where the kernel says, not the library. */
#define RT 40

static long block_all(long a, long b)
{
	sigset_t all;

	sigfillset(&all);
	return sys(sigprocmask(SIG_BLOCK, &all, NULL));
}

static long unblock(long sig, long b)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	return sys(sigprocmask(SIG_UNBLOCK, &set, NULL));
}

static long queue_to(long pid, long sig)
{
	return sys(sigqueue(pid, sig, (union sigval){ .sival_int = 7 }));
}

static long queue_self(long sig, long n)
{
	long err = 0;

	for (n = n ?: 1; n && !err; n--)
		err = queue_to(getpid(), sig);
	return err;
}

static long kill_self(long sig, long b)
{
	return sys(kill(getpid(), sig));
}

static long kill_thread(long sig, long b)
{
	return sys(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), sig));
}

/* How many there were. */
static long take(long sig, long max)
{
	struct timespec none = {};
	sigset_t set;
	long n;

	sigemptyset(&set);
	sigaddset(&set, sig);
	for (n = 0; n < max && sigtimedwait(&set, NULL, &none) == sig; n++)
		;
	return n;
}

/* The code of one that waits, or -EAGAIN. */
static long code_of(long sig, long b)
{
	struct timespec none = {};
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	if (sigtimedwait(&set, &info, &none) != sig)
		return -errno;
	return info.si_code == SI_USER && !info.si_pid ? 1000 : info.si_code;
}

#define LOST 1000

static volatile sig_atomic_t caught;
static int handled;

static void handler(int sig, siginfo_t *info, void *context)
{
	caught++;
	handled = info->si_code;
}

static long catch_signal(long sig, long b)
{
	struct sigaction sa = {
		.sa_sigaction = handler,
		.sa_flags = SA_SIGINFO,
	};

	caught = 0;
	return sys(sigaction(sig, &sa, NULL));
}

static long nr_caught(long a, long b)
{
	return caught;
}

static long ignore(long sig, long b)
{
	signal(sig, SIG_IGN);
	return 0;
}

static timer_t timers[64];
static int nr_timers;

static long make_timer(long clock, long sig)
{
	struct sigevent event = {
		.sigev_notify = sig ? SIGEV_SIGNAL : SIGEV_NONE,
		.sigev_signo = sig,
	};

	if (timer_create(clock, &event, &timers[nr_timers]))
		return -errno;
	return nr_timers++;
}

static long delete_timer(long at, long b)
{
	return sys(timer_delete(timers[at]));
}

static long fire_timer(long at, long b)
{
	struct itimerspec t = { .it_value.tv_nsec = 1 };

	return sys(timer_settime(timers[at], 0, &t, NULL));
}

static long is_pending(long sig, long b)
{
	sigset_t set;

	sigpending(&set);
	return sigismember(&set, sig);
}

/*
 * The cases of the reference.
 */

TEST_F(ub, oracle_39_sigqueue)
{
	struct box *a = &self->a;
	int i;

	EXPECT_EQ(0, IN(a, block_all));
	for (i = 1; i <= 5; i++) {
		EXPECT_EQ(0, IN(a, queue_self, RT));
		EXPECT_EQ(i, HELD(a, NUMSIGINFO));
	}
	LIMIT(a, NUMSIGINFO, 5);
	EXPECT_REFUSED(a, NUMSIGINFO, EAGAIN, SYS_rt_sigqueueinfo,
		       IN(a, queue_self, RT));
	for (i = 4; i >= 0; i--) {
		EXPECT_EQ(1, IN(a, take, RT, 1));
		EXPECT_EQ(i, HELD(a, NUMSIGINFO));
	}
	EXPECT_EQ(0, IN(a, queue_self, RT, 5));
	EXPECT_REFUSED(a, NUMSIGINFO, EAGAIN, SYS_rt_sigqueueinfo,
		       IN(a, queue_self, RT + 1));
	EXPECT_EQ(5, IN(a, take, RT, 100));
}

TEST_F(ub, oracle_40_kill)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, block_all));
	EXPECT_EQ(0, IN(a, kill_self, SIGUSR1));
	EXPECT_EQ(1, HELD(a, NUMSIGINFO));
	LIMIT(a, NUMSIGINFO, 1);
	EXPECT_REFUSED(a, NUMSIGINFO, 0, SYS_kill, IN(a, kill_self, SIGUSR2));
	EXPECT_EQ(LOST, IN(a, code_of, SIGUSR2));
	EXPECT_EQ(SI_USER, IN(a, code_of, SIGUSR1));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
	/* Real-time ones too, and of other ways to send. */
	EXPECT_EQ(0, IN(a, queue_self, RT));
	EXPECT_REFUSED(a, NUMSIGINFO, 0, SYS_kill, IN(a, kill_self, RT + 1));
	EXPECT_EQ(LOST, IN(a, code_of, RT + 1));
	EXPECT_REFUSED(a, NUMSIGINFO, 0, SYS_rt_sigqueueinfo,
		       IN(a, queue_self, SIGUSR1));
	EXPECT_EQ(LOST, IN(a, code_of, SIGUSR1));
	EXPECT_REFUSED(a, NUMSIGINFO, EAGAIN, SYS_tgkill,
		       IN(a, kill_thread, RT + 1));
	EXPECT_EQ(1, IN(a, take, RT, 9));
}

TEST_F(ub, oracle_41_timer_create)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, make_timer, CLOCK_MONOTONIC, SIGUSR1));
	EXPECT_EQ(1, HELD(a, NUMSIGINFO));
	LIMIT(a, NUMSIGINFO, 1);
	EXPECT_REFUSED(a, NUMSIGINFO, EAGAIN, SYS_timer_create,
		       IN(a, make_timer, CLOCK_MONOTONIC, SIGUSR1));
	EXPECT_EQ(0, IN(a, delete_timer, 0));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
	EXPECT_EQ(1, IN(a, make_timer, CLOCK_REALTIME, SIGUSR1));
	EXPECT_EQ(1, HELD(a, NUMSIGINFO));
}

/*
 * Who pays.
 */

TEST_F(two, receiver_pays)
{
	struct box *a = &self->a, *b = &self->b;
	struct ub_event e;

	EXPECT_EQ(0, IN(b, block_all));
	EXPECT_EQ(0, IN(a, queue_to, b->worker.pid, RT));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
	EXPECT_EQ(1, HELD(b, NUMSIGINFO));
	/* The host's too. */
	EXPECT_EQ(0, queue_to(b->worker.pid, RT));
	EXPECT_EQ(2, HELD(b, NUMSIGINFO));
	LIMIT(b, NUMSIGINFO, 2);
	ub_events_drain();
	EXPECT_EQ(-EAGAIN, IN(a, queue_to, b->worker.pid, RT));
	EXPECT_EQ(1, FAILCNT(b, NUMSIGINFO));
	EXPECT_EQ(0, FAILCNT(a, NUMSIGINFO));
	ASSERT_EQ(0, ub_event_next(&e, PATIENCE_MS));
	EXPECT_EQ(b->id, e.id);
	EXPECT_EQ((unsigned int)a->worker.pid, e.pid);
	EXPECT_EQ(-EAGAIN, queue_to(b->worker.pid, RT));
	EXPECT_EQ(0, kill(b->worker.pid, SIGUSR1));
	EXPECT_EQ(3, FAILCNT(b, NUMSIGINFO));
	EXPECT_EQ(2, IN(b, take, RT, 9));
	EXPECT_EQ(0, HELD(b, NUMSIGINFO));
}

TEST_F(ub, host_pays_nothing)
{
	struct box *a = &self->a;
	struct worker w;

	LIMIT(a, NUMSIGINFO, 0);
	ASSERT_EQ(0, worker_start(&w, "/"));
	EXPECT_EQ(0, worker_do(&w, block_all, 0, 0));
	EXPECT_EQ(0, IN(a, queue_to, w.pid, RT));
	EXPECT_EQ(0, worker_do(&w, make_timer, CLOCK_MONOTONIC, SIGUSR1));
	EXPECT_EQ(0, worker_do(&w, fire_timer, 0, 0));
	/* Moved, it leaves nothing here that it did not bring. */
	ASSERT_EQ(0, cg_enter(a->cgroup, w.pid));
	EXPECT_TRUE(EVENTUALLY(worker_do(&w, is_pending, SIGUSR1, 0) == 1));
	LIMIT(a, NUMSIGINFO, 1);
	EXPECT_EQ(0, worker_do(&w, queue_self, RT, 1));
	EXPECT_EQ(1, HELD(a, NUMSIGINFO));
	EXPECT_EQ(1, worker_do(&w, take, RT, 1));
	EXPECT_EQ(1, HELD(a, NUMSIGINFO));
	EXPECT_EQ(1, worker_do(&w, take, RT, 1));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
	EXPECT_EQ(0, worker_do(&w, delete_timer, 0, 0));
	EXPECT_EQ(1, worker_do(&w, take, SIGUSR1, 9));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
	EXPECT_EQ(0, FAILCNT(a, NUMSIGINFO));
	worker_stop(&w);
}

TEST_F(two, task_that_moved)
{
	struct box *a = &self->a, *b = &self->b;

	EXPECT_EQ(0, IN(a, block_all));
	EXPECT_EQ(0, IN(a, queue_self, RT, 3));
	EXPECT_EQ(0, IN(a, make_timer, CLOCK_MONOTONIC, RT));
	ASSERT_EQ(0, cg_enter(b->cgroup, a->worker.pid));
	EXPECT_EQ(0, IN(a, queue_self, RT, 2));
	EXPECT_EQ(4, HELD(a, NUMSIGINFO));
	EXPECT_EQ(2, HELD(b, NUMSIGINFO));
	EXPECT_EQ(3, IN(a, take, RT, 3));
	EXPECT_EQ(1, HELD(a, NUMSIGINFO));
	EXPECT_EQ(2, HELD(b, NUMSIGINFO));
	EXPECT_EQ(0, IN(a, delete_timer, 0));
	EXPECT_EQ(2, IN(a, take, RT, 3));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
	EXPECT_EQ(0, HELD(b, NUMSIGINFO));
}

/*
 * Every way a signal goes.
 */

static long read_signalfd(long sig, long n)
{
	struct signalfd_siginfo info;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, sig);
	fd = signalfd(-1, &set, 0);
	while (n--)
		if (read(fd, &info, sizeof(info)) != sizeof(info))
			return -errno;
	return sys(close(fd));
}

TEST_F(ub, taken)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, block_all));
	EXPECT_EQ(0, IN(a, catch_signal, RT));
	EXPECT_EQ(0, IN(a, queue_self, RT, 10));
	EXPECT_EQ(0, IN(a, kill_thread, RT));
	EXPECT_EQ(11, HELD(a, NUMSIGINFO));
	EXPECT_EQ(0, IN(a, read_signalfd, RT, 2));
	EXPECT_EQ(9, HELD(a, NUMSIGINFO));
	EXPECT_EQ(2, IN(a, take, RT, 2));
	EXPECT_EQ(7, HELD(a, NUMSIGINFO));
	/* By a handler, as they should be. */
	EXPECT_EQ(0, IN(a, unblock, RT));
	EXPECT_EQ(7, IN(a, nr_caught));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
	EXPECT_EQ(0, IN(a, queue_self, RT, 10));
	EXPECT_EQ(17, IN(a, nr_caught));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
}

TEST_F(ub, standard_ones_come_once)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, block_all));
	EXPECT_EQ(0, IN(a, kill_self, SIGUSR1));
	EXPECT_EQ(0, IN(a, kill_self, SIGUSR1));
	EXPECT_EQ(0, IN(a, queue_self, SIGUSR1));
	EXPECT_EQ(1, HELD(a, NUMSIGINFO));
	/* The thread's own list is another. */
	EXPECT_EQ(0, IN(a, kill_thread, SIGUSR1));
	EXPECT_EQ(2, HELD(a, NUMSIGINFO));
	EXPECT_EQ(2, IN(a, take, SIGUSR1, 9));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
}

/* Who ignores a signal throws away what waits of it. */
TEST_F(ub, thrown_away)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, block_all));
	EXPECT_EQ(0, IN(a, queue_self, RT, 10));
	EXPECT_EQ(0, IN(a, kill_self, SIGUSR1));
	EXPECT_EQ(0, IN(a, kill_thread, RT));
	EXPECT_EQ(12, HELD(a, NUMSIGINFO));
	EXPECT_EQ(0, IN(a, ignore, RT));
	EXPECT_EQ(1, HELD(a, NUMSIGINFO));
	EXPECT_EQ(0, IN(a, kill_self, SIGTSTP));
	EXPECT_EQ(0, IN(a, kill_self, SIGTTIN));
	EXPECT_EQ(3, HELD(a, NUMSIGINFO));
	/* It ends every stop. */
	EXPECT_EQ(0, IN(a, kill_self, SIGCONT));
	EXPECT_EQ(2, HELD(a, NUMSIGINFO));
	EXPECT_EQ(1, IN(a, take, SIGCONT, 9));
	EXPECT_EQ(1, IN(a, take, SIGUSR1, 9));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
}

static long fork_that_queues(long n, long thread)
{
	pid_t pid = fork();

	if (!pid) {
		block_all(0, 0);
		while (n--)
			if (thread ? kill_thread(RT, 0) : queue_self(RT, 1))
				_exit(1);
		make_timer(CLOCK_MONOTONIC, RT);
		fire_timer(0, 0);
		make_timer(CLOCK_MONOTONIC, 0);
		kill(getpid(), SIGKILL);
	}
	return sys(waitpid(pid, NULL, 0)) == pid ? 0 : -ECHILD;
}

TEST_F(ub, killed_with_hundreds_pending)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, fork_that_queues, 300, 0));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMSIGINFO) == 0));
	EXPECT_EQ(302, ub_row(a->id, STOCKVZ_RES_NUMSIGINFO).maxheld);
	EXPECT_EQ(0, IN(a, fork_that_queues, 300, 1));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMSIGINFO) == 0));
}

static void *thread_that_queues(void *arg)
{
	kill_thread(RT, 0);
	kill_thread(RT, 0);
	return NULL;
}

static long threads_that_queue(long n, long b)
{
	pthread_t t;

	while (n--) {
		if (pthread_create(&t, NULL, thread_that_queues, NULL))
			return -EAGAIN;
		pthread_join(t, NULL);
	}
	return 0;
}

TEST_F(ub, threads_die_with_theirs)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, block_all));
	EXPECT_EQ(0, IN(a, threads_that_queue, 50));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMSIGINFO) == 0));
	EXPECT_LE(2, ub_row(a->id, STOCKVZ_RES_NUMSIGINFO).maxheld);
}

/* Signals survive exec, timers and what they sent do not. */
static long exec_with_pending(long a, long b)
{
	pid_t self = getpid(), pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		block_all(0, 0);
		queue_self(RT, 3);
		make_timer(CLOCK_MONOTONIC, RT + 1);
		make_timer(CLOCK_MONOTONIC, RT + 2);
		fire_timer(0, 0);
		while (!is_pending(RT + 1, 0))
			usleep(1000);
		if (getppid() == self)
			execl("/bin/sleep", "sleep", "1000", NULL);
		_exit(1);
	}
	return sys(pid);
}

TEST_F(ub, exec_keeps_signals)
{
	struct box *a = &self->a;
	long pid = IN(a, exec_with_pending);

	ASSERT_LT(0, pid);
	EXPECT_TRUE(EVENTUALLY(ub_row(a->id, STOCKVZ_RES_NUMSIGINFO).maxheld == 5));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMSIGINFO) == 3));
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMSIGINFO) == 0));
}

static long fork_pending(long a, long b)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(is_pending(RT, 0));
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

TEST_F(ub, children_inherit_nothing)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, block_all));
	EXPECT_EQ(0, IN(a, queue_self, RT, 3));
	LIMIT(a, NUMSIGINFO, 4);
	/* The fourth is for the child that died. */
	EXPECT_EQ(0, IN(a, fork_pending));
	EXPECT_EQ(4, HELD(a, NUMSIGINFO));
	EXPECT_EQ(1, IN(a, take, SIGCHLD, 9));
	EXPECT_EQ(3, HELD(a, NUMSIGINFO));
	LIMIT(a, NUMSIGINFO, 3);
	EXPECT_EQ(0, IN(a, fork_pending));
	EXPECT_EQ(1, FAILCNT(a, NUMSIGINFO));
	EXPECT_EQ(LOST, IN(a, code_of, SIGCHLD));
}

/* Refused for a reason of the kernel's own: not counted, not held. */
static long limit_pending(long n, long b)
{
	struct rlimit r = { n, n };

	return sys(setrlimit(RLIMIT_SIGPENDING, &r));
}

TEST_F(ub, rlimit_is_another_matter)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, block_all));
	EXPECT_EQ(0, IN(a, limit_pending, 0));
	EXPECT_EQ(-EAGAIN, IN(a, queue_self, RT));
	EXPECT_EQ(-EAGAIN, IN(a, make_timer, CLOCK_MONOTONIC, RT));
	EXPECT_EQ(0, IN(a, kill_self, RT));
	EXPECT_EQ(LOST, IN(a, code_of, RT));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
	EXPECT_EQ(0, FAILCNT(a, NUMSIGINFO));
}

/*
 * Faults and interrupts.
 */

static volatile char *nowhere;

static void step_over(int sig, siginfo_t *info, void *context)
{
	caught++;
	handled = info->si_code;
	mprotect((void *)nowhere, 4096, PROT_READ | PROT_WRITE);
}

static long fault(long n, long b)
{
	struct sigaction sa = {
		.sa_sigaction = step_over,
		.sa_flags = SA_SIGINFO,
	};

	sigaction(SIGSEGV, &sa, NULL);
	nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (caught = 0; n; n--) {
		mprotect((void *)nowhere, 4096, PROT_NONE);
		*nowhere = 1;
	}
	munmap((void *)nowhere, 4096);
	return caught;
}

static long last_code(long a, long b)
{
	return handled;
}

TEST_F(ub, faults)
{
	struct box *a = &self->a;

	EXPECT_EQ(10, IN(a, fault, 10));
	EXPECT_EQ(SEGV_ACCERR, IN(a, last_code));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
	EXPECT_EQ(0, FAILCNT(a, NUMSIGINFO));
	LIMIT(a, NUMSIGINFO, 0);
	EXPECT_EQ(10, IN(a, fault, 10));
	EXPECT_EQ(SI_USER, IN(a, last_code));
	EXPECT_EQ(10, FAILCNT(a, NUMSIGINFO));
}

static long alarm_soon(long a, long b)
{
	struct itimerval t = { .it_value.tv_usec = 1000 };
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	if (setitimer(ITIMER_REAL, &t, NULL))
		return -errno;
	while (!is_pending(SIGALRM, 0))
		usleep(1000);
	if (a)
		return 0;
	return sigwait(&set, &sig) ? -EINVAL : sig;
}

/* Nobody is to blame for what an interrupt sends. */
TEST_F(ub, sent_by_an_interrupt)
{
	struct box *a = &self->a;
	struct ub_event e;

	EXPECT_EQ(0, IN(a, block_all));
	EXPECT_EQ(0, IN(a, alarm_soon, 1));
	EXPECT_EQ(1, HELD(a, NUMSIGINFO));
	EXPECT_EQ(1, IN(a, take, SIGALRM, 9));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
	LIMIT(a, NUMSIGINFO, 0);
	ub_events_drain();
	EXPECT_EQ(SIGALRM, IN(a, alarm_soon));
	EXPECT_EQ(1, FAILCNT(a, NUMSIGINFO));
	ASSERT_EQ(0, ub_event_next(&e, PATIENCE_MS));
	EXPECT_EQ(a->id, e.id);
	EXPECT_EQ(STOCKVZ_RES_NUMSIGINFO, (int)e.resource);
	EXPECT_EQ(0, e.pid);
	EXPECT_EQ(-1, e.syscall);
}

/*
 * Timers.
 */

TEST_F(ub, timers_of_all_clocks)
{
	static const int clocks[] = {
		CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
		CLOCK_THREAD_CPUTIME_ID, CLOCK_BOOTTIME, CLOCK_TAI,
		CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM,
	};
	struct box *a = &self->a;
	unsigned int i, made = 0;

	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		long at = IN(a, make_timer, clocks[i], 0);

		/* Alarms need a clock that wakes the machine. */
		if (at == -EOPNOTSUPP && i >= 6)
			continue;
		EXPECT_EQ(made, at);
		EXPECT_EQ(++made, HELD(a, NUMSIGINFO));
		LIMIT(a, NUMSIGINFO, made);
		EXPECT_REFUSED(a, NUMSIGINFO, EAGAIN, SYS_timer_create,
			       IN(a, make_timer, clocks[i], 0));
		LIMIT(a, NUMSIGINFO, UB_MAX);
	}
	EXPECT_LE(6, made);
	while (made) {
		EXPECT_EQ(0, IN(a, delete_timer, --made));
		EXPECT_EQ(made, HELD(a, NUMSIGINFO));
	}
}

static long broken_timer(long a, long b)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = 99 };
	timer_t t;

	if (a == 0)
		return sys(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &t));
	event.sigev_signo = SIGUSR1;
	if (a == 1)
		return sys(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, 8L));
	return sys(syscall(SYS_timer_create, -8L * 4000000 + 2, &event, &t));
}

TEST_F(ub, timers_that_cannot_be)
{
	struct box *a = &self->a;

	EXPECT_EQ(-EINVAL, IN(a, broken_timer, 0));
	EXPECT_EQ(-EFAULT, IN(a, broken_timer, 1));
	EXPECT_EQ(-EINVAL, IN(a, broken_timer, 2));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
	EXPECT_EQ(0, FAILCNT(a, NUMSIGINFO));
}

TEST_F(ub, timers_that_fire)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, block_all));
	EXPECT_EQ(0, IN(a, make_timer, CLOCK_MONOTONIC, RT));
	LIMIT(a, NUMSIGINFO, 1);
	EXPECT_EQ(0, IN(a, fire_timer, 0));
	EXPECT_TRUE(EVENTUALLY(IN(a, is_pending, RT) == 1));
	/* What it sends it has paid for. */
	EXPECT_EQ(1, HELD(a, NUMSIGINFO));
	EXPECT_EQ(SI_TIMER, IN(a, code_of, RT));
	EXPECT_EQ(1, HELD(a, NUMSIGINFO));
	EXPECT_EQ(0, IN(a, fire_timer, 0));
	EXPECT_TRUE(EVENTUALLY(IN(a, is_pending, RT) == 1));
	/* Deleted, it leaves behind what it sent. */
	EXPECT_EQ(0, IN(a, delete_timer, 0));
	EXPECT_EQ(1, HELD(a, NUMSIGINFO));
	EXPECT_EQ(SI_TIMER, IN(a, code_of, RT));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
	/* Or it is thrown away. */
	EXPECT_EQ(1, IN(a, make_timer, CLOCK_MONOTONIC, RT));
	EXPECT_EQ(0, IN(a, fire_timer, 1));
	EXPECT_TRUE(EVENTUALLY(IN(a, is_pending, RT) == 1));
	EXPECT_EQ(0, IN(a, delete_timer, 1));
	EXPECT_EQ(0, IN(a, ignore, RT));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
	EXPECT_EQ(0, FAILCNT(a, NUMSIGINFO));
}

/* A thread takes what a timer sends while another deletes it. */
static void *taker(void *stop)
{
	while (!*(volatile int *)stop)
		take(RT, 1);
	return NULL;
}

static long timers_and_takers(long n, long b)
{
	int stop = 0;
	pthread_t t;

	if (pthread_create(&t, NULL, taker, &stop))
		return -EAGAIN;
	while (n--) {
		nr_timers = 0;
		if (make_timer(CLOCK_MONOTONIC, RT) || fire_timer(0, 0))
			break;
		while (n % 3 && !is_pending(RT, 0) && rand() % 8)
			;
		delete_timer(0, 0);
	}
	stop = 1;
	pthread_join(t, NULL);
	take(RT, 1000);
	return n + 1;
}

TEST_F(ub, timers_deleted_amid)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, block_all));
	EXPECT_EQ(0, IN(a, timers_and_takers, repeats(5000)));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
}

/*
 * Crowds.
 */

static long queue_until_refused(long pid, long max)
{
	long n;

	for (n = 0; n < max && !queue_to(pid, RT); n++)
		;
	return n;
}

TEST_F(ub, crowd_at_the_barrier)
{
	struct box *a = &self->a;
	struct crowd crowd;

	EXPECT_EQ(0, IN(a, block_all));
	crowd_open(_metadata, &crowd, a, CROWD);
	LIMIT(a, NUMSIGINFO, 501);
	crowd_begin(&crowd, queue_until_refused, a->worker.pid, 1000);
	EXPECT_EQ(501, crowd_end(_metadata, &crowd));
	EXPECT_EQ(501, HELD(a, NUMSIGINFO));
	EXPECT_EQ(CROWD, FAILCNT(a, NUMSIGINFO));
	EXPECT_EQ(501, IN(a, take, RT, 1000));
	EXPECT_EQ(0, HELD(a, NUMSIGINFO));
	crowd_close(&crowd);
}

/* Each queues to itself and takes: the sum is at the barrier all the time. */
static long churn(long n, long b)
{
	long refused = 0;

	block_all(0, 0);
	while (n--) {
		long err = queue_self(RT, 1) ?: queue_self(RT, 1);

		if (err && err != -EAGAIN)
			return err;
		refused += !!err;
		take(RT, 9);
	}
	return refused;
}

TEST_F(ub, crowd_that_churns)
{
	crowd_churns(_metadata, &self->a, STOCKVZ_RES_NUMSIGINFO, 3, churn, repeats(5000), 0);
}

TEST_HARNESS_MAIN
