// SPDX-License-Identifier: GPL-2.0
/*
 * venet: who reaches whom, what streams look like on their way, and the device.
 */
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "venet.h"

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

TEST_F(venet, everybody_reaches_everybody)
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

TEST_F(venet, ping)
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

TEST_F(venet, tcp_brings_every_byte)
{
	size_t total = (many() ? 1024UL : 16) << 20;

	EXPECT_EQ(total, stream(self->a, A4, HOST, HOST4, total));
	EXPECT_EQ(total, stream(HOST, HOST4, self->a, A4, total));
	EXPECT_EQ(total, stream(self->a, A6, self->b, B6, total));
	EXPECT_EQ(total, stream(self->out, OUT4, self->b, B4, total));
	EXPECT_EQ(total, stream(self->b, B6, self->out, OUT6, total));
}

/* Segments are cut where a wire demands it, and not before. */
TEST_F(venet, tcp_crosses_in_large_pieces)
{
	size_t total = 8 << 20;
	struct link_stats before, after;

	ASSERT_TRUE(link_stats(self->a, "venet0", &before));
	EXPECT_EQ(total, stream(self->a, A4, HOST, HOST4, total));
	ASSERT_TRUE(link_stats(self->a, "venet0", &after));
	EXPECT_GE(after.tx_bytes - before.tx_bytes, total);
	EXPECT_LE(after.tx_packets - before.tx_packets, total / 2900)
		TH_LOG("%lu packets", after.tx_packets - before.tx_packets);
}

TEST_F(venet, the_smallest_mtu_on_the_way_counts)
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

TEST_F(venet, a_large_mtu_needs_no_fragments)
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

/* Who raises his own MTU alone does not have the host fragment for him. */
TEST_F(venet, larger_than_the_other_end_takes)
{
	struct link_stats before, after;
	char buf[1473] = "";
	int to, from;

	ASSERT_EQ(0, sh("ip -n a link set venet0 mtu 65535"));
	from = udp_bound(self->a, A4, 0);
	to = udp_bound(HOST, HOST4, PORT);
	ASSERT_TRUE(link_stats(self->a, "venet0", &before));
	EXPECT_EQ(sizeof(buf), udp_send(from, HOST4, PORT, buf, sizeof(buf)));
	EXPECT_FALSE(arrives(to, NEVER_MS));
	ASSERT_TRUE(link_stats(self->a, "venet0", &after));
	EXPECT_EQ(1, after.tx_dropped - before.tx_dropped);
	EXPECT_EQ(sizeof(buf) - 1, udp_send(from, HOST4, PORT, buf, sizeof(buf) - 1));
	EXPECT_TRUE(arrives(to, SOON_MS));
	/* TCP's large pieces are cut to what the other end asked for. */
	EXPECT_EQ(1 << 20, stream(self->a, A4, self->out, OUT4, 1 << 20));
	EXPECT_EQ(1 << 20, stream(self->out, OUT4, self->a, A4, 1 << 20));
	close(from);
	close(to);
}

/* So many bytes in four segments; how many datagrams come of it? */
static int in_segments(int from, int to, const char *dest, int segment, int ms)
{
	static char buf[4 * 15000];
	int n = 0;

	if (setsockopt(from, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)) ||
	    udp_send(from, dest, PORT, buf, 4 * segment) != 4 * segment)
		return -errno;
	while (n < 4 && arrives(to, ms)) {
		if (recv(to, buf, sizeof(buf), 0) != segment)
			return -EMSGSIZE;
		n++;
	}
	return n;
}

/* Nor cut what he sends in one piece into segments, and these into fragments. */
TEST_F(venet, segments_larger_than_the_other_end_takes)
{
	static const struct {
		const char *from, *to;
		int head;
	} ways[] = { { A4, HOST4, 28 }, { A6, HOST6, 48 } };
	unsigned long drops;
	unsigned int i;

	ASSERT_EQ(0, sh("ip -n a link set venet0 mtu 65535"));
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		int from = udp_bound(self->a, ways[i].from, 0);
		int to = udp_bound(HOST, ways[i].to, PORT);

		drops = dropped(self->a);
		EXPECT_EQ(4, in_segments(from, to, ways[i].to, 1500 - ways[i].head, SOON_MS));
		EXPECT_EQ(drops, dropped(self->a));
		EXPECT_EQ(0, in_segments(from, to, ways[i].to, 1501 - ways[i].head, NEVER_MS));
		EXPECT_EQ(drops + 1, dropped(self->a));
		EXPECT_EQ(0, in_segments(from, to, ways[i].to, 15000, NEVER_MS));
		EXPECT_EQ(drops + 2, dropped(self->a));
		close(from);
		close(to);
	}
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

/* Frames made by hand are what they begin with, and nothing else. */
TEST_F(venet, raw_frames_harm_nobody)
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
TEST_F(venet, xdp_sees_what_arrives)
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

TEST_F(venet, counts_both_ends)
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

TEST_HARNESS_MAIN
