// SPDX-License-Identifier: GPL-2.0
/*
 * tcpsndbuf and tcprcvbuf count the bytes of TCP's queues at their true size.
 * Who sends too much waits; what arrives too much is dropped, and comes again.
 * Whatever the limits, a connection whose ends go on reading goes on.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sock_diag.h>

#include "fixture.h"

#define BIG (16 << 20)
/* What FORCE may add for each socket: a segment without data, and a page. */
#define SLACK 8192

static int fds[64];
static int nr_fds;

static long keep(long fd)
{
	if (fd < 0)
		return -errno;
	fds[nr_fds] = fd;
	return nr_fds++;
}

static long drop_all(long a, long b)
{
	while (nr_fds)
		close(fds[--nr_fds]);
	return 0;
}

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port),
	};
}

/* Always the first that is opened. */
static long serve(long rcvbuf, long b)
{
	struct sockaddr_in address = loopback(0);
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0), value = rcvbuf;

	if (keep(fd) < 0)
		return -errno;
	if ((value && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value,
				 sizeof(value))) ||
	    bind(fd, (struct sockaddr *)&address, len) || listen(fd, 64) ||
	    getsockname(fd, (struct sockaddr *)&address, &len))
		return -errno;
	return ntohs(address.sin_port);
}

static long take(long a, long b)
{
	return keep(accept(fds[0], NULL, NULL));
}

static long call(long port, long b)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	long n = keep(fd);

	if (n < 0)
		return n;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return n;
}

static char data[1 << 18];

/* What the n-th byte of every stream is. */
static char nth(unsigned long n)
{
	return n * 31 + (n >> 8) * 7 + (n >> 16);
}

/* Send until it would block. Says how much went. */
static long stuff(long fd, long b)
{
	long n, sum = 0;

	while ((n = send(fds[fd], data, sizeof(data), MSG_DONTWAIT)) > 0)
		sum += n;
	return errno == EAGAIN ? sum : -errno;
}

/* Until not even a little more fits, and has not for a while. */
static long stuff_full(long fd, long b)
{
	long n, sum = 0;
	int quiet = 0;

	while (quiet++ < 5) {
		n = stuff(fd, 0);
		if (n < 0)
			return n;
		while (send(fds[fd], data, 500, MSG_DONTWAIT) > 0)
			n += 500;
		if (n)
			quiet = 0;
		sum += n;
		usleep(50000);
	}
	return sum;
}

static long send_once(long fd, long size)
{
	return sys(send(fds[fd], data, size, MSG_DONTWAIT));
}

static long send_blocking(long fd, long size)
{
	return sys(send(fds[fd], data, size, 0));
}

static long writable(long fd, long ms)
{
	struct pollfd p = { .fd = fds[fd], .events = POLLOUT };

	return poll(&p, 1, ms) == 1 && p.revents & POLLOUT;
}

/* Read so much, or all there is within the time. */
static long drain(long fd, long size)
{
	static char buf[1 << 16];
	struct timeval patience = { .tv_sec = 5 };
	long n, sum = 0;

	setsockopt(fds[fd], SOL_SOCKET, SO_RCVTIMEO, &patience,
		   sizeof(patience));
	while (sum < size) {
		n = recv(fds[fd], buf, size - sum < (long)sizeof(buf) ?
			 size - sum : (long)sizeof(buf), 0);
		if (n <= 0)
			break;
		sum += n;
	}
	return sum;
}

static long meminfo(long fd, long what)
{
	unsigned int info[SK_MEMINFO_VARS];
	socklen_t len = sizeof(info);

	if (getsockopt(fds[fd], SOL_SOCKET, SO_MEMINFO, info, &len))
		return -errno;
	return info[what];
}

static long end_sending(long fd, long b)
{
	return sys(shutdown(fds[fd], SHUT_WR));
}

#define WQUEUED(box, fd) IN(box, meminfo, fd, SK_MEMINFO_WMEM_QUEUED)
#define RMEM(box, fd) IN(box, meminfo, fd, SK_MEMINFO_RMEM_ALLOC)

/* A listener of the host's with little room, and a connection of A's to it. */
FIXTURE(tcpbuf) {
	struct laws laws;
	struct box a;
	struct box b;
	long port;
	long fd;	/* A's */
	long peer;	/* ours */
};

FIXTURE_SETUP(tcpbuf)
{
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
	box_open(_metadata, &self->b, BOX_B);
	self->port = serve(8192, 0);
	ASSERT_LT(0, self->port);
	self->fd = IN(&self->a, call, self->port);
	ASSERT_LE(0, self->fd);
	self->peer = take(0, 0);
	ASSERT_LE(0, self->peer);
	EXPECT_TRUE(EVENTUALLY(HELD(&self->a, TCPSNDBUF) == 0));
}

FIXTURE_TEARDOWN(tcpbuf)
{
	IN(&self->a, drop_all);
	drop_all(0, 0);
	box_close(_metadata, &self->a);
	box_close(_metadata, &self->b);
	laws_end(_metadata, &self->laws);
}

TEST_F(tcpbuf, held_is_what_is_queued)
{
	struct box *a = &self->a;
	long sent = IN(a, stuff, self->fd);

	ASSERT_LT(0, sent);
	EXPECT_EQ(WQUEUED(a, self->fd), (long)HELD(a, TCPSNDBUF));
	EXPECT_LT(0, (long)HELD(a, TCPSNDBUF));
	EXPECT_EQ(0, HELD(a, TCPRCVBUF));
	EXPECT_EQ(0, FAILCNT(a, TCPSNDBUF));
	EXPECT_EQ(sent, drain(self->peer, sent));
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPSNDBUF) == 0));
	/* The other way. */
	EXPECT_EQ(60000, send(fds[self->peer], data, 60000, 0));
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPRCVBUF) >= 60000));
	EXPECT_EQ(RMEM(a, self->fd), (long)HELD(a, TCPRCVBUF));
	EXPECT_EQ(60000, IN(a, drain, self->fd, 60000));
	EXPECT_EQ(0, HELD(a, TCPRCVBUF));
	EXPECT_EQ(0, FAILCNT(a, TCPRCVBUF));
}

TEST_F(tcpbuf, unread_and_unsent_when_the_process_is_killed)
{
	struct box *a = &self->a;

	EXPECT_LT(0, IN(a, stuff, self->fd));
	EXPECT_EQ(60000, send(fds[self->peer], data, 60000, MSG_DONTWAIT));
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPRCVBUF) >= 60000));
	EXPECT_LT(0, (long)HELD(a, TCPSNDBUF));
	worker_stop(&a->worker);
	drop_all(0, 0);
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPSNDBUF) + HELD(a, TCPRCVBUF) == 0));
}

TEST_F(tcpbuf, oracle_48_full_send_buffer)
{
	struct box *a = &self->a;
	unsigned long limit = 100000, failed;
	long sent, more;

	LIMIT(a, TCPSNDBUF, limit);
	EXPECT_EQ(1, IN(a, writable, self->fd, 0));
	sent = IN(a, stuff_full, self->fd);
	ASSERT_LT(0, sent);
	EXPECT_GE(limit + SLACK, HELD(a, TCPSNDBUF));
	EXPECT_EQ(WQUEUED(a, self->fd), (long)HELD(a, TCPSNDBUF));
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
	EXPECT_EQ(1, IN(a, writable, self->fd, 1000));
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPSNDBUF) == 0));
}

TEST_F(tcpbuf, oracle_09_fin_is_forced)
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
	EXPECT_LT(0, drain(self->peer, BIG));
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPSNDBUF) == 0));
}

/* Says how the reader fared: bytes, or -EILSEQ. */
static long read_all(long fd, long pause)
{
	char buf[1 << 14];
	unsigned long sum = 0;
	long n, i;

	while ((n = recv(fds[fd], buf, sizeof(buf), 0)) > 0) {
		for (i = 0; i < n; i++)
			if (buf[i] != nth(sum + i))
				return -EILSEQ;
		sum += n;
		if (pause)
			usleep(pause);
	}
	return n ? -errno : (long)sum;
}

static long write_all(long fd, long size)
{
	char buf[1 << 14];
	long sum = 0, n, i;

	while (sum < size) {
		long want = size - sum < (long)sizeof(buf) ? size - sum :
			    (long)sizeof(buf);

		for (i = 0; i < want; i++)
			buf[i] = nth(sum + i);
		for (i = 0; i < want; i += n) {
			n = send(fds[fd], buf + i, want - i, 0);
			if (n <= 0)
				return -errno;
		}
		sum += want;
	}
	end_sending(fd, 0);
	return sum;
}

/* With an end in each box, and tight limits at both. */
static void transfer(struct __test_metadata *_metadata, struct box *from,
		     struct box *to, long size, unsigned long snd,
		     unsigned long rcv, int pause)
{
	long port = IN(to, serve, 0), fd, peer;

	ASSERT_LT(0, port);
	fd = IN(from, call, port);
	ASSERT_LE(0, fd);
	peer = IN(to, take);
	ASSERT_LE(0, peer);
	LIMIT(from, TCPSNDBUF, snd);
	LIMIT(from, TCPRCVBUF, rcv);
	LIMIT(to, TCPSNDBUF, snd);
	LIMIT(to, TCPRCVBUF, rcv);
	worker_begin(&to->worker, read_all, peer, pause);
	worker_begin(&from->worker, write_all, fd, size);
	EXPECT_EQ(size, worker_end(&from->worker));
	EXPECT_EQ(size, worker_end(&to->worker));
	TH_LOG("%ld bytes: sender refused %lu, receiver %lu times", size,
	       FAILCNT(from, TCPSNDBUF), FAILCNT(to, TCPRCVBUF));
	IN(from, drop_all);
	IN(to, drop_all);
	EXPECT_TRUE(EVENTUALLY(HELD(from, TCPSNDBUF) == 0));
	EXPECT_TRUE(EVENTUALLY(HELD(to, TCPRCVBUF) == 0));
}

TEST_F_TIMEOUT(two, tight_transfer, 300)
{
	const char *mb = getenv("TCPBUF_MB");

	transfer(_metadata, &self->a, &self->b, (mb ? atol(mb) : 4) << 20,
		 100000, 100000, 0);
	EXPECT_LT(0, FAILCNT(&self->a, TCPSNDBUF));
}

TEST_F_TIMEOUT(two, oracle_49_receiver_is_slow, 120)
{
	unsigned long held;

	transfer(_metadata, &self->a, &self->b, 1 << 20, UB_MAX, 40000, 20000);
	EXPECT_LT(0, FAILCNT(&self->b, TCPRCVBUF));
	held = ub_row(self->b.id, STOCKVZ_RES_TCPRCVBUF).maxheld;
	EXPECT_GE(40000 + 2 * 65536 + SLACK, held);
}

TEST_F_TIMEOUT(two, hardly_any_room, 120)
{
	transfer(_metadata, &self->a, &self->b, 1 << 19, 20000, 20000, 0);
}

TEST_F(two, oracle_50_connect_without_room)
{
	struct box *a = &self->a;
	long port = serve(0, 0);
	unsigned long failed;

	ASSERT_LT(0, port);
	LIMIT(a, TCPSNDBUF, 500);
	EXPECT_EQ(-ENOBUFS, IN(a, call, port));
	failed = FAILCNT(a, TCPSNDBUF);
	EXPECT_EQ(1, failed);
	EXPECT_EQ(0, HELD(a, TCPSNDBUF));
	LIMIT(a, TCPSNDBUF, 10000);
	EXPECT_LE(0, IN(a, call, port));
	EXPECT_EQ(1, FAILCNT(a, TCPSNDBUF));
	IN(a, drop_all);
	drop_all(0, 0);
}

/* One socket has it all; another waits, and is woken when that one gives back. */
TEST_F_TIMEOUT(tcpbuf, starved_by_another, 60)
{
	struct box *a = &self->a;
	long fd2 = IN(a, call, self->port), peer2 = take(0, 0), sent;

	ASSERT_LE(0, fd2);
	ASSERT_LE(0, peer2);
	LIMIT(a, TCPSNDBUF, 50000);
	sent = IN(a, stuff_full, self->fd);
	ASSERT_LT(0, sent);
	EXPECT_EQ(0, IN(a, writable, fd2, 0));
	EXPECT_EQ(-EAGAIN, IN(a, send_once, fd2, 1000));
	worker_begin(&a->worker, send_blocking, fd2, 1000);
	usleep(300000);
	EXPECT_EQ(-1, recv(fds[peer2], data, 1, MSG_DONTWAIT));
	EXPECT_EQ(sent, drain(self->peer, sent));
	EXPECT_EQ(1000, worker_end(&a->worker));
	EXPECT_EQ(1000, drain(peer2, 1000));
	/* And by poll(). */
	sent = IN(a, stuff_full, self->fd);
	EXPECT_EQ(0, IN(a, writable, fd2, 0));
	worker_begin(&a->worker, writable, fd2, 20000);
	usleep(300000);
	EXPECT_EQ(sent, drain(self->peer, sent));
	EXPECT_EQ(1, worker_end(&a->worker));
}

/* The admin raises the limit. */
TEST_F_TIMEOUT(tcpbuf, starved_until_the_limit_is_raised, 60)
{
	struct box *a = &self->a;
	long fd2 = IN(a, call, self->port), peer2 = take(0, 0);

	ASSERT_LE(0, peer2);
	LIMIT(a, TCPSNDBUF, 50000);
	ASSERT_LT(0, IN(a, stuff_full, self->fd));
	worker_begin(&a->worker, send_blocking, fd2, 1000);
	usleep(300000);
	EXPECT_EQ(-1, recv(fds[peer2], data, 1, MSG_DONTWAIT));
	LIMIT(a, TCPSNDBUF, 100000);
	EXPECT_EQ(1000, worker_end(&a->worker));
	EXPECT_EQ(1000, drain(peer2, 1000));
}

/* Above the barrier each socket has its share. */
TEST_F(tcpbuf, guaranteed_share)
{
	struct box *a = &self->a;
	long fd2 = IN(a, call, self->port), peer2 = take(0, 0), sent;

	ASSERT_LE(0, peer2);
	LIMIT(a, NUMTCPSOCK, 10);
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_TCPSNDBUF, 50000, 150000));
	ASSERT_LT(0, IN(a, stuff_full, self->fd));
	EXPECT_GE(50000 + 10000 + SLACK, HELD(a, TCPSNDBUF));
	sent = IN(a, send_once, fd2, 4000);
	EXPECT_EQ(4000, sent);
	EXPECT_EQ(4000, drain(peer2, 4000));
}

/* Many connections, both ways at once, all limits tight. */
#define PAIRS 4

static void *pump(void *arg)
{
	long fd = (long)arg;

	return (void *)write_all(fd, 200000);
}

static void *suck(void *arg)
{
	return (void *)read_all((long)arg, 0);
}

/* All to oneself. */
static long crossfire(long a, long b)
{
	pthread_t threads[2 * PAIRS], readers[2 * PAIRS + 1];
	void *got;
	long port = serve(0, 0), bad = 0, i;
	int n = 0;

	for (i = 0; i < PAIRS; i++) {
		long fd = call(port, 0), peer = take(0, 0);

		if (fd < 0 || peer < 0)
			return -EIO;
		pthread_create(&threads[n++], NULL, pump, (void *)fd);
		pthread_create(&threads[n++], NULL, pump, (void *)peer);
	}
	for (i = 1; i < nr_fds; i++)
		pthread_create(&readers[i], NULL, suck, (void *)i);
	for (i = 1; i < nr_fds; i++) {
		pthread_join(readers[i], &got);
		bad += (long)got != 200000;
	}
	while (n--)
		pthread_join(threads[n], NULL);
	drop_all(0, 0);
	return bad;
}

TEST_F_TIMEOUT(ub, crossfire, 240)
{
	struct box *a = &self->a;

	LIMIT(a, TCPSNDBUF, 300000);
	LIMIT(a, TCPRCVBUF, 300000);
	EXPECT_EQ(0, IN(a, crossfire));
	EXPECT_TRUE(EVENTUALLY(HELD(a, TCPSNDBUF) + HELD(a, TCPRCVBUF) == 0));
	TH_LOG("refused: %lu, %lu", FAILCNT(a, TCPSNDBUF), FAILCNT(a, TCPRCVBUF));
}

TEST_HARNESS_MAIN
