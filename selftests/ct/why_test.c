// SPDX-License-Identifier: GPL-2.0
/*
 * Which limits would have let through what was refused. Needs no root, no module
 * and no container: the sources of the library are compiled right in.
 */
#include "../../user/lib/param.c"
#include "../../user/lib/why.c"

#include "kselftest_harness.h"

#define NUMPROC		STOCKVZ_RES_NUMPROC
#define KMEMSIZE	STOCKVZ_RES_KMEMSIZE
#define NUMFLOCK	STOCKVZ_RES_NUMFLOCK
#define PHYSPAGES	STOCKVZ_RES_PHYSPAGES

struct refused {
	unsigned int res;
	enum stockvz_bound bound;
	uint64_t held, amount;
};

static const struct {
	const char *what;
	struct refused refused[4];
	unsigned int res;
	uint64_t held, barrier, limit;		/* now */
	bool cure;
	uint64_t new_barrier, new_limit;
} cases[] = {
	{ "both alike, one more", { { NUMPROC, STOCKVZ_BOUND_BARRIER, 50, 1 } },
	  NUMPROC, 10, 50, 50, true, 51, 51 },
	{ "these two are to be alike", { { NUMPROC, STOCKVZ_BOUND_BARRIER, 50, 1 } },
	  NUMPROC, 10, 50, 60, true, 60, 60 },
	{ "the barrier alone", { { KMEMSIZE, STOCKVZ_BOUND_BARRIER, 1000, 24 } },
	  KMEMSIZE, 0, 1000, 2000, true, 1024, 2000 },
	{ "the barrier, and beyond the limit", { { KMEMSIZE, STOCKVZ_BOUND_BARRIER, 1000, 2000 } },
	  KMEMSIZE, 0, 1000, 2000, true, 3000, 3000 },
	{ "the limit alone", { { NUMFLOCK, STOCKVZ_BOUND_LIMIT, 110, 1 } },
	  NUMFLOCK, 0, 100, 110, true, 100, 111 },
	{ "a limit with no barrier", { { PHYSPAGES, STOCKVZ_BOUND_LIMIT, 4096, 16 } },
	  PHYSPAGES, 0, 0, 4096, true, 0, 4112 },
	{ "the largest of several", {
		{ KMEMSIZE, STOCKVZ_BOUND_BARRIER, 900, 500 },
		{ KMEMSIZE, STOCKVZ_BOUND_BARRIER, 100, 5000 },
		{ NUMPROC, STOCKVZ_BOUND_BARRIER, 100, 9000 },
		{ KMEMSIZE, STOCKVZ_BOUND_BARRIER, 1000, 1 } },
	  KMEMSIZE, 0, 1000, 1000, true, 5100, 5100 },
	{ "as much more as is held now", { { KMEMSIZE, STOCKVZ_BOUND_BARRIER, 1000, 50 } },
	  KMEMSIZE, 1200, 1000, 1000, true, 1250, 1250 },
	{ "raised since", { { NUMPROC, STOCKVZ_BOUND_BARRIER, 50, 1 } },
	  NUMPROC, 10, 51, 51, false, 0, 0 },
	{ "not a matter of limits", { { NUMPROC, STOCKVZ_BOUND_MEMORY, 50, 1 } },
	  NUMPROC, 10, 50, 50, false, 0, 0 },
	{ "another resource", { { NUMPROC, STOCKVZ_BOUND_BARRIER, 50, 1 } },
	  KMEMSIZE, 0, 10, 10, false, 0, 0 },
	{ "more than there can be", { { KMEMSIZE, STOCKVZ_BOUND_BARRIER, UB_MAX - 5, 10 } },
	  KMEMSIZE, 0, 10, 10, true, UB_MAX, UB_MAX },
};

TEST(cures)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ub_res now = { .barrier = cases[i].barrier, .limit = cases[i].limit };
		uint64_t barrier, limit;
		struct why why = { 0 };

		for (const struct refused *r = cases[i].refused; r->amount; r++) {
			struct ubnl_event event = {
				.resource = r->res, .bound = r->bound, .held = r->held,
				.amount = r->amount,
			};

			why_add(&event, &why);
			if (r == &cases[i].refused[3])
				break;
		}
		EXPECT_EQ(cases[i].cure, why_cure(&why, cases[i].res, cases[i].held, &now,
						  &barrier, &limit)) {
			TH_LOG("%s", cases[i].what);
		}
		if (!cases[i].cure)
			continue;
		EXPECT_EQ(cases[i].new_barrier, barrier) {
			TH_LOG("%s", cases[i].what);
		}
		EXPECT_EQ(cases[i].new_limit, limit) {
			TH_LOG("%s", cases[i].what);
		}
	}
}

TEST(units)
{
	EXPECT_STREQ("", why_unit(NUMPROC));
	EXPECT_STREQ(" bytes", why_unit(KMEMSIZE));
	EXPECT_STREQ(" pages", why_unit(PHYSPAGES));
}

TEST_HARNESS_MAIN
