/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a beancounter used, as cpu-get and vestat tell it, and using it. Include once, in
 * the file that has the tests.
 */
#ifndef SELFTESTS_FAIR_USED_H
#define SELFTESTS_FAIR_USED_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "clock.h"
#include "fixture.h"

#define VESTAT "/proc/vz/vestat"
#define MS 1000000L

/* Numbers are cut to microseconds, one when it began and one now. */
#define CUT 2000

#define COLUMNS 12
#define WIDTH 252

struct cpu {
	unsigned int id;
	long uptime, used, user, nice, system, idle, wait, throttled;
	unsigned int load[3];
};

/*
 * cpu-get
 */

static inline void on_cpu(struct nlmsghdr *nlh, void *arg)
{
	struct genlmsghdr *g = nlmsg_data(nlh);
	struct nlattr *tb[STOCKVZ_A_CPU_MAX + 1];
	struct cpu *cpu = arg;

	nla_parse(tb, STOCKVZ_A_CPU_MAX, genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0), NULL);
	cpu->id = nla_get_u32(tb[STOCKVZ_A_CPU_ID]);
	cpu->uptime = nla_get_u64(tb[STOCKVZ_A_CPU_UPTIME]);
	cpu->used = nla_get_u64(tb[STOCKVZ_A_CPU_USED]);
	cpu->user = nla_get_u64(tb[STOCKVZ_A_CPU_USER]);
	cpu->nice = nla_get_u64(tb[STOCKVZ_A_CPU_NICE]);
	cpu->system = nla_get_u64(tb[STOCKVZ_A_CPU_SYSTEM]);
	cpu->idle = nla_get_u64(tb[STOCKVZ_A_CPU_IDLE]);
	cpu->wait = nla_get_u64(tb[STOCKVZ_A_CPU_WAIT]);
	cpu->throttled = nla_get_u64(tb[STOCKVZ_A_CPU_THROTTLED]);
	cpu->load[0] = nla_get_u32(tb[STOCKVZ_A_CPU_LOAD_1]);
	cpu->load[1] = nla_get_u32(tb[STOCKVZ_A_CPU_LOAD_5]);
	cpu->load[2] = nla_get_u32(tb[STOCKVZ_A_CPU_LOAD_15]);
}

static inline int cpu_get(unsigned int id, struct cpu *cpu)
{
	struct nl_msg *msg = ub_msg(STOCKVZ_CMD_CPU_GET, 0);

	if (!msg)
		return -ENOENT;
	memset(cpu, 0, sizeof(*cpu));
	nla_put_u32(msg, STOCKVZ_A_CPU_ID, id);
	return ub_talk(msg, on_cpu, cpu);
}

static inline struct cpu cpu_of(unsigned int id)
{
	struct cpu cpu;

	if (cpu_get(id, &cpu))
		memset(&cpu, -1, sizeof(cpu));
	return cpu;
}

/*
 * Burning, in a worker or a child of one
 */

/* All that a process used, its threads included; its children not. */
static inline long used_by(pid_t pid)
{
	clockid_t clock;

	return clock_getcpuclockid(pid, &clock) ? -1 : clock_ns(clock);
}

/* Of a task that is done, and asleep again: what it used on its way there is in. */
static inline long used_at_rest(pid_t pid)
{
	long used, before = -1;

	while ((used = used_by(pid)) != before) {
		before = used;
		usleep(20000);
	}
	return used;
}

static inline void burn_until(long end)
{
	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		for (volatile int i = 0; i < 200000; i++)
			;
}

/* In user space, for so many milliseconds of the CPU. */
static inline long burn(long ms, long b)
{
	burn_until(clock_ns(CLOCK_THREAD_CPUTIME_ID) + ms * MS);
	return 0;
}

/* In the kernel. */
static inline long burn_system(long ms, long b)
{
	long end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + ms * MS;
	static char page[1 << 16];
	int fd = open("/dev/zero", O_RDONLY);

	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		for (int i = 0; i < 20; i++)
			if (read(fd, page, sizeof(page)) < 0)
				return -errno;
	return close(fd);
}

static inline long burn_nice(long ms, long b)
{
	setpriority(PRIO_PROCESS, 0, 10);
	return burn(ms, 0);
}

static inline void *burn_thread(void *ms)
{
	burn((long)ms, 0);
	return NULL;
}

/* So many threads, all gone afterwards. */
static inline long burn_threads(long n, long ms)
{
	pthread_t thread[8];
	long i;

	for (i = 0; i < n; i++)
		if (pthread_create(&thread[i], NULL, burn_thread, (void *)ms))
			return -EAGAIN;
	for (i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	return 0;
}

static inline long timeval_ns(const struct timeval *t)
{
	return t->tv_sec * 1000000000L + t->tv_usec * 1000L;
}

static inline long rusage_ns(const struct rusage *r)
{
	return timeval_ns(&r->ru_utime) + timeval_ns(&r->ru_stime);
}

/* So many children, one after the other. What they used is theirs. */
static inline long burn_children(long n, long ms)
{
	struct rusage r;
	long used = 0;

	while (n--) {
		pid_t pid = fork();

		if (!pid) {
			burn(ms, 0);
			_exit(0);
		}
		if (wait4(pid, NULL, 0, &r) != pid)
			return -errno;
		used += rusage_ns(&r);
	}
	return used;
}

/* For as long as its parent lives, or until it is killed. */
static inline long fork_burning(long nice, long b)
{
	pid_t pid = fork();

	if (pid)
		return sys(pid);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpriority(PRIO_PROCESS, 0, nice);
	for (;;)
		;
}

static inline long kill_child(long pid, long b)
{
	kill(pid, SIGKILL);
	return waitpid(pid, NULL, 0) == pid ? 0 : -errno;
}

/* Sleeps uninterruptibly, since its child does not come back from vfork(). */
static inline long fork_stuck(long a, long b)
{
	pid_t pid = fork();

	if (pid)
		return sys(pid);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0)) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	_exit(0);
}

static inline bool within(long a, long b, long by)
{
	return a - b <= by && b - a <= by;
}

/* Numbers, to the right in 20 each, and nothing else? */
static inline bool parse_row(const char *line, long *number)
{
	int i, k;

	for (i = 0; i < COLUMNS; i++) {
		const char *at = line + 21 * i;

		for (k = 0; k < 19 && at[k] == ' '; k++)
			;
		number[i] = atol(at + k);
		for (; k < 20; k++)
			if (at[k] < '0' || at[k] > '9')
				return false;
		if (at[20] != (i < COLUMNS - 1 ? ' ' : '\n'))
			return false;
	}
	return true;
}

/*
 * Inside
 */

/* A /proc of a pid namespace of its own is a container's. */
static inline long in_namespace(long (*fn)(uid_t uid), uid_t uid)
{
	long *result = worker_shared;
	pid_t pid = fork();

	if (pid)
		return waitpid(pid, NULL, 0) == pid ? *result : -errno;
	*result = -ECHILD;
	if (unshare(CLONE_NEWNS | CLONE_NEWPID))
		_exit(1);
	pid = fork();
	if (!pid) {
		if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("proc", "/mnt", "proc", 0, NULL))
			_exit(1);
		*result = fn(uid);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	_exit(0);
}

#endif
