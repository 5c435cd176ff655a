// SPDX-License-Identifier: GPL-2.0
/*
 * UNIX sockets: what a connect() puts before a listener is charged to who
 * connects, and a pair is two sockets and two files.
 */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "fixture.h"
#include "crowd.h"
#include "fds.h"
#include "numsock.h"

static struct sockaddr_un name = { AF_UNIX, "\0numsock" };

static long unix_listen(long type, long backlog)
{
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);

	if (keep(fd))
		return -errno;
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)))
		return -errno;
	return sys(listen(fd, backlog));
}

/* The last one opened. */
static long unix_connect(long a, long b)
{
	return sys(connect(fds[nr_fds - 1], (struct sockaddr *)&name,
			   sizeof(name)));
}

FIXTURE(stream) {
	struct laws laws;
	struct box a;
	struct box b;
};

FIXTURE_VARIANT(stream) {
	int type;
};

FIXTURE_VARIANT_ADD(stream, unix_stream) {
	.type = SOCK_STREAM,
};

FIXTURE_VARIANT_ADD(stream, unix_seqpacket) {
	.type = SOCK_SEQPACKET,
};

FIXTURE_SETUP(stream)
{
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
	box_open(_metadata, &self->b, BOX_B);
}

FIXTURE_TEARDOWN(stream)
{
	drop_all(0, 0);
	box_close(_metadata, &self->a);
	box_close(_metadata, &self->b);
	laws_end(_metadata, &self->laws);
}

TEST_F(stream, oracle_46_who_connects_pays_for_both_ends)
{
	struct box *a = &self->a, *b = &self->b;

	ASSERT_EQ(0, IN(b, unix_listen, variant->type, 5));
	EXPECT_EQ(0, MAKE(a, AF_UNIX, variant->type, 0));
	EXPECT_EQ(0, IN(a, unix_connect));
	EXPECT_EQ(2, HELD(a, NUMOTHERSOCK));
	EXPECT_EQ(1, HELD(b, NUMOTHERSOCK));
	LIMIT(b, NUMOTHERSOCK, 0);
	EXPECT_EQ(0, IN(b, accept_one, PATIENCE_MS));
	EXPECT_EQ(2, HELD(a, NUMOTHERSOCK));
	EXPECT_EQ(1, HELD(b, NUMOTHERSOCK));
	EXPECT_EQ(2, HELD(b, NUMFILE));
	/* The accepting side goes first: what it had goes back to the other. */
	EXPECT_EQ(0, IN(b, drop_one));
	EXPECT_EQ(0, IN(a, drop_one));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMOTHERSOCK) == 0));
	EXPECT_EQ(1, HELD(b, NUMOTHERSOCK));
}

TEST_F(stream, who_connects_goes_first)
{
	struct box *a = &self->a, *b = &self->b;

	ASSERT_EQ(0, IN(b, unix_listen, variant->type, 5));
	EXPECT_EQ(0, MAKE(a, AF_UNIX, variant->type, 0));
	EXPECT_EQ(0, IN(a, unix_connect));
	EXPECT_EQ(0, IN(b, accept_one, PATIENCE_MS));
	worker_stop(&a->worker);
	EXPECT_LE(1, HELD(a, NUMOTHERSOCK));
	EXPECT_EQ(0, IN(b, drop_one));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMOTHERSOCK) == 0));
}

TEST_F(stream, oracle_46_exhausted_connector)
{
	struct box *a = &self->a;

	ASSERT_EQ(0, unix_listen(variant->type, 5));
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_NUMOTHERSOCK, 1, 100));
	EXPECT_EQ(0, MAKE(a, AF_UNIX, variant->type, 0));
	EXPECT_REFUSED(a, NUMOTHERSOCK, ENOMEM, SYS_connect,
		       IN(a, unix_connect));
	EXPECT_EQ(-EAGAIN, accept_one(100, 0));
	/* The same socket, once there is room. */
	LIMIT(a, NUMOTHERSOCK, 2);
	EXPECT_EQ(0, IN(a, unix_connect));
	EXPECT_EQ(0, accept_one(PATIENCE_MS, 0));
	EXPECT_EQ(2, HELD(a, NUMOTHERSOCK));
	EXPECT_EQ(1, FAILCNT(a, NUMOTHERSOCK));
}

TEST_F(stream, connects_that_fail_for_other_reasons)
{
	struct box *a = &self->a;
	int i;

	/* Nobody there. */
	EXPECT_EQ(0, MAKE(a, AF_UNIX, variant->type | SOCK_NONBLOCK, 0));
	LIMIT(a, NUMOTHERSOCK, 1);
	EXPECT_EQ(-ECONNREFUSED, IN(a, unix_connect));
	EXPECT_EQ(1, HELD(a, NUMOTHERSOCK));
	EXPECT_EQ(0, FAILCNT(a, NUMOTHERSOCK));
	/* Too many there. */
	LIMIT(a, NUMOTHERSOCK, 100);
	ASSERT_EQ(0, unix_listen(variant->type, 1));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, MAKE(a, AF_UNIX, variant->type | SOCK_NONBLOCK, 0));
		EXPECT_EQ(0, IN(a, unix_connect));
	}
	EXPECT_EQ(5, HELD(a, NUMOTHERSOCK));
	EXPECT_EQ(0, MAKE(a, AF_UNIX, variant->type | SOCK_NONBLOCK, 0));
	EXPECT_EQ(-EAGAIN, IN(a, unix_connect));
	EXPECT_EQ(6, HELD(a, NUMOTHERSOCK));
	/* Those that nobody accepted die with the listener; clients know them. */
	drop_all(0, 0);
	EXPECT_LE(4, HELD(a, NUMOTHERSOCK));
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMOTHERSOCK) == 0));
	EXPECT_EQ(0, FAILCNT(a, NUMOTHERSOCK));
}

TEST_F(stream, connector_without_a_beancounter)
{
	struct box *b = &self->b;

	ASSERT_EQ(0, IN(b, unix_listen, variant->type, 5));
	LIMIT(b, NUMOTHERSOCK, 1);
	EXPECT_EQ(0, make(AF_UNIX << 16 | variant->type, 0));
	EXPECT_EQ(0, unix_connect(0, 0));
	EXPECT_EQ(0, IN(b, accept_one, PATIENCE_MS));
	EXPECT_EQ(1, HELD(b, NUMOTHERSOCK));
	EXPECT_EQ(0, FAILCNT(b, NUMOTHERSOCK));
}

/* No stream: nothing is made at connect(). */
TEST_F(ub, unix_datagrams)
{
	struct box *a = &self->a;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&name, sizeof(name)));
	LIMIT(a, NUMOTHERSOCK, 1);
	EXPECT_EQ(0, MAKE(a, AF_UNIX, SOCK_DGRAM, 0));
	EXPECT_EQ(0, IN(a, unix_connect));
	EXPECT_EQ(1, HELD(a, NUMOTHERSOCK));
	close(fd);
}

/*
 * Pairs.
 */

static long make_pair(long type, long b)
{
	int pair[2];

	if (socketpair(AF_UNIX, type, 0, pair))
		return -errno;
	keep(pair[0]);
	return keep(pair[1]);
}

TEST_F(ub, oracle_34_socketpair)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	struct box *a = &self->a;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_NUMOTHERSOCK, 4, 4));
		EXPECT_EQ(0, IN(a, make_pair, types[i]));
		EXPECT_EQ(2, HELD(a, NUMOTHERSOCK));
		EXPECT_EQ(2, HELD(a, NUMFILE));
		/* So that maxheld shows nothing new below. */
		EXPECT_EQ(0, MAKE(a, AF_UNIX, types[i], 0));
		EXPECT_EQ(0, IN(a, drop_one));

		LIMIT(a, NUMOTHERSOCK, 2);
		EXPECT_REFUSED(a, NUMOTHERSOCK, ENOMEM, SYS_socketpair,
			       IN(a, make_pair, types[i]));
		/* Half of it. */
		LIMIT(a, NUMOTHERSOCK, 3);
		EXPECT_REFUSED_AFTER(1, a, NUMOTHERSOCK, ENOMEM, SYS_socketpair,
				     IN(a, make_pair, types[i]));
		EXPECT_EQ(2, HELD(a, NUMFILE));
		EXPECT_EQ(0, IN(a, drop_all));
		EXPECT_EQ(0, HELD(a, NUMOTHERSOCK));
	}
}

TEST_F(ub, socketpair_whose_files_do_not_fit)
{
	struct box *a = &self->a;
	int left;

	EXPECT_EQ(0, IN(a, make_pair, SOCK_STREAM));
	for (left = 0; left < 2; left++) {
		LIMIT(a, NUMFILE, 2 + left);
		EXPECT_REFUSED_AFTER(left, a, NUMFILE, ENFILE, SYS_socketpair,
				     IN(a, make_pair, SOCK_STREAM));
		EXPECT_EQ(2, HELD(a, NUMOTHERSOCK));
		EXPECT_EQ(0, FAILCNT(a, NUMOTHERSOCK));
		/* Raise maxheld by one, as the next round will for a moment. */
		LIMIT(a, NUMFILE, 3);
		EXPECT_EQ(0, MAKE(a, AF_UNIX, SOCK_STREAM, 0));
		EXPECT_EQ(0, IN(a, drop_one));
	}
}

static long churn_pairs(long n, long b)
{
	long refused = 0;

	while (n--) {
		long err = make_pair(SOCK_STREAM, 0);

		if (err && err != -ENOMEM)
			return err;
		refused += !!err;
		drop_all(0, 0);
	}
	return refused;
}

TEST_F(ub, crowd_of_pairs_at_the_barrier)
{
	crowd_churns(_metadata, &self->a, STOCKVZ_RES_NUMOTHERSOCK, 3,
		     churn_pairs, repeats(5000), 0);
}

/* As many as may: nobody is refused. */
TEST_F(ub, crowd_of_pairs_that_fits_exactly)
{
	EXPECT_EQ(0, crowd_churns(_metadata, &self->a, STOCKVZ_RES_NUMOTHERSOCK, 2 * CROWD,
				  churn_pairs, repeats(2000), 0));
}

TEST_HARNESS_MAIN
