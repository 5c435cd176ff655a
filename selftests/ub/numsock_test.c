// SPDX-License-Identifier: GPL-2.0
/*
 * numtcpsock counts stream sockets of INET and INET6, numothersock all others,
 * from their making to their final free. Over the barrier: ENOBUFS for INET,
 * INET6 and PACKET, ENOMEM for the rest.
 *
 * Two kinds are made on behalf of somebody who is not there: what arrives at a
 * TCP listener is charged to who paid for the listener, and what a UNIX stream
 * connect() puts before a listener to who connects.
 */
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "fixture.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* What the process at hand has open and will close: the test, or its worker. */
static int fds[1024];
static int nr_fds;

static long keep(long fd)
{
	if (fd < 0)
		return -errno;
	fds[nr_fds++] = fd;
	return 0;
}

static long drop_one(long a, long b)
{
	return sys(close(fds[--nr_fds]));
}

static long drop_all(long a, long b)
{
	while (nr_fds)
		close(fds[--nr_fds]);
	return 0;
}

static long make(long domain_type, long protocol)
{
	return keep(socket(domain_type >> 16, domain_type & 0xffff, protocol));
}

static long make_pair(long type, long b)
{
	int pair[2];

	if (socketpair(AF_UNIX, type, 0, pair))
		return -errno;
	keep(pair[0]);
	return keep(pair[1]);
}

#define MAKE(box, domain, type, protocol) \
	IN(box, make, (domain) << 16 | (type), protocol)

FIXTURE(kind) {
	struct laws laws;
	struct box a;
};

FIXTURE_VARIANT(kind) {
	int domain;
	int type;
	int protocol;
	int res;
	int err;
};

#define KIND(d, t, p, RES, e) {						\
	.domain = d,							\
	.type = t,							\
	.protocol = p,							\
	.res = STOCKVZ_RES_##RES,					\
	.err = e,							\
}

FIXTURE_VARIANT_ADD(kind, tcp)
	KIND(AF_INET, SOCK_STREAM, 0, NUMTCPSOCK, ENOBUFS);
FIXTURE_VARIANT_ADD(kind, tcp6)
	KIND(AF_INET6, SOCK_STREAM, 0, NUMTCPSOCK, ENOBUFS);
FIXTURE_VARIANT_ADD(kind, mptcp)
	KIND(AF_INET, SOCK_STREAM, IPPROTO_MPTCP, NUMTCPSOCK, ENOBUFS);
FIXTURE_VARIANT_ADD(kind, sctp_stream)
	KIND(AF_INET, SOCK_STREAM, IPPROTO_SCTP, NUMTCPSOCK, ENOBUFS);
FIXTURE_VARIANT_ADD(kind, sctp_packet)
	KIND(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP, NUMOTHERSOCK, ENOBUFS);
FIXTURE_VARIANT_ADD(kind, udp)
	KIND(AF_INET, SOCK_DGRAM, 0, NUMOTHERSOCK, ENOBUFS);
FIXTURE_VARIANT_ADD(kind, udp6)
	KIND(AF_INET6, SOCK_DGRAM, 0, NUMOTHERSOCK, ENOBUFS);
FIXTURE_VARIANT_ADD(kind, raw)
	KIND(AF_INET, SOCK_RAW, IPPROTO_ICMP, NUMOTHERSOCK, ENOBUFS);
FIXTURE_VARIANT_ADD(kind, raw6)
	KIND(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, NUMOTHERSOCK, ENOBUFS);
FIXTURE_VARIANT_ADD(kind, packet)
	KIND(AF_PACKET, SOCK_RAW, 0, NUMOTHERSOCK, ENOBUFS);
FIXTURE_VARIANT_ADD(kind, packet_dgram)
	KIND(AF_PACKET, SOCK_DGRAM, 0, NUMOTHERSOCK, ENOBUFS);
FIXTURE_VARIANT_ADD(kind, unix_stream)
	KIND(AF_UNIX, SOCK_STREAM, 0, NUMOTHERSOCK, ENOMEM);
FIXTURE_VARIANT_ADD(kind, unix_dgram)
	KIND(AF_UNIX, SOCK_DGRAM, 0, NUMOTHERSOCK, ENOMEM);
FIXTURE_VARIANT_ADD(kind, unix_seqpacket)
	KIND(AF_UNIX, SOCK_SEQPACKET, 0, NUMOTHERSOCK, ENOMEM);
FIXTURE_VARIANT_ADD(kind, netlink_route)
	KIND(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, NUMOTHERSOCK, ENOMEM);
FIXTURE_VARIANT_ADD(kind, netlink_generic)
	KIND(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, NUMOTHERSOCK, ENOMEM);
FIXTURE_VARIANT_ADD(kind, vsock)
	KIND(AF_VSOCK, SOCK_STREAM, 0, NUMOTHERSOCK, ENOMEM);

FIXTURE_SETUP(kind)
{
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
}

FIXTURE_TEARDOWN(kind)
{
	box_close(_metadata, &self->a);
	laws_end(_metadata, &self->laws);
}

TEST_F(kind, oracle_42_counts_and_is_refused)
{
	struct box *a = &self->a;
	int other = STOCKVZ_RES_NUMTCPSOCK + STOCKVZ_RES_NUMOTHERSOCK - variant->res;
	struct refusal r = {
		.box = a,
		.res = variant->res,
		.syscall = SYS_socket,
		.pid = a->worker.pid,
	};
	struct ub_row before;
	long err;

	err = MAKE(a, variant->domain, variant->type, variant->protocol);
	if (err == -EAFNOSUPPORT || err == -EPROTONOSUPPORT ||
	    err == -ESOCKTNOSUPPORT || err == -ENOPROTOOPT)
		SKIP(return, "this kernel has no such socket");
	ASSERT_EQ(0, err);
	EXPECT_EQ(1, ub_row(a->id, variant->res).held);
	EXPECT_EQ(0, ub_row(a->id, other).maxheld);
	EXPECT_EQ(1, HELD(a, NUMFILE));

	/* No room for the socket: the barrier stops it, whatever the limit. */
	ASSERT_EQ(0, ub_set(a->id, variant->res, 1, 100));
	before = ub_row(a->id, variant->res);
	ub_events_drain();
	EXPECT_EQ(-variant->err, MAKE(a, variant->domain, variant->type,
				      variant->protocol));
	check_refused(_metadata, &r, &before);
	check_event(_metadata, &r, &before);
	EXPECT_EQ(1, HELD(a, NUMFILE));
	EXPECT_EQ(0, FAILCNT(a, NUMFILE));

	/* Room for it, and none for its file. */
	ASSERT_EQ(0, ub_set(a->id, variant->res, 2, 2));
	LIMIT(a, NUMFILE, 1);
	EXPECT_REFUSED(a, NUMFILE, ENFILE, SYS_socket,
		       MAKE(a, variant->domain, variant->type,
			    variant->protocol));
	EXPECT_TRUE(EVENTUALLY(ub_row(a->id, variant->res).held == 1));
	EXPECT_EQ(1, ub_row(a->id, variant->res).failcnt);

	/* One goes, one comes. */
	ASSERT_EQ(0, ub_set(a->id, variant->res, 1, 1));
	EXPECT_EQ(0, IN(a, drop_one));
	EXPECT_TRUE(EVENTUALLY(ub_row(a->id, variant->res).held == 0));
	EXPECT_EQ(0, MAKE(a, variant->domain, variant->type, variant->protocol));
	EXPECT_EQ(1, ub_row(a->id, variant->res).held);
}

TEST_F(ub, socket_that_cannot_be)
{
	struct box *a = &self->a;

	LIMIT(a, NUMTCPSOCK, 0);
	LIMIT(a, NUMOTHERSOCK, 0);
	EXPECT_EQ(-EPROTONOSUPPORT, MAKE(a, AF_INET, SOCK_STREAM, IPPROTO_UDP));
	EXPECT_EQ(-EAFNOSUPPORT, MAKE(a, 200, SOCK_STREAM, 0));
	EXPECT_EQ(0, FAILCNT(a, NUMTCPSOCK));
	EXPECT_EQ(0, FAILCNT(a, NUMOTHERSOCK));
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

/* The kernel's own: a network namespace cannot do without. */
static long new_netns(long a, long b)
{
	return sys(unshare(CLONE_NEWNET));
}

TEST_F(ub, sockets_of_the_kernel)
{
	struct box *a = &self->a;

	LIMIT(a, NUMTCPSOCK, 0);
	LIMIT(a, NUMOTHERSOCK, 0);
	EXPECT_EQ(0, IN(a, new_netns));
	EXPECT_EQ(0, FAILCNT(a, NUMTCPSOCK));
	EXPECT_EQ(0, FAILCNT(a, NUMOTHERSOCK));
	LIMIT(a, NUMTCPSOCK, 1);
	EXPECT_EQ(0, MAKE(a, AF_INET, SOCK_STREAM, 0));
	EXPECT_EQ(1, HELD(a, NUMTCPSOCK));
}

/* Who watches sockets die makes them die elsewhere, and later. */
TEST_F(ub, watched_by_sock_diag)
{
	struct sockaddr_nl nl = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1 << (SKNLGRP_INET_TCP_DESTROY - 1) |
			     1 << (SKNLGRP_INET_UDP_DESTROY - 1) |
			     1 << (SKNLGRP_INET6_TCP_DESTROY - 1),
	};
	struct box *a = &self->a;
	int watch = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);

	ASSERT_LE(0, watch);
	ASSERT_EQ(0, bind(watch, (struct sockaddr *)&nl, sizeof(nl)));
	EXPECT_EQ(0, MAKE(a, AF_INET, SOCK_STREAM, 0));
	EXPECT_EQ(0, MAKE(a, AF_INET6, SOCK_STREAM, 0));
	EXPECT_EQ(0, MAKE(a, AF_INET, SOCK_DGRAM, 0));
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMOTHERSOCK) == 0));
	close(watch);
}

/*
 * TCP over loopback.
 */

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t loopback(union address *address, int domain, int port)
{
	memset(address, 0, sizeof(*address));
	address->any.sa_family = domain;
	if (domain == AF_INET) {
		address->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		address->in.sin_port = htons(port);
		return sizeof(address->in);
	}
	address->in6.sin6_addr = in6addr_loopback;
	address->in6.sin6_port = htons(port);
	return sizeof(address->in6);
}

/* The port, or a negative errno. */
static long listen_for(long domain, int protocol, int backlog)
{
	union address address;
	socklen_t len = loopback(&address, domain, 0);
	int fd = socket(domain, SOCK_STREAM, protocol);

	if (keep(fd))
		return -errno;
	if (bind(fd, &address.any, len) || listen(fd, backlog) ||
	    getsockname(fd, &address.any, &len))
		return -errno;
	return ntohs(address.in.sin_port);
}

static long tcp_listen(long domain, long backlog)
{
	return listen_for(domain, 0, backlog ?: 128);
}

static long mptcp_listen(long domain, long b)
{
	return listen_for(domain, IPPROTO_MPTCP, 128);
}

static long tcp_connect(long domain, long port)
{
	union address address;
	socklen_t len = loopback(&address, domain, port);
	int fd = socket(domain, SOCK_STREAM, 0);

	if (keep(fd))
		return -errno;
	return sys(connect(fd, &address.any, len));
}

/* Does not hang if nobody listens, or accepts. */
static long tcp_connect_start(long domain, long port)
{
	union address address;
	socklen_t len = loopback(&address, domain, port);
	int fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (keep(fd))
		return -errno;
	if (connect(fd, &address.any, len) && errno != EINPROGRESS)
		return -errno;
	return 0;
}

/* From the first that was opened. */
static long accept_one(long timeout_ms, long b)
{
	struct pollfd p = { .fd = fds[0], .events = POLLIN };

	if (poll(&p, 1, timeout_ms) != 1)
		return -EAGAIN;
	return keep(accept4(fds[0], NULL, NULL, SOCK_NONBLOCK));
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
	long port = IN(a, tcp_listen, variant->domain);

	ASSERT_LT(0, port);
	EXPECT_EQ(1, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(0, IN(a, tcp_connect, variant->domain, port));
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
	long port = IN(a, tcp_listen, variant->domain);

	ASSERT_LT(0, port);
	EXPECT_EQ(0, IN(b, tcp_connect, variant->domain, port));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 2));
	EXPECT_EQ(1, HELD(b, NUMTCPSOCK));
	/* A client of the host's counts for the listener as well. */
	EXPECT_EQ(0, tcp_connect(variant->domain, port));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 3));
	/* Nobody ever accepted them. */
	EXPECT_EQ(0, IN(a, drop_one));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
	EXPECT_EQ(1, HELD(b, NUMTCPSOCK));
}

TEST_F(tcp, listener_of_the_host)
{
	struct box *a = &self->a;
	long port = tcp_listen(variant->domain, 0);

	ASSERT_LT(0, port);
	LIMIT(a, NUMTCPSOCK, 1);
	EXPECT_EQ(0, IN(a, tcp_connect, variant->domain, port));
	EXPECT_EQ(0, accept_one(PATIENCE_MS, 0));
	EXPECT_EQ(1, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(0, FAILCNT(a, NUMTCPSOCK));
}

static long give_first(long a, long b)
{
	return fd_send(worker_channel, fds[0]);
}

static long take(long a, long b)
{
	long fd = fd_receive(worker_channel);

	errno = -fd;
	return keep(fd < 0 ? -1 : fd);
}

/* Who accepts does not matter, nor where the listener's maker has gone. */
TEST_F(tcp, listener_that_travels)
{
	struct box *a = &self->a, *b = &self->b;
	long port = IN(a, tcp_listen, variant->domain);
	int fd;

	ASSERT_LT(0, port);
	ASSERT_EQ(0, IN(a, give_first));
	fd = fd_receive(a->worker.channel);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fd_send(b->worker.channel, fd));
	close(fd);
	EXPECT_EQ(0, IN(b, take));
	EXPECT_EQ(0, IN(a, drop_all));
	LIMIT(b, NUMTCPSOCK, 0);
	EXPECT_EQ(0, tcp_connect(variant->domain, port));
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
	long port = IN(a, tcp_listen, variant->domain);

	ASSERT_LT(0, port);
	ASSERT_EQ(0, cg_enter(b->cgroup, a->worker.pid));
	EXPECT_EQ(0, tcp_connect(variant->domain, port));
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
	long port = IN(a, tcp_listen, variant->domain);
	struct ub_row before, after;

	ASSERT_LT(0, port);
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_NUMTCPSOCK, 1, 100));
	before = ub_row(a->id, STOCKVZ_RES_NUMTCPSOCK);
	ub_events_drain();
	EXPECT_EQ(0, tcp_connect(variant->domain, port));
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
	long port = tcp_listen(variant->domain, 0);

	ASSERT_LT(0, port);
	LIMIT(a, NUMTCPSOCK, 1);
	EXPECT_EQ(0, IN(a, tcp_connect, variant->domain, port));
	EXPECT_REFUSED(a, NUMTCPSOCK, ENOBUFS, SYS_socket,
		       IN(a, tcp_connect, variant->domain, port));
	EXPECT_EQ(0, IN(a, drop_all));
	/* The other end is still open: it lives on till the peer answers. */
	drop_all(0, 0);
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
}

TEST_F(tcp, accept_without_a_file)
{
	struct box *a = &self->a;
	long port = IN(a, tcp_listen, variant->domain);

	ASSERT_LT(0, port);
	EXPECT_EQ(0, tcp_connect(variant->domain, port));
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
	long port = tcp_listen(variant->domain, 0);

	ASSERT_LT(0, port);
	drop_all(0, 0);
	EXPECT_EQ(-ECONNREFUSED, IN(a, tcp_connect, variant->domain, port));
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
	long port = tcp_listen(variant->domain, 0);

	ASSERT_LT(0, port);
	EXPECT_EQ(0, IN(a, tcp_connect, variant->domain, port));
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
	long port = IN(a, tcp_listen, variant->domain, 1);
	int i;

	ASSERT_LT(0, port);
	for (i = 0; i < 6; i++)
		EXPECT_EQ(0, tcp_connect_start(variant->domain, port));
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
	long port = IN(a, tcp_listen, variant->domain);

	ASSERT_LT(0, port);
	write_file(SYNCOOKIES, "2");
	EXPECT_EQ(0, tcp_connect(variant->domain, port));
	EXPECT_EQ(0, IN(a, accept_one, PATIENCE_MS));
	EXPECT_EQ(2, HELD(a, NUMTCPSOCK));
	LIMIT(a, NUMTCPSOCK, 2);
	EXPECT_EQ(0, tcp_connect(variant->domain, port));
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
	socklen_t len = loopback(&address, domain, port);
	int fd = socket(domain, SOCK_STREAM, 0);

	if (keep(fd))
		return -errno;
	return sendto(fd, "x", 1, MSG_FASTOPEN, &address.any, len) < 0 ?
	       -errno : 0;
}

/* With data in its first packet a connection is made before its handshake. */
TEST_F(tcp, fastopen)
{
	struct box *a = &self->a;
	long port = IN(a, tcp_listen, variant->domain);
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
	EXPECT_EQ(0, IN(b, tcp_connect, AF_INET, port));
	EXPECT_EQ(0, IN(a, accept_one, PATIENCE_MS));
	EXPECT_EQ(2, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(1, HELD(b, NUMTCPSOCK));
	LIMIT(a, NUMTCPSOCK, 2);
	EXPECT_EQ(0, IN(b, tcp_connect, AF_INET, port));
	EXPECT_TRUE(EVENTUALLY(FAILCNT(a, NUMTCPSOCK) >= 1));
	EXPECT_EQ(2, HELD(a, NUMTCPSOCK));
}

TEST_F(ub, mptcp_listener)
{
	struct box *a = &self->a;
	long port = IN(a, mptcp_listen, AF_INET);

	if (port == -EPROTONOSUPPORT || port == -ENOPROTOOPT)
		SKIP(return, "this kernel has no MPTCP");
	ASSERT_LT(0, port);
	/* The sockets behind it are the kernel's. */
	EXPECT_EQ(1, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(0, HELD(a, NUMOTHERSOCK));
	EXPECT_EQ(0, tcp_connect(AF_INET, port));
	EXPECT_EQ(0, IN(a, accept_one, PATIENCE_MS));
	EXPECT_EQ(2, HELD(a, NUMTCPSOCK));
	LIMIT(a, NUMTCPSOCK, 2);
	EXPECT_EQ(0, tcp_connect(AF_INET, port));
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
	port = IN(&b, tcp_listen, AF_INET);
	EXPECT_LT(0, port);
	ASSERT_EQ(0, ub_new(b.id, b.cgroup));
	EXPECT_EQ(0, tcp_connect(AF_INET, port));
	EXPECT_EQ(0, IN(&b, accept_one, PATIENCE_MS));
	EXPECT_EQ(0, HELD(&b, NUMTCPSOCK));
	drop_all(0, 0);
	box_close(_metadata, &b);
}

/*
 * UNIX streams.
 */

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

/* Sockets travel as files do. */
TEST_F(two, socket_passed_on)
{
	struct box *a = &self->a, *b = &self->b;
	int fd;

	LIMIT(b, NUMTCPSOCK, 0);
	EXPECT_EQ(0, MAKE(a, AF_INET, SOCK_STREAM, 0));
	ASSERT_EQ(0, IN(a, give_first));
	fd = fd_receive(a->worker.channel);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, IN(a, drop_all));
	ASSERT_EQ(0, fd_send(b->worker.channel, fd));
	close(fd);
	EXPECT_EQ(0, IN(b, take));
	EXPECT_EQ(1, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(1, HELD(a, NUMFILE));
	EXPECT_EQ(0, HELD(b, NUMTCPSOCK));
	EXPECT_EQ(0, IN(b, drop_all));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
}

/*
 * Crowds.
 */

#define CROWD 4

#define BOMB 10000
#define BOMB_BARRIER 50

/* How many were refused, all of them with the same errno. */
static long socket_bomb(long domain_type, long err)
{
	long n, refused = 0;

	for (n = 0; n < BOMB; n++) {
		long result = make(domain_type, 0);

		if (result && result != -err)
			return result;
		refused += !!result;
	}
	return refused;
}

TEST_F_TIMEOUT(ub, socket_bombs, 120)
{
	static const struct {
		int domain;
		int type;
		int res;
		int err;
	} bombs[] = {
		{ AF_INET, SOCK_STREAM, STOCKVZ_RES_NUMTCPSOCK, ENOBUFS },
		{ AF_INET, SOCK_DGRAM, STOCKVZ_RES_NUMOTHERSOCK, ENOBUFS },
		{ AF_UNIX, SOCK_STREAM, STOCKVZ_RES_NUMOTHERSOCK, ENOMEM },
	};
	unsigned long before = 0;
	struct box *a = &self->a;
	struct ub_row row;
	unsigned int i;

	LIMIT(a, NUMTCPSOCK, BOMB_BARRIER);
	LIMIT(a, NUMOTHERSOCK, BOMB_BARRIER);
	for (i = 0; i < ARRAY_SIZE(bombs); i++) {
		before = ub_row(a->id, bombs[i].res).failcnt;
		EXPECT_EQ(BOMB - BOMB_BARRIER,
			  IN(a, socket_bomb, bombs[i].domain << 16 | bombs[i].type,
			     bombs[i].err));
		row = ub_row(a->id, bombs[i].res);
		EXPECT_EQ(BOMB_BARRIER, row.held);
		EXPECT_EQ(BOMB_BARRIER, row.maxheld);
		EXPECT_EQ(before + BOMB - BOMB_BARRIER, row.failcnt);
		EXPECT_EQ(0, IN(a, drop_one));
		EXPECT_TRUE(EVENTUALLY(ub_row(a->id, bombs[i].res).held ==
				       BOMB_BARRIER - 1));
		EXPECT_EQ(0, MAKE(a, bombs[i].domain, bombs[i].type, 0));
		EXPECT_EQ(0, IN(a, drop_all));
		EXPECT_TRUE(EVENTUALLY(!ub_row(a->id, bombs[i].res).held));
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

TEST_F_TIMEOUT(ub, crowd_of_pairs_at_the_barrier, 120)
{
	struct box *a = &self->a;
	struct worker w[CROWD];
	struct ub_row row;
	long refused = 0;
	int i;

	for (i = 0; i < CROWD; i++)
		ASSERT_EQ(0, worker_start(&w[i], a->cgroup));
	LIMIT(a, NUMOTHERSOCK, 3);
	for (i = 0; i < CROWD; i++)
		worker_begin(&w[i], churn_pairs, repeats(5000), 0);
	for (i = 0; i < CROWD; i++) {
		long n = worker_end(&w[i]);

		EXPECT_LE(0, n);
		refused += n;
	}
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMOTHERSOCK) == 0));
	row = ub_row(a->id, STOCKVZ_RES_NUMOTHERSOCK);
	EXPECT_GE(3, row.maxheld);
	EXPECT_EQ(refused, row.failcnt);
	TH_LOG("%ld of %ld refused", refused, CROWD * repeats(5000));
	for (i = 0; i < CROWD; i++)
		worker_stop(&w[i]);
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
	while ((port = tcp_listen(domain, 0)) == -ENOBUFS)
		refused++;
	if (port < 0)
		return port;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	while (n--) {
		long err = tcp_connect_start(domain, port);

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

TEST_F_TIMEOUT(ub, crowd_of_connections_at_the_barrier, 120)
{
	struct box *a = &self->a;
	struct worker w[CROWD];
	struct ub_row row;
	long refused = 0;
	int i;

	for (i = 0; i < CROWD; i++)
		ASSERT_EQ(0, worker_start(&w[i], a->cgroup));
	LIMIT(a, NUMTCPSOCK, CROWD + 3);
	for (i = 0; i < CROWD; i++)
		worker_begin(&w[i], churn_tcp, repeats(3000), i % 2 ? AF_INET : AF_INET6);
	for (i = 0; i < CROWD; i++) {
		long n = worker_end(&w[i]);

		EXPECT_LE(0, n);
		refused += n;
	}
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
	row = ub_row(a->id, STOCKVZ_RES_NUMTCPSOCK);
	EXPECT_GE(CROWD + 3, row.maxheld);
	/* The rest were refused on arrival. */
	EXPECT_LE(refused, row.failcnt);
	TH_LOG("%ld sockets and %ld arrivals of %d refused", refused,
	       row.failcnt - refused, CROWD * 3000);
	for (i = 0; i < CROWD; i++)
		worker_stop(&w[i]);
}

/* As many as may: nobody is refused. */
TEST_F_TIMEOUT(ub, crowd_of_pairs_that_fits_exactly, 120)
{
	struct box *a = &self->a;
	struct worker w[CROWD];
	int i;

	for (i = 0; i < CROWD; i++)
		ASSERT_EQ(0, worker_start(&w[i], a->cgroup));
	LIMIT(a, NUMOTHERSOCK, 2 * CROWD);
	for (i = 0; i < CROWD; i++)
		worker_begin(&w[i], churn_pairs, repeats(2000), 0);
	for (i = 0; i < CROWD; i++)
		EXPECT_EQ(0, worker_end(&w[i]));
	EXPECT_EQ(0, FAILCNT(a, NUMOTHERSOCK));
	for (i = 0; i < CROWD; i++)
		worker_stop(&w[i]);
}

TEST_HARNESS_MAIN
