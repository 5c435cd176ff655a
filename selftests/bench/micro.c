// SPDX-License-Identifier: GPL-2.0
/*
 * What single operations cost: nanoseconds each, which in a guest that counts
 * instructions are instructions.
 *
 * usage: micro NAME SCALE [CGROUP [limited]]
 *        micro memory
 *
 * One line for each operation: NAME, the operation, and the least of some
 * repetitions: the least, since what else the machine does can only add. SCALE
 * is in percent. With a CGROUP it is all done in there; limited: under a
 * beancounter with limits on everything, which are far away.
 *
 * memory: what a beancounter takes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ub.h"

#define CTID 101
#define FAR 1000000000UL
#define PAGE 4096
#define LARGE 65000	/* a datagram takes no more */

#define REPEATS 5
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int good(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

/*
 * Processes
 */

static void do_fork(void)
{
	pid_t pid = good(fork(), "fork");

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
}

static void do_exec(void)
{
	pid_t pid = good(fork(), "fork");

	if (!pid) {
		execl("/usr/bin/busybox", "true", NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

static void *thread(void *arg)
{
	return arg;
}

static void do_thread(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, thread, NULL) || pthread_join(t, NULL))
		die("pthread_create");
}

static void do_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	good(sigqueue(getpid(), SIGRTMIN, (union sigval){ 0 }), "sigqueue");
	good(sigwaitinfo(&set, NULL), "sigwaitinfo");
}

/*
 * Files
 */

static int file;

static void open_file(void)
{
	file = good(open("/tmp/bench", O_RDWR | O_CREAT, 0600), "/tmp/bench");
}

static void close_file(void)
{
	close(file);
	unlink("/tmp/bench");
}

static void do_open(void)
{
	close(good(open("/dev/null", O_RDONLY), "open"));
}

static void do_dup(void)
{
	close(good(dup(file), "dup"));
}

static void do_pipe(void)
{
	int fd[2];

	good(pipe(fd), "pipe");
	close(fd[0]);
	close(fd[1]);
}

static void do_flock(void)
{
	good(flock(file, LOCK_EX), "flock");
	flock(file, LOCK_UN);
}

static void do_fcntl(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_len = 1 };

	good(fcntl(file, F_SETLK, &l), "fcntl");
	l.l_type = F_UNLCK;
	fcntl(file, F_SETLK, &l);
}

static void do_pty(void)
{
	int slave, master = good(open("/dev/ptmx", O_RDWR | O_NOCTTY), "ptmx");

	if (unlockpt(master))
		die("unlockpt");
	slave = good(open(ptsname(master), O_RDWR | O_NOCTTY), "pty");
	close(slave);
	close(master);
}

static void do_mkdir(void)
{
	good(mkdir("/tmp/benchdir", 0700), "mkdir");
	rmdir("/tmp/benchdir");
}

static void do_stat(void)
{
	struct stat st;

	good(stat("/usr/bin/busybox", &st), "stat");
}

/*
 * Sockets
 */

static void make_socket(int family, int type)
{
	close(good(socket(family, type, 0), "socket"));
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

static struct sockaddr_in listen_addr;
static int listener;

static void start_listening(void)
{
	socklen_t len = sizeof(listen_addr);

	listen_addr.sin_family = AF_INET;
	listen_addr.sin_port = 0;
	listen_addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = good(socket(AF_INET, SOCK_STREAM, 0), "socket");
	if (bind(listener, (void *)&listen_addr, sizeof(listen_addr)) ||
	    listen(listener, 8) ||
	    getsockname(listener, (void *)&listen_addr, &len))
		die("listen");
}

static void stop_listening(void)
{
	close(listener);
}

static int connect_tcp(void)
{
	int fd = good(socket(AF_INET, SOCK_STREAM, 0), "socket");

	good(connect(fd, (void *)&listen_addr, sizeof(listen_addr)), "connect");
	return fd;
}

/* The client resets, so that no TIME_WAIT piles up. */
static void do_accept(void)
{
	struct linger now = { .l_onoff = 1 };
	int client = connect_tcp();
	int server = good(accept(listener, NULL, NULL), "accept");

	setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(client);
	close(server);
}

static int pair[2];
static char data[LARGE];

static void open_tcp_pair(void)
{
	int on = 1;

	start_listening();
	pair[0] = connect_tcp();
	pair[1] = good(accept(listener, NULL, NULL), "accept");
	setsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	stop_listening();
}

static void open_udp_pair(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);

	pair[0] = good(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	pair[1] = good(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	if (bind(pair[1], (void *)&addr, sizeof(addr)) ||
	    getsockname(pair[1], (void *)&addr, &len) ||
	    connect(pair[0], (void *)&addr, sizeof(addr)))
		die("udp");
}

static void open_unix_pair(void)
{
	good(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
}

static void close_pair(void)
{
	close(pair[0]);
	close(pair[1]);
}

static void pass(size_t size)
{
	size_t sent = 0, got = 0;

	while (got < size) {
		ssize_t n = 0;

		if (sent < size)
			n = send(pair[0], data + sent, size - sent, MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			die("send");
		if (n > 0)
			sent += n;
		got += good(recv(pair[1], data, sizeof(data), 0), "recv");
	}
}

static void do_pass_byte(void)
{
	pass(1);
}

static void do_pass_large(void)
{
	pass(LARGE);
}

/*
 * Memory
 */

#define AREA (512 * PAGE)
static char *area;
static size_t touched;

static void map_area(void)
{
	area = mmap(NULL, AREA, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		die("mmap");
	madvise(area, AREA, MADV_NOHUGEPAGE);
	touched = 0;
}

static void unmap_area(void)
{
	munmap(area, AREA);
}

static void do_mmap(void)
{
	void *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	munmap(p, 16 * PAGE);
}

static void do_touch(void)
{
	if (touched == AREA) {
		madvise(area, AREA, MADV_DONTNEED);
		touched = 0;
	}
	area[touched] = 1;
	touched += PAGE;
}

static void do_brk(void)
{
	if (sbrk(16 * PAGE) == (void *)-1)
		die("sbrk");
	sbrk(-16 * PAGE);
}

static void do_mprotect(void)
{
	good(mprotect(area, PAGE, PROT_READ), "mprotect");
	good(mprotect(area, PAGE, PROT_READ | PROT_WRITE), "mprotect");
}

static void do_mlock(void)
{
	good(mlock(area, PAGE), "mlock");
	munlock(area, PAGE);
}

/*
 * Measuring
 */

/*
 * Times: some tens of milliseconds of each, since what RCU frees later it frees in
 * lots, by the tick.
 */
static const struct {
	const char *name;
	void (*op)(void);
	unsigned int times;
	void (*before)(void);
	void (*after)(void);
} ops[] = {
	{ "fork+exit+wait", do_fork, 100, NULL, NULL },
	{ "fork+exec+wait", do_exec, 40, NULL, NULL },
	{ "thread create+join", do_thread, 1000, NULL, NULL },
	{ "sigqueue+sigwait", do_signal, 2000, NULL, NULL },
	{ "open+close", do_open, 10000, NULL, NULL },
	{ "dup+close", do_dup, 4000, open_file, close_file },
	{ "pipe+close", do_pipe, 5000, NULL, NULL },
	{ "flock+unlock", do_flock, 2000, open_file, close_file },
	{ "fcntl lock+unlock", do_fcntl, 2000, open_file, close_file },
	{ "openpty+close", do_pty, 1000, NULL, NULL },
	{ "mkdir+rmdir", do_mkdir, 5000, NULL, NULL },
	{ "stat", do_stat, 4000, NULL, NULL },
	{ "tcp socket+close", do_tcp, 5000, NULL, NULL },
	{ "udp socket+close", do_udp, 5000, NULL, NULL },
	{ "unix socket+close", do_unix, 5000, NULL, NULL },
	{ "connect+accept+close", do_accept, 1500, start_listening, stop_listening },
	{ "tcp 1 B", do_pass_byte, 1000, open_tcp_pair, close_pair },
	{ "tcp 64 KB", do_pass_large, 200, open_tcp_pair, close_pair },
	{ "udp 1 B", do_pass_byte, 1000, open_udp_pair, close_pair },
	{ "udp 64 KB", do_pass_large, 200, open_udp_pair, close_pair },
	{ "unix 1 B", do_pass_byte, 2000, open_unix_pair, close_pair },
	{ "unix 64 KB", do_pass_large, 200, open_unix_pair, close_pair },
	{ "mmap+munmap", do_mmap, 1000, NULL, NULL },
	{ "page touch", do_touch, 2048, map_area, unmap_area },
	{ "brk up+down", do_brk, 1000, NULL, NULL },
	{ "mprotect twice", do_mprotect, 1000, map_area, unmap_area },
	{ "mlock+munlock", do_mlock, 1000, map_area, unmap_area },
};

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

/* What RCU has to free is freed meanwhile. A guest whose clock counts sleeps in no time. */
static void rest(void)
{
	usleep(200000);
}

static double best_of(void (*op)(void), unsigned int n)
{
	unsigned int i;
	double best;

	measure(op, n / 4 + 1);
	best = measure(op, n);
	for (i = 1; i < REPEATS; i++) {
		double t;

		rest();
		t = measure(op, n);
		if (t < best)
			best = t;
	}
	return best;
}

static void enter(const char *cgroup)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cgroup.procs", cgroup);
	fd = good(open(path, O_WRONLY), path);
	if (write(fd, "0", 1) != 1)
		die(path);
	close(fd);
}

static void limit(const char *cgroup)
{
	unsigned int i;
	int err = ub_new(CTID, cgroup);

	for (i = 0; !err && i < UB_NR; i++)
		err = ub_limit(CTID, i, FAR);
	if (err) {
		fprintf(stderr, "beancounter: %s\n", ub_why());
		exit(1);
	}
}

/*
 * What a process has mapped and touched is what its fork pays for: one that set limits
 * would not be the one that it is compared with.
 */
static void limit_aside(const char *cgroup)
{
	pid_t pid = good(fork(), "fork");
	int status;

	if (!pid) {
		limit(cgroup);
		exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		exit(1);
}

/* Nor would be one whose parts lie elsewhere, since they may need more page tables. */
static void lie_where_all_do(char **argv)
{
	int was = personality(0xffffffff);

	if (was & ADDR_NO_RANDOMIZE)
		return;
	good(personality(was | ADDR_NO_RANDOMIZE), "personality");
	good(execv("/proc/self/exe", argv), "exec");
}

/* What the kernel has taken for itself, in kB, and will not give back. */
static long kernel_memory(void)
{
	static const char *const names[] = { "SUnreclaim:", "Percpu:", "VmallocUsed:" };
	FILE *f = fopen("/proc/meminfo", "re");
	long sum = 0, kb;
	char line[128];
	unsigned int i;

	while (f && fgets(line, sizeof(line), f))
		for (i = 0; i < ARRAY_SIZE(names); i++)
			if (!strncmp(line, names[i], strlen(names[i])) &&
			    sscanf(line + strlen(names[i]), "%ld", &kb) == 1)
				sum += kb;
	if (f)
		fclose(f);
	return sum;
}

#define MANY 4000

static int memory(void)
{
	long before, after;
	unsigned int i;

	for (i = 1; i <= 100; i++)
		ub_new(i, NULL);
	before = kernel_memory();
	for (; i <= 100 + MANY; i++)
		if (ub_new(i, NULL))
			die("ub_new");
	after = kernel_memory();
	printf("memory\tbeancounter\t%ld\n", (after - before) * 1024 / MANY);
	while (--i)
		ub_del(i);
	return 0;
}

int main(int argc, char **argv)
{
	bool limited = argc > 4 && !strcmp(argv[4], "limited");
	unsigned int scale, i;

	if (argc == 2 && !strcmp(argv[1], "memory"))
		return memory();
	if (argc < 3 || argc > 5) {
		fprintf(stderr, "usage: micro NAME SCALE [CGROUP [limited]]\n");
		return 2;
	}
	lie_where_all_do(argv);
	scale = atoi(argv[2]);
	if (limited)
		limit_aside(argv[3]);
	if (argc > 3)
		enter(argv[3]);
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		if (ops[i].before)
			ops[i].before();
		printf("%s\t%s\t%.0f\n", argv[1], ops[i].name,
		       best_of(ops[i].op, ops[i].times * scale / 100 + 1));
		fflush(stdout);
		if (ops[i].after)
			ops[i].after();
	}
	enter("");
	if (limited && ub_del(CTID))
		return 1;
	return 0;
}
