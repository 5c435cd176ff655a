// SPDX-License-Identifier: GPL-2.0
/*
 * numtcpsock counts stream sockets of INET and INET6, numothersock all others,
 * from their making to their final free. Over the barrier: ENOBUFS for INET,
 * INET6 and PACKET, ENOMEM for the rest.
 *
 * Those that are made on behalf of somebody who is not there have tests of their
 * own: numtcpsock_test and numothersock_test.
 */
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "fixture.h"
#include "fds.h"
#include "numsock.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

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

/* Sockets travel as files do. */
TEST_F(two, socket_passed_on)
{
	struct box *a = &self->a, *b = &self->b;

	LIMIT(b, NUMTCPSOCK, 0);
	EXPECT_EQ(0, MAKE(a, AF_INET, SOCK_STREAM, 0));
	ASSERT_EQ(0, IN(a, give));
	EXPECT_EQ(0, IN(a, drop_all));
	box_pass(_metadata, a, b);
	EXPECT_EQ(0, IN(b, take));
	EXPECT_EQ(1, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(1, HELD(a, NUMFILE));
	EXPECT_EQ(0, HELD(b, NUMTCPSOCK));
	EXPECT_EQ(0, IN(b, drop_all));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
}

/*
 * Many.
 */

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

TEST_F(ub, socket_bombs)
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

TEST_HARNESS_MAIN
