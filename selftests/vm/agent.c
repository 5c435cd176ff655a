// SPDX-License-Identifier: GPL-2.0
/*
 * The harness's hand inside the guest: runs /run/vm/session, passes on what it writes and
 * reports how it ended. All of it travels over virtio ports, one for each kind, so that
 * nothing the kernel or a test prints on the console can be taken for a result:
 *
 *	1  stdout
 *	2  stderr
 *	3  the kernel log, whole, read after the session has ended
 *	4  "exit N", "taint N" and last "end": without that word the guest did not finish
 *
 * In the quick guest this is PID 1, and so reaps what the session leaves behind.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define SESSION "/run/vm/session"

enum { PORT_STDOUT = 1, PORT_STDERR, PORT_KMSG, PORT_RESULT };

/* Power goes off whatever happens: a guest that cannot report must not hang. */
static void die(const char *what)
{
	fprintf(stderr, "agent: %s: %m\n", what);
	sync();
	reboot(RB_POWER_OFF);
	_exit(1);
}

/*
 * The device node appears some time after the driver was loaded; the first number in its
 * name counts the guest's virtio devices, the second is ours.
 */
static int open_port(int nr)
{
	char pattern[32];
	int fd = -1;

	snprintf(pattern, sizeof(pattern), "/dev/vport*p%d", nr);
	for (int tries = 0; fd < 0 && tries < 1000; tries++) {
		glob_t found;

		if (!glob(pattern, 0, NULL, &found)) {
			fd = open(found.gl_pathv[0], O_WRONLY | O_CLOEXEC);
			globfree(&found);
		} else {
			usleep(10000);
		}
	}
	if (fd < 0)
		die(pattern);
	return fd;
}

static void put(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die("write to port");
		data += n;
		len -= n;
	}
}

/* Moves what is ready from @in to @out; false once there is nothing (more). */
static int relay(int in, int out)
{
	static char buf[32768];
	ssize_t n = read(in, buf, sizeof(buf));

	if (n > 0)
		put(out, buf, n);
	return n > 0 || (n < 0 && errno == EINTR);
}

static pid_t start(int out, int err)
{
	/* What a login on a Debian host has, rather than what the kernel gives PID 1. */
	const struct rlimit nofile = { .rlim_cur = 1024, .rlim_max = 1048576 };
	sigset_t none;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setrlimit(RLIMIT_NOFILE, &nofile);
	setsid();
	clearenv();
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("TERM", "linux", 1);
	setenv("LANG", "C.UTF-8", 1);
	if (chdir("/") ||
	    dup2(open("/dev/null", O_RDWR), 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(127);
	execl(SESSION, SESSION, NULL);
	dprintf(2, "agent: " SESSION ": %m\n");
	_exit(127);
}

/* Collects every child that has ended; the status of @pid once that was among them, or -1. */
static int reap(int sigs, pid_t pid)
{
	struct signalfd_siginfo si;
	int status = -1, st;
	pid_t p;

	while (read(sigs, &si, sizeof(si)) > 0)
		;
	while ((p = waitpid(-1, &st, WNOHANG)) > 0) {
		if (p == pid)
			status = WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
	}
	return status;
}

static int session(int port_out, int port_err)
{
	int out[2], err[2], sigs, status = -1;
	sigset_t chld;
	pid_t pid;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	sigs = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sigs < 0 || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		die("pipe");
	pid = start(out[1], err[1]);
	/* The reading ends only: a session may set O_NONBLOCK or not on its own. */
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);

	while (status < 0) {
		struct pollfd p[] = {
			{ .fd = out[0], .events = POLLIN },
			{ .fd = err[0], .events = POLLIN },
			{ .fd = sigs, .events = POLLIN },
		};

		if (poll(p, 3, -1) < 0)
			continue;
		if (p[0].revents)
			relay(out[0], port_out);
		if (p[1].revents)
			relay(err[0], port_err);
		if (p[2].revents)
			status = reap(sigs, pid);
	}
	/* Not until end of file: something left in the background may hold the pipe for ever. */
	while (relay(out[0], port_out))
		;
	while (relay(err[0], port_err))
		;
	return status;
}

/* One read is one record; EPIPE says that records were overwritten, and reading goes on. */
static void send_kmsg(int port)
{
	static char buf[8192];
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		die("/dev/kmsg");
	while ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EPIPE))
		if (n > 0)
			put(port, buf, n);
	close(fd);
}

static long taint(void)
{
	char buf[32] = "";
	int fd = open("/proc/sys/kernel/tainted", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) <= 0)
		die("/proc/sys/kernel/tainted");
	close(fd);
	return strtol(buf, NULL, 10);
}

int main(void)
{
	int out = open_port(PORT_STDOUT), err = open_port(PORT_STDERR);
	int kmsg = open_port(PORT_KMSG), result = open_port(PORT_RESULT);
	char line[64];
	int status;

	status = session(out, err);
	send_kmsg(kmsg);
	put(result, line, snprintf(line, sizeof(line), "exit %d\ntaint %ld\nend\n",
				   status, taint()));
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
