// SPDX-License-Identifier: GPL-2.0
/*
 * The account of the CPU where something changes under it: the cgroup, the controller, or
 * whose a cgroup inside is; and whom it costs to look.
 */
#include "used.h"

#define OTHER "/ubtestother"
#define HOUR (3600 * 1000 * MS)

/*
 * Looks at the rows as they are: to read on where one has not read before does not bring
 * them up to date, which would wait for whatever happens to them.
 */
static int watch_rows(long end)
{
	int fd = open(VESTAT, O_RDONLY), i;
	char rows[3 * WIDTH];
	long n[COLUMNS], len;

	while (clock_ns(CLOCK_MONOTONIC) < end) {
		bool seen = false;

		len = pread(fd, rows, sizeof(rows), 2 * WIDTH);
		for (i = 0; i < len / WIDTH; i++) {
			if (!parse_row(rows + i * WIDTH, n) || n[7] > HOUR)
				return 1;
			seen |= n[0] == BOX_A;
		}
		if (!seen)
			return 2;
	}
	return 0;
}

TEST_F(ub, a_row_is_never_half)
{
	struct box *a = &self->a;
	int i, status;
	pid_t pid;

	ub_del(BOX_B);
	ASSERT_EQ(0, cg_make(OTHER));
	ASSERT_EQ(0, cg_make(BOX_B_CGROUP));
	pid = fork();
	if (!pid)
		_exit(watch_rows(clock_ns(CLOCK_MONOTONIC) + 3000 * MS));
	ASSERT_LT(0, pid);
	for (i = 0; !waitpid(pid, &status, WNOHANG); i++) {
		ASSERT_EQ(0, ub_attach(a->id, i % 2 ? a->cgroup : OTHER));
		ASSERT_EQ(0, ub_new(BOX_B, BOX_B_CGROUP));
		ASSERT_EQ(0, ub_del(BOX_B));
	}
	TH_LOG("%d times", i);
	EXPECT_EQ(0, status);
	if (i % 2)
		ASSERT_EQ(0, ub_attach(a->id, a->cgroup));
	ASSERT_EQ(0, cg_remove(BOX_B_CGROUP));
	ASSERT_EQ(0, cg_remove(OTHER));
}

#define READS 300

/* How often a reader in a container slept, beyond what a row is good for. */
static long sleeps_of_reader(uid_t uid)
{
	long begin = clock_ns(CLOCK_MONOTONIC), sleeps, due;
	int fd = open("/mnt/vz/vestat", O_RDONLY), i;
	struct rusage before, after;
	char text[3 * WIDTH];

	getrusage(RUSAGE_SELF, &before);
	for (i = 0; i < READS; i++)
		if (pread(fd, text, sizeof(text), 0) != sizeof(text))
			return -errno;
	getrusage(RUSAGE_SELF, &after);
	sleeps = after.ru_nvcsw - before.ru_nvcsw;
	due = 1 + (clock_ns(CLOCK_MONOTONIC) - begin) / (100 * MS);
	return sleeps > due ? sleeps - due : 0;
}

static long read_in_a_loop(long a, long b)
{
	return in_namespace(sleeps_of_reader, 0);
}

/* Whoever sleeps waits for the host's worker. What else he may wait for is seldom. */
TEST_F(ub, a_container_does_not_make_the_host_work)
{
	long sleeps = IN(&self->a, read_in_a_loop);

	EXPECT_LE(0, sleeps);
	EXPECT_GT(READS / 10, sleeps);
}

TEST_F(ub, throttled_goes_on_with_another_controller)
{
	struct box *a = &self->a;
	const char *in = OTHER "/in";
	long before;

	ASSERT_EQ(0, cg_make(OTHER));
	if (cg_write("/", "cgroup.subtree_control", "+cpu") ||
	    cg_write(OTHER, "cgroup.subtree_control", "+cpu"))
		SKIP(return, "no cpu controller");
	box_move(_metadata, a, in);
	ASSERT_EQ(0, cg_write(in, "cpu.max", "5000 50000"));
	ASSERT_EQ(0, IN(a, burn, 60));
	before = cpu_of(a->id).throttled;
	EXPECT_LT(200 * MS, before);
	ASSERT_EQ(0, cg_write(OTHER, "cgroup.subtree_control", "-cpu"));
	EXPECT_EQ(before, cpu_of(a->id).throttled);
	ASSERT_EQ(0, cg_write(OTHER, "cgroup.subtree_control", "+cpu"));
	EXPECT_EQ(before, cpu_of(a->id).throttled);
	ASSERT_EQ(0, cg_write(in, "cpu.max", "5000 50000"));
	ASSERT_EQ(0, IN(a, burn, 20));
	EXPECT_LT(before + 40 * MS, cpu_of(a->id).throttled);
	box_return(_metadata, a, in);
	ASSERT_EQ(0, cg_remove(OTHER));
}

static pid_t burn_on_first_cpu(const char *cgroup)
{
	pid_t pid = fork_into(cgroup);
	cpu_set_t set;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (;;)
		;
}

/* Of two that wait inside, the one outside is told as well: nobody can tell them apart. */
TEST_F(ub, waiting_is_that_of_those_inside_too)
{
	struct box *a = &self->a;
	pid_t pid[2];
	long wait;
	int i;

	if (access("/proc/pressure/cpu", R_OK))
		SKIP(return, "the kernel does not tell of pressure");
	ub_del(BOX_B);
	ASSERT_EQ(0, cg_make(BOX_A_CGROUP "/in"));
	ASSERT_EQ(0, ub_new(BOX_B, BOX_A_CGROUP "/in"));
	wait = cpu_of(a->id).wait;
	for (i = 0; i < 2; i++)
		pid[i] = burn_on_first_cpu(BOX_A_CGROUP "/in");
	EXPECT_TRUE(EVENTUALLY(cpu_of(BOX_B).wait > 300 * MS));
	EXPECT_LT(wait + 200 * MS, cpu_of(a->id).wait);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, kill_child(pid[i], 0));
	/* It stays when that one goes. */
	wait = cpu_of(a->id).wait;
	EXPECT_TRUE(EVENTUALLY(empty(BOX_B)));
	ASSERT_EQ(0, ub_del(BOX_B));
	EXPECT_LE(wait, cpu_of(a->id).wait);
	ASSERT_EQ(0, cg_remove(BOX_A_CGROUP "/in"));
}

TEST_HARNESS_MAIN
