// SPDX-License-Identifier: GPL-2.0
/*
 * The share of the CPU: what is set arrives in the files of the cgroup at once, and
 * the kernel keeps to it.
 *
 * Shares are measured by the CPU time that groups were given, not by the clock. Where
 * the machine below stops a virtual CPU, whoever runs there is charged for it, and gets
 * less afterwards. So a measurement that is not as it should be goes on: it comes right in
 * the end if the kernel's arithmetic does. It begins with STOCKVZ_FAIR_SECONDS, by default
 * 3, and takes PATIENCE times that at most; what was amiss counts PATCH times.
 */
#include "env.h"
#include "group.h"

#define TRIES 3
#define PATIENCE 24
#define PATCH 6
/* The kernel's averages follow who has come and gone. */
#define SETTLE_US 300000

static int seconds(void)
{
	return env_number("STOCKVZ_FAIR_SECONDS", 3);
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static double distance(double a, double b)
{
	return larger(a - b, b - a);
}

static double since;	/* when begin_measure() was called */

static void begin_measure(struct group *g, int n)
{
	since = now();
	while (n--)
		g[n].usage = cg_read(g[n].cgroup, "cpu.stat", "usage_usec");
}

/* How much CPU each was given after another while, in CPUs' worth; the sum of all. */
static double measure_on(struct group *g, int n, double while_, double *given)
{
	double sum = 0;
	int i;

	usleep(while_ * 1e6);
	for (i = 0; i < n; i++) {
		given[i] = cg_read(g[i].cgroup, "cpu.stat", "usage_usec") - g[i].usage;
		given[i] /= 1e6 * (now() - since);
		sum += given[i];
	}
	return sum;
}

static double measure(struct group *g, int n, double while_, double *given)
{
	begin_measure(g, n);
	return measure_on(g, n, while_, given);
}

/*
 * What each ought to have: in the ratio of the units, but nobody more than it has
 * tasks, and what that one leaves is for the others.
 */
static void ideal_shares(const struct group *g, const unsigned int *units, int n, double cpus,
			 double *ideal)
{
	bool full[16] = {};
	bool again = true;
	int i;

	while (again) {
		double left = cpus, sum = 0;

		again = false;
		for (i = 0; i < n; i++) {
			left -= full[i] ? g[i].tasks : 0;
			sum += full[i] ? 0 : units[i];
		}
		for (i = 0; i < n; i++) {
			ideal[i] = full[i] ? g[i].tasks : left * units[i] / sum;
			if (full[i] || ideal[i] <= g[i].tasks)
				continue;
			full[i] = true;
			again = true;
		}
	}
}

/* The largest difference from the ideal, in points of all that was given. */
static double miss(const double *given, const double *ideal, int n, double sum, double cpus)
{
	double worst = 0;
	int i;

	for (i = 0; i < n; i++)
		worst = larger(worst, distance(given[i] / sum, ideal[i] / cpus) * 100);
	return worst;
}

static void check_shares(struct __test_metadata *_metadata, struct group *g,
			 const unsigned int *units, int n, double tolerance)
{
	double cpus = sysconf(_SC_NPROCESSORS_ONLN), given[16] = {}, ideal[16];
	double sum = 1, worst = 100;
	int try, i;

	ideal_shares(g, units, n, cpus, ideal);
	usleep(SETTLE_US);
	for (try = 0; try < PATIENCE && worst > tolerance; try++) {
		if (try % PATCH == 0)
			begin_measure(g, n);
		sum = measure_on(g, n, seconds(), given);
		worst = miss(given, ideal, n, sum, cpus);
	}
	TH_LOG("after %.1f s:", now() - since);
	for (i = 0; i < n; i++)
		TH_LOG("%d tasks, %u units: %.1f %%, ideal %.1f %%", g[i].tasks, units[i],
		       given[i] / sum * 100, ideal[i] / cpus * 100);
	EXPECT_GE(tolerance, worst);
}

/*
 * What arrives in the files
 */

TEST_F(fair, nothing_is_touched_before_somebody_says_so)
{
	struct group *g = &self->g[0];

	ASSERT_EQ(0, cg_write(g->cgroup, "cpu.weight", "77"));
	ASSERT_EQ(0, cg_write(g->cgroup, "cpu.max", "33000 100000"));
	EXPECT_EQ(0, ub_limit(g->id, STOCKVZ_RES_NUMPROC, 50));
	EXPECT_FILE("77", g, "cpu.weight");
	EXPECT_FILE("33000 100000", g, "cpu.max");
	/* Each for itself. */
	EXPECT_EQ(0, SET(g, CPUUNITS, 1000));
	EXPECT_FILE("100", g, "cpu.weight");
	EXPECT_FILE("33000 100000", g, "cpu.max");
	EXPECT_EQ(1000, wanted(g->id).units);
	EXPECT_EQ(0, wanted(g->id).limit);
	/* As it would be without us. */
	EXPECT_EQ(0, SET(g, CPUUNITS, 500));
	EXPECT_FILE("50", g, "cpu.weight");
	EXPECT_EQ(0, SET(g, CPUUNITS, 0));
	EXPECT_FILE("100", g, "cpu.weight");
	EXPECT_EQ(0, wanted(g->id).units);
}

TEST_F(fair, units_are_weights)
{
	static const struct {
		unsigned int units;
		const char *weight;
	} rows[] = {
		{ 8, "1" }, { 14, "1" }, { 15, "2" }, { 250, "25" }, { 1000, "100" },
		{ 1004, "100" }, { 1005, "101" }, { 100000, "10000" },
	};
	struct group *g = self->g;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(0, SET(g, CPUUNITS, rows[i].units)) TH_LOG("%s", ub_why());
		EXPECT_FILE(rows[i].weight, g, "cpu.weight");
	}
}

/* Where one has more than the usual scale holds, all that are beside it have another. */
TEST_F(fair, scale_is_that_of_the_largest_sibling)
{
	struct group *g = self->g;
	struct group elsewhere = { .id = FIRST_ID + GROUPS, .cgroup = "/fairtest_else" };

	ASSERT_EQ(0, cg_make(elsewhere.cgroup));
	ASSERT_EQ(0, ub_new(elsewhere.id, elsewhere.cgroup));
	EXPECT_EQ(0, SET(&elsewhere, CPUUNITS, 2000));
	EXPECT_EQ(0, SET(&g[0], CPUUNITS, 1000));
	EXPECT_EQ(0, SET(&g[1], CPUUNITS, 100000));
	EXPECT_FILE("100", &g[0], "cpu.weight");
	EXPECT_FILE("10000", &g[1], "cpu.weight");
	EXPECT_EQ(0, SET(&g[2], CPUUNITS, 500000));
	EXPECT_FILE("20", &g[0], "cpu.weight");
	EXPECT_FILE("2000", &g[1], "cpu.weight");
	EXPECT_FILE("10000", &g[2], "cpu.weight");
	/* Nobody has said anything about this one, and the other has no such sibling. */
	EXPECT_FILE("100", &g[3], "cpu.weight");
	EXPECT_FILE("200", &elsewhere, "cpu.weight");
	/* It goes, one way or the other. */
	EXPECT_EQ(0, SET(&g[2], CPUUNITS, 100000));
	EXPECT_FILE("100", &g[0], "cpu.weight");
	EXPECT_EQ(0, SET(&g[2], CPUUNITS, 100001));
	EXPECT_FILE("20", &g[0], "cpu.weight");
	EXPECT_EQ(0, ub_attach(g[2].id, "/system.slice"));
	EXPECT_FILE("100", &g[0], "cpu.weight");
	EXPECT_FILE("10000", &g[1], "cpu.weight");
	EXPECT_FILE("40", &elsewhere, "cpu.weight");
	EXPECT_EQ(0, ub_attach(g[2].id, g[2].cgroup));
	EXPECT_FILE("20", &g[0], "cpu.weight");
	EXPECT_FILE("200", &elsewhere, "cpu.weight");
	EXPECT_EQ(0, ub_del(g[2].id));
	EXPECT_FILE("100", &g[0], "cpu.weight");
	EXPECT_FILE("100", &g[2], "cpu.weight");
	ASSERT_EQ(0, ub_new(g[2].id, g[2].cgroup));
	EXPECT_EQ(0, ub_del(elsewhere.id));
	EXPECT_EQ(0, cg_remove(elsewhere.cgroup));
}

TEST_F(fair, limit_is_the_lower_of_cpulimit_and_cpus)
{
	struct group *g = &self->g[0];
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	char all[32];

	snprintf(all, sizeof(all), "%d 100000", cpus * 100000);
	EXPECT_EQ(0, SET(g, CPULIMIT, 5000));
	EXPECT_FILE("50000 100000", g, "cpu.max");
	EXPECT_EQ(0, SET(g, CPULIMIT, 1250));
	EXPECT_FILE("12500 100000", g, "cpu.max");
	EXPECT_EQ(0, SET(g, CPULIMIT, 100));
	EXPECT_FILE("1000 100000", g, "cpu.max");
	/* The kernel gives a millisecond at least. */
	EXPECT_EQ(0, SET(g, CPULIMIT, 10));
	EXPECT_FILE("1000 1000000", g, "cpu.max");
	EXPECT_EQ(0, SET(g, CPULIMIT, 99));
	EXPECT_FILE("9900 1000000", g, "cpu.max");
	/* Not more than there are. */
	EXPECT_EQ(0, SET(g, CPULIMIT, 40960000));
	EXPECT_FILE(all, g, "cpu.max");
	EXPECT_EQ(40960000, wanted(g->id).limit);
	if (cpus > 1) {
		EXPECT_EQ(0, SET(g, CPUS, 1));
		EXPECT_FILE("100000 100000", g, "cpu.max");
		EXPECT_EQ(0, SET(g, CPULIMIT, 7000));
		EXPECT_FILE("70000 100000", g, "cpu.max");
		EXPECT_EQ(0, SET(g, CPULIMIT, 0));
		EXPECT_FILE("100000 100000", g, "cpu.max");
	}
	EXPECT_EQ(0, SET(g, CPULIMIT, 0));
	EXPECT_EQ(0, SET(g, CPUS, cpus + 1));
	EXPECT_FILE("max 100000", g, "cpu.max");
	EXPECT_EQ(0, SET(g, CPUS, 0));
	EXPECT_FILE("max 100000", g, "cpu.max");
}

TEST_F(fair, masks)
{
	struct group *g = &self->g[0];

	EXPECT_EQ(0, SET_TEXT(g, CPUMASK, "0"));
	EXPECT_FILE("0", g, "cpuset.cpus");
	EXPECT_FILE("0", g, "cpuset.cpus.effective");
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1) {
		EXPECT_EQ(0, SET_TEXT(g, CPUMASK, "0,1"));
		EXPECT_FILE("0-1", g, "cpuset.cpus");
		EXPECT_STREQ("0-1", wanted(g->id).cpumask);
	}
	EXPECT_EQ(0, SET_TEXT(g, NODEMASK, "0"));
	EXPECT_FILE("0", g, "cpuset.mems");
	EXPECT_STREQ("0", wanted(g->id).nodemask);
	EXPECT_EQ(0, SET_TEXT(g, CPUMASK, "all"));
	EXPECT_FILE("", g, "cpuset.cpus");
	EXPECT_STREQ("", wanted(g->id).cpumask);
	EXPECT_FILE("0", g, "cpuset.mems");
	EXPECT_EQ(0, SET_TEXT(g, NODEMASK, ""));
	EXPECT_FILE("", g, "cpuset.mems");
}

/* Where tasks are the kernel wants something to be there: then it is all. */
TEST_F(fair, masks_of_a_cgroup_with_tasks)
{
	struct group *g = &self->g[0];
	char all[64];

	snprintf(all, sizeof(all), "%s", line_of(PARENT, "cpuset.cpus.effective"));
	busy(_metadata, g, 1);
	EXPECT_EQ(0, SET_TEXT(g, CPUMASK, "0"));
	EXPECT_EQ(0, SET_TEXT(g, NODEMASK, "0"));
	EXPECT_FILE("0", g, "cpuset.cpus.effective");
	EXPECT_EQ(0, SET_TEXT(g, CPUMASK, "all"));
	EXPECT_EQ(0, SET_TEXT(g, NODEMASK, "all"));
	EXPECT_FILE(all, g, "cpuset.cpus.effective");
	EXPECT_FILE("0", g, "cpuset.mems.effective");
	EXPECT_EQ(0, SET_TEXT(g, CPUMASK, "0"));
	EXPECT_FILE("0", g, "cpuset.cpus.effective");
	/* Also of one that is given up. */
	ASSERT_EQ(0, ub_attach(g->id, "/system.slice"));
	EXPECT_FILE(all, g, "cpuset.cpus.effective");
	ASSERT_EQ(0, ub_attach(g->id, g->cgroup));
	EXPECT_FILE("0", g, "cpuset.cpus.effective");
}

/* Nothing has changed, and something is said. */
static void check_refused_value(struct __test_metadata *_metadata, int err, struct group *g)
{
	struct wanted w;

	EXPECT_GT(0, err);
	EXPECT_LT(3, strlen(ub_why()));
	w = wanted(g->id);
	EXPECT_EQ(2000, w.units);
	EXPECT_EQ(5000, w.limit);
	EXPECT_EQ(0, w.cpus);
	EXPECT_STREQ("0", w.cpumask);
	EXPECT_STREQ("0", w.nodemask);
	EXPECT_FILE("200", g, "cpu.weight");
	EXPECT_FILE("50000 100000", g, "cpu.max");
	EXPECT_FILE("0", g, "cpuset.cpus");
	EXPECT_FILE("0", g, "cpuset.mems");
}

TEST_F(fair, a_bad_value_changes_nothing)
{
	static const unsigned int units[] = { 1, 7, 500001, 0xffffffff };
	static const unsigned int limits[] = { 1, 9, 40960001, 0xffffffff };
	static const char *const lists[] = {
		"x", "1-", "-1", "3-1", "4095", "99999", "999999999999999", "0;1", ",", " ",
	};
	struct group *g = &self->g[0];
	struct nl_msg *msg;
	unsigned int i;

	ASSERT_EQ(0, SET(g, CPUUNITS, 2000));
	ASSERT_EQ(0, SET(g, CPULIMIT, 5000));
	ASSERT_EQ(0, SET_TEXT(g, CPUMASK, "0"));
	ASSERT_EQ(0, SET_TEXT(g, NODEMASK, "0"));
	for (i = 0; i < ARRAY_SIZE(units); i++)
		check_refused_value(_metadata, SET(g, CPUUNITS, units[i]), g);
	for (i = 0; i < ARRAY_SIZE(limits); i++)
		check_refused_value(_metadata, SET(g, CPULIMIT, limits[i]), g);
	check_refused_value(_metadata, SET(g, CPUS, 4097), g);
	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		check_refused_value(_metadata, SET_TEXT(g, CPUMASK, lists[i]), g);
		check_refused_value(_metadata, SET_TEXT(g, NODEMASK, lists[i]), g);
	}
	/* One that is bad spoils what is good. */
	msg = set_msg(g->id);
	nla_put_u32(msg, STOCKVZ_A_UB_CPUUNITS, 3000);
	nla_put_u32(msg, STOCKVZ_A_UB_CPULIMIT, 6000);
	nla_put_string(msg, STOCKVZ_A_UB_CPUMASK, "4095");
	check_refused_value(_metadata, ub_talk(msg, NULL, NULL), g);
	EXPECT_EQ(-ENOENT, set(FIRST_ID + 99, STOCKVZ_A_UB_CPUUNITS, 1000));
	EXPECT_EQ(-EINVAL, SET_TEXT(g, CONTAINERS, PARENT));
}

/* A file that refuses has the others put back: an idle cgroup has no weight. */
TEST_F(fair, a_file_that_refuses)
{
	struct group *g = &self->g[0];
	struct nl_msg *msg;

	ASSERT_EQ(0, SET(g, CPUUNITS, 2000));
	ASSERT_EQ(0, SET(g, CPULIMIT, 5000));
	if (cg_write(g->cgroup, "cpu.idle", "1"))
		SKIP(return, "no cpu.idle");
	msg = set_msg(g->id);
	nla_put_u32(msg, STOCKVZ_A_UB_CPULIMIT, 6000);
	nla_put_u32(msg, STOCKVZ_A_UB_CPUUNITS, 3000);
	EXPECT_EQ(-EINVAL, ub_talk(msg, NULL, NULL));
	EXPECT_LT(3, strlen(ub_why()));
	EXPECT_EQ(2000, wanted(g->id).units);
	EXPECT_EQ(5000, wanted(g->id).limit);
	EXPECT_FILE("50000 100000", g, "cpu.max");
	ASSERT_EQ(0, cg_write(g->cgroup, "cpu.idle", "0"));
}

TEST_F(fair, shares_follow_the_cgroup)
{
	struct group *g = &self->g[0], *other = &self->g[1];

	EXPECT_EQ(0, ub_del(other->id));
	EXPECT_EQ(0, SET(g, CPUUNITS, 2000));
	EXPECT_EQ(0, SET(g, CPULIMIT, 5000));
	EXPECT_EQ(0, SET_TEXT(g, CPUMASK, "0"));
	ASSERT_EQ(0, ub_attach(g->id, other->cgroup));
	EXPECT_FILE("100", g, "cpu.weight");
	EXPECT_FILE("max 100000", g, "cpu.max");
	EXPECT_FILE("", g, "cpuset.cpus");
	EXPECT_FILE("200", other, "cpu.weight");
	EXPECT_FILE("50000 100000", other, "cpu.max");
	EXPECT_FILE("0", other, "cpuset.cpus");
	ASSERT_EQ(0, ub_del(g->id));
	EXPECT_FILE("100", other, "cpu.weight");
	EXPECT_FILE("max 100000", other, "cpu.max");
	EXPECT_FILE("", other, "cpuset.cpus");
	ASSERT_EQ(0, ub_new(g->id, g->cgroup));
	EXPECT_FILE("100", g, "cpu.weight");
	ASSERT_EQ(0, ub_new(other->id, other->cgroup));
}

TEST_F(fair, stored_only)
{
	struct group *g = &self->g[0];
	char child[64];

	snprintf(child, sizeof(child), "%s/child", g->cgroup);
	ASSERT_EQ(0, cg_make(child));
	ASSERT_EQ(0, ub_attach(g->id, child));
	EXPECT_EQ(0, SET(g, CPUUNITS, 2000));
	EXPECT_NE(NULL, strstr(ub_why(), "stored only")) TH_LOG("%s", ub_why());
	EXPECT_EQ(0, SET_TEXT(g, CPUMASK, "0"));
	EXPECT_NE(NULL, strstr(ub_why(), "stored only")) TH_LOG("%s", ub_why());
	EXPECT_EQ(2000, wanted(g->id).units);
	/* It is one when there is a controller, and occasion. */
	ASSERT_EQ(0, cg_write(g->cgroup, "cgroup.subtree_control", "+cpu +cpuset"));
	EXPECT_EQ(0, ub_limit(g->id, STOCKVZ_RES_NUMPROC, 50));
	EXPECT_STREQ("200", line_of(child, "cpu.weight"));
	EXPECT_STREQ("0", line_of(child, "cpuset.cpus"));
	ASSERT_EQ(0, ub_attach(g->id, g->cgroup));
	EXPECT_FILE("200", g, "cpu.weight");
	EXPECT_STREQ("", ub_why());
	EXPECT_EQ(0, cg_remove(child));
}

TEST_F(fair, cgroup_is_gone)
{
	struct group *g = &self->g[0];

	EXPECT_EQ(0, SET(g, CPUUNITS, 2000));
	ASSERT_EQ(0, cg_remove(g->cgroup));
	EXPECT_EQ(0, SET(g, CPUUNITS, 3000));
	ASSERT_EQ(0, cg_make(g->cgroup));
	EXPECT_EQ(0, SET(g, CPUUNITS, 4000));
	EXPECT_FILE("100", g, "cpu.weight");
	ASSERT_EQ(0, ub_attach(g->id, g->cgroup));
	EXPECT_FILE("400", g, "cpu.weight");
}

/* The host is a node among the containers: their parent has the sum of their weights. */
TEST_F(fair, host)
{
	struct group *g = self->g;
	const struct group parent = { .cgroup = PARENT };
	int i;

	EXPECT_GT(0, set(0, STOCKVZ_A_UB_CPULIMIT, 5000));
	EXPECT_GT(0, set_text(0, STOCKVZ_A_UB_CPUMASK, "0"));
	EXPECT_GT(0, set(0, STOCKVZ_A_UB_CPUUNITS, 7));
	EXPECT_GT(0, set_text(0, STOCKVZ_A_UB_CONTAINERS, "/no/such/cgroup"));
	EXPECT_GT(0, set_text(0, STOCKVZ_A_UB_CONTAINERS, "/"));
	EXPECT_FILE("100", &parent, "cpu.weight");
	for (i = 0; i < GROUPS; i++)
		EXPECT_EQ(0, SET(&g[i], CPUUNITS, 1000 * (i + 1)));
	EXPECT_FILE("100", &parent, "cpu.weight");
	EXPECT_EQ(0, set_text(0, STOCKVZ_A_UB_CONTAINERS, PARENT));
	EXPECT_FILE("1000", &parent, "cpu.weight");
	EXPECT_EQ(0, set(0, STOCKVZ_A_UB_CPUUNITS, 2000));
	EXPECT_EQ(2000, wanted(0).units);
	EXPECT_FILE("500", &parent, "cpu.weight");
	EXPECT_EQ(0, SET(&g[3], CPUUNITS, 2000));
	EXPECT_FILE("400", &parent, "cpu.weight");
	EXPECT_EQ(0, ub_del(g[3].id));
	EXPECT_FILE("300", &parent, "cpu.weight");
	ASSERT_EQ(0, ub_new(g[3].id, g[3].cgroup));
	/* One of whom nothing is known has what everybody has. */
	EXPECT_EQ(0, SET(&g[0], CPUUNITS, 1010));
	EXPECT_FILE("350", &parent, "cpu.weight");
	EXPECT_EQ(0, set(0, STOCKVZ_A_UB_CPUUNITS, 8));
	EXPECT_FILE("10000", &parent, "cpu.weight");
	EXPECT_EQ(0, set_text(0, STOCKVZ_A_UB_CONTAINERS, "/system.slice"));
	EXPECT_FILE("100", &parent, "cpu.weight");
	EXPECT_EQ(0, set(0, STOCKVZ_A_UB_CPUUNITS, 0));
	EXPECT_EQ(1000, wanted(0).units);
}

/*
 * What the kernel makes of it
 */

TEST_F(fair, shares_are_in_the_ratio_of_units)
{
	static const unsigned int units[GROUPS] = { 1000, 2000, 4000, 8000 };
	/*
	 * With no more tasks than it takes to use what is its own, a group gets that only
	 * as long as the kernel has these on different CPUs.
	 */
	static const struct {
		int tasks;
		double tolerance;
	} rounds[] = { { 1, 5 }, { 2, 5 }, { 4, 2 } };
	struct group *g = self->g;
	double given[GROUPS], sum;
	unsigned int round;
	int i;

	for (i = 0; i < GROUPS; i++)
		ASSERT_EQ(0, SET(&g[i], CPUUNITS, units[i]));
	for (round = 0; round < ARRAY_SIZE(rounds); round++) {
		for (i = 0; i < GROUPS; i++)
			busy(_metadata, &g[i], rounds[round].tasks - g[i].tasks);
		check_shares(_metadata, g, units, GROUPS, rounds[round].tolerance);
	}
	/* One alone gets everything. */
	for (i = 1; i < GROUPS; i++)
		rest(&g[i]);
	for (i = 0, sum = 0; i < TRIES && sum < 0.9 * sysconf(_SC_NPROCESSORS_ONLN); i++)
		sum = measure(g, 1, 1, given);
	TH_LOG("alone: %.2f CPUs", sum);
	EXPECT_LE(0.9 * sysconf(_SC_NPROCESSORS_ONLN), sum);
}

/* Far apart and finely divided: the largest beside small ones, and small ones alone. */
TEST_F(fair, shares_at_the_ends_of_the_range)
{
	static const unsigned int large[GROUPS] = { 50000, 100000, 200000, 500000 };
	static const unsigned int small[GROUPS] = { 20, 40, 80, 160 };
	struct group *g = self->g;
	int i;

	for (i = 0; i < GROUPS; i++) {
		ASSERT_EQ(0, SET(&g[i], CPUUNITS, large[i]));
		busy(_metadata, &g[i], 4);
	}
	check_shares(_metadata, g, large, GROUPS, 2);
	for (i = 0; i < GROUPS; i++)
		ASSERT_EQ(0, SET(&g[i], CPUUNITS, small[i]));
	check_shares(_metadata, g, small, GROUPS, 2);
}

/*
 * It must not have more than its limit. What it could not use of a period, since a
 * virtual CPU stood still, is lost: on a busy machine it may have a fifth less.
 */
static void check_limit(struct __test_metadata *_metadata, struct group *g, double limit)
{
	double given, above = 100;
	int try;

	usleep(SETTLE_US);
	begin_measure(g, 1);
	for (try = 0; try < PATIENCE && distance(above, 0) > 2; try++) {
		measure_on(g, 1, seconds(), &given);
		above = given * 100 - limit;
	}
	TH_LOG("after %.1f s: %.1f %%, limit %.0f %%", now() - since, given * 100, limit);
	EXPECT_GT(2, above);
	EXPECT_LT(-2 - 0.2 * limit, above);
}

static void check_limits(struct __test_metadata *_metadata, struct group *g)
{
	static const unsigned int limits[] = { 10, 50, 150 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		ASSERT_EQ(0, SET(g, CPULIMIT, limits[i] * 100));
		check_limit(_metadata, g, limits[i]);
	}
	ASSERT_EQ(0, SET(g, CPULIMIT, 0));
	ASSERT_EQ(0, SET(g, CPUS, 1));
	check_limit(_metadata, g, 100);
	ASSERT_EQ(0, SET(g, CPUS, 0));
}

TEST_F(fair, limits_hold_alone)
{
	struct group *g = &self->g[0];

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	busy(_metadata, g, 4);
	check_limits(_metadata, g);
}

/* It may have nine tenths, and yet has its limit and no more. */
TEST_F(fair, limits_hold_beside_a_rival)
{
	struct group *g = &self->g[0], *rival = &self->g[1];

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	ASSERT_EQ(0, SET(g, CPUUNITS, 9000));
	ASSERT_EQ(0, SET(rival, CPUUNITS, 1000));
	busy(_metadata, g, 4);
	busy(_metadata, rival, 4);
	check_limits(_metadata, g);
}

/* The part of two that the first was given. */
static double first_of_two(struct group *g, double while_)
{
	double given[2], sum = measure(g, 2, while_, given);

	return given[0] / sum * 100;
}

TEST_F(fair, a_change_takes_effect_at_once)
{
	struct group *g = self->g;
	double share = 0;
	int try;

	busy(_metadata, &g[0], 4);
	busy(_metadata, &g[1], 4);
	ASSERT_EQ(0, SET(&g[1], CPUUNITS, 1000));
	for (try = 0; try < PATIENCE && distance(share, 75) > 5; try++) {
		ASSERT_EQ(0, SET(&g[0], CPUUNITS, 1000));
		sleep(1);
		ASSERT_EQ(0, SET(&g[0], CPUUNITS, 3000));
		EXPECT_FILE("300", &g[0], "cpu.weight");
		usleep(100000);
		share = first_of_two(g, 1);
		TH_LOG("from 100 ms after the change on: %.1f %%, ideal 75.0 %%", share);
	}
	EXPECT_GE(5, distance(share, 75));
	for (try = 0; try < PATIENCE && (!try || share > 40); try++) {
		ASSERT_EQ(0, SET(&g[0], CPULIMIT, 0));
		ASSERT_EQ(0, SET(&g[0], CPULIMIT, 2000));
		EXPECT_FILE("20000 100000", &g[0], "cpu.max");
		usleep(100000);
		measure(g, 1, 1, &share);
		share *= 100;
		TH_LOG("from 100 ms after the limit on: %.1f %%, limit 20 %%", share);
	}
	EXPECT_GE(40, share);
}

/* Only reported: it says as much of the machine below as of us. */
TEST_F(fair, a_sleeper_is_served)
{
	struct group *g = self->g;
	double late, worst = 0, sum = 0;
	int i, n = 100, fds[2];
	pid_t pid;

	ASSERT_EQ(0, pipe(fds));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, SET(&g[i], CPUUNITS, 1000));
	busy(_metadata, &g[1], 4);
	pid = fork_into(g[0].cgroup);
	if (!pid) {
		for (i = 0; i < n; i++) {
			double begin = now();

			usleep(10000);
			late = now() - begin - 0.01;
			if (write(fds[1], &late, sizeof(late)) < 0)
				break;
		}
		_exit(0);
	}
	close(fds[1]);
	for (i = 0; i < n && read(fds[0], &late, sizeof(late)) == sizeof(late); i++) {
		worst = larger(worst, late);
		sum += late;
	}
	waitpid(pid, NULL, 0);
	close(fds[0]);
	EXPECT_EQ(n, i);
	TH_LOG("late by %.1f ms on average, %.1f ms at most", sum / n * 1000, worst * 1000);
	EXPECT_GT(5, worst);
}

TEST_HARNESS_MAIN
