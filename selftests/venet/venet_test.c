// SPDX-License-Identifier: GPL-2.0
/*
 * venet between the host, two containers and a machine beyond the host:
 *
 *	 a  10.77.0.1    fd77::1     venet0 --+
 *	                                       +-- venet0  host  out0 -- eth0  out
 *	 b  10.77.0.2    fd77::2     venet0 --+          .1 (::1)      .2 (::2)
 *
 * with 192.168.77.0/24 and fd78::/64 on the wire between host and out.
 * What takes long does so in full with VENET_MANY=1 in the environment.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <netlink/attr.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

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

static bool many(void)
{
	return getenv("VENET_MANY");
}

/* A venet0 inside, with these addresses, and the host's routes to them. */
static int venet_up(const char *ns, const char *ip4, const char *ip6)
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

static int host_up(void)
{
	return sh("set -e\n"
		  "ip link show dev venet0 >/dev/null 2>&1 || ip link add venet0 type venet\n"
		  "ip link set venet0 up mtu 1500\n"
		  "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1\n"
		  "sysctl -qw net.ipv4.conf.all.send_redirects=0\n"
		  "sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0\n");
}

static int out_up(void)
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

struct place {
	const char *name;
	int ns;
	const char *ip4;
	const char *ip6;
};

static void places(struct place *p, int a, int b, int out)
{
	p[0] = (struct place){ "host", HOST, HOST4, HOST6 };
	p[1] = (struct place){ "a", a, A4, A6 };
	p[2] = (struct place){ "b", b, B4, B6 };
	p[3] = (struct place){ "out", out, OUT4, OUT6 };
}

/* One datagram there, one back. */
static bool echo(int from, const char *source, int to, const char *dest)
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

TEST_F_TIMEOUT(venet, everybody_reaches_everybody, 120)
{
	struct place p[4];
	int i, j;

	places(p, self->a, self->b, self->out);
	for (i = 0; i < 4; i++) {
		for (j = 0; j < 4; j++) {
			if (i == j)
				continue;
			EXPECT_TRUE(echo(p[i].ns, p[i].ip4, p[j].ns, p[j].ip4))
				TH_LOG("%s to %s, IPv4", p[i].name, p[j].name);
			EXPECT_TRUE(echo(p[i].ns, p[i].ip6, p[j].ns, p[j].ip6))
				TH_LOG("%s to %s, IPv6", p[i].name, p[j].name);
		}
	}
}

TEST_F_TIMEOUT(venet, ping, 60)
{
	EXPECT_EQ(0, sh("ip netns exec a ping -c 2 -W 5 " OUT4 " >/dev/null"));
	EXPECT_EQ(0, sh("ip netns exec a ping -c 2 -W 5 " B6 " >/dev/null"));
}

static unsigned int mix(unsigned int n)
{
	n ^= n << 13;
	n ^= n >> 17;
	return n ^ n << 5;
}

static void stream_out(int fd, size_t total)
{
	unsigned int buf[4096], seed = 1;

	while (total) {
		size_t i;

		for (i = 0; i < ARRAY_SIZE(buf); i++) {
			seed = mix(seed);
			buf[i] = seed;
		}
		for (i = 0; i < sizeof(buf);) {
			ssize_t n = send(fd, (char *)buf + i, sizeof(buf) - i, MSG_NOSIGNAL);

			if (n <= 0)
				_exit(1);
			i += n;
		}
		total -= total < sizeof(buf) ? total : sizeof(buf);
	}
	shutdown(fd, SHUT_WR);
	_exit(0);
}

/* Everything, in order, and not a bit else. */
static size_t stream_in(int fd)
{
	unsigned int buf[4096], seed = 1;
	size_t total = 0, have = 0, i;
	ssize_t n;

	while ((n = recv(fd, (char *)buf + have, sizeof(buf) - have, 0)) > 0) {
		have += n;
		if (have < sizeof(buf))
			continue;
		for (i = 0; i < ARRAY_SIZE(buf); i++) {
			seed = mix(seed);
			if (buf[i] != seed)
				return 0;
		}
		total += have;
		have = 0;
	}
	return total + have;
}

static size_t stream(int from, const char *source, int to, const char *dest, size_t total)
{
	int listener = tcp_listen(to, dest, PORT);
	int client = tcp_connect(from, source, dest, PORT);
	size_t got = 0;
	int server;
	pid_t pid;

	if (listener >= 0 && client >= 0) {
		server = accept(listener, NULL, NULL);
		pid = fork();
		if (!pid) {
			close(server);
			stream_out(client, total);
		}
		close(client);
		got = stream_in(server);
		close(server);
		waitpid(pid, NULL, 0);
	}
	close(listener);
	return got;
}

TEST_F_TIMEOUT(venet, tcp_brings_every_byte, 600)
{
	size_t total = (many() ? 1024UL : 16) << 20;

	EXPECT_EQ(total, stream(self->a, A4, HOST, HOST4, total));
	EXPECT_EQ(total, stream(HOST, HOST4, self->a, A4, total));
	EXPECT_EQ(total, stream(self->a, A6, self->b, B6, total));
	EXPECT_EQ(total, stream(self->out, OUT4, self->b, B4, total));
	EXPECT_EQ(total, stream(self->b, B6, self->out, OUT6, total));
}

/* Segments are cut where a wire demands it, and not before. */
TEST_F_TIMEOUT(venet, tcp_crosses_in_large_pieces, 120)
{
	size_t total = 8 << 20;
	struct link_stats before, after;

	ASSERT_TRUE(link_stats(self->a, "venet0", &before));
	EXPECT_EQ(total, stream(self->a, A4, HOST, HOST4, total));
	ASSERT_TRUE(link_stats(self->a, "venet0", &after));
	EXPECT_GE(after.tx_bytes - before.tx_bytes, total);
	EXPECT_LE(after.tx_packets - before.tx_packets, total / 4000)
		TH_LOG("%lu packets", after.tx_packets - before.tx_packets);
}

TEST_F_TIMEOUT(venet, the_smallest_mtu_on_the_way_counts, 120)
{
	const int probe = IP_PMTUDISC_DO;
	char buf[1400] = "";
	int fd;

	ASSERT_EQ(0, sh("ip link set out0 mtu 1300 && ip -n out link set eth0 mtu 1300"));
	EXPECT_EQ(1 << 20, stream(self->a, A4, self->out, OUT4, 1 << 20));
	EXPECT_EQ(1 << 20, stream(self->a, A6, self->out, OUT6, 1 << 20));

	fd = udp_bound(self->b, B4, 0);
	setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe));
	EXPECT_EQ(1400, udp_send(fd, OUT4, PORT, buf, sizeof(buf)));
	EXPECT_TRUE(EVENTUALLY(udp_send(fd, OUT4, PORT, buf, sizeof(buf)) == -EMSGSIZE));
	close(fd);
}

TEST_F_TIMEOUT(venet, a_large_mtu_needs_no_fragments, 60)
{
	static char buf[60000];
	struct link_stats before, after;
	int to, from;

	ASSERT_EQ(0, sh("ip link set venet0 mtu 65535 && ip -n a link set venet0 mtu 65535"));
	from = udp_bound(self->a, A4, 0);
	to = udp_bound(HOST, HOST4, PORT);
	ASSERT_TRUE(link_stats(self->a, "venet0", &before));
	EXPECT_EQ(sizeof(buf), udp_send(from, HOST4, PORT, buf, sizeof(buf)));
	EXPECT_TRUE(arrives(to, SOON_MS));
	ASSERT_TRUE(link_stats(self->a, "venet0", &after));
	EXPECT_EQ(1, after.tx_packets - before.tx_packets);
	EXPECT_EQ(sizeof(buf) + 28, after.tx_bytes - before.tx_bytes);
	EXPECT_NE(0, sh_quiet("ip link set venet0 mtu 65536"));
	close(from);
	close(to);
}

TEST_F_TIMEOUT(venet, addresses_come_and_go_under_traffic, 60)
{
	int server, client, i;
	pid_t flood;

	server = udp_bound(self->a, A4, PORT);
	client = udp_bound(HOST, HOST4, 0);
	flood = fork();
	if (!flood) {
		for (;;)
			udp_send(client, A4, PORT, "x", 1);
	}
	for (i = 0; i < 20; i++) {
		char buf[16];

		EXPECT_TRUE(arrives(server, SOON_MS)) TH_LOG("round %d", i);
		ASSERT_EQ(0, ip_del(CT_A, A4));
		EXPECT_TRUE(EVENTUALLY(recv(server, buf, sizeof(buf), MSG_DONTWAIT) < 0 &&
				       !arrives(server, 50)));
		ASSERT_EQ(0, ip_add(CT_A, A4, self->a));
	}
	kill(flood, SIGKILL);
	waitpid(flood, NULL, 0);
	close(server);
	close(client);
}

static unsigned short checksum(const void *data, size_t size)
{
	const unsigned short *p = data;
	unsigned long sum = 0;

	for (; size > 1; size -= 2)
		sum += *p++;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* A datagram with any source at all; IPv4 or IPv6, by the addresses. */
static int send_forged(int ns, const char *from, const char *to, int ttl)
{
	union address src = address_of(from, 0), dst = address_of(to, 0);
	int fd = socket_in(ns, src.sa.sa_family, SOCK_RAW, IPPROTO_RAW);
	char packet[64] = "";
	struct udphdr *udp;
	int size, ret, on = 1;

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	if (src.sa.sa_family == AF_INET) {
		struct iphdr *ip = (struct iphdr *)packet;

		size = sizeof(*ip) + sizeof(*udp) + 4;
		*ip = (struct iphdr){
			.version = 4, .ihl = 5, .ttl = ttl, .protocol = IPPROTO_UDP,
			.tot_len = htons(size), .saddr = src.in.sin_addr.s_addr,
			.daddr = dst.in.sin_addr.s_addr,
		};
		ip->check = checksum(ip, sizeof(*ip));
		udp = (struct udphdr *)(ip + 1);
	} else {
		struct ip6_hdr *ip = (struct ip6_hdr *)packet;

		size = sizeof(*ip) + sizeof(*udp) + 4;
		ip->ip6_vfc = 0x60;
		ip->ip6_plen = htons(sizeof(*udp) + 4);
		ip->ip6_nxt = IPPROTO_UDP;
		ip->ip6_hlim = ttl;
		ip->ip6_src = src.in6.sin6_addr;
		ip->ip6_dst = dst.in6.sin6_addr;
		udp = (struct udphdr *)(ip + 1);
	}
	udp->source = htons(1);
	udp->dest = htons(PORT);
	udp->len = htons(sizeof(*udp) + 4);
	ret = sendto(fd, packet, size, 0, &dst.sa,
		     dst.sa.sa_family == AF_INET ? sizeof(dst.in) : sizeof(dst.in6));
	ret = ret < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static unsigned long dropped(int ns)
{
	struct link_stats s = {};

	return link_stats(ns, "venet0", &s) ? s.tx_dropped : -1UL;
}

static bool logged(int kmsg, const char *text)
{
	char line[8192];
	bool found = false;
	ssize_t n;

	while ((n = read(kmsg, line, sizeof(line) - 1)) > 0) {
		line[n] = 0;
		found = found || strstr(line, text);
	}
	return found;
}

static int open_log(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	lseek(fd, 0, SEEK_END);
	return fd;
}

TEST_F_TIMEOUT(venet, oracle_61_foreign_source, 60)
{
	int server = udp_bound(HOST, HOST4, PORT), log = open_log();
	struct link_stats before, after;
	unsigned long drops;

	ASSERT_EQ(0, send_forged(self->a, A4, HOST4, 64));
	EXPECT_TRUE(arrives(server, SOON_MS));
	close(server);
	server = udp_bound(HOST, HOST4, PORT);

	drops = dropped(self->a);
	ASSERT_TRUE(link_stats(HOST, "venet0", &before));
	EXPECT_EQ(0, send_forged(self->a, B4, HOST4, 64));
	EXPECT_EQ(drops + 1, dropped(self->a));
	EXPECT_TRUE(logged(log, "Dropped packet, source wrong veid=9101 src-IP=" B4
				" dst-IP=" HOST4));
	EXPECT_EQ(0, send_forged(self->a, "10.99.9.9", HOST4, 64));
	EXPECT_EQ(drops + 2, dropped(self->a));
	EXPECT_FALSE(logged(log, "Dropped packet"));
	EXPECT_EQ(0, send_forged(self->a, HOST4, B4, 64));
	EXPECT_EQ(drops + 3, dropped(self->a));
	EXPECT_EQ(0, send_forged(self->a, B6, HOST6, 64));
	EXPECT_EQ(drops + 4, dropped(self->a));
	/* Written like the other family's, it is still nobody's. */
	EXPECT_EQ(0, send_forged(self->a, "::10.77.0.1", HOST6, 64));
	EXPECT_EQ(drops + 5, dropped(self->a));
	EXPECT_EQ(0, send_forged(self->a, "::ffff:10.77.0.1", HOST6, 64));
	EXPECT_EQ(drops + 6, dropped(self->a));
	EXPECT_FALSE(arrives(server, NEVER_MS));
	ASSERT_TRUE(link_stats(HOST, "venet0", &after));
	EXPECT_EQ(before.rx_packets, after.rx_packets);
	close(server);
	close(log);
}

/* Those that the container gives itself, and those behind the fourth. */
TEST_F_TIMEOUT(venet, only_addresses_that_were_given_count, 60)
{
	unsigned long drops;
	char ip[32];
	int i, fd;

	ASSERT_EQ(0, sh("ip -n a addr add 10.77.0.99/32 dev venet0"));
	drops = dropped(self->a);
	fd = udp_bound(self->a, "10.77.0.99", 0);
	EXPECT_EQ(1, udp_send(fd, HOST4, PORT, "x", 1));
	EXPECT_EQ(drops + 1, dropped(self->a));
	close(fd);
	for (i = 0; i < 40; i++) {
		snprintf(ip, sizeof(ip), "10.77.1.%d", i);
		ASSERT_EQ(0, ip_add(CT_A, ip, self->a));
	}
	for (i = 0; i < 40; i++) {
		snprintf(ip, sizeof(ip), "10.77.1.%d", i);
		EXPECT_EQ(0, send_forged(self->a, ip, HOST4, 64));
	}
	EXPECT_EQ(drops + 1, dropped(self->a));
	EXPECT_EQ(42, ip_count(CT_A));
	EXPECT_EQ(0, ip_del_all(CT_A));
	EXPECT_EQ(0, ip_count(CT_A));
	EXPECT_EQ(0, send_forged(self->a, A4, HOST4, 64));
	EXPECT_EQ(drops + 2, dropped(self->a));
}

TEST_F(venet, oracle_62_errnos)
{
	struct nl_msg *msg;
	int file;
	pid_t pid;
	int status;

	EXPECT_EQ(-EADDRINUSE, ip_add(CT_A, A4, self->a));
	EXPECT_EQ(-EADDRINUSE, ip_add(CT_B, A4, self->b));
	EXPECT_EQ(-EADDRINUSE, ip_add(CT_B, A6, self->b));
	EXPECT_STREQ("a container has this address", ub_why());
	EXPECT_EQ(-EADDRNOTAVAIL, ip_del(CT_A, "10.77.0.50"));
	EXPECT_EQ(-EADDRNOTAVAIL, ip_del(CT_B, A4));
	EXPECT_NE(0, strlen(ub_why()));
	EXPECT_EQ(-ESRCH, ip_add(9199, "10.77.0.50", self->out));
	EXPECT_NE(0, strlen(ub_why()));
	EXPECT_EQ(-EBUSY, ip_add(CT_B, "10.77.0.50", self->a));
	EXPECT_NE(0, strlen(ub_why()));

	/* Nobody's own. */
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "224.0.0.1", self->a));
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "255.255.255.255", self->a));
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "0.0.0.0", self->a));
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "127.0.0.1", self->a));
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "::", self->a));
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "::1", self->a));
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "ff02::1", self->a));
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "::ffff:1.2.3.4", self->a));
	EXPECT_NE(0, strlen(ub_why()));

	/* Not the namespace of a container. */
	file = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "10.77.0.50", file));
	close(file);
	file = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "10.77.0.50", file));
	close(file);
	EXPECT_EQ(-EBADF, ip_add(CT_A, "10.77.0.50", 999));

	/* A family that is none, a length that is not the family's. */
	msg = ub_msg(STOCKVZ_CMD_IP_ADD, 0);
	nla_put_u32(msg, STOCKVZ_A_IP_ID, CT_A);
	nla_put_u16(msg, STOCKVZ_A_IP_FAMILY, AF_UNIX);
	nla_put(msg, STOCKVZ_A_IP_ADDRESS, 4, "\x0a\x4d\x00\x32");
	nla_put_u32(msg, STOCKVZ_A_IP_NETNS_FD, self->a);
	EXPECT_EQ(-EAFNOSUPPORT, ub_talk(msg, NULL, NULL));
	EXPECT_NE(0, strlen(ub_why()));
	msg = ub_msg(STOCKVZ_CMD_IP_ADD, 0);
	nla_put_u32(msg, STOCKVZ_A_IP_ID, CT_A);
	nla_put_u16(msg, STOCKVZ_A_IP_FAMILY, AF_INET6);
	nla_put(msg, STOCKVZ_A_IP_ADDRESS, 4, "\x0a\x4d\x00\x32");
	nla_put_u32(msg, STOCKVZ_A_IP_NETNS_FD, self->a);
	EXPECT_EQ(-EINVAL, ub_talk(msg, NULL, NULL));
	EXPECT_NE(0, strlen(ub_why()));

	/* Root of a user namespace, in the host's network: asks by our socket. */
	pid = fork();
	if (!pid) {
		ub_forget_socket();
		_exit(unshare(CLONE_NEWUSER) || ip_add(CT_A, "10.77.0.50", self->a) != -EPERM ||
		      ip_del(CT_A, A4) != -EPERM || ip_count(0) != -EPERM);
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
	/* From another network there is no such family. */
	pid = fork();
	if (!pid) {
		ub_forget_socket();
		_exit(netns_enter(self->b) || ip_add(CT_A, "10.77.0.50", self->a) != -ENOENT);
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);

	EXPECT_EQ(2, ip_count(CT_A));
	EXPECT_EQ(2, ip_count(CT_B));
	EXPECT_EQ(4, ip_count(0));

	/* Its addresses go with a container's number. */
	EXPECT_EQ(0, ub_del(CT_B));
	EXPECT_EQ(2, ip_count(0));
	EXPECT_EQ(-ESRCH, ip_add(CT_B, B4, self->b));
}

TEST_F_TIMEOUT(venet, oracle_63_multicast_and_nobody, 60)
{
	unsigned long drops = dropped(HOST);
	int fd;

	ASSERT_EQ(0, sh("ip route replace 10.77.9.0/24 dev venet0\n"
			"ip -6 route replace fd77:9::/64 dev venet0"));
	fd = udp_bound(HOST, HOST4, 0);
	EXPECT_EQ(1, udp_send(fd, "10.77.9.9", PORT, "x", 1));
	EXPECT_EQ(drops + 1, dropped(HOST));
	EXPECT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "venet0", sizeof("venet0")));
	EXPECT_EQ(1, udp_send(fd, "224.7.7.7", PORT, "x", 1));
	EXPECT_EQ(drops + 2, dropped(HOST));
	close(fd);
	fd = udp_bound(HOST, HOST6, 0);
	EXPECT_EQ(1, udp_send(fd, "fd77:9::9", PORT, "x", 1));
	EXPECT_EQ(drops + 3, dropped(HOST));
	close(fd);

	drops = dropped(self->a);
	EXPECT_EQ(0, send_forged(self->a, A4, "224.1.2.3", 64));
	EXPECT_EQ(drops + 1, dropped(self->a));
	EXPECT_EQ(0, send_forged(self->a, A4, "255.255.255.255", 64));
	EXPECT_EQ(drops + 2, dropped(self->a));
	EXPECT_EQ(0, send_forged(self->a, A6, "ff0e::1", 64));
	EXPECT_EQ(drops + 3, dropped(self->a));

	/* A container whose venet is down gets nothing. */
	ASSERT_EQ(0, sh("ip -n b link set venet0 down"));
	drops = dropped(HOST);
	fd = udp_bound(HOST, HOST4, 0);
	EXPECT_EQ(1, udp_send(fd, B4, PORT, "x", 1));
	EXPECT_EQ(drops + 1, dropped(HOST));
	close(fd);
}

/* The TTL or hop limit that a datagram arrives with; -1: it does not. */
static int ttl_of(int from, const char *source, int to, const char *dest, int ttl)
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

/* Answered by "time exceeded"? The error comes back to the sender's socket. */
static bool is_answered(int from, const char *source, const char *dest, int ttl)
{
	int fd = udp_bound(from, source, 0), on = 1;
	char buf[64], control[256];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct sock_extended_err {
		__u32 errnum;
		__u8 origin, type, code;
	} *e = NULL;
	struct pollfd p = { .fd = fd };
	bool v6 = strchr(dest, ':');

	setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &ttl, sizeof(ttl));
	udp_send(fd, dest, PORT, "x", 1);
	if (poll(&p, 1, SOON_MS) == 1 && recvmsg(fd, &m, MSG_ERRQUEUE) >= 0 && CMSG_FIRSTHDR(&m))
		e = (void *)CMSG_DATA(CMSG_FIRSTHDR(&m));
	close(fd);
	return e && (v6 ? e->type == ICMP6_TIME_EXCEEDED : e->type == ICMP_TIME_EXCEEDED);
}

TEST_F_TIMEOUT(venet, oracle_64_ttl, 120)
{
	/* From a container, it is the host's own. */
	EXPECT_EQ(5, ttl_of(self->a, A4, self->out, OUT4, 5));
	EXPECT_EQ(5, ttl_of(self->a, A6, self->out, OUT6, 5));
	EXPECT_EQ(255, ttl_of(self->a, A4, self->out, OUT4, 255));
	EXPECT_EQ(255, ttl_of(self->a, A6, self->out, OUT6, 255));
	EXPECT_EQ(2, ttl_of(self->a, A4, self->out, OUT4, 2));
	EXPECT_EQ(64, ttl_of(self->a, A4, HOST, HOST4, 64));
	EXPECT_EQ(64, ttl_of(self->a, A6, HOST, HOST6, 64));
	EXPECT_EQ(5, ttl_of(self->a, A4, self->b, B4, 5));
	EXPECT_EQ(5, ttl_of(self->a, A6, self->b, B6, 5));
	/* To one, it is a hop. */
	EXPECT_EQ(4, ttl_of(self->out, OUT4, self->a, A4, 5));
	EXPECT_EQ(4, ttl_of(self->out, OUT6, self->a, A6, 5));
	/* It still runs out. */
	EXPECT_TRUE(is_answered(self->a, A4, OUT4, 1));
	EXPECT_TRUE(is_answered(self->a, A6, OUT6, 1));
	EXPECT_TRUE(is_answered(self->out, OUT4, A4, 1));
	EXPECT_EQ(1, ttl_of(self->a, A4, HOST, HOST4, 1));
}

static int link_flags(int ns, short *flags, struct ifreq *mtu, struct ifreq *hw)
{
	struct ifreq r = { .ifr_name = "venet0" };
	int fd = socket_in(ns, AF_INET, SOCK_DGRAM, 0);
	int ret;

	*mtu = r;
	*hw = r;
	ret = ioctl(fd, SIOCGIFFLAGS, &r) || ioctl(fd, SIOCGIFMTU, mtu) ||
	      ioctl(fd, SIOCGIFHWADDR, hw);
	*flags = r.ifr_flags;
	close(fd);
	return ret;
}

TEST_F(venet, looks_as_it_did)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq mtu, hw, r = { .ifr_name = "venet0", .ifr_data = (void *)&info };
	short flags;
	int fd;

	ASSERT_EQ(0, link_flags(self->a, &flags, &mtu, &hw));
	EXPECT_EQ(IFF_BROADCAST | IFF_POINTOPOINT | IFF_NOARP | IFF_UP | IFF_RUNNING, flags);
	EXPECT_EQ(1500, mtu.ifr_mtu);
	EXPECT_EQ(ARPHRD_VOID, hw.ifr_hwaddr.sa_family);
	EXPECT_EQ(0, sh("ip -n a -d link show venet0 | grep -q '^ *link/void'"));
	EXPECT_EQ(0, sh("ip -n a -d link show venet0 | grep -q ' venet '"));
	EXPECT_EQ(0, sh("ip -n a link show venet0 | grep -q 'qdisc noqueue'"));
	fd = socket_in(HOST, AF_INET, SOCK_DGRAM, 0);
	EXPECT_EQ(0, ioctl(fd, SIOCETHTOOL, &r));
	EXPECT_STREQ("venet", info.driver);
	close(fd);
}

TEST_F(venet, one_for_each_namespace)
{
	EXPECT_NE(0, sh_quiet("ip -n a link add venet1 type venet"));
	EXPECT_EQ(0, sh("ip -n a link add venet1 type venet 2>&1 | grep -q 'has a venet'"));
	EXPECT_NE(0, sh_quiet("ip link add venet1 type venet"));
	EXPECT_EQ(0, sh("ip -n a link del venet0"));
	/* By whatever name and number its maker wants. */
	EXPECT_EQ(0, sh("ip -n a link add venet0 index 77 mtu 1400 type venet"));
	EXPECT_EQ(0, sh("ip -n a link show venet0 | grep -q '^77: venet0.* mtu 1400'"));
	EXPECT_EQ(0, sh("ip -n a link del venet0"));
	EXPECT_EQ(0, sh("ip -n a link add type venet && ip -n a link show venet0 >/dev/null"));
	/* From a namespace into another: made there. */
	EXPECT_EQ(0, sh("ip link add name venet7 netns out type venet"));
	EXPECT_EQ(0, sh("ip -n out link show venet7 >/dev/null"));
	/* None moves. */
	EXPECT_NE(0, sh_quiet("ip -n out link set venet7 netns b"));
	EXPECT_NE(0, sh_quiet("ip link set venet0 netns out"));
	EXPECT_EQ(0, sh("ip link show venet0 >/dev/null"));
}

TEST_F_TIMEOUT(venet, made_anew_it_goes_on, 60)
{
	EXPECT_EQ(0, sh("ip -n a link del venet0"));
	EXPECT_EQ(0, venet_up("a", A4, A6));
	EXPECT_TRUE(echo(self->a, A4, self->b, B4));
	EXPECT_EQ(0, sh("ip link del venet0"));
	EXPECT_EQ(0, host_up());
	EXPECT_EQ(0, sh("ip route add " A4 " dev venet0; ip route add " B4 " dev venet0"));
	EXPECT_TRUE(echo(self->a, A4, self->b, B4));
	EXPECT_EQ(5, ttl_of(self->a, A4, self->out, OUT4, 5));
}

/* Frames made by hand are what they begin with, and nothing else. */
TEST_F_TIMEOUT(venet, raw_frames_harm_nobody, 60)
{
	static const unsigned short protocols[] = {
		ETH_P_IP, ETH_P_IPV6, ETH_P_ARP, ETH_P_8021Q, 0x1234,
	};
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	unsigned char frame[128];
	unsigned int i, n, size, seed = 1;
	struct link_stats before, after;
	unsigned long drops = dropped(self->a);
	int fd = socket_in(self->a, AF_PACKET, SOCK_RAW, 0), sent = 0;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, netns_enter(self->a));
	to.sll_ifindex = if_nametoindex("venet0");
	netns_leave();
	ASSERT_TRUE(link_stats(HOST, "venet0", &before));
	for (i = 0; i < ARRAY_SIZE(protocols); i++) {
		to.sll_protocol = htons(protocols[i]);
		for (size = 1; size < sizeof(frame); size++) {
			for (n = 0; n < size; n++) {
				seed = mix(seed);
				frame[n] = seed;
			}
			frame[0] = size & 1 ? 0x45 : 0x60;
			sent += sendto(fd, frame, size, 0, (struct sockaddr *)&to,
				       sizeof(to)) == (ssize_t)size;
		}
	}
	EXPECT_LE(100, sent);
	EXPECT_EQ(drops + sent, dropped(self->a));
	ASSERT_TRUE(link_stats(HOST, "venet0", &after));
	EXPECT_EQ(before.rx_packets, after.rx_packets);
	close(fd);
}

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* A program on the host's side, that lets nothing in. */
TEST_F_TIMEOUT(venet, xdp_sees_what_arrives, 60)
{
	struct bpf_insn drop[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_DROP },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uintptr_t)drop,
		.insn_cnt = ARRAY_SIZE(drop),
		.license = (uintptr_t)"GPL",
	};
	union bpf_attr attach = {
		.link_create = {
			.target_ifindex = if_nametoindex("venet0"),
			.attach_type = BPF_XDP,
			.flags = XDP_FLAGS_SKB_MODE,
		},
	};
	int server = udp_bound(HOST, HOST4, PORT);
	int client = udp_bound(self->a, A4, 0);
	int link;

	attach.link_create.prog_fd = bpf(BPF_PROG_LOAD, &load);
	link = bpf(BPF_LINK_CREATE, &attach);
	ASSERT_LE(0, link);
	EXPECT_EQ(1, udp_send(client, HOST4, PORT, "x", 1));
	EXPECT_FALSE(arrives(server, NEVER_MS));
	close(link);
	close(attach.link_create.prog_fd);
	EXPECT_EQ(1, udp_send(client, HOST4, PORT, "x", 1));
	EXPECT_TRUE(arrives(server, SOON_MS));
	close(server);
	close(client);
}

TEST_F_TIMEOUT(venet, counts_both_ends, 60)
{
	struct link_stats host, a, after;
	char data[100] = "";
	int server, client;

	server = udp_bound(HOST, HOST4, PORT);
	client = udp_bound(self->a, A4, 0);
	ASSERT_TRUE(link_stats(HOST, "venet0", &host));
	ASSERT_TRUE(link_stats(self->a, "venet0", &a));
	EXPECT_EQ(100, udp_send(client, HOST4, PORT, data, sizeof(data)));
	ASSERT_TRUE(link_stats(self->a, "venet0", &after));
	EXPECT_EQ(a.tx_packets + 1, after.tx_packets);
	EXPECT_EQ(a.tx_bytes + 128, after.tx_bytes);
	EXPECT_EQ(a.rx_packets, after.rx_packets);
	ASSERT_TRUE(link_stats(HOST, "venet0", &after));
	EXPECT_EQ(host.rx_packets + 1, after.rx_packets);
	EXPECT_EQ(host.rx_bytes + 128, after.rx_bytes);
	EXPECT_EQ(host.tx_packets, after.tx_packets);
	close(server);
	close(client);
}

/* Sends for ever, to both sides of the wall. */
static pid_t flood(int ns, const char *from, const char *to)
{
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	fd = udp_bound(ns, from, 0);
	for (;;)
		udp_send(fd, to, PORT, "flood", 5);
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

TEST_F_TIMEOUT(venet, namespaces_die_under_traffic, 3600)
{
	int rounds = many() ? 1000 : 25;
	pid_t in = flood(HOST, HOST4, "10.77.0.3");
	int i;

	ASSERT_EQ(0, sh("ip route replace 10.77.0.3 dev venet0"));
	for (i = 0; i < rounds; i++) {
		int ns = netns_new("c");
		pid_t out;

		ASSERT_LE(0, ns);
		ASSERT_EQ(0, ub_new(9103, NULL));
		ASSERT_EQ(0, ip_add(9103, "10.77.0.3", ns));
		ASSERT_EQ(0, venet_up("c", "10.77.0.3", "fd77::3"));
		out = flood(ns, "10.77.0.3", i & 1 ? HOST4 : B4);
		usleep(10000);
		if (i % 3 == 0)
			ASSERT_EQ(0, sh("ip -n c link del venet0"));
		stop(out);
		netns_del("c", ns);
		/* The kernel takes its time, but no longer than that. */
		ASSERT_TRUE(EVENTUALLY(!ip_count(9103))) TH_LOG("round %d", i);
		ASSERT_EQ(0, ub_del(9103));
	}
	stop(in);
}

TEST_F_TIMEOUT(venet, the_module_goes_under_traffic, 300)
{
	int rounds = many() ? 30 : 3;
	int i;

	/* Not while a container lives. */
	EXPECT_NE(0, sh_quiet("rmmod stockvz"));
	for (i = 0; i < rounds; i++) {
		pid_t in = flood(HOST, HOST4, A4), out = flood(self->a, A4, B4);

		usleep(20000);
		ASSERT_EQ(0, ub_del(CT_A));
		ASSERT_EQ(0, ub_del(CT_B));
		ub_forget_socket();
		EXPECT_TRUE(EVENTUALLY(!sh_quiet("rmmod stockvz"))) TH_LOG("round %d", i);
		stop(in);
		stop(out);
		EXPECT_NE(0, sh_quiet("ip link show venet0"));
		EXPECT_NE(0, sh_quiet("ip -n a link show venet0"));
		/* Asked for by its kind, it comes by itself. */
		ASSERT_EQ(0, host_up());
		ASSERT_EQ(0, ub_new(CT_A, NULL));
		ASSERT_EQ(0, ub_new(CT_B, NULL));
		ASSERT_EQ(0, ip_add(CT_A, A4, self->a));
		ASSERT_EQ(0, ip_add(CT_B, B4, self->b));
		ASSERT_EQ(0, venet_up("a", A4, A6));
		ASSERT_EQ(0, venet_up("b", B4, B6));
		EXPECT_TRUE(echo(self->a, A4, self->b, B4));
	}
}

TEST_F_TIMEOUT(venet, many_addresses, 1200)
{
	int n = many() ? 100000 : 5000, i;
	char ip[32];

	for (i = 0; i < n; i++) {
		snprintf(ip, sizeof(ip), i & 1 ? "10.%d.%d.%d" : "fd79::%x:%x:%x",
			 100 + (i >> 16), i >> 8 & 255, i & 255);
		ASSERT_EQ(0, ip_add(CT_B, ip, self->b)) TH_LOG("%s: %s", ip, ub_why());
	}
	EXPECT_EQ(n + 2, ip_count(CT_B));
	EXPECT_EQ(n + 4, ip_count(0));
	EXPECT_TRUE(echo(self->a, A4, self->b, B4));
	EXPECT_TRUE(echo(self->b, B6, self->out, OUT6));
	EXPECT_EQ(0, ip_del(CT_B, ip));
	EXPECT_EQ(-EADDRNOTAVAIL, ip_del(CT_B, ip));
	EXPECT_EQ(n + 3, ip_count(0));
}

static long read_own_veinfo(long a, long b)
{
	char *text = worker_shared;
	int fd, n;

	if (unshare(CLONE_NEWNS | CLONE_NEWPID))
		return -errno;
	/* The first child is in the new namespace, and has a /proc of it. */
	if (!fork()) {
		n = mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("proc", "/mnt", "proc", 0, NULL) ? -1 : 0;
		fd = n ? -1 : open("/mnt/vz/veinfo", O_RDONLY);
		n = fd < 0 ? -1 : read(fd, text, 4095);
		text[n < 0 ? 0 : n] = 0;
		_exit(n < 0 || !access("/mnt/vz/veip", F_OK) || !access("/mnt/bc", F_OK));
	}
	wait(&fd);
	return fd;
}

static bool file_has(const char *path, const char *line)
{
	char buf[16384];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	close(fd);
	buf[n < 0 ? 0 : n] = 0;
	return strstr(buf, line);
}

/* The latest comes first; IPv4 is to the right in 15, IPv6 in 39. */
#define OWN_A "      9101     2     0                      fd77:0:0:0:0:0:0:1"
#define OWN_B "      9102     2     2       10.77.0.2                      fd77:0:0:0:0:0:0:2\n"

TEST_F_TIMEOUT(venet, oracle_65_veinfo, 60)
{
	struct box box;

	ASSERT_EQ(0, ub_del(CT_B));
	box_open(_metadata, &box, CT_B);
	ASSERT_EQ(0, ip_add(CT_B, B6, self->b));
	ASSERT_EQ(0, ip_add(CT_B, B4, self->b));
	EXPECT_TRUE(file_has("/proc/vz/veinfo", OWN_A "       10.77.0.1\n"));
	EXPECT_TRUE(file_has("/proc/vz/veinfo", "\n         0     0 "));
	EXPECT_EQ(0, IN(&box, read_own_veinfo));
	EXPECT_STREQ(OWN_B, (char *)box.worker.shared);
	EXPECT_TRUE(file_has("/proc/vz/veip", "Version: 2.5\n"));
	EXPECT_TRUE(file_has("/proc/vz/veip",
			     "                              10.77.0.1       9101\n"));
	EXPECT_TRUE(file_has("/proc/vz/veip",
			     "                     fd77:0:0:0:0:0:0:2       9102\n"));
	EXPECT_TRUE(file_has("/proc/vz/version", "042stab"));
	box_close(_metadata, &box);
}

TEST_HARNESS_MAIN
