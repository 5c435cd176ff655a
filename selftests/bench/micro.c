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
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ub.h"

#define CTID 101
#define ROOM 1000
#define ROOM_PAGES 100000

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

static void do_exec(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

#define BYTES 65536

static unsigned long place = 0x200000000000;

/* Alone: next to others it might be merged or not, as chance has it. */
static void *map(int prot, int flags)
{
	void *p = mmap((void *)place, BYTES, prot, MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void *keep(int prot, int flags)
{
	void *p = map(prot, flags);

	place += 16 * BYTES;
	return p;
}

static void do_map(void)
{
	munmap(map(PROT_READ | PROT_WRITE, MAP_PRIVATE), BYTES);
}

/* Every page is touched. */
static void do_touch(void)
{
	char *p = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);
	unsigned int i;

	for (i = 0; i < BYTES; i += 4096)
		*(volatile char *)(p + i) = 1;
	munmap(p, BYTES);
}

static void do_shared(void)
{
	munmap(map(PROT_READ | PROT_WRITE, MAP_SHARED), BYTES);
}

static void do_brk(void)
{
	if (sbrk(BYTES) == (void *)-1 || sbrk(-BYTES) == (void *)-1)
		die("brk");
}

static void do_protect(void)
{
	static char *p;

	if (!p)
		p = keep(PROT_READ, MAP_PRIVATE);
	if (mprotect(p, BYTES, PROT_READ | PROT_WRITE) ||
	    mprotect(p, BYTES, PROT_READ))
		die("mprotect");
}

static void do_lock(void)
{
	static char *p;

	if (!p)
		p = keep(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE);
	if (mlock(p, BYTES) || munlock(p, BYTES))
		die("mlock");
}

/* 16 pages are made and go again. */
static void do_tmpfs(void)
{
	static char data[BYTES];
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("bench", 0);
	if (pwrite(fd, data, BYTES, 0) != BYTES || ftruncate(fd, 0))
		die("memfd");
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
	{ "fork+exec+exit+wait", do_exec, 20 },
	{ "mmap+munmap", do_map, 1 },
	{ "mmap+touch 16+munmap", do_touch, 4 },
	{ "mmap shared+munmap", do_shared, 1 },
	{ "brk up+down", do_brk, 1 },
	{ "mprotect twice", do_protect, 1 },
	{ "mlock+munlock", do_lock, 1 },
	{ "tmpfs write 16+cut", do_tmpfs, 4 },
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
	static const int pages[] = {
		STOCKVZ_RES_PRIVVMPAGES, STOCKVZ_RES_LOCKEDPAGES,
		STOCKVZ_RES_SHMPAGES,
	};
	unsigned int i;
	int err = ub_new(CTID, cgroup);

	for (i = 0; !err && i < ARRAY_SIZE(resources); i++)
		err = ub_set(CTID, resources[i], ROOM, ROOM);
	for (i = 0; !err && i < ARRAY_SIZE(pages); i++)
		err = ub_set(CTID, pages[i], ROOM_PAGES, ROOM_PAGES);
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

static void run(const char *name, unsigned int rounds)
{
	unsigned int i;

	/* So that there is a heap, whatever came before. */
	if (sbrk(BYTES) == (void *)-1)
		die("brk");
	start_listening();
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		printf("%s\t%s\t%.0f\n", name, ops[i].name,
		       best_of(ops[i].op, rounds / ops[i].share));
	close(listener);
}

int main(int argc, char **argv)
{
	bool limited = argc > 4 && !strcmp(argv[4], "limited");
	int status;
	pid_t pid;

	if (argc < 3 || argc > 5) {
		fprintf(stderr, "usage: micro NAME ROUNDS [CGROUP [limited]]\n");
		return 2;
	}
	if (limited)
		limit(argv[3]);
	if (argc > 3)
		enter(argv[3]);
	/* What a process brings along is the host's: its child is not. */
	pid = fork();
	if (!pid) {
		run(argv[1], atoi(argv[2]));
		return 0;
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return 1;
	enter("");
	if (limited && ub_del(CTID))
		return 1;
	return 0;
}
