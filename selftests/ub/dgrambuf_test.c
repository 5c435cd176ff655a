// SPDX-License-Identifier: GPL-2.0
/*
 * dgramrcvbuf counts the bytes of packets that wait to be read, at their true
 * size. A packet that does not fit is dropped; its sender never learns.
 */
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "fixture.h"
#include "fds.h"
#include "net.h"

#define PROTOCOL 253	/* for experiments: RFC 3692 */
#define SIZE 100

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* A socket that receives: the number of its descriptor, and its port in 16.. */
static long receiver(long domain, long type_protocol)
{
	int type = type_protocol >> 16, protocol = type_protocol & 0xffff;
	union address address;
	socklen_t len = loopback_of(&address, domain, 0);
	int fd = socket(domain, type | SOCK_NONBLOCK, protocol);
	long n = keep_at(fd);

	if (n < 0)
		return n;
	if (bind(fd, &address.sa, len) ||
	    getsockname(fd, &address.sa, &len))
		return -errno;
	if (type == SOCK_RAW)
		return n;
	return n | (long)ntohs(address.in.sin_port) << 16;
}

#define FD(receiver) ((receiver) & 0xffff)
#define PORT(receiver) ((receiver) >> 16)

/* Read so many; a negative errno if one was not there. */
static long read_some(long fd, long n)
{
	char buf[65536];

	while (n--)
		if (recv(fds[fd], buf, sizeof(buf), 0) < 0)
			return -errno;
	return 0;
}

static long peek_one(long fd, long b)
{
	char c;

	return sys(recv(fds[fd], &c, 1, MSG_PEEK | MSG_TRUNC));
}

static long rmem_of(long fd, long b)
{
	return meminfo(fd, SK_MEMINFO_RMEM_ALLOC);
}

static long drops_of(long fd, long b)
{
	return meminfo(fd, SK_MEMINFO_DROPS);
}

static long small_buffer(long fd, long bytes)
{
	int value = bytes;

	return sys(setsockopt(fds[fd], SOL_SOCKET, SO_RCVBUF, &value,
			      sizeof(value)));
}

/* From whoever runs it. */
static long send_sized(int domain, int type, int protocol, int port, int n,
		       size_t size)
{
	static char data[60000];
	union address address;
	socklen_t len = loopback_of(&address, domain, type == SOCK_RAW ? 0 : port);
	int fd = socket(domain, type, protocol);
	long err = 0;

	if (fd < 0)
		return -errno;
	while (n-- && !err)
		if (sendto(fd, data, size, 0, &address.sa, len) < 0)
			err = -errno;
	close(fd);
	return err;
}

FIXTURE(dgram) {
	struct laws laws;
	struct box a;
	struct box b;
	long to;
	unsigned long one;
};

FIXTURE_VARIANT(dgram) {
	int domain;
	int type;
	int protocol;
};

#define KIND(d, t, p) { .domain = d, .type = t, .protocol = p }

FIXTURE_VARIANT_ADD(dgram, udp) KIND(AF_INET, SOCK_DGRAM, 0);
FIXTURE_VARIANT_ADD(dgram, udp6) KIND(AF_INET6, SOCK_DGRAM, 0);
FIXTURE_VARIANT_ADD(dgram, udplite) KIND(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
FIXTURE_VARIANT_ADD(dgram, raw) KIND(AF_INET, SOCK_RAW, PROTOCOL);
FIXTURE_VARIANT_ADD(dgram, raw6) KIND(AF_INET6, SOCK_RAW, PROTOCOL);

#define RECEIVER(box) \
	IN(box, receiver, variant->domain, \
	   variant->type << 16 | variant->protocol)
#define SEND(to, n) \
	send_sized(variant->domain, variant->type, variant->protocol, \
		   PORT(to), n, SIZE)

/* A socket of A's that can be sent to, and what one packet counts there. */
FIXTURE_SETUP(dgram)
{
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
	box_open(_metadata, &self->b, BOX_B);
	self->to = RECEIVER(&self->a);
	ASSERT_LE(0, self->to);
	ASSERT_EQ(0, SEND(self->to, 1));
	ASSERT_TRUE(EVENTUALLY(HELD(&self->a, DGRAMRCVBUF)));
	self->one = HELD(&self->a, DGRAMRCVBUF);
	EXPECT_LT(SIZE, self->one);
	EXPECT_EQ(self->one, IN(&self->a, rmem_of, FD(self->to)));
	EXPECT_EQ(0, IN(&self->a, read_some, FD(self->to), 1));
	EXPECT_EQ(0, HELD(&self->a, DGRAMRCVBUF));
}

FIXTURE_TEARDOWN(dgram)
{
	drop_all(0, 0);
	box_close(_metadata, &self->a);
	box_close(_metadata, &self->b);
	laws_end(_metadata, &self->laws);
}

TEST_F(dgram, oracle_47_receiver_does_not_read)
{
	struct box *a = &self->a;
	long fd = FD(self->to);

	LIMIT(a, DGRAMRCVBUF, 3 * self->one);
	EXPECT_EQ(0, SEND(self->to, 5));
	EXPECT_TRUE(EVENTUALLY(FAILCNT(a, DGRAMRCVBUF) == 2));
	EXPECT_EQ(3 * self->one, HELD(a, DGRAMRCVBUF));
	EXPECT_EQ(3 * self->one, IN(a, rmem_of, fd));
	EXPECT_EQ(2, IN(a, drops_of, fd));
	/* One is read, one more fits. */
	EXPECT_EQ(0, IN(a, read_some, fd, 1));
	EXPECT_EQ(2 * self->one, HELD(a, DGRAMRCVBUF));
	EXPECT_EQ(0, SEND(self->to, 2));
	EXPECT_TRUE(EVENTUALLY(FAILCNT(a, DGRAMRCVBUF) == 3));
	EXPECT_EQ(3 * self->one, HELD(a, DGRAMRCVBUF));
	EXPECT_EQ(0, IN(a, read_some, fd, 3));
	EXPECT_EQ(-EAGAIN, IN(a, read_some, fd, 1));
	EXPECT_EQ(0, HELD(a, DGRAMRCVBUF));
	EXPECT_EQ(3 * self->one, ub_row(a->id, STOCKVZ_RES_DGRAMRCVBUF).maxheld);
}

TEST_F(dgram, refusal_tells)
{
	struct box *a = &self->a;
	struct ub_event e;

	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_DGRAMRCVBUF, 10, 100000));
	ub_events_drain();
	EXPECT_EQ(0, SEND(self->to, 1));
	ASSERT_EQ(0, ub_event_next(&e, PATIENCE_MS));
	EXPECT_EQ(a->id, e.id);
	EXPECT_EQ(STOCKVZ_RES_DGRAMRCVBUF, e.resource);
	EXPECT_EQ(STOCKVZ_BOUND_BARRIER, e.bound);
	EXPECT_EQ(self->one, e.amount);
	EXPECT_EQ(0, e.held);
	EXPECT_EQ(1, FAILCNT(a, DGRAMRCVBUF));
	EXPECT_EQ(0, ub_row(a->id, STOCKVZ_RES_DGRAMRCVBUF).held);
}

TEST_F(dgram, unread_when_the_socket_goes)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, SEND(self->to, 10));
	EXPECT_TRUE(EVENTUALLY(HELD(a, DGRAMRCVBUF) == 10 * self->one));
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_TRUE(EVENTUALLY(HELD(a, DGRAMRCVBUF) == 0));
	EXPECT_EQ(0, FAILCNT(a, DGRAMRCVBUF));
}

TEST_F(dgram, unread_when_the_process_is_killed)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, SEND(self->to, 10));
	EXPECT_TRUE(EVENTUALLY(HELD(a, DGRAMRCVBUF) == 10 * self->one));
	worker_stop(&a->worker);
	EXPECT_TRUE(EVENTUALLY(HELD(a, DGRAMRCVBUF) == 0));
}

TEST_F(dgram, peeking_reads_nothing)
{
	struct box *a = &self->a;
	long fd = FD(self->to);

	EXPECT_EQ(0, SEND(self->to, 2));
	EXPECT_TRUE(EVENTUALLY(HELD(a, DGRAMRCVBUF) == 2 * self->one));
	EXPECT_LE(SIZE, IN(a, peek_one, fd));
	EXPECT_LE(SIZE, IN(a, peek_one, fd));
	EXPECT_EQ(2 * self->one, HELD(a, DGRAMRCVBUF));
	EXPECT_EQ(0, IN(a, read_some, fd, 1));
	EXPECT_EQ(self->one, HELD(a, DGRAMRCVBUF));
	EXPECT_EQ(0, IN(a, read_some, fd, 1));
	EXPECT_EQ(0, HELD(a, DGRAMRCVBUF));
}

/* What is dropped since SO_RCVBUF is full is no failure, and counts nothing. */
TEST_F(dgram, socket_buffer_full)
{
	struct box *a = &self->a;
	long fd = FD(self->to), rmem;

	EXPECT_EQ(0, IN(a, small_buffer, fd, 8192));
	EXPECT_EQ(0, SEND(self->to, 100));
	EXPECT_TRUE(EVENTUALLY(IN(a, drops_of, fd) > 0));
	rmem = IN(a, rmem_of, fd);
	EXPECT_LT(0, rmem);
	EXPECT_TRUE(EVENTUALLY(HELD(a, DGRAMRCVBUF) ==
			       (unsigned long)IN(a, rmem_of, fd)));
	/* The last of them may still be on their way. */
	EXPECT_TRUE(EVENTUALLY(100 - HELD(a, DGRAMRCVBUF) / self->one ==
			       (unsigned long)IN(a, drops_of, fd)));
	EXPECT_EQ(0, FAILCNT(a, DGRAMRCVBUF));
	while (!IN(a, read_some, fd, 1))
		;
	EXPECT_EQ(0, HELD(a, DGRAMRCVBUF));
}

TEST_F(dgram, who_made_the_socket_pays)
{
	struct box *a = &self->a, *b = &self->b;
	long fd;

	LIMIT(b, DGRAMRCVBUF, 0);
	ASSERT_EQ(0, IN(a, give, FD(self->to)));
	EXPECT_EQ(0, IN(a, drop_all));
	box_pass(_metadata, a, b);
	fd = IN(b, take);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, SEND(self->to, 3));
	EXPECT_TRUE(EVENTUALLY(HELD(a, DGRAMRCVBUF) == 3 * self->one));
	EXPECT_EQ(0, IN(b, read_some, fd, 1));
	EXPECT_EQ(2 * self->one, HELD(a, DGRAMRCVBUF));
	EXPECT_EQ(0, HELD(b, DGRAMRCVBUF));
	EXPECT_EQ(0, IN(b, drop_all));
	EXPECT_TRUE(EVENTUALLY(HELD(a, DGRAMRCVBUF) == 0));
}

TEST_F(dgram, host_pays_nothing)
{
	struct box *a = &self->a;
	long to = receiver(variant->domain,
			   variant->type << 16 | variant->protocol);
	int i;

	ASSERT_LE(0, to);
	EXPECT_EQ(0, IN(a, drop_all));
	LIMIT(a, DGRAMRCVBUF, 0);
	LIMIT(&self->b, DGRAMRCVBUF, 0);
	for (i = 0; i < 5; i++)
		EXPECT_EQ(0, SEND(to, 1));
	EXPECT_TRUE(EVENTUALLY(rmem_of(FD(to), 0) >= 5 * (long)self->one));
	EXPECT_EQ(0, HELD(a, DGRAMRCVBUF));
	EXPECT_EQ(0, FAILCNT(a, DGRAMRCVBUF));
	EXPECT_EQ(0, read_some(FD(to), 5));
}

#define CROWD 4
/* A slow kernel delivers later, and what waits for that on a CPU must be less than 1000. */
#define FLOOD repeats(2000)
#define FIT 50

/* Many at a time: exactly as many fit as fit. */
TEST_F(dgram, flood_at_the_barrier)
{
	struct box *a = &self->a;
	unsigned long queued = 0;
	long to[2] = { self->to, 0 };
	int i, status, readers = variant->type == SOCK_RAW ? 1 : 2;

	if (readers == 2) {
		to[1] = RECEIVER(a);
		ASSERT_LE(0, to[1]);
	}
	LIMIT(a, DGRAMRCVBUF, FIT * self->one + self->one / 2);
	for (i = 0; i < CROWD; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid)
			_exit(!!SEND(to[i % readers], FLOOD));
	}
	for (i = 0; i < CROWD; i++) {
		ASSERT_LT(0, wait(&status));
		EXPECT_EQ(0, status);
	}
	EXPECT_TRUE(EVENTUALLY(FAILCNT(a, DGRAMRCVBUF) ==
			       (unsigned long)(CROWD * FLOOD - FIT)))
		TH_LOG("%lu", FAILCNT(a, DGRAMRCVBUF));
	EXPECT_EQ(FIT * self->one, HELD(a, DGRAMRCVBUF));
	for (i = 0; i < readers; i++)
		queued += IN(a, rmem_of, FD(to[i]));
	EXPECT_EQ(FIT * self->one, queued);
	EXPECT_EQ(FIT * self->one,
		  ub_row(a->id, STOCKVZ_RES_DGRAMRCVBUF).maxheld);
	for (i = 0; i < readers; i++)
		while (!IN(a, read_some, FD(to[i]), 1))
			;
	EXPECT_EQ(0, HELD(a, DGRAMRCVBUF));
}

/* Reads while others send, with SO_RCVBUF and the barrier both in the way. */
static long read_until(long fd, long naps)
{
	char buf[65536];
	long n = 0;

	while (naps > 0) {
		if (recv(fds[fd], buf, sizeof(buf), 0) >= 0) {
			n++;
			continue;
		}
		usleep(1000);
		naps--;
	}
	return n;
}

TEST_F(dgram, churn)
{
	struct box *a = &self->a;
	long fd = FD(self->to);
	int i, status;

	EXPECT_EQ(0, IN(a, small_buffer, fd, 16 * self->one));
	LIMIT(a, DGRAMRCVBUF, 20 * self->one);
	worker_begin(&a->worker, read_until, fd, repeats(3000));
	for (i = 0; i < CROWD; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid)
			_exit(!!SEND(self->to, FLOOD));
	}
	for (i = 0; i < CROWD; i++) {
		ASSERT_LT(0, wait(&status));
		EXPECT_EQ(0, status);
	}
	EXPECT_LT(0, worker_end(&a->worker));
	while (!IN(a, read_some, fd, 1))
		;
	EXPECT_EQ(0, HELD(a, DGRAMRCVBUF));
	EXPECT_GE(20 * self->one,
		  ub_row(a->id, STOCKVZ_RES_DGRAMRCVBUF).maxheld);
}

/* Of all sizes, into a queue that is half full: the kernel squeezes some. */
TEST_F(ub, sizes)
{
	static const int sizes[] = {
		0, 1, 500, 1400, 2000, 4096, 9000, 20000, 50000,
	};
	struct box *a = &self->a;
	long to = IN(a, receiver, AF_INET, SOCK_DGRAM << 16), rmem;
	unsigned int i, round;

	ASSERT_LE(0, to);
	EXPECT_EQ(0, IN(a, small_buffer, FD(to), 40000));
	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			EXPECT_EQ(0, send_sized(AF_INET, SOCK_DGRAM, 0,
						PORT(to), 1, sizes[i]));
		rmem = IN(a, rmem_of, FD(to));
		EXPECT_EQ(rmem, (long)HELD(a, DGRAMRCVBUF));
		while (!IN(a, read_some, FD(to), 1))
			;
		EXPECT_EQ(0, HELD(a, DGRAMRCVBUF));
	}
}

/* Cut into pieces on the way: each is a packet. */
TEST_F(ub, segments)
{
	struct box *a = &self->a;
	long to = IN(a, receiver, AF_INET, SOCK_DGRAM << 16);
	union address address;
	socklen_t len = loopback_of(&address, AF_INET, PORT(to));
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 1000;
	static char data[10000];

	ASSERT_LE(0, to);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)));
	EXPECT_EQ(10000, sendto(fd, data, sizeof(data), 0, &address.sa, len));
	EXPECT_TRUE(EVENTUALLY(HELD(a, DGRAMRCVBUF) >= 10 * 1500));
	EXPECT_TRUE(EVENTUALLY(IN(a, rmem_of, FD(to)) == (long)HELD(a, DGRAMRCVBUF)));
	EXPECT_EQ(0, IN(a, read_some, FD(to), 10));
	EXPECT_EQ(0, HELD(a, DGRAMRCVBUF));
	close(fd);
}

static int run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

/*
 * Read a packet, and have others made, likely where it was, and dropped without
 * a word: a message to nobody is.
 */
static long read_and_drop_others(long fd, long n)
{
	struct sockaddr_nl nobody = { .nl_family = AF_NETLINK, .nl_pid = -2 };
	int link = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);
	char c[32] = "";
	long err;

	if (link < 0 || run_on(0))
		return -errno;
	err = read_some(fd, 1);
	while (n-- && !err)
		if (sendto(link, c, sizeof(c), 0, (struct sockaddr *)&nobody,
			   sizeof(nobody)) >= 0)
			err = -EBADMSG;
	close(link);
	return err;
}

/*
 * What a CPU noted of a packet that it queued is no more about one that is dropped
 * there later and has its address.
 */
TEST_F(ub, address_of_a_packet_that_was_read)
{
	struct box *a = &self->a;
	long to = IN(a, receiver, AF_INET, SOCK_RAW << 16 | PROTOCOL);
	unsigned long one;
	int i;

	ASSERT_LE(0, to);
	if (run_on(1))
		SKIP(return, "needs two CPUs");
	EXPECT_EQ(0, send_sized(AF_INET, SOCK_RAW, PROTOCOL, 0, 1, SIZE));
	EXPECT_TRUE(EVENTUALLY(HELD(a, DGRAMRCVBUF)));
	one = HELD(a, DGRAMRCVBUF);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, run_on(0));
		EXPECT_EQ(0, send_sized(AF_INET, SOCK_RAW, PROTOCOL, 0, 1, SIZE));
		ASSERT_EQ(0, run_on(1));
		EXPECT_EQ(0, send_sized(AF_INET, SOCK_RAW, PROTOCOL, 0, 1, SIZE));
		EXPECT_TRUE(EVENTUALLY(HELD(a, DGRAMRCVBUF) == 3 * one));
		EXPECT_EQ(0, IN(a, read_some, FD(to), 1));
		EXPECT_EQ(0, IN(a, read_and_drop_others, FD(to), 5));
		ASSERT_EQ(one, HELD(a, DGRAMRCVBUF));
		EXPECT_EQ((long)one, IN(a, rmem_of, FD(to)));
	}
	EXPECT_EQ(0, IN(a, read_some, FD(to), 1));
	EXPECT_EQ(0, HELD(a, DGRAMRCVBUF));
}

static long packet_socket(long a, long b)
{
	return keep_at(socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP)));
}

/* Packet sockets queue by themselves, where nothing can be refused. */
TEST_F(ub, packet_sockets_are_not_counted)
{
	struct box *a = &self->a;
	long fd = IN(a, packet_socket);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, send_sized(AF_INET, SOCK_DGRAM, 0, 9, 3, SIZE));
	EXPECT_TRUE(EVENTUALLY(IN(a, rmem_of, fd) > 0));
	EXPECT_EQ(0, HELD(a, DGRAMRCVBUF));
	EXPECT_EQ(0, IN(a, drop_all));
}

TEST_HARNESS_MAIN
