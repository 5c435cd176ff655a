// SPDX-License-Identifier: GPL-2.0
/*
 * Who is refused room for what is sent looks at all sockets of the beancounter; where
 * there are thousands, not each time.
 */
#include <sys/resource.h>
#include <sys/socket.h>

#include "fixture.h"
#include "clock.h"

#define FEW 500
#define MANY (6 * FEW)

static int pair[MANY][2];

static long have_pairs(long first, long n)
{
	struct rlimit r = { 4 * MANY, 4 * MANY };
	long i;

	setrlimit(RLIMIT_NOFILE, &r);
	for (i = first; i < first + n; i++)
		if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair[i]) ||
		    send(pair[i][0], "", 1, MSG_DONTWAIT) != 1)
			return -errno;
	return 0;
}

static long close_pairs(long first, long n)
{
	long i;

	for (i = first; i < first + n; i++)
		if (close(pair[i][0]) || close(pair[i][1]))
			return -errno;
	return 0;
}

/* Nanoseconds for one that is refused. */
static long send_refused(long tries, long b)
{
	long start = clock_ns(CLOCK_MONOTONIC), i;

	for (i = 0; i < tries; i++)
		if (send(pair[0][0], "", 1, MSG_DONTWAIT) != -1 || errno != EAGAIN)
			return -EINVAL;
	return (clock_ns(CLOCK_MONOTONIC) - start) / tries;
}

TEST_F(ub, refused_among_many_sockets)
{
	struct box *a = &self->a;
	long few, many;

	EXPECT_EQ(0, IN(a, have_pairs, 0, FEW));
	LIMIT(a, OTHERSOCKBUF, HELD(a, OTHERSOCKBUF));
	few = IN(a, send_refused, 500);
	LIMIT(a, OTHERSOCKBUF, UB_MAX);
	EXPECT_EQ(0, IN(a, have_pairs, FEW, MANY - FEW));
	LIMIT(a, OTHERSOCKBUF, HELD(a, OTHERSOCKBUF));
	many = IN(a, send_refused, 500);
	TH_LOG("among %d pairs: %ld ns, among %d: %ld ns", FEW, few, MANY, many);
	EXPECT_LT(0, few);
	EXPECT_LT(many, 2 * few);
	EXPECT_EQ(1000, FAILCNT(a, OTHERSOCKBUF));
	EXPECT_EQ(0, IN(a, close_pairs, 0, MANY));
}

TEST_HARNESS_MAIN
