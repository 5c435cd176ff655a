// SPDX-License-Identifier: GPL-2.0
/*
 * tcprcvbuf counts the bytes that TCP received and nobody has read, at their
 * true size. As the room shrinks the peer is offered less; what comes all the
 * same and does not fit is dropped, and comes again.
 */
#include "fixture.h"
#include "stream.h"

/* What is taken of a socket, room or not: the reserve, and a segment. */
#define FORCED (2 * 65536 + 70000)

TEST_F(connection, held_is_what_is_unread)
{
	struct box *a = &self->a;

	EXPECT_EQ(60000, send(fds[self->peer], data, 60000, 0));
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPRCVBUF) >= 60000));
	EXPECT_TRUE(EVENTUALLY(RMEM(a, self->fd) == (long)HELD(a, TCPRCVBUF)));
	EXPECT_EQ(0, HELD(a, TCPSNDBUF));
	EXPECT_EQ(60000, IN(a, drain, self->fd, 60000));
	EXPECT_EQ(0, HELD(a, TCPRCVBUF));
	EXPECT_EQ(0, FAILCNT(a, TCPRCVBUF));
}

TEST_F(connection, given_back_when_the_process_is_killed)
{
	struct box *a = &self->a;

	EXPECT_EQ(60000, send(fds[self->peer], data, 60000, MSG_DONTWAIT));
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPRCVBUF) >= 60000));
	worker_stop(&a->worker);
	drop_all(0, 0);
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPRCVBUF) == 0));
}

/* It is for who paid for the listener from the start. */
TEST_F(ub, what_comes_before_it_is_accepted)
{
	struct box *a = &self->a;
	long port = IN(a, serve, 0), fd;

	ASSERT_LT(0, port);
	fd = call(port, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(30000, send(fds[fd], data, 30000, MSG_DONTWAIT));
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPRCVBUF) >= 30000));
	/* Nobody ever does. */
	IN(a, drop_all);
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPRCVBUF) == 0));
	drop_all(0, 0);
}

/* The smallest limit of all: each segment fails, and all of them arrive. */
TEST_F(connection, oracle_49_receiver_without_room)
{
	struct box *a = &self->a;
	long sent = 500000;

	LIMIT(a, TCPRCVBUF, 0);
	worker_begin(&a->worker, read_all, self->fd, 20000);
	EXPECT_EQ(sent, write_all(self->peer, sent));
	EXPECT_EQ(sent, worker_end(&a->worker));
	EXPECT_LT(0, FAILCNT(a, TCPRCVBUF));
	EXPECT_GE(FORCED, ub_row(a->id, STOCKVZ_RES_TCPRCVBUF).maxheld);
	EXPECT_EQ(0, HELD(a, TCPRCVBUF));
}

/* Who does not read is offered nothing more, long before SO_RCVBUF is full. */
TEST_F(connection, a_reader_that_does_not_read)
{
	struct box *a = &self->a;
	unsigned long limit = 100000;
	long sent;

	LIMIT(a, TCPRCVBUF, limit);
	sent = stuff_full(self->peer, 0);
	ASSERT_LT(0, sent);
	EXPECT_GE(limit + FORCED, HELD(a, TCPRCVBUF));
	EXPECT_TRUE(EVENTUALLY(RMEM(a, self->fd) == (long)HELD(a, TCPRCVBUF)));
	/* And then does. */
	EXPECT_EQ(sent, IN(a, drain, self->fd, sent));
	EXPECT_EQ(0, HELD(a, TCPRCVBUF));
}

/* One has it all and does not read: the others go on. */
TEST_F(connection, nobody_is_starved)
{
	struct box *a = &self->a;
	long fd2 = IN(a, call, self->port), peer2 = take(0, 0), sent;

	ASSERT_LE(0, fd2);
	ASSERT_LE(0, peer2);
	LIMIT(a, TCPRCVBUF, 50000);
	sent = stuff_full(self->peer, 0);
	ASSERT_LT(0, sent);
	EXPECT_LE(50000, HELD(a, TCPRCVBUF));
	worker_begin(&a->worker, drain, fd2, 200000);
	EXPECT_EQ(200000, send_blocking(peer2, 200000));
	EXPECT_EQ(200000, worker_end(&a->worker));
	EXPECT_LT(0, FAILCNT(a, TCPRCVBUF));
	EXPECT_EQ(sent, IN(a, drain, self->fd, sent));
}

/*
 * A reader that wants much at once, and takes nothing before it is there, as one
 * does that reads whole records: up to the reserve it gets it.
 */
static long read_at_once(long fd, long size)
{
	struct pollfd p = { .fd = fds[fd], .events = POLLIN };
	int lowat = size;

	setsockopt(fds[fd], SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof(lowat));
	if (poll(&p, 1, STILL_SECONDS * 1000) != 1)
		return -ETIMEDOUT;
	return sys(recv(fds[fd], data, size, MSG_DONTWAIT));
}

static long small_sends(long fd, long size)
{
	long i;

	for (i = 0; i < size; i += 1000)
		if (send(fds[fd], data, 1000, 0) != 1000)
			return -errno;
	return size;
}

TEST_F(connection, a_record_fits_in_any_case)
{
	struct box *a = &self->a;

	LIMIT(a, TCPRCVBUF, 0);
	worker_begin(&a->worker, read_at_once, self->fd, 16000);
	EXPECT_EQ(16000, small_sends(self->peer, 16000));
	EXPECT_EQ(16000, worker_end(&a->worker));
}

TEST_HARNESS_MAIN
