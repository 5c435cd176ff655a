// SPDX-License-Identifier: GPL-2.0
/*
 * Streams through buffers that are much too small. Whatever the limits of
 * tcpsndbuf and tcprcvbuf, a connection whose ends go on goes on: every
 * byte arrives, and nobody waits for longer than STILL_SECONDS.
 *
 * TCPFLOW_MB is how much two containers send to each other, 8 unless it is set.
 */
#include <netinet/tcp.h>
#include <pthread.h>

#include "fixture.h"
#include "net.h"
#include "stream.h"

#define STREAMS 8

/* Slower than its sender. */
#define PAUSE_US 2000

static void *suck(void *arg)
{
	return (void *)read_all((long)arg, PAUSE_US);
}

static void *pump(void *arg)
{
	long *job = arg;

	return (void *)write_all(job[0], job[1]);
}

/* Every connection from the @first on, each way at once. Says how many fail. */
static long both_ways(long first, long size)
{
	pthread_t readers[STREAMS * 2 + 1], writers[STREAMS * 2 + 1];
	long jobs[STREAMS * 2 + 1][2], bad = 0, i;
	void *got;

	for (i = first; i < nr_fds; i++) {
		jobs[i][0] = i;
		jobs[i][1] = size;
		pthread_create(&readers[i], NULL, suck, (void *)i);
		pthread_create(&writers[i], NULL, pump, jobs[i]);
	}
	for (i = first; i < nr_fds; i++) {
		pthread_join(readers[i], &got);
		bad += (long)got != size;
		pthread_join(writers[i], &got);
		bad += (long)got != size;
	}
	drop_all(0, 0);
	return bad;
}

/* All to oneself. */
static long crossfire(long pairs, long size)
{
	long port = serve(0, 0), i;

	for (i = 0; i < pairs; i++)
		if (call(port, 0) < 0 || take(0, 0) < 0)
			return -EIO;
	return both_ways(1, size);
}

FIXTURE(flow) {
	struct laws laws;
	struct box a;
	struct box b;
};

FIXTURE_VARIANT(flow) {
	int mtu;
};

/* A segment is as large as the reserve; it is much smaller. */
FIXTURE_VARIANT_ADD(flow, large_segments) { .mtu = 65536 };
FIXTURE_VARIANT_ADD(flow, small_segments) { .mtu = 1500 };

FIXTURE_SETUP(flow)
{
	laws_begin(_metadata, &self->laws);
	ASSERT_EQ(0, sh("ip link set lo mtu %d", variant->mtu));
	box_open(_metadata, &self->a, BOX_A);
	box_open(_metadata, &self->b, BOX_B);
}

FIXTURE_TEARDOWN(flow)
{
	box_close(_metadata, &self->a);
	box_close(_metadata, &self->b);
	EXPECT_EQ(0, sh("ip link set lo mtu 65536"));
	laws_end(_metadata, &self->laws);
}

static void limit_both(struct __test_metadata *_metadata, struct box *box,
		       unsigned long snd, unsigned long rcv)
{
	LIMIT(box, TCPSNDBUF, snd);
	LIMIT(box, TCPRCVBUF, rcv);
}

static void tell(struct __test_metadata *_metadata, struct box *box)
{
	TH_LOG("%u: senders refused %lu, receivers %lu times, at most %lu, %lu",
	       box->id, FAILCNT(box, TCPSNDBUF), FAILCNT(box, TCPRCVBUF),
	       ub_row(box->id, STOCKVZ_RES_TCPSNDBUF).maxheld,
	       ub_row(box->id, STOCKVZ_RES_TCPRCVBUF).maxheld);
	EXPECT_TRUE(EVENTUALLY(HELD(box, TCPSNDBUF) + HELD(box, TCPRCVBUF) == 0));
}

/* A tenth, or less, of what so many would fill if they could. */
TEST_F_TIMEOUT(flow, between_two_containers, 1200)
{
	const char *mb = getenv("TCPFLOW_MB");
	long size = (mb ? atol(mb) : 8) * (1 << 20) / (2 * STREAMS), i, port;
	struct box *a = &self->a, *b = &self->b;

	port = IN(b, serve, 0);
	ASSERT_LT(0, port);
	for (i = 0; i < STREAMS; i++) {
		ASSERT_LT(-1, IN(a, call, port));
		ASSERT_LE(0, IN(b, take));
	}
	limit_both(_metadata, a, 400000, 200000);
	limit_both(_metadata, b, 400000, 200000);
	worker_begin(&a->worker, both_ways, 0, size);
	worker_begin(&b->worker, both_ways, 1, size);
	EXPECT_EQ(0, worker_end(&a->worker));
	EXPECT_EQ(0, worker_end(&b->worker));
	EXPECT_LT(0, FAILCNT(a, TCPSNDBUF) + FAILCNT(b, TCPSNDBUF));
	EXPECT_LT(0, FAILCNT(a, TCPRCVBUF) + FAILCNT(b, TCPRCVBUF));
	tell(_metadata, a);
	tell(_metadata, b);
}

/* Eight, each way, in one container. */
TEST_F_TIMEOUT(flow, crossfire, 600)
{
	struct box *a = &self->a;

	limit_both(_metadata, a, 300000, 300000);
	EXPECT_EQ(0, IN(a, crossfire, STREAMS / 2, repeats(200000)));
	tell(_metadata, a);
}

/* Of its own each socket has nothing but what is forced. */
TEST_F_TIMEOUT(flow, no_room_at_all, 600)
{
	struct box *a = &self->a;
	long port = serve(0, 0), i;

	ASSERT_LT(0, port);
	/* A SYN is not forced. */
	for (i = 0; i < 2; i++) {
		ASSERT_LE(0, IN(a, call, port));
		ASSERT_LE(0, take(0, 0));
	}
	limit_both(_metadata, a, 0, 0);
	worker_begin(&a->worker, both_ways, 0, repeats(100000));
	EXPECT_EQ(0, both_ways(1, repeats(100000)));
	EXPECT_EQ(0, worker_end(&a->worker));
	EXPECT_LT(0, FAILCNT(a, TCPSNDBUF));
	tell(_metadata, a);
}

/* Question and answer, of sizes that straddle segments. */
static long ask(long fd, long rounds)
{
	long i, size;

	be_impatient(fd);
	for (i = 0; i < rounds; i++) {
		size = 1 + i * 7919 % 40000;
		if (send_blocking(fd, size) != size || drain(fd, size) != size)
			return i;
	}
	end_sending(fd, 0);
	return rounds;
}

static void *echo(void *arg)
{
	char buf[1 << 15];
	long fd = (long)arg, n, i, got;

	be_impatient(fd);
	while ((n = recv(fds[fd], buf, sizeof(buf), 0)) > 0)
		for (i = 0; i < n; i += got) {
			got = send(fds[fd], buf + i, n - i, MSG_NOSIGNAL);
			if (got <= 0)
				return (void *)-1;
		}
	return (void *)n;
}

TEST_F_TIMEOUT(flow, question_and_answer, 600)
{
	struct box *a = &self->a;
	long port = serve(0, 0), fd, peer, rounds = repeats(50);
	pthread_t thread;
	void *left;

	ASSERT_LT(0, port);
	fd = IN(a, call, port);
	ASSERT_LE(0, fd);
	peer = take(0, 0);
	ASSERT_LE(0, peer);
	limit_both(_metadata, a, 20000, 20000);
	ASSERT_EQ(0, pthread_create(&thread, NULL, echo, (void *)peer));
	EXPECT_EQ(rounds, IN(a, ask, fd, rounds));
	pthread_join(thread, &left);
	EXPECT_EQ(NULL, left);
	IN(a, drop_all);
	drop_all(0, 0);
	tell(_metadata, a);
}

TEST_HARNESS_MAIN
