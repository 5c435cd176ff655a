// SPDX-License-Identifier: GPL-2.0
/*
 * venet: whose address is whose, and what becomes of packets that claim another.
 */
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <netlink/attr.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "text.h"
#include "venet.h"

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

TEST_F(venet, oracle_61_foreign_source)
{
	int server = udp_bound(HOST, HOST4, PORT), log = log_open();
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
	EXPECT_TRUE(log_has(log, "Dropped packet, source wrong veid=9101 src-IP=" B4
				" dst-IP=" HOST4));
	EXPECT_EQ(0, send_forged(self->a, "10.99.9.9", HOST4, 64));
	EXPECT_EQ(drops + 2, dropped(self->a));
	EXPECT_FALSE(log_has(log, "Dropped packet"));
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
TEST_F(venet, only_addresses_that_were_given_count)
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

/* Of all that was refused nothing came. */
static void expect_as_before(struct __test_metadata *_metadata)
{
	EXPECT_NE(0, strlen(ub_why()));
	EXPECT_EQ(2, ip_count(CT_A));
	EXPECT_EQ(2, ip_count(CT_B));
	EXPECT_EQ(4, ip_count(0));
}

TEST_F(venet, oracle_62_errnos)
{
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
	expect_as_before(_metadata);
}

TEST_F(venet, oracle_62_nobodys_own)
{
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "224.0.0.1", self->a));
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "255.255.255.255", self->a));
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "0.0.0.0", self->a));
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "127.0.0.1", self->a));
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "::", self->a));
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "::1", self->a));
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "ff02::1", self->a));
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "::ffff:1.2.3.4", self->a));
	expect_as_before(_metadata);
}

TEST_F(venet, oracle_62_not_the_namespace_of_a_container)
{
	int file;

	file = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "10.77.0.50", file));
	close(file);
	file = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(-EINVAL, ip_add(CT_A, "10.77.0.50", file));
	close(file);
	EXPECT_EQ(-EBADF, ip_add(CT_A, "10.77.0.50", 999));
	expect_as_before(_metadata);
}

/* A family that is none, a length that is not the family's. */
TEST_F(venet, oracle_62_not_an_address)
{
	struct nl_msg *msg;

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
	expect_as_before(_metadata);
}

TEST_F(venet, oracle_62_who_may_not)
{
	int status;
	pid_t pid;

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
	EXPECT_EQ(4, ip_count(0));
}

/* Its addresses go with it. */
TEST_F(venet, oracle_62_a_number_that_is_gone)
{
	EXPECT_EQ(0, ub_del(CT_B));
	EXPECT_EQ(2, ip_count(0));
	EXPECT_EQ(-ESRCH, ip_add(CT_B, B4, self->b));
}

TEST_F(venet, oracle_63_multicast_and_nobody)
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

TEST_F(venet, oracle_64_ttl)
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

TEST_F(venet, many_addresses)
{
	int n = many() ? 100000 : repeats(5000), i;
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

TEST_F(venet, oracle_65_veinfo)
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
