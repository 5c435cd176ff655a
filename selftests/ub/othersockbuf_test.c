// SPDX-License-Identifier: GPL-2.0
/*
 * othersockbuf counts the bytes of what sockets other than TCP's have sent and
 * nobody has taken yet. Who sends too much waits.
 */
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/sock_diag.h>

#include "fixture.h"
#include "crowd.h"
#include "fds.h"

static char data[1 << 16];

/* Both ends; one is passed out if the test wants it. */
static long make_pair(long type, long b)
{
	int pair[2], value = 1 << 20;

	if (socketpair(AF_UNIX, type, 0, pair))
		return -errno;
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof(value));
	keep_at(pair[0]);
	return keep_at(pair[1]) - 1;
}

static long put(long fd, long size)
{
	return sys(send(fds[fd], data, size, MSG_DONTWAIT));
}

static long put_blocking(long fd, long size)
{
	return sys(send(fds[fd], data, size, 0));
}

static long get(long fd, long size)
{
	return sys(recv(fds[fd], data, size, MSG_DONTWAIT));
}

static long get_all(long fd, long b)
{
	long n, sum = 0;

	while ((n = recv(fds[fd], data, sizeof(data), MSG_DONTWAIT)) > 0)
		sum += n;
	return sum;
}

static long patience(long fd, long ms)
{
	struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	return sys(setsockopt(fds[fd], SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)));
}

static long wmem_of(long fd, long b)
{
	return meminfo(fd, SK_MEMINFO_WMEM_ALLOC);
}

FIXTURE(pair) {
	struct laws laws;
	struct box a;
	struct box b;
	long fd;
	unsigned long one;
};

FIXTURE_VARIANT(pair) {
	int type;
};

FIXTURE_VARIANT_ADD(pair, stream) { .type = SOCK_STREAM };
FIXTURE_VARIANT_ADD(pair, dgram) { .type = SOCK_DGRAM };
FIXTURE_VARIANT_ADD(pair, seqpacket) { .type = SOCK_SEQPACKET };

#define SIZE 1000

FIXTURE_SETUP(pair)
{
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
	box_open(_metadata, &self->b, BOX_B);
	self->fd = IN(&self->a, make_pair, variant->type);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(SIZE, IN(&self->a, put, self->fd, SIZE));
	self->one = HELD(&self->a, OTHERSOCKBUF);
	ASSERT_LT(SIZE, self->one);
	EXPECT_EQ(self->one, IN(&self->a, wmem_of, self->fd));
	EXPECT_EQ(SIZE, IN(&self->a, get, self->fd + 1, SIZE));
	EXPECT_EQ(0, HELD(&self->a, OTHERSOCKBUF));
}

FIXTURE_TEARDOWN(pair)
{
	drop_all(0, 0);
	box_close(_metadata, &self->a);
	box_close(_metadata, &self->b);
	laws_end(_metadata, &self->laws);
}

TEST_F(pair, oracle_51_sender_pays_until_read)
{
	struct box *a = &self->a, *b = &self->b;
	long fd;

	/* The receiver is in B, and pays nothing. */
	ASSERT_EQ(0, IN(a, give, self->fd + 1));
	EXPECT_EQ(0, IN(a, drop_at, self->fd + 1));
	box_pass(_metadata, a, b);
	fd = IN(b, take);
	ASSERT_LE(0, fd);
	LIMIT(b, OTHERSOCKBUF, 0);
	EXPECT_EQ(SIZE, IN(a, put, self->fd, SIZE));
	EXPECT_EQ(SIZE, IN(a, put, self->fd, SIZE));
	EXPECT_EQ(2 * self->one, HELD(a, OTHERSOCKBUF));
	EXPECT_EQ(0, HELD(b, OTHERSOCKBUF));
	EXPECT_EQ(0, HELD(b, DGRAMRCVBUF));
	EXPECT_EQ(SIZE, IN(b, get, fd, SIZE));
	EXPECT_EQ(self->one, HELD(a, OTHERSOCKBUF));
	/* The sender goes: what it sent stays, and stays its own. */
	worker_stop(&a->worker);
	EXPECT_EQ(self->one, HELD(a, OTHERSOCKBUF));
	EXPECT_EQ(SIZE, IN(b, get, fd, SIZE));
	EXPECT_TRUE(EVENTUALLY(HELD(a, OTHERSOCKBUF) == 0));
	EXPECT_EQ(0, IN(b, drop_all));
}

TEST_F(pair, full)
{
	struct box *a = &self->a;
	struct ub_row row;
	struct ub_event e;

	LIMIT(a, OTHERSOCKBUF, 3 * self->one + self->one / 2);
	EXPECT_EQ(SIZE, IN(a, put, self->fd, SIZE));
	EXPECT_EQ(SIZE, IN(a, put, self->fd, SIZE));
	EXPECT_EQ(SIZE, IN(a, put, self->fd, SIZE));
	ub_events_drain();
	EXPECT_EQ(-EAGAIN, IN(a, put, self->fd, SIZE));
	row = ub_row(a->id, STOCKVZ_RES_OTHERSOCKBUF);
	EXPECT_EQ(1, row.failcnt);
	EXPECT_EQ(3 * self->one, row.held);
	ASSERT_EQ(0, ub_event_next(&e, PATIENCE_MS));
	EXPECT_EQ(STOCKVZ_RES_OTHERSOCKBUF, e.resource);
	EXPECT_EQ((unsigned int)a->worker.pid, e.pid);
	/* One is read, one more fits. */
	EXPECT_EQ(SIZE, IN(a, get, self->fd + 1, SIZE));
	EXPECT_EQ(SIZE, IN(a, put, self->fd, SIZE));
	EXPECT_EQ(-EAGAIN, IN(a, put, self->fd, SIZE));
	EXPECT_EQ(2, FAILCNT(a, OTHERSOCKBUF));
	EXPECT_EQ(3 * SIZE, IN(a, get_all, self->fd + 1));
	EXPECT_EQ(0, HELD(a, OTHERSOCKBUF));
}

TEST_F(pair, sleeps_until_there_is_room)
{
	struct box *a = &self->a;
	int passed;

	LIMIT(a, OTHERSOCKBUF, self->one + self->one / 2);
	ASSERT_EQ(0, IN(a, give, self->fd + 1));
	passed = fd_receive(a->worker.channel);
	EXPECT_EQ(SIZE, IN(a, put, self->fd, SIZE));
	worker_begin(&a->worker, put_blocking, self->fd, SIZE);
	EXPECT_TRUE(EVENTUALLY(FAILCNT(a, OTHERSOCKBUF) == 1));
	usleep(600000);
	EXPECT_EQ(1, FAILCNT(a, OTHERSOCKBUF));
	EXPECT_EQ(self->one, HELD(a, OTHERSOCKBUF));
	EXPECT_EQ(SIZE, recv(passed, data, SIZE, MSG_DONTWAIT));
	EXPECT_EQ(SIZE, worker_end(&a->worker));
	EXPECT_EQ(1, FAILCNT(a, OTHERSOCKBUF));
	EXPECT_EQ(self->one, HELD(a, OTHERSOCKBUF));
	/* An admin makes some. */
	worker_begin(&a->worker, put_blocking, self->fd, SIZE);
	usleep(300000);
	LIMIT(a, OTHERSOCKBUF, 10 * self->one);
	EXPECT_EQ(SIZE, worker_end(&a->worker));
	close(passed);
}

TEST_F(pair, does_not_sleep_for_ever)
{
	struct box *a = &self->a;

	LIMIT(a, OTHERSOCKBUF, self->one + self->one / 2);
	EXPECT_EQ(SIZE, IN(a, put, self->fd, SIZE));
	EXPECT_EQ(0, IN(a, patience, self->fd, 300));
	EXPECT_EQ(-EAGAIN, IN(a, put_blocking, self->fd, SIZE));
	EXPECT_EQ(0, IN(a, patience, self->fd, 0));
	/* Killed while it sleeps. */
	worker_begin(&a->worker, put_blocking, self->fd, SIZE);
	usleep(300000);
	kill(a->worker.pid, SIGKILL);
	worker_stop(&a->worker);
	EXPECT_TRUE(EVENTUALLY(HELD(a, OTHERSOCKBUF) == 0));
}

TEST_F(pair, guaranteed_share)
{
	struct box *a = &self->a;
	long fd2 = IN(a, make_pair, variant->type);

	ASSERT_LE(0, fd2);
	LIMIT(a, NUMOTHERSOCK, 10);
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_OTHERSOCKBUF, 2 * self->one,
			    32 * self->one));
	while (IN(a, put, self->fd, SIZE) == SIZE)
		;
	EXPECT_LE(4 * self->one, HELD(a, OTHERSOCKBUF));
	EXPECT_GE(6 * self->one, HELD(a, OTHERSOCKBUF));
	EXPECT_EQ(SIZE, IN(a, put, fd2, SIZE));
	EXPECT_EQ(0, IN(a, drop_all));
}

/* The kernel's pieces are what they are; one at a time goes through. */
TEST_F(ub, pieces_larger_than_the_barrier)
{
	struct box *a = &self->a;
	long fd = IN(a, make_pair, SOCK_STREAM), n, sum = 0;
	int passed;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, IN(a, give, fd + 1));
	passed = fd_receive(a->worker.channel);
	ASSERT_LE(0, passed);
	LIMIT(a, OTHERSOCKBUF, 16384);
	EXPECT_EQ(0, IN(a, patience, fd, PATIENCE_MS));
	worker_begin(&a->worker, put_blocking, fd, sizeof(data));
	while (sum < (long)sizeof(data) &&
	       EVENTUALLY((n = recv(passed, data, sizeof(data), MSG_DONTWAIT)) > 0))
		sum += n;
	EXPECT_EQ((long)sizeof(data), sum);
	EXPECT_EQ((long)sizeof(data), worker_end(&a->worker));
	EXPECT_TRUE(EVENTUALLY(HELD(a, OTHERSOCKBUF) == 0));
	EXPECT_LT(16384, (long)ub_row(a->id, STOCKVZ_RES_OTHERSOCKBUF).maxheld);
	EXPECT_GT((long)sizeof(data), (long)ub_row(a->id, STOCKVZ_RES_OTHERSOCKBUF).maxheld);
	/* Not where no small one would fit either. */
	LIMIT(a, OTHERSOCKBUF, 1000);
	EXPECT_EQ(-EAGAIN, IN(a, put, fd, sizeof(data)));
	EXPECT_EQ(0, IN(a, drop_all));
	close(passed);
}

static long churn(long n, long type)
{
	long fd = make_pair(type, 0), refused = 0;

	if (fd < 0)
		return fd;
	while (n--) {
		long got = put(fd, SIZE);

		if (got == -EAGAIN)
			refused++;
		else if (got != SIZE)
			return -EIO;
		else if (get(fd + 1, SIZE) != SIZE)
			return -EIO;
	}
	drop_all(0, 0);
	return refused;
}

TEST_F(pair, crowd_at_the_barrier)
{
	crowd_churns(_metadata, &self->a, STOCKVZ_RES_OTHERSOCKBUF,
		     2 * self->one + self->one / 2, churn, repeats(3000), variant->type);
}

static long udp_send(long n, long size)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(9),
	};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	long err = 0;

	while (n-- && !err)
		if (sendto(fd, data, size, MSG_DONTWAIT, (void *)&address,
			   sizeof(address)) < 0)
			err = -errno;
	close(fd);
	return err;
}

TEST_F(two, udp)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, udp_send, 100, 1));
	EXPECT_EQ(0, IN(a, udp_send, 100, 1400));
	EXPECT_EQ(0, IN(a, udp_send, 100, 60000));
	EXPECT_EQ(0, HELD(a, OTHERSOCKBUF));
	EXPECT_EQ(0, FAILCNT(a, OTHERSOCKBUF));
	EXPECT_LT(1400, (long)ub_row(a->id, STOCKVZ_RES_OTHERSOCKBUF).maxheld);
	LIMIT(a, OTHERSOCKBUF, 1000);
	EXPECT_EQ(-EAGAIN, IN(a, udp_send, 1, 1400));
	EXPECT_EQ(1, FAILCNT(a, OTHERSOCKBUF));
	EXPECT_EQ(0, HELD(a, OTHERSOCKBUF));
}

/* Not by sh: where that is busybox, it has its own idea of "ip". */
#define NOBODY_ANSWERS							\
	"bash -c 'ip link add wire type veth peer name end && "		\
	"ip link set end up && ip link set wire up && "			\
	"ip address add 192.0.2.1/24 dev wire && "			\
	"echo 10000000 >/proc/sys/net/ipv4/neigh/wire/unres_qlen_bytes'"

/* What is sent waits until it is clear that nobody is there. Returns how many went. */
static long udp_send_to_nobody(long most, long size)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0xc0000202),
		.sin_port = htons(9),
	};
	int fd, large = 1 << 24;
	long n = 0;

	if (unshare(CLONE_NEWNET) || system(NOBODY_ANSWERS))
		return -ENODEV;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &large, sizeof(large));
	while (n < most && sendto(fd, data, size, MSG_DONTWAIT, (void *)&address,
				  sizeof(address)) == size)
		n++;
	if (n < most && errno != EAGAIN)
		n = -errno;
	close(fd);
	return n;
}

/* The kernel asks for the first fragment of a datagram alone. */
TEST_F(ub, fragments_are_charged_by_the_next)
{
	struct box *a = &self->a;
	long n;

	LIMIT(a, OTHERSOCKBUF, 200000);
	n = IN(a, udp_send_to_nobody, 20, 60000);
	if (n == -ENODEV)
		SKIP(return, "no network to send to");
	EXPECT_LT(0, n);
	EXPECT_GT(6, n);
	EXPECT_EQ(1, FAILCNT(a, OTHERSOCKBUF));
	EXPECT_TRUE(EVENTUALLY(HELD(a, OTHERSOCKBUF) == 0));
}

/* The host sends what it likes. */
TEST_F(ub, host_pays_nothing)
{
	long fd = make_pair(SOCK_DGRAM, 0);

	LIMIT(&self->a, OTHERSOCKBUF, 0);
	EXPECT_EQ(1000, put(fd, 1000));
	EXPECT_EQ(0, HELD(&self->a, OTHERSOCKBUF));
	drop_all(0, 0);
}

TEST_HARNESS_MAIN
