// SPDX-License-Identifier: GPL-2.0
/*
 * A TCP socket that was closed but still has to send is an orphan. It counts as
 * numtcpsock until it is gone, and a beancounter may have only a quarter of
 * that barrier of them: one more is reset.
 */
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"
#include "fds.h"

#define MAX 64

/* Listens with a small receive buffer. */
static long serve(long a, long b)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0), small = 4096;

	if (keep(fd))
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) ||
	    bind(fd, (struct sockaddr *)&address, len) || listen(fd, MAX) ||
	    getsockname(fd, (struct sockaddr *)&address, &len))
		return -errno;
	return ntohs(address.sin_port);
}

static long accept_all(long n, long b)
{
	while (n--)
		if (keep(accept(fds[0], NULL, NULL)))
			return -errno;
	return 0;
}

/* Connects so many, and leaves in each more than the other side will take. */
static long fill(long port, long n)
{
	static char data[65536];
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port),
	};

	while (n--) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (keep(fd))
			return -errno;
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
			return -errno;
		while (send(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
			;
	}
	return 0;
}

/* Closes so many, from the first; says how many numtcpsock is less then. */
static long close_some(long from, long n)
{
	while (n--)
		close(fds[from++]);
	return 0;
}

static long forget(long a, long b)
{
	nr_fds = 0;
	return 0;
}

TEST_F(ub, orphans_are_capped)
{
	struct box *a = &self->a;
	long port = serve(0, 0);

	ASSERT_LT(0, port);
	LIMIT(a, NUMTCPSOCK, 16);
	ASSERT_EQ(0, IN(a, fill, port, 8));
	ASSERT_EQ(0, accept_all(8, 0));
	EXPECT_EQ(8, HELD(a, NUMTCPSOCK));
	/* A quarter of 16 stay, and are still counted. */
	EXPECT_EQ(0, IN(a, close_some, 0, 4));
	usleep(300000);
	EXPECT_EQ(8, HELD(a, NUMTCPSOCK));
	/* The rest is reset. */
	EXPECT_EQ(0, IN(a, close_some, 4, 4));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 4));
	usleep(300000);
	EXPECT_EQ(4, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(0, FAILCNT(a, NUMTCPSOCK));
	EXPECT_EQ(0, IN(a, forget));
	/* When these are gone, there may be orphans again. */
	drop_all(0, 0);
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
	port = serve(0, 0);
	ASSERT_LT(0, port);
	ASSERT_EQ(0, IN(a, fill, port, 5));
	ASSERT_EQ(0, accept_all(5, 0));
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 4));
	drop_all(0, 0);
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
}

/* The one that is reset loses what it had to send, and the peer hears of it. */
TEST_F(ub, the_peer_of_a_reset_orphan)
{
	struct box *a = &self->a;
	long port = serve(0, 0);
	char buf[65536];
	ssize_t n;

	ASSERT_LT(0, port);
	LIMIT(a, NUMTCPSOCK, 3);
	ASSERT_EQ(0, IN(a, fill, port, 1));
	ASSERT_EQ(0, accept_all(1, 0));
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) == 0));
	do {
		n = recv(fds[1], buf, sizeof(buf), 0);
	} while (n > 0);
	EXPECT_EQ(-1, n);
	EXPECT_EQ(ECONNRESET, errno);
	drop_all(0, 0);
}

/* Nobody else's orphans are touched. */
TEST_F(two, orphans_of_others)
{
	struct box *a = &self->a, *b = &self->b;
	long port = serve(0, 0);
	int i;

	ASSERT_LT(0, port);
	LIMIT(a, NUMTCPSOCK, 8);
	ASSERT_EQ(0, IN(a, fill, port, 2));
	ASSERT_EQ(0, IN(b, fill, port, 4));
	ASSERT_EQ(0, accept_all(6, 0));
	EXPECT_EQ(0, IN(b, drop_all));
	EXPECT_EQ(0, IN(a, drop_all));
	usleep(300000);
	EXPECT_EQ(2, HELD(a, NUMTCPSOCK));
	EXPECT_EQ(4, HELD(b, NUMTCPSOCK));
	for (i = 0; i < 2; i++) {
		drop_all(0, 0);
		EXPECT_TRUE(EVENTUALLY(HELD(a, NUMTCPSOCK) +
				       HELD(b, NUMTCPSOCK) == 0));
	}
}

TEST_HARNESS_MAIN
