// SPDX-License-Identifier: GPL-2.0
/*
 * tcpsndbuf counts the bytes that TCP has queued to send, at their true size.
 * Who has something queued and finds no room waits for its own
 * acknowledgments; who has nothing queued is always let in with a little.
 */
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "fixture.h"
#include "stream.h"

/* What is forced for a socket: a segment without data, and two pages. */
#define FORCED 10240

TEST_F(connection, held_is_what_is_queued)
{
	struct box *a = &self->a;
	long sent = IN(a, stuff, self->fd);

	ASSERT_LT(0, sent);
	EXPECT_TRUE(EVENTUALLY(WQUEUED(a, self->fd) == (long)HELD(a, TCPSNDBUF)));
	EXPECT_LT(0, (long)HELD(a, TCPSNDBUF));
	EXPECT_EQ(0, HELD(a, TCPRCVBUF));
	EXPECT_EQ(0, FAILCNT(a, TCPSNDBUF));
	EXPECT_EQ(sent, drain(self->peer, sent));
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPSNDBUF) == 0));
}

TEST_F(connection, given_back_when_the_process_is_killed)
{
	struct box *a = &self->a;

	EXPECT_LT(0, IN(a, stuff, self->fd));
	EXPECT_LT(0, (long)HELD(a, TCPSNDBUF));
	worker_stop(&a->worker);
	drop_all(0, 0);
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPSNDBUF) == 0));
}

/* What nobody has open any more but the kernel still sends. */
TEST_F(connection, an_orphan_counts)
{
	struct box *a = &self->a;
	long sent = IN(a, stuff, self->fd);

	ASSERT_LT(0, sent);
	IN(a, drop_all);
	EXPECT_LT(0, (long)HELD(a, TCPSNDBUF));
	EXPECT_EQ(1, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(sent, drain(self->peer, sent + 1));
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPSNDBUF) == 0));
}

TEST_F(connection, a_reset_gives_it_all_back)
{
	struct box *a = &self->a;

	EXPECT_LT(0, IN(a, stuff, self->fd));
	EXPECT_LT(0, (long)HELD(a, TCPSNDBUF));
	EXPECT_EQ(0, abort_it(self->peer, 0));
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPSNDBUF) == 0));
	EXPECT_EQ(1, HELD(a, NUMTCPSOCK));
}

/* Whoever sends on it: who paid for the socket pays. */
TEST_F(connection, passed_to_another_container)
{
	struct box *a = &self->a, b;
	long fd, sent;

	box_open(_metadata, &b, BOX_B);
	LIMIT(&b, TCPSNDBUF, 0);
	EXPECT_EQ(0, IN(a, give, self->fd));
	box_pass(_metadata, a, &b);
	fd = IN(&b, get);
	ASSERT_LE(0, fd);
	IN(a, drop_all);
	sent = IN(&b, stuff, fd);
	ASSERT_LT(0, sent);
	EXPECT_TRUE(EVENTUALLY(WQUEUED(&b, fd) == (long)HELD(a, TCPSNDBUF)));
	EXPECT_EQ(0, HELD(&b, TCPSNDBUF));
	EXPECT_EQ(0, FAILCNT(&b, TCPSNDBUF));
	EXPECT_EQ(sent, drain(self->peer, sent));
	IN(&b, drop_all);
	box_close(_metadata, &b);
}

/* The socket of a server is paid for by who paid for the listener. */
TEST_F(ub, an_accepted_connection_counts)
{
	struct box *a = &self->a;
	long port = IN(a, serve, 0), fd, peer, sent;

	ASSERT_LT(0, port);
	fd = call(port, 0);
	ASSERT_LE(0, fd);
	peer = IN(a, take);
	ASSERT_LE(0, peer);
	sent = IN(a, stuff, peer);
	ASSERT_LT(0, sent);
	EXPECT_TRUE(EVENTUALLY(WQUEUED(a, peer) == (long)HELD(a, TCPSNDBUF)));
	EXPECT_EQ(sent, drain(fd, sent));
	IN(a, drop_all);
	drop_all(0, 0);
}

TEST_F(connection, oracle_48_full_send_buffer)
{
	struct box *a = &self->a;
	unsigned long limit = 100000, failed;
	long sent, more;

	LIMIT(a, TCPSNDBUF, limit);
	EXPECT_EQ(1, IN(a, writable, self->fd, 0));
	sent = IN(a, stuff_full, self->fd);
	ASSERT_LT(0, sent);
	EXPECT_GE(limit + FORCED, HELD(a, TCPSNDBUF));
	EXPECT_TRUE(EVENTUALLY(WQUEUED(a, self->fd) == (long)HELD(a, TCPSNDBUF)));
	failed = FAILCNT(a, TCPSNDBUF);
	EXPECT_LT(0, failed);
	EXPECT_EQ(-EAGAIN, IN(a, send_once, self->fd, 40000));
	EXPECT_EQ(failed + 1, FAILCNT(a, TCPSNDBUF));
	/* Asking costs nothing. */
	EXPECT_EQ(0, IN(a, writable, self->fd, 0));
	EXPECT_EQ(failed + 1, FAILCNT(a, TCPSNDBUF));
	/* Sleeps until the other side takes what there is. */
	worker_begin(&a->worker, send_blocking, self->fd, 200000);
	usleep(200000);
	more = drain(self->peer, sent + 200000);
	EXPECT_EQ(200000, worker_end(&a->worker));
	EXPECT_EQ(sent + 200000, more);
	EXPECT_EQ(1, IN(a, writable, self->fd, 10000));
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPSNDBUF) == 0));
}

TEST_F(connection, a_refusal_is_told_of)
{
	struct box *a = &self->a;
	struct ub_event e;

	LIMIT(a, TCPSNDBUF, 50000);
	ASSERT_LT(0, IN(a, stuff_full, self->fd));
	ub_events_drain();
	EXPECT_EQ(-EAGAIN, IN(a, send_once, self->fd, 40000));
	ASSERT_EQ(0, ub_event_next(&e, PATIENCE_MS));
	EXPECT_EQ(STOCKVZ_CMD_REFUSAL_NTF, e.cmd);
	EXPECT_EQ(a->id, e.id);
	EXPECT_EQ((unsigned int)STOCKVZ_RES_TCPSNDBUF, e.resource);
	EXPECT_EQ(STOCKVZ_BOUND_BARRIER, e.bound);
	EXPECT_EQ(50000, e.barrier);
	EXPECT_EQ((unsigned int)a->worker.pid, e.pid);
	EXPECT_EQ(SYS_sendto, e.syscall);
}

/* epoll() tells once, at the edge: that must not be lost. */
static long edge(long fd, long ms)
{
	struct epoll_event e = { .events = EPOLLOUT | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	long n;

	epoll_ctl(epoll, EPOLL_CTL_ADD, fds[fd], &e);
	n = epoll_wait(epoll, &e, 1, 0);
	if (!n)
		n = 10 * epoll_wait(epoll, &e, 1, ms);
	close(epoll);
	return n;
}

TEST_F(connection, epoll_tells_when_there_is_room_again)
{
	struct box *a = &self->a;
	long sent;

	LIMIT(a, TCPSNDBUF, 50000);
	EXPECT_EQ(1, IN(a, edge, self->fd, 0));
	sent = IN(a, stuff_full, self->fd);
	ASSERT_LT(0, sent);
	worker_begin(&a->worker, edge, self->fd, 20000);
	usleep(100000);
	EXPECT_EQ(sent, drain(self->peer, sent));
	EXPECT_EQ(10, worker_end(&a->worker));
}

TEST_F(connection, oracle_09_fin_is_forced)
{
	struct box *a = &self->a;
	unsigned long held, failed;

	LIMIT(a, TCPSNDBUF, 50000);
	EXPECT_LT(0, IN(a, stuff_full, self->fd));
	held = HELD(a, TCPSNDBUF);
	LIMIT(a, TCPSNDBUF, 1000);
	failed = FAILCNT(a, TCPSNDBUF);
	EXPECT_EQ(0, IN(a, end_sending, self->fd));
	EXPECT_LE(held, HELD(a, TCPSNDBUF));
	EXPECT_EQ(failed, FAILCNT(a, TCPSNDBUF));
	EXPECT_LT(0, drain(self->peer, 16 << 20));
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPSNDBUF) == 0));
}

TEST_F(ub, oracle_50_connect_without_room)
{
	struct box *a = &self->a;
	long port = serve(0, 0);

	ASSERT_LT(0, port);
	LIMIT(a, TCPSNDBUF, 500);
	EXPECT_EQ(-ENOBUFS, IN(a, call, port));
	EXPECT_EQ(1, FAILCNT(a, TCPSNDBUF));
	EXPECT_EQ(0, HELD(a, TCPSNDBUF));
	LIMIT(a, TCPSNDBUF, 10000);
	EXPECT_LE(0, IN(a, call, port));
	EXPECT_EQ(1, FAILCNT(a, TCPSNDBUF));
	IN(a, drop_all);
	drop_all(0, 0);
}

/* One socket has it all. Another cannot have much, but is not stuck. */
TEST_F(connection, nobody_is_starved)
{
	struct box *a = &self->a;
	long fd2 = IN(a, call, self->port), peer2 = take(0, 0), i;
	unsigned long limit = 50000;

	ASSERT_LE(0, fd2);
	ASSERT_LE(0, peer2);
	LIMIT(a, TCPSNDBUF, limit);
	ASSERT_LT(0, IN(a, stuff_full, self->fd));
	EXPECT_EQ(0, IN(a, writable, self->fd, 0));
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(1, IN(a, writable, fd2, 10000));
		EXPECT_EQ(1000, IN(a, send_blocking, fd2, 1000));
		EXPECT_GE(limit + 2 * FORCED, HELD(a, TCPSNDBUF));
		EXPECT_EQ(1000, drain(peer2, 1000));
	}
	worker_begin(&a->worker, send_blocking, fd2, 50000);
	EXPECT_EQ(50000, drain(peer2, 50000));
	EXPECT_EQ(50000, worker_end(&a->worker));
}

/*
 * A corked segment leaves as much of its page as the next, empty, takes: then there
 * is not a byte in hand for what is refused.
 */
#define MUCH 30000

static long send_behind_full_page(long fd, long b)
{
	long empty, rest;

	be_impatient(fd);
	if (send(fds[fd], data, 1, MSG_MORE) != 1)
		return -errno;
	empty = meminfo(fd, SK_MEMINFO_WMEM_QUEUED) - 1;
	rest = 4096 - 2 * empty - 1;
	if (send(fds[fd], data, rest, MSG_MORE | MSG_EOR) != rest)
		return -errno;
	return send_blocking(fd, MUCH) == MUCH ? 1 + rest + MUCH : -errno;
}

TEST_F(connection, no_empty_segment_is_left)
{
	struct box *a = &self->a;
	long got;

	LIMIT(a, TCPSNDBUF, 7000);
	worker_begin(&a->worker, send_behind_full_page, self->fd, 0);
	got = drain(self->peer, MUCH);
	EXPECT_LE(MUCH, got);
	got = worker_end(&a->worker) - got;
	EXPECT_LT(0, got);
	EXPECT_EQ(got, drain(self->peer, got));
}

/* The admin raises the limit: who waits hears of it with the next acknowledgment. */
static long reserve_memory(long fd, long bytes)
{
	int value = bytes;

	return sys(setsockopt(fds[fd], SOL_SOCKET, SO_RESERVE_MEM, &value, sizeof(value)));
}

/*
 * The kernel keeps for this socket what it has reserved, so nobody is told when its
 * queue is empty. HELD() would find out, so it must not be asked.
 */
TEST_F(connection, what_a_reservation_hides_is_found)
{
	struct box *a = &self->a;
	long other, sent, got;

	got = IN(a, reserve_memory, self->fd, 4 << 20);
	if (got == -EOPNOTSUPP)
		SKIP(return, "sockets are not accounted to a cgroup");
	ASSERT_EQ(0, got);
	other = IN(a, call, self->port);
	ASSERT_LE(0, other);
	ASSERT_LE(0, take(0, 0));
	sent = IN(a, stuff, self->fd);
	ASSERT_LT(200000, sent);
	EXPECT_EQ(sent, drain(self->peer, sent));
	EXPECT_TRUE(EVENTUALLY(WQUEUED(a, self->fd) == 0));
	LIMIT(a, TCPSNDBUF, 100000);
	EXPECT_LT(50000, IN(a, stuff, other));
	EXPECT_GE(100000 + FORCED, HELD(a, TCPSNDBUF));
	EXPECT_TRUE(EVENTUALLY(WQUEUED(a, other) == (long)HELD(a, TCPSNDBUF)));
}

TEST_F(connection, the_limit_is_raised)
{
	struct box *a = &self->a;
	long sent, more;

	LIMIT(a, TCPSNDBUF, 50000);
	sent = IN(a, stuff_full, self->fd);
	ASSERT_LT(0, sent);
	worker_begin(&a->worker, send_blocking, self->fd, 100000);
	usleep(100000);
	LIMIT(a, TCPSNDBUF, 1000000);
	more = drain(self->peer, sent + 100000);
	EXPECT_EQ(sent + 100000, more);
	EXPECT_EQ(100000, worker_end(&a->worker));
}

/* Above the barrier each socket has its share. */
TEST_F(connection, guaranteed_share)
{
	struct box *a = &self->a;
	long fd2 = IN(a, call, self->port), peer2 = take(0, 0);

	ASSERT_LE(0, peer2);
	LIMIT(a, NUMTCPSOCK, 10);
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_TCPSNDBUF, 50000, 150000));
	ASSERT_LT(0, IN(a, stuff_full, self->fd));
	EXPECT_GE(50000 + 10000 + FORCED, HELD(a, TCPSNDBUF));
	EXPECT_EQ(4000, IN(a, send_once, fd2, 4000));
	EXPECT_EQ(4000, drain(peer2, 4000));
}

TEST_HARNESS_MAIN
