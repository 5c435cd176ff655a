// SPDX-License-Identifier: GPL-2.0
/*
 * What single operations cost: nanoseconds each, which in a guest that counts
 * instructions are instructions.
 *
 * usage: micro NAME ROUNDS [CGROUP [limited]]
 *
 * One line for each operation: NAME, the operation, and the least of three
 * rounds: the least, since what else the machine does can only add. With a
 * CGROUP it is all done in there; limited: under a beancounter whose barriers
 * are just not reached.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ub.h"

#define CTID 101
#define ROOM 1000
#define ROOM_BYTES (1 << 20)

#define REPEATS 3
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static struct sockaddr_in listen_addr;
static int listener;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void do_open(void)
{
	int fd = open("/dev/null", O_RDONLY);

	if (fd < 0)
		die("open");
	close(fd);
}

static void do_pipe(void)
{
	int fd[2];

	if (pipe(fd))
		die("pipe");
	close(fd[0]);
	close(fd[1]);
}

static void make_socket(int family, int type)
{
	int fd = socket(family, type, 0);

	if (fd < 0)
		die("socket");
	close(fd);
}

static void do_tcp(void)
{
	make_socket(AF_INET, SOCK_STREAM);
}

static void do_udp(void)
{
	make_socket(AF_INET, SOCK_DGRAM);
}

static void do_unix(void)
{
	make_socket(AF_UNIX, SOCK_STREAM);
}

/* The client resets, so that no TIME_WAIT piles up. */
static void do_accept(void)
{
	struct linger now = { .l_onoff = 1 };
	int client = socket(AF_INET, SOCK_STREAM, 0);
	int server;

	if (client < 0 ||
	    connect(client, (void *)&listen_addr, sizeof(listen_addr)))
		die("connect");
	server = accept(listener, NULL, NULL);
	if (server < 0)
		die("accept");
	setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(client);
	close(server);
}

static void do_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
}

static void start_listening(void)
{
	socklen_t len = sizeof(listen_addr);

	listen_addr.sin_family = AF_INET;
	listen_addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 ||
	    bind(listener, (void *)&listen_addr, sizeof(listen_addr)) ||
	    listen(listener, 8) ||
	    getsockname(listener, (void *)&listen_addr, &len))
		die("listen");
}

/* Two ends of a conversation, of TCP and of UDP. */
static int tcp[2], udp[2];

static void start_talking(void)
{
	struct sockaddr_in address = listen_addr;
	socklen_t len = sizeof(address);

	tcp[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (tcp[0] < 0 || connect(tcp[0], (void *)&address, len))
		die("connect");
	tcp[1] = accept(listener, NULL, NULL);
	if (tcp[1] < 0)
		die("accept");
	address.sin_port = 0;
	udp[0] = socket(AF_INET, SOCK_DGRAM, 0);
	udp[1] = socket(AF_INET, SOCK_DGRAM, 0);
	if (udp[0] < 0 || udp[1] < 0 || bind(udp[1], (void *)&address, len) ||
	    getsockname(udp[1], (void *)&address, &len) ||
	    connect(udp[0], (void *)&address, len))
		die("udp");
}

static void say(int fd[2], size_t size)
{
	static char data[1 << 16];
	ssize_t n;

	if (send(fd[0], data, size, 0) != (ssize_t)size)
		die("send");
	while (size) {
		n = recv(fd[1], data, size, 0);
		if (n <= 0)
			die("recv");
		size -= n;
	}
}

static void do_tcp_1(void)
{
	say(tcp, 1);
}

static void do_tcp_64k(void)
{
	say(tcp, 1 << 16);
}

static void do_udp_1(void)
{
	say(udp, 1);
}

static void stop_talking(void)
{
	close(tcp[0]);
	close(tcp[1]);
	close(udp[0]);
	close(udp[1]);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* Nanoseconds for one of n. */
static double measure(void (*op)(void), unsigned int n)
{
	double start = now();
	unsigned int i;

	for (i = 0; i < n; i++)
		op();
	return (now() - start) / n;
}

static const struct {
	const char *name;
	void (*op)(void);
	unsigned int share;	/* of the rounds: dear ones do fewer */
} ops[] = {
	{ "open+close", do_open, 1 },
	{ "pipe+close", do_pipe, 1 },
	{ "tcp socket+close", do_tcp, 1 },
	{ "udp socket+close", do_udp, 1 },
	{ "unix socket+close", do_unix, 1 },
	{ "connect+accept+close", do_accept, 4 },
	{ "fork+exit+wait", do_fork, 10 },
	{ "tcp 1 byte", do_tcp_1, 1 },
	{ "tcp 64 KiB", do_tcp_64k, 10 },
	{ "udp 1 byte", do_udp_1, 1 },
};

static void enter(const char *cgroup)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "0", 1) != 1)
		die(path);
	close(fd);
}

static void limit(const char *cgroup)
{
	static const int resources[] = {
		STOCKVZ_RES_NUMPROC, STOCKVZ_RES_NUMFILE,
		STOCKVZ_RES_NUMTCPSOCK, STOCKVZ_RES_NUMOTHERSOCK,
	};
	static const int buffers[] = {
		STOCKVZ_RES_TCPSNDBUF, STOCKVZ_RES_TCPRCVBUF,
		STOCKVZ_RES_OTHERSOCKBUF, STOCKVZ_RES_DGRAMRCVBUF,
	};
	unsigned int i;
	int err = ub_new(CTID, cgroup);

	for (i = 0; !err && i < ARRAY_SIZE(buffers); i++)
		err = ub_set(CTID, buffers[i], ROOM_BYTES, ROOM_BYTES);
	for (i = 0; !err && i < ARRAY_SIZE(resources); i++)
		err = ub_set(CTID, resources[i], ROOM, ROOM);
	if (err) {
		fprintf(stderr, "beancounter: %s\n", ub_why());
		exit(1);
	}
}

static double best_of(void (*op)(void), unsigned int n)
{
	unsigned int i;
	double best;

	measure(op, n / 10 + 1);
	best = measure(op, n);
	for (i = 1; i < REPEATS; i++) {
		double t = measure(op, n);

		if (t < best)
			best = t;
	}
	return best;
}

int main(int argc, char **argv)
{
	bool limited = argc > 4 && !strcmp(argv[4], "limited");
	unsigned int rounds, i;

	if (argc < 3 || argc > 5) {
		fprintf(stderr, "usage: micro NAME ROUNDS [CGROUP [limited]]\n");
		return 2;
	}
	rounds = atoi(argv[2]);
	if (limited)
		limit(argv[3]);
	if (argc > 3)
		enter(argv[3]);
	start_listening();
	start_talking();
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		printf("%s\t%s\t%.0f\n", argv[1], ops[i].name,
		       best_of(ops[i].op, rounds / ops[i].share));
	stop_talking();
	close(listener);
	enter("");
	if (limited && ub_del(CTID))
		return 1;
	return 0;
}
