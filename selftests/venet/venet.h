/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two containers with a venet each, and a machine beyond the host:
 *
 *	 a  10.77.0.1    fd77::1     venet0 --+
 *	                                       +-- venet0  host  out0 -- eth0  out
 *	 b  10.77.0.2    fd77::2     venet0 --+          .1 (::1)      .2 (::2)
 *
 * with 192.168.77.0/24 and fd78::/64 on the wire between host and out.
 * What takes long does so in full with STOCKVZ_VENET_MANY=1 in the environment.
 *
 * Include once, in the file that has the tests.
 */
#ifndef SELFTESTS_VENET_H
#define SELFTESTS_VENET_H

#include <errno.h>
#include <sys/socket.h>

#include "env.h"
#include "fixture.h"
#include "net.h"

#define CT_A 9101
#define CT_B 9102
#define A4 "10.77.0.1"
#define A6 "fd77::1"
#define B4 "10.77.0.2"
#define B6 "fd77::2"
#define HOST4 "192.168.77.1"
#define HOST6 "fd78::1"
#define OUT4 "192.168.77.2"
#define OUT6 "fd78::2"
#define PORT 7777
#define SOON_MS 5000
/* For what must not come. */
#define NEVER_MS 300

static inline bool many(void)
{
	return env_number("STOCKVZ_VENET_MANY", 0);
}

/* A venet0 inside, with these addresses, and the host's routes to them. */
static inline int venet_up(const char *ns, const char *ip4, const char *ip6)
{
	return sh("set -e\n"
		  "ip -n %s link set lo up\n"
		  "ip -n %s link add venet0 type venet\n"
		  "ip -n %s link set venet0 up\n"
		  "ip -n %s addr add %s/32 dev venet0\n"
		  "ip -n %s addr add %s/128 dev venet0\n"
		  "ip -n %s route add default dev venet0\n"
		  "ip -n %s -6 route add default dev venet0\n"
		  "ip route replace %s dev venet0\n"
		  "ip -6 route replace %s dev venet0\n",
		  ns, ns, ns, ns, ip4, ns, ip6, ns, ns, ip4, ip6);
}

static inline int host_up(void)
{
	return sh("set -e\n"
		  "ip link show dev venet0 >/dev/null 2>&1 || ip link add venet0 type venet\n"
		  "ip link set venet0 up mtu 1500\n"
		  "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1\n"
		  "sysctl -qw net.ipv4.conf.all.send_redirects=0\n"
		  "sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0\n");
}

static inline int out_up(void)
{
	return sh("set -e\n"
		  "ip link add out0 type veth peer name eth0 netns out\n"
		  "ip addr add " HOST4 "/24 dev out0\n"
		  "ip addr add " HOST6 "/64 dev out0 nodad\n"
		  "ip link set out0 up\n"
		  "ip -n out link set lo up\n"
		  "ip -n out addr add " OUT4 "/24 dev eth0\n"
		  "ip -n out addr add " OUT6 "/64 dev eth0 nodad\n"
		  "ip -n out link set eth0 up\n"
		  "ip -n out route add 10.77.0.0/24 via " HOST4 "\n"
		  "ip -n out -6 route add fd77::/64 via " HOST6 "\n");
}

FIXTURE(venet)
{
	struct laws laws;
	int a, b, out;
};

FIXTURE_SETUP(venet)
{
	laws_begin(_metadata, &self->laws);
	ub_del(CT_A);
	ub_del(CT_B);
	ASSERT_EQ(0, ub_new(CT_A, NULL)) TH_LOG("%s", ub_why());
	ASSERT_EQ(0, ub_new(CT_B, NULL));
	self->a = netns_new("a");
	self->b = netns_new("b");
	self->out = netns_new("out");
	ASSERT_LE(0, self->a);
	ASSERT_LE(0, self->b);
	ASSERT_LE(0, self->out);
	ASSERT_EQ(0, host_up());
	ASSERT_EQ(0, out_up());
	ASSERT_EQ(0, ip_add(CT_A, A4, self->a)) TH_LOG("%s", ub_why());
	ASSERT_EQ(0, ip_add(CT_A, A6, self->a));
	ASSERT_EQ(0, ip_add(CT_B, B4, self->b));
	ASSERT_EQ(0, ip_add(CT_B, B6, self->b));
	ASSERT_EQ(0, venet_up("a", A4, A6));
	ASSERT_EQ(0, venet_up("b", B4, B6));
}

FIXTURE_TEARDOWN(venet)
{
	struct ub_state state;

	netns_del("a", self->a);
	netns_del("b", self->b);
	netns_del("out", self->out);
	sh_quiet("ip link del out0");
	ub_del(CT_A);
	ub_del(CT_B);
	EXPECT_EQ(0, ip_count(0));
	EXPECT_TRUE(EVENTUALLY(ub_get(CT_A, &state) == -ENOENT));
	EXPECT_TRUE(EVENTUALLY(ub_get(CT_B, &state) == -ENOENT));
	sh_quiet("ip link del venet0");
	laws_end(_metadata, &self->laws);
}

/* One datagram there, one back. */
static inline bool echo(int from, const char *source, int to, const char *dest)
{
	int client = udp_bound(from, source, 0);
	int server = udp_bound(to, dest, PORT);
	union address peer;
	socklen_t len = sizeof(peer);
	char buf[16] = "";
	bool ok = client >= 0 && server >= 0 &&
		  udp_send(client, dest, PORT, "ping", 4) == 4 && arrives(server, SOON_MS) &&
		  recvfrom(server, buf, sizeof(buf), 0, &peer.sa, &len) == 4 &&
		  sendto(server, buf, 4, 0, &peer.sa, len) == 4 && arrives(client, SOON_MS) &&
		  recv(client, buf, sizeof(buf), 0) == 4 && !memcmp(buf, "ping", 4);

	close(client);
	close(server);
	return ok;
}

/* Sent from there and let go of. */
static inline unsigned long dropped(int ns)
{
	struct link_stats s = {};

	return link_stats(ns, "venet0", &s) ? s.tx_dropped : -1UL;
}

/* The TTL or hop limit that a datagram arrives with; -1: it does not. */
static inline int ttl_of(int from, const char *source, int to, const char *dest, int ttl)
{
	int server = udp_bound(to, dest, PORT), on = 1, got = -1;
	char buf[64], control[128];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	int client = udp_bound(from, source, 0);

	setsockopt(server, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on));
	setsockopt(server, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on));
	setsockopt(client, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	setsockopt(client, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &ttl, sizeof(ttl));
	if (udp_send(client, dest, PORT, "x", 1) == 1 && arrives(server, SOON_MS) &&
	    recvmsg(server, &m, 0) == 1)
		for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
			got = *(int *)CMSG_DATA(c);
	close(server);
	close(client);
	return got;
}

#endif
