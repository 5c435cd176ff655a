/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP connections for a worker, or the test itself, to make, fill
 * and drain. They are named by numbers, in the order in which they were opened.
 *
 * Include once, in the file that has the tests, after fixture.h.
 */
#ifndef SELFTESTS_STREAM_H
#define SELFTESTS_STREAM_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sock_diag.h>

/* Longer than a stream may stand still, even on a machine that has much to do. */
#define STILL_SECONDS 130

#define MAX_FDS 256

static int fds[MAX_FDS];
static int nr_fds;
static char data[1 << 18];

static inline long keep(long fd)
{
	if (fd < 0)
		return -errno;
	fds[nr_fds] = fd;
	return nr_fds++;
}

static inline long drop_all(long a, long b)
{
	while (nr_fds)
		close(fds[--nr_fds]);
	return 0;
}

/* Where the server is; NULL: on this machine, over loopback. */
static const char *host_address;

static inline struct sockaddr_in server_at(int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port),
	};

	if (host_address)
		inet_pton(AF_INET, host_address, &address.sin_addr);
	return address;
}

/* Always the first that is opened. With 0 the kernel chooses the buffer. */
static inline long serve(long rcvbuf, long b)
{
	struct sockaddr_in address = server_at(0);
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0), value = rcvbuf;

	if (keep(fd) < 0)
		return -errno;
	if ((value && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value,
				 sizeof(value))) ||
	    bind(fd, (struct sockaddr *)&address, len) || listen(fd, MAX_FDS) ||
	    getsockname(fd, (struct sockaddr *)&address, &len))
		return -errno;
	return ntohs(address.sin_port);
}

static inline long take(long a, long b)
{
	return keep(accept(fds[0], NULL, NULL));
}

static inline long call(long port, long b)
{
	struct sockaddr_in address = server_at(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		int err = errno;

		close(fd);
		return -err;
	}
	return keep(fd);
}

/* Send until it would block. Says how much went. */
static inline long stuff(long fd, long b)
{
	long n, sum = 0;

	while ((n = send(fds[fd], data, sizeof(data), MSG_DONTWAIT)) > 0)
		sum += n;
	return errno == EAGAIN ? sum : -errno;
}

/* Until not even a little more fits, and has not for a while. */
static inline long stuff_full(long fd, long b)
{
	long n, more, sum = 0;
	int quiet = 0;

	while (quiet++ < 20) {
		n = stuff(fd, 0);
		if (n < 0)
			return n;
		while ((more = send(fds[fd], data, 500, MSG_DONTWAIT)) > 0)
			n += more;
		if (n)
			quiet = 0;
		sum += n;
		usleep(50000);
	}
	return sum;
}

static inline long send_once(long fd, long size)
{
	return sys(send(fds[fd], data, size, MSG_DONTWAIT));
}

static inline long send_blocking(long fd, long size)
{
	return sys(send(fds[fd], data, size, 0));
}

static inline long writable(long fd, long ms)
{
	struct pollfd p = { .fd = fds[fd], .events = POLLOUT };

	return poll(&p, 1, ms) == 1 && p.revents & POLLOUT;
}

static inline long end_sending(long fd, long b)
{
	return sys(shutdown(fds[fd], SHUT_WR));
}

/* Who waits longer than a stream may stand still is told EAGAIN. */
static inline void be_impatient(long fd)
{
	struct timeval patience = { .tv_sec = STILL_SECONDS };

	setsockopt(fds[fd], SOL_SOCKET, SO_RCVTIMEO, &patience,
		   sizeof(patience));
	setsockopt(fds[fd], SOL_SOCKET, SO_SNDTIMEO, &patience,
		   sizeof(patience));
}

/* To another worker, by way of the test; and from there. */
static inline long give(long fd, long b)
{
	return fd_send(worker_channel, fds[fd]);
}

static inline long get(long a, long b)
{
	return keep(fd_receive(worker_channel));
}

/* Reset, whatever is under way. */
static inline long abort_it(long fd, long b)
{
	struct linger linger = { .l_onoff = 1 };

	if (setsockopt(fds[fd], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)))
		return -errno;
	return sys(close(fds[fd]));
}

/* Read so much, or all there is within the time. */
static inline long drain(long fd, long size)
{
	char buf[1 << 14];
	long n, sum = 0;

	be_impatient(fd);
	while (sum < size) {
		n = recv(fds[fd], buf, size - sum < (long)sizeof(buf) ?
			 size - sum : (long)sizeof(buf), 0);
		if (n <= 0)
			break;
		sum += n;
	}
	return sum;
}

static inline long meminfo(long fd, long what)
{
	unsigned int info[SK_MEMINFO_VARS];
	socklen_t len = sizeof(info);

	if (getsockopt(fds[fd], SOL_SOCKET, SO_MEMINFO, info, &len))
		return -errno;
	return info[what];
}

#define WQUEUED(box, fd) IN(box, meminfo, fd, SK_MEMINFO_WMEM_QUEUED)
#define RMEM(box, fd) IN(box, meminfo, fd, SK_MEMINFO_RMEM_ALLOC)

/* What the n-th byte of every stream is. */
static inline char nth(unsigned long n)
{
	return n * 31 + (n >> 8) * 7 + (n >> 16);
}

/* To its end. Says how many bytes it had, -EILSEQ if a wrong one. */
static inline long read_all(long fd, long pause)
{
	char buf[1 << 14];
	unsigned long sum = 0;
	long n, i;

	be_impatient(fd);
	while ((n = recv(fds[fd], buf, sizeof(buf), 0)) > 0) {
		for (i = 0; i < n; i++)
			if (buf[i] != nth(sum + i))
				return -EILSEQ;
		sum += n;
		if (pause)
			usleep(pause);
	}
	return n ? -errno : (long)sum;
}

/* So many bytes, and the end. */
static inline long write_all(long fd, long size)
{
	char buf[1 << 14];
	long sum = 0, n, i, want;

	be_impatient(fd);
	while (sum < size) {
		want = size - sum < (long)sizeof(buf) ? size - sum :
						       (long)sizeof(buf);
		for (i = 0; i < want; i++)
			buf[i] = nth(sum + i);
		for (i = 0; i < want; i += n) {
			n = send(fds[fd], buf + i, want - i, MSG_NOSIGNAL);
			if (n <= 0)
				return -errno;
		}
		sum += want;
	}
	end_sending(fd, 0);
	return sum;
}

/* A listener of the host's with little room, and a connection of A's to it. */
FIXTURE(connection) {
	struct laws laws;
	struct box a;
	long port;
	long fd;	/* A's */
	long peer;	/* ours */
};

FIXTURE_SETUP(connection)
{
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
	self->port = serve(8192, 0);
	ASSERT_LT(0, self->port);
	self->fd = IN(&self->a, call, self->port);
	ASSERT_LE(0, self->fd);
	self->peer = take(0, 0);
	ASSERT_LE(0, self->peer);
	EXPECT_TRUE(EVENTUALLY(HELD(&self->a, TCPSNDBUF) == 0));
}

FIXTURE_TEARDOWN(connection)
{
	IN(&self->a, drop_all);
	drop_all(0, 0);
	box_close(_metadata, &self->a);
	laws_end(_metadata, &self->laws);
}

#endif
