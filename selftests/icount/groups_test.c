// SPDX-License-Identifier: GPL-2.0
/*
 * One more beancounter costs those that are there nothing: not when a share is set, not
 * when a row is asked for, and in what tells of all of them as much as any other.
 */
#include "group.h"

#define FEW 30
#define MANY 300
#define ROUNDS 10

static struct group g[MANY];

struct cost {
	long share, row, rows, vestat;
};

#define NS_OF(call) ({							\
	long start_ = clock_ns(CLOCK_MONOTONIC);			\
									\
	EXPECT_EQ(0, (call));						\
	clock_ns(CLOCK_MONOTONIC) - start_;				\
})

static int read_all(const char *path)
{
	static char text[1 << 16];
	int n, file = open(path, O_RDONLY);

	if (file < 0)
		return -errno;
	while ((n = read(file, text, sizeof(text))) > 0)
		;
	close(file);
	return n;
}

/* Nanoseconds for a beancounter, one of N. */
static struct cost cost_among(struct __test_metadata *_metadata, int n)
{
	static unsigned int units = 2000;
	struct cost c = {};
	int i;

	for (i = 0; i < ROUNDS * FEW; i++) {
		struct group *one = &g[i % FEW];

		c.share += NS_OF(SET(one, CPUUNITS, units++));
		c.row += NS_OF(ub_row(one->id, STOCKVZ_RES_NUMPROC).held);
	}
	for (i = 0; i < ROUNDS; i++) {
		c.rows += NS_OF(read_all("/proc/user_beancounters"));
		c.vestat += NS_OF(read_all("/proc/vz/vestat"));
	}
	c.share /= ROUNDS * FEW;
	c.row /= ROUNDS * FEW;
	c.rows /= ROUNDS * n;
	c.vestat /= ROUNDS * n;
	TH_LOG("among %d: to set a share %ld ns, to ask for a row %ld,", n, c.share, c.row);
	TH_LOG("a row of user_beancounters %ld, of vestat %ld", c.rows, c.vestat);
	return c;
}

static int wrong_weights(int scale)
{
	int i, wrong = 0;

	for (i = FEW; i < MANY; i++)
		wrong += atoi(line_of(g[i].cgroup, "cpu.weight")) !=
			 (1000 + 10 * i + scale / 2) / scale;
	return wrong;
}

TEST(costs_the_same_among_many)
{
	struct cost few, many;
	struct laws laws;
	int i;

	laws_begin(_metadata, &laws);
	begin_groups(_metadata, g, FEW);
	few = cost_among(_metadata, FEW);
	end_groups(_metadata, g, FEW);
	begin_groups(_metadata, g, MANY);
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, SET(&g[i], CPUUNITS, 1000 + 10 * i));
	many = cost_among(_metadata, MANY);
	EXPECT_GT(1.2 * few.share, many.share);
	EXPECT_GT(1.2 * few.row, many.row);
	EXPECT_GT(1.2 * few.rows, many.rows);
	EXPECT_GT(1.2 * few.vestat, many.vestat);
	/* But where all change their scale. */
	EXPECT_EQ(0, wrong_weights(10));
	ASSERT_EQ(0, SET(&g[0], CPUUNITS, 500000));
	EXPECT_EQ(0, wrong_weights(50));
	ASSERT_EQ(0, SET(&g[0], CPUUNITS, 1000));
	EXPECT_EQ(0, wrong_weights(10));
	end_groups(_metadata, g, MANY);
	laws_end(_metadata, &laws);
}

TEST_HARNESS_MAIN
