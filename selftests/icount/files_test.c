// SPDX-License-Identifier: GPL-2.0
/*
 * Who is refused memory looks at 4096 files, however many there are: nobody else waits
 * for longer than that takes.
 */
#include "fixture.h"
#include "clock.h"
#include "pages.h"
#include "tmpfs.h"

#define FEW (2 * 4096)
#define MANY (4 * FEW)

/* Nanoseconds for one that is refused. */
static long map_refused(long tries, long b)
{
	long start = clock_ns(CLOCK_MONOTONIC), i;

	for (i = 0; i < tries; i++)
		if (map_private(1, 1000) != -ENOMEM)
			return -EINVAL;
	return (clock_ns(CLOCK_MONOTONIC) - start) / tries;
}

TEST_F(ub, refused_among_many_files)
{
	struct box *a = &self->a;
	long few, many;

	tmpfs_make(_metadata);
	EXPECT_EQ(0, IN(a, make_full, 0, FEW));
	LIMIT(a, PRIVVMPAGES, HELD(a, PRIVVMPAGES) + 100);
	few = IN(a, map_refused, 30);
	LIMIT(a, PRIVVMPAGES, UB_MAX);
	EXPECT_EQ(0, IN(a, make_full, FEW, MANY - FEW));
	LIMIT(a, PRIVVMPAGES, HELD(a, PRIVVMPAGES) + 100);
	many = IN(a, map_refused, 30);
	TH_LOG("among %d files: %ld ns, among %d: %ld ns", FEW, few, MANY, many);
	EXPECT_LT(0, few);
	EXPECT_LT(many, 2 * few);
	EXPECT_EQ(0, IN(a, remove_files, 0, MANY));
	tmpfs_remove();
}

TEST_HARNESS_MAIN
