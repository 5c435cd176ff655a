// SPDX-License-Identifier: GPL-2.0
/*
 * TCP's sockets, over loopback: what arrives at a listener is charged to who paid
 * for the listener, and a socket counts until the kernel is done with it.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fixture.h"
#include "crowd.h"
#include "fds.h"
#include "net.h"
#include "numsock.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* The port, or a negative errno. */
static long listen_for(long domain, int protocol, int backlog)
{
	union address address;
	socklen_t len = loopback_of(&address, domain, 0);
	int fd = socket(domain, SOCK_STREAM, protocol);

	if (keep(fd))
		return -errno;
	if (bind(fd, &address.sa, len) || listen(fd, backlog) ||
	    getsockname(fd, &address.sa, &len))
		return -errno;
	return ntohs(address.in.sin_port);
}

static long listen_tcp(long domain, long backlog)
{
	return listen_for(domain, 0, backlog ?: 128);
}

static long listen_mptcp(long domain, long b)
{
	return listen_for(domain, IPPROTO_MPTCP, 128);
}

static long connect_tcp(long domain, long port)
{
	union address address;
	socklen_t len = loopback_of(&address, domain, port);
	int fd = socket(domain, SOCK_STREAM, 0);

	if (keep(fd))
		return -errno;
	return sys(connect(fd, &address.sa, len));
}

/* Does not hang if nobody listens, or accepts. */
static long connect_tcp_start(long domain, long port)
{
	union address address;
	socklen_t len = loopback_of(&address, domain, port);
	int fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (keep(fd))
		return -errno;
	if (connect(fd, &address.sa, len) && errno != EINPROGRESS)
		return -errno;
	return 0;
}

FIXTURE(tcp) {
	struct laws laws;
	struct box a;
	struct box b;
};

FIXTURE_VARIANT(tcp) {
	int domain;
};

FIXTURE_VARIANT_ADD(tcp, v4) {
	.domain = AF_INET,
};

FIXTURE_VARIANT_ADD(tcp, v6) {
	.domain = AF_INET6,
};

FIXTURE_SETUP(tcp)
{
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
	box_open(_metadata, &self->b, BOX_B);
}

FIXTURE_TEARDOWN(tcp)
{
	drop_all(0, 0);
	box_close(_metadata, &self->a);
	box_close(_metadata, &self->b);
	laws_end(_metadata, &self->laws);
}

TEST_F(tcp, oracle_43_connection_within_one)
{
	struct box *a = &self->a;
	long port = IN(a, listen_tcp, variant->domain);

	ASSERT_LT(0, port);
	EXPECT_EQ(1, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(0, IN(a, connect_tcp, variant->domain, port));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 3));
	/* accept() takes what is there, and a file. */
	LIMIT(a, NUMTCPSOCK, 3);
	EXPECT_EQ(0, IN(a, accept_one, PATIENCE_MS));
	EXPECT_EQ(3, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(3, HELD(a, NUMFILE));
	EXPECT_EQ(0, FAILCNT(a, NUMTCPSOCK));
	/* Both ends go, one of them into TIME_WAIT, which counts nothing. */
	EXPECT_EQ(0, IN(a, drop_one));
	EXPECT_EQ(0, IN(a, drop_one));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 1));
	EXPECT_EQ(0, IN(a, drop_one));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
}

TEST_F(tcp, oracle_44_listener_pays_for_what_arrives)
{
	struct box *a = &self->a, *b = &self->b;
	long port = IN(a, listen_tcp, variant->domain);

	ASSERT_LT(0, port);
	EXPECT_EQ(0, IN(b, connect_tcp, variant->domain, port));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 2));
	EXPECT_EQ(1, HELD(b, NUMTCPSOCK));
	/* A client of the host's counts for the listener as well. */
	EXPECT_EQ(0, connect_tcp(variant->domain, port));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 3));
	/* Nobody ever accepted them. */
	EXPECT_EQ(0, IN(a, drop_one));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
	EXPECT_EQ(1, HELD(b, NUMTCPSOCK));
}

TEST_F(tcp, listener_of_the_host)
{
	struct box *a = &self->a;
	long port = listen_tcp(variant->domain, 0);

	ASSERT_LT(0, port);
	LIMIT(a, NUMTCPSOCK, 1);
	EXPECT_EQ(0, IN(a, connect_tcp, variant->domain, port));
	EXPECT_EQ(0, accept_one(PATIENCE_MS, 0));
	EXPECT_EQ(1, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(0, FAILCNT(a, NUMTCPSOCK));
}

/* Who accepts does not matter, nor where the listener's maker has gone. */
TEST_F(tcp, listener_that_travels)
{
	struct box *a = &self->a, *b = &self->b;
	long port = IN(a, listen_tcp, variant->domain);

	ASSERT_LT(0, port);
	ASSERT_EQ(0, IN(a, give));
	box_pass(_metadata, a, b);
	EXPECT_EQ(0, IN(b, take));
	EXPECT_EQ(0, IN(a, drop_all));
	LIMIT(b, NUMTCPSOCK, 0);
	EXPECT_EQ(0, connect_tcp(variant->domain, port));
	EXPECT_EQ(0, IN(b, accept_one, PATIENCE_MS));
	EXPECT_EQ(2, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(0, HELD(b, NUMTCPSOCK));
	/* The files are each his who opened them. */
	EXPECT_EQ(1, HELD(a, NUMFILE));
	EXPECT_EQ(1, HELD(b, NUMFILE));
	EXPECT_EQ(0, FAILCNT(b, NUMTCPSOCK));
	EXPECT_EQ(0, IN(b, drop_all));
	drop_all(0, 0);
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
}

TEST_F(tcp, listener_whose_maker_moved)
{
	struct box *a = &self->a, *b = &self->b;
	long port = IN(a, listen_tcp, variant->domain);

	ASSERT_LT(0, port);
	ASSERT_EQ(0, cg_enter(b->cgroup, a->worker.pid));
	EXPECT_EQ(0, connect_tcp(variant->domain, port));
	EXPECT_EQ(0, IN(a, accept_one, PATIENCE_MS));
	EXPECT_EQ(2, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(0, HELD(b, NUMTCPSOCK));
}

/*
 * The peer believes to be connected, and the listener hears nothing. Nobody is
 * at fault: no task, no system call.
 */
TEST_F(tcp, oracle_45_exhausted_listener)
{
	struct box *a = &self->a;
	struct refusal r = {
		.box = a,
		.res = STOCKVZ_RES_NUMTCPSOCK,
		.syscall = -1,
		.pid = 0,
	};
	long port = IN(a, listen_tcp, variant->domain);
	struct ub_row before, after;

	ASSERT_LT(0, port);
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_NUMTCPSOCK, 1, 100));
	before = ub_row(a->id, STOCKVZ_RES_NUMTCPSOCK);
	ub_events_drain();
	EXPECT_EQ(0, connect_tcp(variant->domain, port));
	check_event(_metadata, &r, &before);
	EXPECT_EQ(-EAGAIN, IN(a, accept_one, 100));
	after = ub_row(a->id, STOCKVZ_RES_NUMTCPSOCK);
	EXPECT_EQ(1, after.held);
	EXPECT_EQ(1, after.maxheld);
	/* The handshake's end may have been repeated by now. */
	EXPECT_LE(1, after.failcnt);
	EXPECT_GE(3, after.failcnt);
	/* And when it is repeated there is room. */
	LIMIT(a, NUMTCPSOCK, 2);
	EXPECT_EQ(0, IN(a, accept_one, PATIENCE_MS));
	EXPECT_EQ(2, HELD(a, NUMTCPSOCK));
}

TEST_F(tcp, exhausted_client)
{
	struct box *a = &self->a;
	long port = listen_tcp(variant->domain, 0);

	ASSERT_LT(0, port);
	LIMIT(a, NUMTCPSOCK, 1);
	EXPECT_EQ(0, IN(a, connect_tcp, variant->domain, port));
	EXPECT_REFUSED(a, NUMTCPSOCK, ENOBUFS, SYS_socket,
		       IN(a, connect_tcp, variant->domain, port));
	EXPECT_EQ(0, IN(a, drop_all));
	/* The other end is still open: it lives on till the peer answers. */
	drop_all(0, 0);
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
}

TEST_F(tcp, accept_without_a_file)
{
	struct box *a = &self->a;
	long port = IN(a, listen_tcp, variant->domain);

	ASSERT_LT(0, port);
	EXPECT_EQ(0, connect_tcp(variant->domain, port));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 2));
	LIMIT(a, NUMFILE, 1);
	EXPECT_REFUSED(a, NUMFILE, ENFILE, SYS_accept4,
		       IN(a, accept_one, PATIENCE_MS));
	EXPECT_EQ(2, HELD(a, NUMTCPSOCK));
	LIMIT(a, NUMFILE, 2);
	EXPECT_EQ(0, IN(a, accept_one, PATIENCE_MS));
}

TEST_F(tcp, connection_refused_by_the_peer)
{
	struct box *a = &self->a;
	long port = listen_tcp(variant->domain, 0);

	ASSERT_LT(0, port);
	drop_all(0, 0);
	EXPECT_EQ(-ECONNREFUSED, IN(a, connect_tcp, variant->domain, port));
	EXPECT_EQ(1, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
}

/* Fills what the peer does not read. */
static long write_until_full(long a, long b)
{
	static char buf[65536];
	int fd = fds[nr_fds - 1], on = 1;

	ioctl(fd, FIONBIO, &on);
	while (write(fd, buf, sizeof(buf)) > 0)
		;
	return errno == EAGAIN ? 0 : -errno;
}

/* Closed, and not done: it counts until it is. */
TEST_F(tcp, orphan)
{
	struct box *a = &self->a;
	long port = listen_tcp(variant->domain, 0);

	ASSERT_LT(0, port);
	EXPECT_EQ(0, IN(a, connect_tcp, variant->domain, port));
	EXPECT_EQ(0, accept_one(PATIENCE_MS, 0));
	EXPECT_EQ(0, IN(a, write_until_full));
	EXPECT_EQ(0, IN(a, drop_all));
	usleep(300000);
	EXPECT_EQ(1, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(0, HELD(a, NUMFILE));
	drop_all(0, 0);
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
}

/* More connect than the listener will queue. */
TEST_F(tcp, full_backlog)
{
	struct box *a = &self->a;
	long port = IN(a, listen_tcp, variant->domain, 1);
	int i;

	ASSERT_LT(0, port);
	for (i = 0; i < 6; i++)
		EXPECT_EQ(0, connect_tcp_start(variant->domain, port));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) >= 2));
	usleep(300000);
	EXPECT_GE(1 + 2, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(0, FAILCNT(a, NUMTCPSOCK));
	EXPECT_EQ(0, IN(a, drop_one));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

#define SYNCOOKIES "/proc/sys/net/ipv4/tcp_syncookies"
#define FASTOPEN "/proc/sys/net/ipv4/tcp_fastopen"

/* The listener remembers nothing until the handshake is complete. */
TEST_F(tcp, syncookies)
{
	struct box *a = &self->a;
	long port = IN(a, listen_tcp, variant->domain);

	ASSERT_LT(0, port);
	write_file(SYNCOOKIES, "2");
	EXPECT_EQ(0, connect_tcp(variant->domain, port));
	EXPECT_EQ(0, IN(a, accept_one, PATIENCE_MS));
	EXPECT_EQ(2, HELD(a, NUMTCPSOCK));
	LIMIT(a, NUMTCPSOCK, 2);
	EXPECT_EQ(0, connect_tcp(variant->domain, port));
	EXPECT_TRUE(EVENTUALLY(FAILCNT(a, NUMTCPSOCK) >= 1));
	EXPECT_EQ(2, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(-EAGAIN, IN(a, accept_one, 100));
	write_file(SYNCOOKIES, "1");
}

static long allow_fastopen(long a, long b)
{
	int n = 5;

	return sys(setsockopt(fds[0], IPPROTO_TCP, TCP_FASTOPEN, &n, sizeof(n)));
}

static long connect_fast(long domain, long port)
{
	union address address;
	socklen_t len = loopback_of(&address, domain, port);
	int fd = socket(domain, SOCK_STREAM, 0);

	if (keep(fd))
		return -errno;
	return sendto(fd, "x", 1, MSG_FASTOPEN, &address.sa, len) < 0 ?
	       -errno : 0;
}

/* With data in its first packet a connection is made before its handshake. */
TEST_F(tcp, fastopen)
{
	struct box *a = &self->a;
	long port = IN(a, listen_tcp, variant->domain);
	int i;

	ASSERT_LT(0, port);
	/* 0x200: also without a cookie. */
	write_file(FASTOPEN, "0x603");
	ASSERT_EQ(0, IN(a, allow_fastopen));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, connect_fast(variant->domain, port));
		EXPECT_EQ(0, IN(a, accept_one, PATIENCE_MS));
		EXPECT_EQ(2 + i, HELD(a, NUMTCPSOCK));
	}
	LIMIT(a, NUMTCPSOCK, 4);
	EXPECT_EQ(0, connect_fast(variant->domain, port));
	EXPECT_TRUE(EVENTUALLY(FAILCNT(a, NUMTCPSOCK) >= 1));
	EXPECT_EQ(-EAGAIN, IN(a, accept_one, 100));
	EXPECT_EQ(4, HELD(a, NUMTCPSOCK));
	LIMIT(a, NUMTCPSOCK, 5);
	EXPECT_EQ(0, IN(a, accept_one, PATIENCE_MS));
	EXPECT_EQ(5, HELD(a, NUMTCPSOCK));
	write_file(FASTOPEN, "1");
}

static long listen_any(long a, long b)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	socklen_t len = sizeof(any);
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (keep(fd))
		return -errno;
	if (bind(fd, (struct sockaddr *)&any, len) || listen(fd, 5) ||
	    getsockname(fd, (struct sockaddr *)&any, &len))
		return -errno;
	return ntohs(any.sin6_port);
}

/* A listener that speaks both: what comes over IPv4 counts just the same. */
TEST_F(two, v4_client_of_a_v6_listener)
{
	struct box *a = &self->a, *b = &self->b;
	long port = IN(a, listen_any);

	ASSERT_LT(0, port);
	EXPECT_EQ(0, IN(b, connect_tcp, AF_INET, port));
	EXPECT_EQ(0, IN(a, accept_one, PATIENCE_MS));
	EXPECT_EQ(2, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(1, HELD(b, NUMTCPSOCK));
	LIMIT(a, NUMTCPSOCK, 2);
	EXPECT_EQ(0, IN(b, connect_tcp, AF_INET, port));
	EXPECT_TRUE(EVENTUALLY(FAILCNT(a, NUMTCPSOCK) >= 1));
	EXPECT_EQ(2, HELD(a, NUMTCPSOCK));
}

TEST_F(ub, mptcp_listener)
{
	struct box *a = &self->a;
	long port = IN(a, listen_mptcp, AF_INET);

	if (port == -EPROTONOSUPPORT || port == -ENOPROTOOPT)
		SKIP(return, "this kernel has no MPTCP");
	ASSERT_LT(0, port);
	/* The sockets behind it are the kernel's. */
	EXPECT_EQ(1, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(0, HELD(a, NUMOTHERSOCK));
	EXPECT_EQ(0, connect_tcp(AF_INET, port));
	EXPECT_EQ(0, IN(a, accept_one, PATIENCE_MS));
	EXPECT_EQ(2, HELD(a, NUMTCPSOCK));
	LIMIT(a, NUMTCPSOCK, 2);
	EXPECT_EQ(0, connect_tcp(AF_INET, port));
	EXPECT_TRUE(EVENTUALLY(FAILCNT(a, NUMTCPSOCK) >= 1));
	EXPECT_EQ(-EAGAIN, IN(a, accept_one, 100));
	EXPECT_EQ(2, HELD(a, NUMTCPSOCK));
	drop_all(0, 0);
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
}

/* A listener from before the beancounter: what arrives there is the host's. */
TEST_F(ub, listener_that_was_there_before)
{
	struct box b = { .id = BOX_B, .cgroup = "/ubtestlate" };
	long port;

	box_sweep(b.id, b.cgroup);
	ASSERT_EQ(0, cg_make(b.cgroup));
	ASSERT_EQ(0, worker_start(&b.worker, b.cgroup));
	port = IN(&b, listen_tcp, AF_INET);
	EXPECT_LT(0, port);
	ASSERT_EQ(0, ub_new(b.id, b.cgroup));
	EXPECT_EQ(0, connect_tcp(AF_INET, port));
	EXPECT_EQ(0, IN(&b, accept_one, PATIENCE_MS));
	EXPECT_EQ(0, HELD(&b, NUMTCPSOCK));
	drop_all(0, 0);
	box_close(_metadata, &b);
}

/*
 * Connect to oneself again and again; without the ceremony at the end, or the
 * ports run out. A listener that is over the barrier drops what arrives, and
 * who makes a client socket then is refused: both happen.
 */
static long churn_tcp(long n, long domain)
{
	const struct linger reset = { .l_onoff = 1 };
	long port, refused = 0;
	int fd;

	/* The others may be at the barrier already. */
	while ((port = listen_tcp(domain, 0)) == -ENOBUFS)
		refused++;
	if (port < 0)
		return port;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	while (n--) {
		long err = connect_tcp_start(domain, port);

		if (err && err != -ENOBUFS)
			return err;
		refused += !!err;
		if (!err) {
			setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &reset,
				   sizeof(reset));
			close(fds[--nr_fds]);
		}
		fd = accept4(fds[0], NULL, NULL, SOCK_NONBLOCK);
		if (fd >= 0)
			close(fd);
	}
	drop_all(0, 0);
	return refused;
}

TEST_F(ub, crowd_of_connections_at_the_barrier)
{
	struct box *a = &self->a;
	struct crowd crowd;
	struct ub_row row;
	long refused;
	int i;

	crowd_open(_metadata, &crowd, a, CROWD);
	LIMIT(a, NUMTCPSOCK, CROWD + 3);
	for (i = 0; i < CROWD; i++)
		worker_begin(&crowd.w[i], churn_tcp, repeats(3000),
			     i % 2 ? AF_INET : AF_INET6);
	refused = crowd_end(_metadata, &crowd);
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
	row = ub_row(a->id, STOCKVZ_RES_NUMTCPSOCK);
	EXPECT_GE(CROWD + 3, row.maxheld);
	/* The rest were refused on arrival. */
	EXPECT_LE(refused, row.failcnt);
	TH_LOG("%ld sockets and %ld arrivals of %d refused", refused,
	       row.failcnt - refused, CROWD * (int)repeats(3000));
	crowd_close(&crowd);
}

TEST_HARNESS_MAIN
