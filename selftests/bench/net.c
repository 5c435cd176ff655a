// SPDX-License-Identifier: GPL-2.0
/*
 * What a packet costs on its way from one network namespace to another:
 * nanoseconds, which in a guest that counts instructions are instructions.
 *
 * usage: net NAME ROUNDS CLIENT-NS CLIENT-IP SERVER-NS SERVER-IP
 *        net give ID NS IP	make a beancounter that has an address
 *        net fill ID NS N	give it so many more, of 10.64.0.0/10
 *        net take ID		away with it
 *
 * A namespace is a name that "ip netns" knows, or - for the host's. One task has
 * both ends, so that nothing is counted of going to sleep and waking up. One
 * line for each operation: NAME, the operation, and the least of some rounds:
 * the least, since what else the machine does can only add.
 *
 * udp	a datagram of 64 bytes, sent and received
 * rr	a byte over TCP, and one back
 * stream	64 KiB over TCP
 * crr	connect, accept, close
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net.h"
#include "ub.h"

#define PORT 5001
#define CHUNK 65536
#define REPEATS 5

static struct sockaddr_in client_addr, server_addr;
static const char *client_ns, *server_ns;
static int client, server, listener;
static char buf[CHUNK];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void enter(const char *ns)
{
	static int home = -1;
	char path[64];
	int fd;

	if (home < 0)
		home = open("/proc/self/ns/net", O_RDONLY);
	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = strcmp(ns, "-") ? open(path, O_RDONLY) : home;
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	if (fd != home)
		close(fd);
}

static int bound(const char *ns, const struct sockaddr_in *addr, int type)
{
	int fd, on = 1;

	enter(ns);
	fd = socket(AF_INET, type, 0);
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		die("bind");
	return fd;
}

static void join(int fd)
{
	if (connect(fd, (struct sockaddr *)&server_addr, sizeof(server_addr)))
		die("connect");
}

static void udp_open(void)
{
	server = bound(server_ns, &server_addr, SOCK_DGRAM);
	client = bound(client_ns, &client_addr, SOCK_DGRAM);
	join(client);
}

static void pass(int from, int to, size_t size)
{
	size_t got = 0;

	if (send(from, buf, size, 0) != (ssize_t)size)
		die("send");
	while (got < size) {
		ssize_t n = recv(to, buf, size - got, 0);

		if (n <= 0)
			die("recv");
		got += n;
	}
}

static void udp(void)
{
	pass(client, server, 64);
}

/* Closed by a reset: no port stays taken. */
static void tcp_open(void)
{
	const struct linger reset = { .l_onoff = 1 };
	int on = 1, size = 8 * CHUNK;

	client = bound(client_ns, &client_addr, SOCK_STREAM);
	setsockopt(client, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	join(client);
	server = accept(listener, NULL, NULL);
	if (server < 0)
		die("accept");
	setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void both_close(void)
{
	close(client);
	close(server);
}

static void rr(void)
{
	pass(client, server, 1);
	pass(server, client, 1);
}

static void stream(void)
{
	pass(client, server, CHUNK);
}

static void crr(void)
{
	tcp_open();
	rr();
	both_close();
}

static void nothing(void)
{
}

static const struct op {
	const char *name;
	void (*open)(void);
	void (*run)(void);
	void (*close)(void);
} ops[] = {
	{ "udp", udp_open, udp, both_close },
	{ "rr", tcp_open, rr, both_close },
	{ "stream", tcp_open, stream, both_close },
	{ "crr", nothing, crr, nothing },
};

static unsigned long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000UL + ts.tv_nsec;
}

static unsigned long cost(const struct op *op, int rounds)
{
	unsigned long least = -1UL, start, took;
	int i, n;

	op->open();
	for (i = 0; i < 50; i++)
		op->run();
	for (n = 0; n < REPEATS; n++) {
		start = now();
		for (i = 0; i < rounds; i++)
			op->run();
		took = (now() - start) / rounds;
		if (took < least)
			least = took;
	}
	op->close();
	return least;
}

static struct sockaddr_in address(const char *text, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, text, &a.sin_addr) != 1)
		die(text);
	return a;
}

static int give(unsigned int id, const char *ns, const char *ip)
{
	char path[64];
	int fd, err;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		die(path);
	err = ub_new(id, NULL) ?: ip_add(id, ip, fd);
	if (err)
		fprintf(stderr, "%s: %s\n", ip, ub_why());
	return err != 0;
}

static int fill(unsigned int id, const char *ns, int n)
{
	char path[64], ip[32];
	int i, fd;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY);
	for (i = 0; i < n; i++) {
		snprintf(ip, sizeof(ip), "10.%d.%d.%d", 64 + (i >> 16), i >> 8 & 255, i & 255);
		if (ip_add(id, ip, fd))
			die(ip);
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int i;

	if (argc == 5 && !strcmp(argv[1], "give"))
		return give(atoi(argv[2]), argv[3], argv[4]);
	if (argc == 5 && !strcmp(argv[1], "fill"))
		return fill(atoi(argv[2]), argv[3], atoi(argv[4]));
	if (argc == 3 && !strcmp(argv[1], "take"))
		return ub_del(atoi(argv[2])) != 0;
	if (argc != 7) {
		fprintf(stderr, "usage: net NAME ROUNDS CLIENT-NS CLIENT-IP SERVER-NS SERVER-IP\n");
		return 1;
	}
	client_ns = argv[3];
	client_addr = address(argv[4], 0);
	server_ns = argv[5];
	server_addr = address(argv[6], PORT);
	listener = bound(server_ns, &server_addr, SOCK_STREAM);
	listen(listener, 16);
	for (i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		printf("%s\t%s\t%lu\n", argv[1], ops[i].name, cost(&ops[i], atoi(argv[2])));
		fflush(stdout);
	}
	return 0;
}
