// SPDX-License-Identifier: GPL-2.0
/*
 * Streams through buffers that are much too small. Whatever the limits of
 * tcpsndbuf and tcprcvbuf, a connection whose ends go on goes on: every
 * byte arrives, and nobody waits for longer than STILL_SECONDS.
 *
 * STOCKVZ_TCPFLOW_MB is how much two containers send to each other, 4 unless it is set.
 */
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "env.h"
#include "fixture.h"
#include "net.h"
#include "stream.h"

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif
#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif

#define STREAMS 8

/* Slower than its sender. */
#define PAUSE_US 2000

static void *suck(void *arg)
{
	/* Until there is something in every queue. */
	sleep(1);
	return (void *)read_all((long)arg, PAUSE_US);
}

static void *pump(void *arg)
{
	long *job = arg;

	return (void *)write_all(job[0], job[1]);
}

/* Every connection from the @first on, each way at once. Says how many fail. */
static long both_ways(long first, long size)
{
	pthread_t readers[MAX_FDS], writers[MAX_FDS];
	long jobs[MAX_FDS][2], bad = 0, i;
	void *got;

	for (i = first; i < nr_fds; i++) {
		jobs[i][0] = i;
		jobs[i][1] = size;
		pthread_create(&readers[i], NULL, suck, (void *)i);
		pthread_create(&writers[i], NULL, pump, jobs[i]);
	}
	for (i = first; i < nr_fds; i++) {
		pthread_join(readers[i], &got);
		bad += (long)got != size;
		pthread_join(writers[i], &got);
		bad += (long)got != size;
	}
	drop_all(0, 0);
	return bad;
}

/* All to oneself. */
static long crossfire(long pairs, long size)
{
	long port = serve(0, 0), i;

	for (i = 0; i < pairs; i++)
		if (call(port, 0) < 0 || take(0, 0) < 0)
			return -EIO;
	return both_ways(1, size);
}

/*
 * The same by a single task that never sleeps in send() or recv(): it goes by
 * what poll() says. Says how many were not through when nothing moved any more.
 */
static long poll_both_ways(long first, long size)
{
	static char chunk[1 << 13];
	static struct pollfd p[MAX_FDS];
	static long sent[MAX_FDS], got[MAX_FDS];
	long i, n, j, open = nr_fds - first, bad = 0;

	for (i = first; i < nr_fds; i++) {
		p[i] = (struct pollfd){ fds[i], POLLIN | POLLOUT, 0 };
		sent[i] = 0;
		got[i] = 0;
	}
	while (open && poll(p + first, nr_fds - first, STILL_SECONDS * 1000) > 0) {
		for (i = first; i < nr_fds; i++) {
			if (p[i].revents & POLLOUT) {
				n = size - sent[i];
				if (n > (long)sizeof(chunk))
					n = sizeof(chunk);
				for (j = 0; j < n; j++)
					chunk[j] = nth(sent[i] + j);
				n = send(fds[i], chunk, n, MSG_DONTWAIT | MSG_NOSIGNAL);
				sent[i] += n > 0 ? n : 0;
				if (sent[i] == size) {
					end_sending(i, 0);
					p[i].events &= ~POLLOUT;
				}
			}
			if (!(p[i].revents & (POLLIN | POLLHUP | POLLERR)))
				continue;
			n = recv(fds[i], chunk, sizeof(chunk), MSG_DONTWAIT);
			for (j = 0; j < n; j++)
				bad += chunk[j] != nth(got[i] + j);
			got[i] += n > 0 ? n : 0;
			if (!n || (n < 0 && errno != EAGAIN)) {
				bad += got[i] != size;
				p[i].events &= ~POLLIN;
			}
			if (!p[i].events || (n < 0 && errno != EAGAIN)) {
				p[i].fd = -1;
				open--;
			}
		}
	}
	drop_all(0, 0);
	return open + bad;
}

FIXTURE(flow) {
	struct laws laws;
	struct box a;
	struct box b;
	int ns_a;
	int ns_b;
};

enum path { LO, VETH, VENET };

FIXTURE_VARIANT(flow) {
	enum path path;
	int mtu;
	bool one_by_one;
};

/* A segment is as large as the reserve; it is much smaller; it comes alone. */
FIXTURE_VARIANT_ADD(flow, large_segments) { .path = LO, .mtu = 65536 };
FIXTURE_VARIANT_ADD(flow, small_segments) { .path = LO, .mtu = 1500 };
FIXTURE_VARIANT_ADD(flow, veth) { .path = VETH, .mtu = 1500, .one_by_one = true };
FIXTURE_VARIANT_ADD(flow, venet) { .path = VENET, .mtu = 1500 };

#define A4 "10.77.1.1"
#define B4 "10.77.1.2"

static int wire(void)
{
	return sh("set -e\n"
		  "ip -n a link add eth0 type veth peer name eth0 netns b\n"
		  "ip -n a addr add " A4 "/24 dev eth0\n"
		  "ip -n b addr add " B4 "/24 dev eth0\n"
		  "ip -n a link set eth0 up gso_max_segs 1\n"
		  "ip -n b link set eth0 up gso_max_segs 1\n");
}

static int venet_in(const char *ns, const char *address)
{
	return sh("set -e\n"
		  "ip -n %s link add venet0 type venet\n"
		  "ip -n %s link set venet0 up\n"
		  "ip -n %s addr add %s/32 dev venet0\n"
		  "ip -n %s route add default dev venet0\n"
		  "ip route replace %s dev venet0\n", ns, ns, ns, address, ns, address);
}

static int forward(void)
{
	return sh("set -e\n"
		  "ip link show dev venet0 >/dev/null 2>&1 || ip link add venet0 type venet\n"
		  "ip link set venet0 up mtu 1500\n"
		  "sysctl -qw net.ipv4.ip_forward=1\n");
}

static long go_into(long ns, long b)
{
	return netns_enter(ns);
}

FIXTURE_SETUP(flow)
{
	laws_begin(_metadata, &self->laws);
	self->ns_a = HOST;
	self->ns_b = HOST;
	host_address = NULL;
	if (variant->path == LO) {
		ASSERT_EQ(0, sh("ip link set lo mtu %d", variant->mtu));
	} else {
		self->ns_a = netns_new("a");
		self->ns_b = netns_new("b");
		ASSERT_LE(0, self->ns_a);
		ASSERT_LE(0, self->ns_b);
		host_address = B4;
	}
	box_open(_metadata, &self->a, BOX_A);
	box_open(_metadata, &self->b, BOX_B);
	if (variant->path == VETH)
		ASSERT_EQ(0, wire());
	if (variant->path == VENET) {
		ASSERT_EQ(0, forward());
		ASSERT_EQ(0, ip_add(BOX_A, A4, self->ns_a));
		ASSERT_EQ(0, ip_add(BOX_B, B4, self->ns_b));
		ASSERT_EQ(0, venet_in("a", A4));
		ASSERT_EQ(0, venet_in("b", B4));
	}
	if (variant->path != LO) {
		ASSERT_EQ(0, IN(&self->a, go_into, self->ns_a));
		ASSERT_EQ(0, IN(&self->b, go_into, self->ns_b));
	}
}

FIXTURE_TEARDOWN(flow)
{
	worker_stop(&self->a.worker);
	worker_stop(&self->b.worker);
	if (variant->path == VENET) {
		ip_del_all(BOX_A);
		ip_del_all(BOX_B);
	}
	if (variant->path != LO) {
		netns_del("a", self->ns_a);
		netns_del("b", self->ns_b);
	}
	box_close(_metadata, &self->a);
	box_close(_metadata, &self->b);
	EXPECT_EQ(0, sh("ip link set lo mtu 65536"));
	laws_end(_metadata, &self->laws);
}

static void limit_both(struct __test_metadata *_metadata, struct box *box,
		       unsigned long snd, unsigned long rcv)
{
	LIMIT(box, TCPSNDBUF, snd);
	LIMIT(box, TCPRCVBUF, rcv);
}

static void tell(struct __test_metadata *_metadata, struct box *box)
{
	TH_LOG("%u: senders refused %lu, receivers %lu times, at most %lu, %lu",
	       box->id, FAILCNT(box, TCPSNDBUF), FAILCNT(box, TCPRCVBUF),
	       ub_row(box->id, STOCKVZ_RES_TCPSNDBUF).maxheld,
	       ub_row(box->id, STOCKVZ_RES_TCPRCVBUF).maxheld);
	EXPECT_TRUE(EVENTUALLY(HELD(box, TCPSNDBUF) + HELD(box, TCPRCVBUF) == 0));
}

/* B listens and A calls, so often. */
static void connect_boxes(struct __test_metadata *_metadata, struct box *a,
			  struct box *b, int streams)
{
	long port = IN(b, serve, 0), i;

	ASSERT_LT(0, port);
	for (i = 0; i < streams; i++) {
		ASSERT_LE(0, IN(a, call, port));
		ASSERT_LE(0, IN(b, take));
	}
}

static long how_much(void)
{
	return env_number("STOCKVZ_TCPFLOW_MB", 4) << 20;
}

/* A tenth, or less, of what so many would fill if they could. */
static void exchange(struct __test_metadata *_metadata, struct box *a,
		     struct box *b, int streams, worker_fn how)
{
	long size = how_much() / (2 * streams);

	connect_boxes(_metadata, a, b, streams);
	limit_both(_metadata, a, 50000 * streams, 25000 * streams);
	limit_both(_metadata, b, 50000 * streams, 25000 * streams);
	worker_begin(&a->worker, how, 0, size);
	worker_begin(&b->worker, how, 1, size);
	EXPECT_EQ(0, worker_end(&a->worker));
	EXPECT_EQ(0, worker_end(&b->worker));
	/* Who goes by poll() hears that there is no room before it is refused. */
	if (how == both_ways)
		EXPECT_LT(0, FAILCNT(a, TCPSNDBUF) + FAILCNT(b, TCPSNDBUF));
	/* A single stream's window may shrink in time. */
	if (streams > 1)
		EXPECT_LT(0, FAILCNT(a, TCPRCVBUF) + FAILCNT(b, TCPRCVBUF));
	tell(_metadata, a);
	tell(_metadata, b);
}

TEST_F(flow, one_stream)
{
	exchange(_metadata, &self->a, &self->b, 1, both_ways);
}

TEST_F(flow, eight_streams)
{
	exchange(_metadata, &self->a, &self->b, STREAMS, both_ways);
}

TEST_F(flow, eight_streams_polled)
{
	exchange(_metadata, &self->a, &self->b, STREAMS, poll_both_ways);
}

/* Eight, each way, in one container. */
TEST_F(flow, crossfire)
{
	struct box *a = &self->a;

	if (variant->path != LO)
		return;
	limit_both(_metadata, a, 300000, 300000);
	EXPECT_EQ(0, IN(a, crossfire, STREAMS / 2, repeats(200000)));
	tell(_metadata, a);
}

/* Far more connections than there is room for one segment each. */
TEST_F(flow, crowd)
{
	struct box *a = &self->a, *b = &self->b;
	long size = how_much() / 400;

	connect_boxes(_metadata, a, b, 200);
	limit_both(_metadata, a, 65536, 65536);
	limit_both(_metadata, b, 65536, 65536);
	worker_begin(&a->worker, poll_both_ways, 0, size);
	worker_begin(&b->worker, poll_both_ways, 1, size);
	EXPECT_EQ(0, worker_end(&a->worker));
	EXPECT_EQ(0, worker_end(&b->worker));
	tell(_metadata, a);
	tell(_metadata, b);
}

/* Of its own each socket has nothing but what is forced. */
TEST_F(flow, no_room_at_all)
{
	struct box *a = &self->a, *b = &self->b;
	long size = repeats(100000);

	/* A SYN is not forced. */
	connect_boxes(_metadata, a, b, 2);
	limit_both(_metadata, a, 0, 0);
	limit_both(_metadata, b, 0, 0);
	worker_begin(&a->worker, both_ways, 0, size);
	worker_begin(&b->worker, both_ways, 1, size);
	EXPECT_EQ(0, worker_end(&a->worker));
	EXPECT_EQ(0, worker_end(&b->worker));
	EXPECT_LT(0, FAILCNT(a, TCPSNDBUF));
	tell(_metadata, a);
}

/*
 * A mix of ill-behaved programs, by the number of the connection.
 */

/* In pieces, at every n-th byte, and byte by byte in between. */
static long write_pieces(long fd, long size, long piece, long every, int flags)
{
	char buf[3000];
	long sum = 0, n, i;

	be_impatient(fd);
	while (sum < size) {
		n = sum % every ? 1 : piece;
		if (n > size - sum)
			n = size - sum;
		for (i = 0; i < n; i++)
			buf[i] = nth(sum + i);
		n = send(fds[fd], buf, n, MSG_NOSIGNAL | flags);
		if (n <= 0)
			return -errno;
		sum += n;
	}
	end_sending(fd, 0);
	return sum;
}

/* A byte, or a hundred, at a time, and none waits for the next. */
static long write_tiny(long fd, long size)
{
	int one = 1;

	setsockopt(fds[fd], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return write_pieces(fd, size, 100, 3, 0);
}

/* Corked: what does not fill a segment waits. */
static long write_more(long fd, long size)
{
	return write_pieces(fd, size, 3000, 1, MSG_MORE);
}

/* Out of a file, without a copy. */
static long write_file(long fd, long size)
{
	int file = memfd_create("flow", MFD_CLOEXEC);
	off_t at = 0;
	char *map;
	long n = 1, i;

	be_impatient(fd);
	if (file < 0 || ftruncate(file, size))
		return -errno;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (map == MAP_FAILED)
		return -errno;
	for (i = 0; i < size; i++)
		map[i] = nth(i);
	while (at < size && n > 0)
		n = sendfile(fds[fd], file, &at, size - at);
	n = n > 0 ? at : -errno;
	munmap(map, size);
	close(file);
	end_sending(fd, 0);
	return n;
}

/* Out of the writer's own pages, now and then. */
static long write_zerocopy(long fd, long size)
{
	char *buf = malloc(size);
	long sum = 0, n, i;
	int one = 1;

	setsockopt(fds[fd], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one));
	be_impatient(fd);
	for (i = 0; i < size; i++)
		buf[i] = nth(i);
	for (i = 0; sum < size; i++) {
		n = size - sum > 20000 ? 20000 : size - sum;
		n = send(fds[fd], buf + sum, n, MSG_NOSIGNAL | (i % 2 ? MSG_ZEROCOPY : 0));
		if (n <= 0 && errno != ENOBUFS)
			return -errno;
		sum += n > 0 ? n : 0;
	}
	end_sending(fd, 0);
	/* They go with the socket's last reference to them. */
	return sum;
}

/* Goes away for a while, again and again, and wants much at once. */
static long read_in_fits(long fd, long size)
{
	char *buf = malloc(1 << 17);
	long sum = 0, n, i;

	be_impatient(fd);
	while ((n = recv(fds[fd], buf, 1 << 17, sum % 2 ? 0 : MSG_WAITALL)) > 0) {
		for (i = 0; i < n; i++)
			if (buf[i] != nth(sum + i))
				return -EILSEQ;
		sum += n;
		usleep(400000);
	}
	free(buf);
	return n ? -errno : sum;
}

/* Looks before it takes, and takes little. */
static long read_crumbs(long fd, long size)
{
	char buf[700];
	long sum = 0, n, i;

	be_impatient(fd);
	while ((n = recv(fds[fd], buf, sizeof(buf), MSG_PEEK)) > 0) {
		n = recv(fds[fd], buf, n, 0);
		for (i = 0; i < n; i++)
			if (buf[i] != nth(sum + i))
				return -EILSEQ;
		sum += n;
	}
	return n ? -errno : sum;
}

static void *ill_reader(void *arg)
{
	long fd = (long)arg;

	switch (fd % 3) {
	case 0:
		return (void *)read_in_fits(fd, 0);
	case 1:
		return (void *)read_crumbs(fd, 0);
	}
	return (void *)read_all(fd, PAUSE_US);
}

static void *ill_writer(void *arg)
{
	static long (*const writers[])(long, long) = {
		write_tiny, write_more, write_file, write_zerocopy, write_all,
	};
	long *job = arg;

	return (void *)writers[job[0] % ARRAY_SIZE(writers)](job[0], job[1]);
}

static long ill_both_ways(long first, long size)
{
	pthread_t readers[MAX_FDS], writers[MAX_FDS];
	int buffer = 1 << 26, small = 2048;
	long jobs[MAX_FDS][2], bad = 0, i;
	void *got;

	for (i = first; i < nr_fds; i++) {
		if (i % 4 == 0)
			setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
		if (i % 7 == 0)
			setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
		jobs[i][0] = i;
		jobs[i][1] = size;
		pthread_create(&readers[i], NULL, ill_reader, (void *)i);
		pthread_create(&writers[i], NULL, ill_writer, jobs[i]);
	}
	for (i = first; i < nr_fds; i++) {
		pthread_join(readers[i], &got);
		if ((long)got != size)
			printf("# reader %ld: %ld\n", i, (long)got);
		bad += (long)got != size;
		pthread_join(writers[i], &got);
		if ((long)got != size)
			printf("# writer %ld: %ld\n", i, (long)got);
		bad += (long)got != size;
	}
	drop_all(0, 0);
	return bad;
}

TEST_F(flow, ill_behaved)
{
	struct box *a = &self->a, *b = &self->b;
	/* One byte at a time takes long. */
	long size = how_much() < 1 << 24 ? how_much() / 16 : 1 << 20;

	connect_boxes(_metadata, a, b, 15);
	limit_both(_metadata, a, 200000, 200000);
	limit_both(_metadata, b, 200000, 200000);
	worker_begin(&a->worker, ill_both_ways, 0, size);
	worker_begin(&b->worker, ill_both_ways, 1, size);
	EXPECT_EQ(0, worker_end(&a->worker));
	EXPECT_EQ(0, worker_end(&b->worker));
	tell(_metadata, a);
	tell(_metadata, b);
}

/* Question and answer, of sizes that straddle segments. */
static long ask(long fd, long rounds)
{
	long i, size;

	be_impatient(fd);
	for (i = 0; i < rounds; i++) {
		size = 1 + i * 7919 % 40000;
		if (send_blocking(fd, size) != size || drain(fd, size) != size)
			return i;
	}
	end_sending(fd, 0);
	return rounds;
}

static long echo(long fd, long b)
{
	char buf[1 << 15];
	long n, i, got;

	be_impatient(fd);
	while ((n = recv(fds[fd], buf, sizeof(buf), 0)) > 0)
		for (i = 0; i < n; i += got) {
			got = send(fds[fd], buf + i, n - i, MSG_NOSIGNAL);
			if (got <= 0)
				return -1;
		}
	return n;
}

TEST_F(flow, question_and_answer)
{
	struct box *a = &self->a, *b = &self->b;
	long rounds = repeats(20);

	connect_boxes(_metadata, a, b, 1);
	limit_both(_metadata, a, 20000, 20000);
	limit_both(_metadata, b, 20000, 20000);
	worker_begin(&b->worker, echo, 1, 0);
	EXPECT_EQ(rounds, IN(a, ask, 0, rounds));
	EXPECT_EQ(0, worker_end(&b->worker));
	IN(a, drop_all);
	IN(b, drop_all);
	tell(_metadata, a);
	tell(_metadata, b);
}

TEST_HARNESS_MAIN
