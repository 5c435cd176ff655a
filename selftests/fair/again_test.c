// SPDX-License-Identifier: GPL-2.0
/*
 * What is set again is written again, whatever has become of it; and what is taken back
 * is as it was before us, all of it.
 */
#include "group.h"

/* The kernel forgets all that a controller was told when it is taken away. */
static void lose(struct __test_metadata *_metadata, const char *controller)
{
	char text[32];

	snprintf(text, sizeof(text), "-%s", controller);
	ASSERT_EQ(0, cg_write(PARENT, "cgroup.subtree_control", text));
	text[0] = '+';
	ASSERT_EQ(0, cg_write(PARENT, "cgroup.subtree_control", text));
}

TEST_F(fair, a_controller_that_was_away)
{
	struct group *g = &self->g[0];

	ASSERT_EQ(0, SET(g, CPUUNITS, 2000));
	ASSERT_EQ(0, SET(g, CPULIMIT, 5000));
	ASSERT_EQ(0, SET_TEXT(g, CPUMASK, "0"));
	lose(_metadata, "cpu");
	lose(_metadata, "cpuset");
	EXPECT_FILE("100", g, "cpu.weight");
	EXPECT_FILE("max 100000", g, "cpu.max");
	EXPECT_FILE("", g, "cpuset.cpus");
	EXPECT_EQ(0, SET(g, CPUUNITS, 2000));
	EXPECT_FILE("200", g, "cpu.weight");
	EXPECT_FILE("max 100000", g, "cpu.max");
	EXPECT_EQ(0, SET(g, CPULIMIT, 5000));
	EXPECT_FILE("50000 100000", g, "cpu.max");
	EXPECT_EQ(0, SET_TEXT(g, CPUMASK, "0"));
	EXPECT_FILE("0", g, "cpuset.cpus");
}

TEST_F(fair, what_somebody_else_has_written)
{
	struct group *g = &self->g[0];

	ASSERT_EQ(0, SET(g, CPUUNITS, 2000));
	ASSERT_EQ(0, SET(g, CPULIMIT, 5000));
	ASSERT_EQ(0, cg_write(g->cgroup, "cpu.weight", "77"));
	ASSERT_EQ(0, cg_write(g->cgroup, "cpu.max", "33000 100000"));
	/* Nobody has asked for these. */
	EXPECT_EQ(0, ub_limit(g->id, STOCKVZ_RES_NUMPROC, 50));
	EXPECT_FILE("77", g, "cpu.weight");
	EXPECT_FILE("33000 100000", g, "cpu.max");
	EXPECT_EQ(0, SET(g, CPUUNITS, 2000));
	EXPECT_FILE("200", g, "cpu.weight");
	EXPECT_FILE("33000 100000", g, "cpu.max");
	/* Of the two that are one limit, either will do. */
	EXPECT_EQ(0, SET(g, CPUS, 0));
	EXPECT_FILE("50000 100000", g, "cpu.max");
	/* Where nothing of ours was nothing is put back. */
	EXPECT_EQ(0, SET(g, CPULIMIT, 0));
	ASSERT_EQ(0, cg_write(g->cgroup, "cpu.max", "33000 100000"));
	EXPECT_EQ(0, SET(g, CPULIMIT, 0));
	EXPECT_FILE("33000 100000", g, "cpu.max");
}

TEST_F(fair, the_hosts_share)
{
	const struct group parent = { .cgroup = PARENT };

	ASSERT_EQ(0, set(0, STOCKVZ_A_UB_CPUUNITS, 2000));
	ASSERT_EQ(0, set_text(0, STOCKVZ_A_UB_CONTAINERS, PARENT));
	EXPECT_FILE("200", &parent, "cpu.weight");
	ASSERT_EQ(0, cg_write(PARENT, "cpu.weight", "77"));
	EXPECT_EQ(0, set(0, STOCKVZ_A_UB_CPUUNITS, 2000));
	EXPECT_FILE("200", &parent, "cpu.weight");
	EXPECT_EQ(0, set(0, STOCKVZ_A_UB_CPUUNITS, 0));
	EXPECT_EQ(0, set_text(0, STOCKVZ_A_UB_CONTAINERS, "/system.slice"));
	EXPECT_FILE("100", &parent, "cpu.weight");
}

#define PAGES 3000
#define BYTES "12288000"

TEST_F(fair, memory)
{
	struct group *g = &self->g[0];

	cg_write("", "cgroup.subtree_control", "+memory");
	if (cg_write(PARENT, "cgroup.subtree_control", "+memory"))
		SKIP(return, "no memory controller");
	ASSERT_EQ(0, ub_set(g->id, STOCKVZ_RES_PHYSPAGES, 0, PAGES));
	ASSERT_EQ(0, ub_set(g->id, STOCKVZ_RES_VMGUARPAGES, PAGES, UB_MAX));
	EXPECT_FILE(BYTES, g, "memory.max");
	EXPECT_FILE(BYTES, g, "memory.low");
	lose(_metadata, "memory");
	EXPECT_EQ(0, ub_limit(g->id, STOCKVZ_RES_NUMPROC, 50));
	EXPECT_FILE("max", g, "memory.max");
	EXPECT_EQ(0, ub_set(g->id, STOCKVZ_RES_PHYSPAGES, 0, PAGES));
	EXPECT_FILE(BYTES, g, "memory.max");
	EXPECT_FILE("0", g, "memory.low");
	EXPECT_EQ(0, ub_set(g->id, STOCKVZ_RES_VMGUARPAGES, PAGES, UB_MAX));
	EXPECT_FILE(BYTES, g, "memory.low");
	/* It is not ours any more. */
	EXPECT_EQ(0, ub_limit(g->id, STOCKVZ_RES_PHYSPAGES, UB_MAX));
	EXPECT_FILE("max", g, "memory.max");
	ASSERT_EQ(0, cg_write(g->cgroup, "memory.max", "8192000"));
	EXPECT_EQ(0, ub_limit(g->id, STOCKVZ_RES_PHYSPAGES, UB_MAX));
	EXPECT_FILE("8192000", g, "memory.max");
}

/* Below 1 % the kernel is told of a second: not for ever. */
TEST_F(fair, the_period_goes_with_the_limit)
{
	struct group *g = &self->g[0];

	ASSERT_EQ(0, SET(g, CPULIMIT, 50));
	EXPECT_FILE("5000 1000000", g, "cpu.max");
	EXPECT_EQ(0, SET(g, CPULIMIT, 0));
	EXPECT_FILE("max 100000", g, "cpu.max");
	ASSERT_EQ(0, SET(g, CPULIMIT, 50));
	ASSERT_EQ(0, ub_attach(g->id, "/system.slice"));
	EXPECT_FILE("max 100000", g, "cpu.max");
	ASSERT_EQ(0, ub_attach(g->id, g->cgroup));
	EXPECT_FILE("5000 1000000", g, "cpu.max");
}

/* With tasks it cannot be nothing: then it is all nodes that may ever be there. */
TEST_F(fair, nodes_that_may_come)
{
	struct group *g = &self->g[0];
	char all[64] = "";

	if (text_in("/sys/devices/system/node/possible", all, sizeof(all), sizeof(all)) <= 0)
		SKIP(return, "this kernel knows no nodes");
	all[strcspn(all, "\n")] = 0;
	busy(_metadata, g, 1);
	ASSERT_EQ(0, SET_TEXT(g, NODEMASK, "0"));
	EXPECT_EQ(0, SET_TEXT(g, NODEMASK, "all"));
	EXPECT_FILE(all, g, "cpuset.mems");
}

TEST_HARNESS_MAIN
