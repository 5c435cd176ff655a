// SPDX-License-Identifier: GPL-2.0
/*
 * What a beancounter used of the CPU: /proc/vz/vestat and cpu-get. The other side of
 * each comparison is what the kernel says of the tasks themselves. Where a task sleeps
 * when it is looked at, the two agree to the microsecond, which is what the files of
 * cgroups are in.
 */
#include <dirent.h>

#include "used.h"

struct cpus {
	struct cpu *cpu;
	int n, max;
};

static void on_dump(struct nlmsghdr *nlh, void *arg)
{
	struct cpus *cpus = arg;

	if (cpus->n < cpus->max)
		on_cpu(nlh, &cpus->cpu[cpus->n]);
	cpus->n++;
}

static int cpu_dump(struct cpu *cpu, int max)
{
	struct nl_msg *msg = ub_msg(STOCKVZ_CMD_CPU_GET, NLM_F_DUMP);
	struct cpus cpus = { .cpu = cpu, .max = max };

	return ub_talk(msg, on_dump, &cpus) ?: cpus.n;
}

/*
 * As it is the next moment when a task has just gone to sleep.
 */
#define EXPECT_USED(want_, id_, by_) do {				\
	long used_, wanted_;						\
									\
	EXPECT_TRUE(EVENTUALLY((used_ = cpu_of(id_).used,		\
				within(used_, wanted_ = (want_), by_)))) \
		TH_LOG("used %ld, want %ld", used_, wanted_);		\
} while (0)

/*
 * Exactness
 */

TEST_F(ub, used_is_what_the_task_used)
{
	struct box *a = &self->a;
	struct cpu cpu;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, IN(a, burn, 70));
		EXPECT_USED(used_by(a->worker.pid), a->id, CUT);
	}
	cpu = cpu_of(a->id);
	EXPECT_LT(210 * MS, cpu.used);
	EXPECT_TRUE(within(cpu.used, cpu.user + cpu.nice + cpu.system, CUT));
	EXPECT_EQ(a->id, cpu.id);
}

static long tell_usage(long a, long b)
{
	return sys(getrusage(RUSAGE_SELF, worker_shared));
}

/* One task, of which the kernel splits the same time by the same ticks. */
static bool is_split_as_of_the_task(struct box *a)
{
	const struct rusage *r = a->worker.shared;
	struct cpu cpu;

	if (IN(a, tell_usage))
		return false;
	used_at_rest(a->worker.pid);
	cpu = cpu_of(a->id);
	return within(cpu.used, rusage_ns(r), 10 * MS) &&
	       within(cpu.user, timeval_ns(&r->ru_utime), 20 * MS) &&
	       within(cpu.system, timeval_ns(&r->ru_stime), 20 * MS) &&
	       within(cpu.used, cpu.user + cpu.nice + cpu.system, CUT);
}

TEST_F(ub, user_and_system_as_of_the_task)
{
	struct box *a = &self->a;
	struct cpu cpu;

	ASSERT_EQ(0, IN(a, burn, 400));
	ASSERT_EQ(0, IN(a, burn_system, 200));
	EXPECT_TRUE(EVENTUALLY(is_split_as_of_the_task(a)));
	cpu = cpu_of(a->id);
	TH_LOG("%ld ms: user %ld, system %ld", cpu.used / MS, cpu.user / MS, cpu.system / MS);
	EXPECT_LT(0, cpu.system);
	EXPECT_LT(0, cpu.user);
}

TEST_F(ub, threads_and_the_dead)
{
	struct box *a = &self->a;
	long children;

	/* The very end of a thread or child is told of nowhere else. */
	ASSERT_EQ(0, IN(a, burn_threads, 4, 50));
	EXPECT_USED(used_by(a->worker.pid), a->id, 100 * MS);
	EXPECT_LE(used_by(a->worker.pid) - CUT, cpu_of(a->id).used);
	children = IN(a, burn_children, 3, 50);
	ASSERT_LT(150 * MS, children);
	EXPECT_USED(used_by(a->worker.pid) + children, a->id, 100 * MS);
	EXPECT_LE(used_by(a->worker.pid) + children - 4 * CUT, cpu_of(a->id).used);
}

TEST_F(ub, nice)
{
	struct box *a = &self->a;
	bool told = cg_read(a->cgroup, "cpu.stat", "nice_usec") >= 0;
	struct cpu before, cpu;

	ASSERT_EQ(0, IN(a, burn, 100));
	before = cpu_of(a->id);
	EXPECT_EQ(0, before.nice);
	ASSERT_EQ(0, IN(a, burn_nice, 200));
	EXPECT_USED(used_by(a->worker.pid), a->id, CUT);
	cpu = cpu_of(a->id);
	EXPECT_TRUE(within(cpu.used, cpu.user + cpu.nice + cpu.system, CUT));
	if (told) {
		EXPECT_LT(100 * MS, cpu.nice);
		EXPECT_GT(before.user + 100 * MS, cpu.user);
	} else {
		EXPECT_EQ(0, cpu.nice);
		EXPECT_LT(before.user + 100 * MS, cpu.user);
	}
}

/* What counts is where it was when it ran. */
TEST_F(two, a_task_that_moves)
{
	struct box *a = &self->a, *b = &self->b;
	long of_a, of_b, left;

	ASSERT_EQ(0, IN(a, burn, 50));
	EXPECT_USED(used_by(a->worker.pid), a->id, CUT);
	left = used_at_rest(a->worker.pid);
	used_at_rest(b->worker.pid);
	of_a = cpu_of(a->id).used;
	of_b = cpu_of(b->id).used;
	ASSERT_EQ(0, cg_enter(b->cgroup, a->worker.pid));
	ASSERT_EQ(0, IN(a, burn, 50));
	EXPECT_USED(of_b + used_by(a->worker.pid) - left, b->id, 2 * CUT);
	EXPECT_EQ(of_a, cpu_of(a->id).used);
	/* Out, where nobody counts. */
	used_at_rest(a->worker.pid);
	of_b = cpu_of(b->id).used;
	ASSERT_EQ(0, cg_enter("/", a->worker.pid));
	ASSERT_EQ(0, IN(a, burn, 50));
	EXPECT_EQ(of_a, cpu_of(a->id).used);
	EXPECT_EQ(of_b, cpu_of(b->id).used);
	/* And home. */
	left = used_at_rest(a->worker.pid);
	ASSERT_EQ(0, cg_enter(a->cgroup, a->worker.pid));
	ASSERT_EQ(0, IN(a, burn, 50));
	EXPECT_USED(of_a + used_by(a->worker.pid) - left, a->id, 2 * CUT);
}

/* What another task, which lives on at rest elsewhere, used in a cgroup. */
static long burn_in(const char *cgroup, long ms)
{
	static struct worker burner;
	long before;

	if (!burner.pid && worker_start(&burner, "/"))
		return -1;
	before = used_at_rest(burner.pid);
	if (cg_enter(cgroup, burner.pid) || worker_do(&burner, burn, ms, 0))
		return -1;
	before = used_at_rest(burner.pid) - before;
	return cg_enter("/", burner.pid) ? -1 : before;
}

/* So much more than before. */
#define EXPECT_MORE(than_, more_, id_) do {				\
	long base_ = (than_), want_ = base_ + (more_);			\
	long seen_ = cpu_of(id_).used;					\
									\
	EXPECT_LE(want_ - 2 * CUT, seen_);				\
	EXPECT_GE(want_ + 2 * CUT, seen_);				\
} while (0)

#define OTHER "/ubtestother"

TEST_F(ub, another_cgroup)
{
	struct box *a = &self->a;
	long used, uptime, more;

	ASSERT_EQ(0, cg_make(OTHER));
	ASSERT_LT(0, burn_in(OTHER, 50));
	ASSERT_EQ(0, IN(a, burn, 50));
	EXPECT_USED(used_at_rest(a->worker.pid), a->id, CUT);
	used = cpu_of(a->id).used;
	uptime = cpu_of(a->id).uptime;
	ASSERT_EQ(0, ub_attach(a->id, OTHER));
	/* What was used before stays, what others used there before is not its own. */
	EXPECT_EQ(used, cpu_of(a->id).used);
	EXPECT_LT(uptime, cpu_of(a->id).uptime);
	ASSERT_LT(0, burn_in(a->cgroup, 50));
	EXPECT_EQ(used, cpu_of(a->id).used);
	ASSERT_EQ(0, cg_enter(OTHER, a->worker.pid));
	ASSERT_EQ(0, IN(a, burn, 50));
	EXPECT_USED(used_at_rest(a->worker.pid), a->id, 2 * CUT);
	used = cpu_of(a->id).used;
	/* Back. Nobody has looked, and what was used here meanwhile was nobody's. */
	more = burn_in(OTHER, 50);
	ASSERT_EQ(0, ub_attach(a->id, a->cgroup));
	EXPECT_MORE(used, more, a->id);
	used = cpu_of(a->id).used - used_by(a->worker.pid);
	ASSERT_EQ(0, cg_enter(a->cgroup, a->worker.pid));
	ASSERT_EQ(0, IN(a, burn, 50));
	EXPECT_USED(used + used_by(a->worker.pid), a->id, 2 * CUT);
	ASSERT_EQ(0, cg_remove(OTHER));
}

TEST_F(ub, begins_with_the_cgroup)
{
	struct cpu cpu;
	long begin;

	ub_del(BOX_B);
	ASSERT_EQ(0, cg_make(BOX_B_CGROUP));
	ASSERT_LT(0, burn_in(BOX_B_CGROUP, 100));
	EXPECT_EQ(-ENOENT, cpu_get(BOX_B, &cpu));
	/* No cgroup, no account. */
	ASSERT_EQ(0, ub_new(BOX_B, NULL));
	EXPECT_EQ(-ENOENT, cpu_get(BOX_B, &cpu));
	EXPECT_LT(3, strlen(ub_why()));
	begin = clock_ns(CLOCK_BOOTTIME);
	ASSERT_EQ(0, ub_attach(BOX_B, BOX_B_CGROUP));
	ASSERT_EQ(0, cpu_get(BOX_B, &cpu));
	EXPECT_EQ(0, cpu.used);
	EXPECT_EQ(0, cpu.user);
	EXPECT_EQ(0, cpu.system);
	EXPECT_GE(clock_ns(CLOCK_BOOTTIME) - begin, cpu.uptime);
	EXPECT_MORE(0, burn_in(BOX_B_CGROUP, 50), BOX_B);
	ASSERT_EQ(0, ub_del(BOX_B));
	EXPECT_EQ(-ENOENT, cpu_get(BOX_B, &cpu));
	ASSERT_EQ(0, cg_remove(BOX_B_CGROUP));
}

/* A file that lives on keeps the beancounter, but nothing runs. */
static long open_file(long a, long b)
{
	return sys(open("/proc/self/status", O_RDONLY));
}

TEST_F(ub, begins_anew_with_the_name)
{
	struct box *a = &self->a;
	struct cpu cpu;

	ASSERT_LE(0, IN(a, open_file));
	ASSERT_EQ(0, IN(a, burn, 50));
	used_at_rest(a->worker.pid);
	ASSERT_LT(0, cpu_of(a->id).used);
	ASSERT_EQ(0, ub_del(a->id));
	EXPECT_EQ(-ENOENT, cpu_get(a->id, &cpu));
	EXPECT_EQ(0, cpu_dump(&cpu, 1));
	ASSERT_EQ(0, ub_new(a->id, a->cgroup));
	ASSERT_EQ(0, cpu_get(a->id, &cpu));
	EXPECT_EQ(0, cpu.used);
	EXPECT_EQ(0, cpu.idle >> 40);
	EXPECT_EQ(0, cpu.load[0]);
}

/* The nearest binding counts, in whichever order they came. */
TEST_F(ub, a_cgroup_in_a_cgroup)
{
	struct box *a = &self->a;
	long outer, middle, inner;

	ub_del(BOX_B);
	ub_del(BOX_B + 1);
	ASSERT_EQ(0, cg_make(BOX_A_CGROUP "/in"));
	ASSERT_EQ(0, cg_make(BOX_A_CGROUP "/in/deep"));
	used_at_rest(a->worker.pid);
	outer = cpu_of(a->id).used;
	EXPECT_MORE(outer, burn_in(BOX_A_CGROUP "/in/deep", 30), a->id);
	outer = cpu_of(a->id).used;
	ASSERT_EQ(0, ub_new(BOX_B, BOX_A_CGROUP "/in/deep"));
	EXPECT_MORE(0, burn_in(BOX_A_CGROUP "/in/deep", 30), BOX_B);
	EXPECT_TRUE(within(outer, cpu_of(a->id).used, CUT));
	inner = cpu_of(BOX_B).used;
	/* One between the two, which finds what is in it. */
	ASSERT_EQ(0, ub_new(BOX_B + 1, BOX_A_CGROUP "/in"));
	EXPECT_EQ(0, cpu_of(BOX_B + 1).used);
	EXPECT_MORE(inner, burn_in(BOX_A_CGROUP "/in/deep", 30), BOX_B);
	EXPECT_TRUE(within(outer, cpu_of(a->id).used, CUT));
	EXPECT_TRUE(within(0, cpu_of(BOX_B + 1).used, CUT));
	inner = cpu_of(BOX_B).used;
	EXPECT_MORE(0, burn_in(BOX_A_CGROUP "/in", 30), BOX_B + 1);
	EXPECT_TRUE(within(outer, cpu_of(a->id).used, CUT));
	EXPECT_TRUE(within(inner, cpu_of(BOX_B).used, CUT));
	middle = cpu_of(BOX_B + 1).used;
	EXPECT_MORE(outer, burn_in(a->cgroup, 30), a->id);
	outer = cpu_of(a->id).used;
	EXPECT_TRUE(within(middle, cpu_of(BOX_B + 1).used, CUT));
	/* It goes, and what is run there is the outer one's again, but not what was. */
	ASSERT_EQ(0, ub_del(BOX_B + 1));
	EXPECT_TRUE(within(outer, cpu_of(a->id).used, CUT));
	EXPECT_MORE(outer, burn_in(BOX_A_CGROUP "/in", 30), a->id);
	EXPECT_TRUE(within(inner, cpu_of(BOX_B).used, CUT));
	outer = cpu_of(a->id).used;
	EXPECT_MORE(inner, burn_in(BOX_A_CGROUP "/in/deep", 30), BOX_B);
	EXPECT_TRUE(within(outer, cpu_of(a->id).used, CUT));
	ASSERT_EQ(0, ub_del(BOX_B));
	EXPECT_TRUE(within(outer, cpu_of(a->id).used, CUT));
	EXPECT_MORE(outer, burn_in(BOX_A_CGROUP "/in/deep", 30), a->id);
	ASSERT_EQ(0, cg_remove(BOX_A_CGROUP "/in/deep"));
	ASSERT_EQ(0, cg_remove(BOX_A_CGROUP "/in"));
}

/* Nobody had looked when it went. */
TEST_F(ub, a_cgroup_that_is_gone)
{
	struct cpu cpu;
	long used;

	ub_del(BOX_B);
	ASSERT_EQ(0, cg_make(OTHER));
	ASSERT_EQ(0, cg_make(OTHER "/in"));
	ASSERT_EQ(0, ub_new(BOX_B, OTHER "/in"));
	used = burn_in(OTHER "/in", 100);
	ASSERT_EQ(0, cg_remove(OTHER "/in"));
	EXPECT_MORE(0, used, BOX_B);
	cpu = cpu_of(BOX_B);
	EXPECT_TRUE(within(cpu.used, cpu.user + cpu.nice + cpu.system, CUT));
	EXPECT_LT(0, cpu.user);
	/* One of the same name is another one. */
	ASSERT_EQ(0, cg_make(OTHER "/in"));
	ASSERT_LT(0, burn_in(OTHER "/in", 50));
	EXPECT_EQ(cpu.used, cpu_of(BOX_B).used);
	ASSERT_EQ(0, ub_attach(BOX_B, OTHER "/in"));
	EXPECT_EQ(cpu.used, cpu_of(BOX_B).used);
	EXPECT_MORE(cpu.used, burn_in(OTHER "/in", 50), BOX_B);
	ASSERT_EQ(0, ub_del(BOX_B));
	ASSERT_EQ(0, cg_remove(OTHER "/in"));
	ASSERT_EQ(0, cg_remove(OTHER));
}

TEST_F(ub, uptime_and_idle)
{
	struct box *a = &self->a;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	long begin, start, end;
	struct cpu first, then;

	used_at_rest(a->worker.pid);
	begin = clock_ns(CLOCK_BOOTTIME);
	first = cpu_of(a->id);
	start = clock_ns(CLOCK_BOOTTIME);
	usleep(300000);
	ASSERT_EQ(0, IN(a, burn, 50));
	EXPECT_USED(used_at_rest(a->worker.pid), a->id, CUT);
	end = clock_ns(CLOCK_BOOTTIME);
	then = cpu_of(a->id);
	EXPECT_LE(end - start, then.uptime - first.uptime);
	EXPECT_GE(clock_ns(CLOCK_BOOTTIME) - begin, then.uptime - first.uptime);
	EXPECT_EQ(cpus * then.uptime, then.used + then.idle);
}

/* On one CPU one of two waits. Not known where the kernel has psi=0. */
TEST_F(ub, waiting)
{
	struct box *a = &self->a;
	cpu_set_t set;
	long one, two, wait;

	if (access("/proc/pressure/cpu", R_OK))
		SKIP(return, "the kernel does not tell of pressure");
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	ASSERT_EQ(0, sched_setaffinity(a->worker.pid, sizeof(set), &set));
	wait = cpu_of(a->id).wait;
	one = IN(a, fork_burning);
	two = IN(a, fork_burning);
	EXPECT_TRUE(EVENTUALLY(cpu_of(a->id).wait > wait + 200 * MS));
	EXPECT_GE(cpu_of(a->id).uptime, cpu_of(a->id).wait);
	EXPECT_EQ(0, IN(a, kill_child, one));
	EXPECT_EQ(0, IN(a, kill_child, two));
}

TEST_F(ub, throttled)
{
	struct box *a = &self->a;
	bool had = cg_read(a->cgroup, "cpu.max", "") != -ENOENT;

	if (cg_write("/", "cgroup.subtree_control", "+cpu") ||
	    cg_write(a->cgroup, "cpu.max", "5000 50000"))
		SKIP(return, "no cpu controller");
	EXPECT_EQ(0, cpu_of(a->id).throttled);
	ASSERT_EQ(0, IN(a, burn, 30));
	EXPECT_LT(50 * MS, cpu_of(a->id).throttled);
	EXPECT_EQ(0, cg_write(a->cgroup, "cpu.max", "max"));
	EXPECT_USED(used_by(a->worker.pid), a->id, CUT);
	if (!had)
		cg_write("/", "cgroup.subtree_control", "-cpu");
}

/*
 * Nothing ever gets less, whoever looks and whatever happens meanwhile.
 */

static bool less(const struct cpu *before, const struct cpu *now)
{
	return now->used < before->used || now->user < before->user ||
	       now->nice < before->nice || now->system < before->system ||
	       now->idle < before->idle || now->uptime < before->uptime ||
	       now->wait < before->wait;
}

static int watch(unsigned int id, long ms)
{
	long end = clock_ns(CLOCK_MONOTONIC) + ms * MS;
	struct cpu before = { 0 }, now;

	ub_forget_socket();
	while (clock_ns(CLOCK_MONOTONIC) < end) {
		if (cpu_get(id, &now))
			return 2;
		if (less(&before, &now))
			return 1;
		before = now;
	}
	return 0;
}

TEST_F(ub, never_less)
{
	struct box *a = &self->a;
	pid_t watcher[2];
	long burner[2];
	int i, status;

	ASSERT_EQ(0, cg_make(OTHER));
	burner[0] = IN(a, fork_burning, 0);
	burner[1] = IN(a, fork_burning, 10);
	for (i = 0; i < 2; i++) {
		watcher[i] = fork();
		if (!watcher[i])
			_exit(watch(a->id, 2000));
	}
	for (i = 0; i < 5; i++) {
		const char *cgroup = i % 2 ? a->cgroup : OTHER;

		ASSERT_EQ(0, ub_attach(a->id, cgroup));
		ASSERT_EQ(0, cg_enter(cgroup, burner[0]));
		ASSERT_EQ(0, cg_enter(cgroup, burner[1]));
		usleep(200000);
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(watcher[i], waitpid(watcher[i], &status, 0));
		EXPECT_EQ(0, status);
		EXPECT_EQ(0, IN(a, kill_child, burner[i]));
	}
	ASSERT_EQ(0, ub_attach(a->id, a->cgroup));
	ASSERT_EQ(0, cg_remove(OTHER));
}

/*
 * The load
 */

/* include/linux/sched/loadavg.h, as it stood since ever */
static unsigned long calc(unsigned long load, unsigned long exp, unsigned long active)
{
	unsigned long sum;

	active *= 2048;
	sum = load * exp + active * (2048 - exp);
	if (active >= load)
		sum += 2047;
	return sum / 2048;
}

/* Does one follow from the other, after a sample or two that came late? */
static bool follows(const struct cpu *before, const struct cpu *now, unsigned int active)
{
	static const unsigned long exp[3] = { 1884, 2014, 2037 };
	unsigned long load[3] = { before->load[0], before->load[1], before->load[2] };
	int i, n, same;

	for (n = 0; n < 3; n++) {
		for (i = same = 0; i < 3; i++) {
			load[i] = calc(load[i], exp[i], active);
			same += load[i] == now->load[i];
		}
		if (same == 3)
			return true;
	}
	return false;
}

/* A sample more, or several: what it was before, and what it is then. */
static bool next_sample(unsigned int id, struct cpu *before, struct cpu *now)
{
	*before = cpu_of(id);
	return EVENTUALLY((*now = cpu_of(id), memcmp(before->load, now->load,
						     sizeof(now->load))));
}

static void expect_load(struct __test_metadata *_metadata, unsigned int id, unsigned int active)
{
	struct cpu before, now;
	int i;

	/* The first may have been taken half before. */
	ASSERT_TRUE(next_sample(id, &before, &now));
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(next_sample(id, &before, &now));
		EXPECT_TRUE(follows(&before, &now, active))
			TH_LOG("%u active: %u/%u/%u, then %u/%u/%u", active, before.load[0],
			       before.load[1], before.load[2], now.load[0], now.load[1],
			       now.load[2]);
	}
}

TEST_F(two, load)
{
	struct box *a = &self->a, *b = &self->b;
	long burner[3], stuck;
	struct cpu cpu;
	int i;

	for (i = 0; i < 3; i++)
		burner[i] = IN(a, fork_burning);
	stuck = IN(b, fork_stuck);
	expect_load(_metadata, a->id, 3);
	expect_load(_metadata, b->id, 1);
	cpu = cpu_of(a->id);
	EXPECT_LT(cpu.load[1], cpu.load[0]);
	EXPECT_LT(cpu.load[2], cpu.load[1]);
	EXPECT_GT(3U * 2048, cpu.load[0]);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, IN(a, kill_child, burner[i]));
	EXPECT_EQ(0, IN(b, kill_child, stuck));
	/* It goes down as it came up. */
	expect_load(_metadata, a->id, 0);
}

/*
 * /proc/vz/vestat
 */

static char text[1 << 20];

/* The length, or a negative errno. */
static long read_path(const char *path)
{
	return text_in(path, text, sizeof(text), sizeof(text));
}

static long read_text(void)
{
	return read_path(VESTAT);
}

static const char *head(void)
{
	static const char *const names[COLUMNS] = {
		"VEID", "user", "nice", "system", "uptime", "idle", "strv", "uptime", "used",
		"maxlat", "totlat", "numsched",
	};
	static char want[2 * WIDTH + 1];
	int i;

	memset(want, ' ', sizeof(want) - 1);
	memcpy(want, "Version: 2.2", 12);
	want[WIDTH - 1] = '\n';
	for (i = 0; i < COLUMNS; i++)
		memcpy(want + WIDTH + 21 * i + 20 - strlen(names[i]), names[i], strlen(names[i]));
	want[2 * WIDTH - 1] = '\n';
	return want;
}

/* Between what it was before and what it was after, in the units of that file. */
static void check_row(struct __test_metadata *_metadata, const long *n, const struct cpu *before,
		      const struct cpu *after)
{
	const struct {
		long seen, before, after;
	} want[] = {
		{ n[1], before->user / MS, after->user / MS },
		{ n[2], before->nice / MS, after->nice / MS },
		{ n[3], before->system / MS, after->system / MS },
		{ n[4], before->uptime / MS, after->uptime / MS },
		{ n[5], before->idle, after->idle },
		{ n[6], 0, 0 },
		{ n[7], before->uptime, after->uptime },
		{ n[8], before->used, after->used },
		{ n[9], 0, 0 },
		{ n[10], before->wait, after->wait },
		{ n[11], 0, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		EXPECT_LE(want[i].before, want[i].seen) TH_LOG("column %u", i + 1);
		EXPECT_GE(want[i].after, want[i].seen) TH_LOG("column %u", i + 1);
	}
	EXPECT_EQ(n[7] / MS, n[4]);
}

TEST_F(two, format)
{
	struct cpu before[2], after[2];
	long n[COLUMNS];
	struct box *box[2] = { &self->b, &self->a };
	int i;

	ASSERT_EQ(0, IN(&self->a, burn, 60));
	ASSERT_EQ(0, IN(&self->b, burn_system, 60));
	ASSERT_EQ(0, IN(&self->b, burn, 60));
	for (i = 0; i < 2; i++)
		before[i] = cpu_of(box[i]->id);
	ASSERT_EQ(4 * WIDTH, read_text());
	for (i = 0; i < 2; i++)
		after[i] = cpu_of(box[i]->id);
	EXPECT_EQ(0, memcmp(text, head(), 2 * WIDTH)) TH_LOG("%.*s", 2 * WIDTH, text);
	/* Newest first. */
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(parse_row(text + (2 + i) * WIDTH, n));
		EXPECT_EQ(box[i]->id, n[0]);
		check_row(_metadata, n, &before[i], &after[i]);
		EXPECT_LT(50, n[1] + n[2] + n[3]);
	}
}

/* What a reader finds in it is of one moment, and of now when it begins anew. */
TEST_F(ub, read_again)
{
	struct box *a = &self->a;
	long before[COLUMNS], now[COLUMNS];
	int fd = open(VESTAT, O_RDONLY);
	char line[3 * WIDTH];

	ASSERT_LE(0, fd);
	ASSERT_EQ(3 * WIDTH, pread(fd, line, sizeof(line), 0));
	ASSERT_TRUE(parse_row(line + 2 * WIDTH, before));
	ASSERT_EQ(0, IN(a, burn, 50));
	ASSERT_EQ(3 * WIDTH, pread(fd, line, sizeof(line), 0));
	ASSERT_TRUE(parse_row(line + 2 * WIDTH, now));
	EXPECT_LE(before[8] + 50 * MS, now[8]);
	close(fd);
}

/*
 * Inside
 */

/* What they found is behind the result. */
#define FOUND(box) ((char *)(box)->worker.shared + sizeof(long))

static long read_there(uid_t uid)
{
	long len = setuid(uid) ? -errno : read_path("/mnt/vz/vestat");

	memcpy(worker_shared + sizeof(long), text, WORKER_SHARED - sizeof(long));
	return len;
}

static long list_there(uid_t uid)
{
	char *to = worker_shared + sizeof(long);
	DIR *dir = opendir("/mnt/vz");
	struct dirent *e;

	if (!dir)
		return -errno;
	*to = 0;
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.')
			to += sprintf(to, "%s ", e->d_name);
	return closedir(dir);
}

static long read_own(long uid, long b)
{
	return in_namespace(read_there, uid);
}

static long list_own(long a, long b)
{
	return in_namespace(list_there, 0);
}

static long own_used(struct box *box)
{
	long n[COLUMNS];

	if (IN(box, read_own) != 3 * WIDTH || !parse_row(FOUND(box) + 2 * WIDTH, n))
		return -1;
	return n[8];
}

TEST_F(two, a_container_sees_its_own)
{
	struct box *a = &self->a;
	long n[COLUMNS];
	const char *names = FOUND(a);

	ASSERT_EQ(0, IN(&self->b, burn, 50));
	EXPECT_EQ(3 * WIDTH, IN(a, read_own));
	EXPECT_EQ(0, memcmp(FOUND(a), head(), 2 * WIDTH));
	ASSERT_TRUE(parse_row(FOUND(a) + 2 * WIDTH, n));
	EXPECT_EQ(a->id, n[0]);
	/* It may be a moment old. */
	ASSERT_EQ(0, IN(a, burn, 50));
	EXPECT_TRUE(EVENTUALLY(own_used(a) >= 50 * MS));
	EXPECT_EQ(0, IN(a, list_own));
	EXPECT_EQ(14, strlen(names));
	EXPECT_NE(NULL, strstr(names, "veinfo "));
	EXPECT_NE(NULL, strstr(names, "vestat "));
}

TEST_F(ub, nobody_else_may_read_the_hosts)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (setuid(65534))
			_exit(2);
		_exit(open(VESTAT, O_RDONLY) >= 0 || errno != EACCES);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* A user of a container has the container's. */
	EXPECT_EQ(3 * WIDTH, IN(&self->a, read_own, 65534));
}

/*
 * Netlink
 */

TEST_F(ub, refused)
{
	struct cpu cpu;
	pid_t pid;
	int status;

	EXPECT_EQ(-ENOENT, cpu_get(BOX_A + 500, &cpu));
	EXPECT_LT(3, strlen(ub_why()));
	EXPECT_EQ(-ENOENT, cpu_get(0, &cpu));
	EXPECT_EQ(-EINVAL, ub_talk(ub_msg(STOCKVZ_CMD_CPU_GET, 0), NULL, NULL));
	pid = fork();
	if (!pid) {
		ub_forget_socket();
		if (setuid(65534) || cpu_get(BOX_A, &cpu) != -EPERM)
			_exit(1);
		_exit(cpu_dump(&cpu, 1) != -EPERM);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* Many */

#define FIRST 2000
#define MANY 300

static void make_many(struct __test_metadata *_metadata, int n)
{
	char cgroup[32];
	int i;

	for (i = 0; i < n; i++) {
		snprintf(cgroup, sizeof(cgroup), "/ubmany/%d", FIRST + i);
		ASSERT_EQ(0, cg_make(cgroup));
		ASSERT_EQ(0, ub_new(FIRST + i, cgroup));
	}
}

static void remove_many(int n)
{
	char cgroup[32];

	while (n--) {
		snprintf(cgroup, sizeof(cgroup), "/ubmany/%d", FIRST + n);
		ub_del(FIRST + n);
		cg_remove(cgroup);
	}
	cg_remove("/ubmany");
}

TEST_F(ub, many)
{
	static struct cpu cpu[MANY + 2];
	long n[COLUMNS];
	int i;

	remove_many(MANY);
	ASSERT_EQ(0, cg_make("/ubmany"));
	make_many(_metadata, MANY);
	EXPECT_EQ((3 + MANY) * WIDTH, read_text());
	EXPECT_EQ(MANY + 1, cpu_dump(cpu, MANY + 2));
	for (i = 0; i < MANY; i++) {
		ASSERT_EQ(FIRST + MANY - 1 - i, cpu[i].id);
		ASSERT_TRUE(parse_row(text + (2 + i) * WIDTH, n));
		ASSERT_EQ(FIRST + MANY - 1 - i, n[0]);
	}
	EXPECT_EQ(BOX_A, cpu[MANY].id);
	remove_many(MANY);
}

TEST_HARNESS_MAIN
