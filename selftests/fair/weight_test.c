// SPDX-License-Identifier: GPL-2.0
/*
 * Groups in one directory: what one of them counts for among the others, from when it
 * comes until it goes.
 */
#include "group.h"

static const struct group parent = { .cgroup = PARENT };

/* Of the host nobody has said anything, and it has no share of ours afterwards. */
static void host_begin(struct __test_metadata *_metadata)
{
	ASSERT_EQ(0, set(0, STOCKVZ_A_UB_CPUUNITS, 0));
	ASSERT_EQ(0, set_text(0, STOCKVZ_A_UB_CONTAINERS, PARENT));
}

static void host_end(struct __test_metadata *_metadata)
{
	EXPECT_EQ(0, set_text(0, STOCKVZ_A_UB_CONTAINERS, "/system.slice"));
	EXPECT_FILE("100", &parent, "cpu.weight");
}

/* Also one that nobody has said anything about. */
TEST_F(fair, counts_from_when_it_comes)
{
	struct group *g = self->g, *other = &g[GROUPS - 1];

	host_begin(_metadata);
	EXPECT_FILE("400", &parent, "cpu.weight");
	ASSERT_EQ(0, ub_del(other->id));
	EXPECT_FILE("300", &parent, "cpu.weight");
	ASSERT_EQ(0, ub_new(other->id, other->cgroup));
	EXPECT_FILE("400", &parent, "cpu.weight");
	/* As one of a number that is set before it has a cgroup. */
	ASSERT_EQ(0, ub_del(other->id));
	ASSERT_EQ(0, ub_new(other->id, NULL));
	ASSERT_EQ(0, SET(other, CPUUNITS, 2000));
	EXPECT_FILE("300", &parent, "cpu.weight");
	ASSERT_EQ(0, ub_attach(other->id, other->cgroup));
	EXPECT_FILE("500", &parent, "cpu.weight");
	EXPECT_FILE("200", other, "cpu.weight");
	/* Elsewhere it counts there, and back. */
	ASSERT_EQ(0, cg_make("/fairtest_else"));
	ASSERT_EQ(0, ub_attach(other->id, "/fairtest_else"));
	EXPECT_FILE("300", &parent, "cpu.weight");
	ASSERT_EQ(0, ub_attach(other->id, other->cgroup));
	EXPECT_FILE("500", &parent, "cpu.weight");
	ASSERT_EQ(0, cg_remove("/fairtest_else"));
	host_end(_metadata);
}

static bool file_is(const struct group *g, const char *file, const char *text)
{
	return !strcmp(text, line_of(g->cgroup, file));
}

TEST_F(fair, counts_no_more_when_it_is_removed)
{
	struct group *g = self->g;

	host_begin(_metadata);
	ASSERT_EQ(0, SET(&g[0], CPUUNITS, 2000));
	ASSERT_EQ(0, SET(&g[1], CPUUNITS, 500000));
	EXPECT_FILE("40", &g[0], "cpu.weight");
	EXPECT_FILE("10000", &parent, "cpu.weight");
	ASSERT_EQ(0, cg_remove(g[1].cgroup));
	EXPECT_TRUE(EVENTUALLY(file_is(&g[0], "cpu.weight", "200")))
		TH_LOG("%s", line_of(g[0].cgroup, "cpu.weight"));
	EXPECT_TRUE(EVENTUALLY(file_is(&parent, "cpu.weight", "400")))
		TH_LOG("%s", line_of(PARENT, "cpu.weight"));
	/* Nothing that is set for it makes it count again: there is no way back. */
	EXPECT_EQ(0, SET(&g[1], CPUUNITS, 400000));
	EXPECT_NE(NULL, strstr(ub_why(), "stored only")) TH_LOG("%s", ub_why());
	EXPECT_FILE("200", &g[0], "cpu.weight");
	EXPECT_FILE("400", &parent, "cpu.weight");
	/* But another cgroup does. */
	ASSERT_EQ(0, cg_make(g[1].cgroup));
	ASSERT_EQ(0, ub_attach(g[1].id, g[1].cgroup));
	EXPECT_FILE("40", &g[0], "cpu.weight");
	EXPECT_FILE("8000", &g[1], "cpu.weight");
	ASSERT_EQ(0, SET(&g[1], CPUUNITS, 0));
	EXPECT_FILE("200", &g[0], "cpu.weight");
	EXPECT_FILE("500", &parent, "cpu.weight");
	host_end(_metadata);
}

/* What was refused does not count: an idle cgroup has no weight. */
TEST_F(fair, a_refused_value_does_not_count)
{
	struct group *g = self->g;

	host_begin(_metadata);
	ASSERT_EQ(0, SET(&g[0], CPUUNITS, 2000));
	ASSERT_EQ(0, SET(&g[1], CPUUNITS, 3000));
	if (cg_write(g[1].cgroup, "cpu.idle", "1"))
		SKIP(return, "no cpu.idle");
	EXPECT_EQ(-EINVAL, SET(&g[1], CPUUNITS, 500000));
	EXPECT_FILE("200", &g[0], "cpu.weight");
	EXPECT_FILE("700", &parent, "cpu.weight");
	/* One that cannot follow the others does so when it is set again. */
	ASSERT_EQ(0, SET(&g[0], CPUUNITS, 200000));
	EXPECT_FILE("4000", &g[0], "cpu.weight");
	ASSERT_EQ(0, cg_write(g[1].cgroup, "cpu.idle", "0"));
	EXPECT_EQ(0, ub_limit(g[1].id, STOCKVZ_RES_NUMPROC, 50));
	EXPECT_FILE("60", &g[1], "cpu.weight");
	host_end(_metadata);
}

TEST_HARNESS_MAIN
