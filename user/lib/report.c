// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "lock.h"
#include "log.h"
#include "report.h"

/* Beside the exit codes. */
enum { READY = 0, DESCRIPTOR = -1 };

struct report {
	int code;
	int error;
	char text[240];
};

/* Room for one descriptor, aligned as the kernel wants it. */
union control {
	struct cmsghdr head;
	char space[CMSG_SPACE(sizeof(int))];
};

static int child_sock = -1;

int report_open(int sock[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock) ? -errno : 0;
}

void report_use(int sock)
{
	child_sock = sock;
}

void report_await_go(void)
{
	char go;

	/* End of file: the parent gave up, and says why itself. */
	if (read(child_sock, &go, 1) != 1)
		_exit(1);
}

static void tell(const struct report *report)
{
	if (send(child_sock, report, sizeof(*report), MSG_NOSIGNAL) < 0)
		_exit(1);
}

void report_ready(void)
{
	const struct report ready = { .code = READY };

	tell(&ready);
}

void report_send_fd(int fd)
{
	struct report report = { .code = DESCRIPTOR };
	struct iovec iov = { .iov_base = &report, .iov_len = sizeof(report) };
	union control control = { .head = {
		.cmsg_len = CMSG_LEN(sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	} };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	if (sendmsg(child_sock, &msg, MSG_NOSIGNAL) < 0)
		report_fail(VZ_SYSTEM, "Unable to pass on the terminal");
}

void report_fail(enum vz_exit code, const char *fmt, ...)
{
	struct report report = { .code = code, .error = errno };
	va_list args;

	va_start(args, fmt);
	vsnprintf(report.text, sizeof(report.text), fmt, args);
	va_end(args);
	tell(&report);
	_exit(1);
}

int report_go(int sock)
{
	return send(sock, "", 1, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The length of a message, 0 at the end, -errno. */
static ssize_t receive(int sock, struct report *report, int *fd)
{
	struct iovec iov = { .iov_base = report, .iov_len = sizeof(*report) };
	union control control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = fd ? sizeof(control.space) : 0,
	};
	ssize_t len = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	struct cmsghdr *head = len > 0 && fd ? CMSG_FIRSTHDR(&msg) : NULL;

	if (head && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(head), sizeof(*fd));
	return len < 0 ? -errno : len;
}

static int print(const struct report *report)
{
	int len = strnlen(report->text, sizeof(report->text));

	if (report->error)
		return vz_err(report->code, "%.*s: %s", len, report->text, strerror(report->error));
	return vz_err(report->code, "%.*s", len, report->text);
}

/* Waits until there is something to read: 0, or what else ended the wait. */
static int await(int sock, long end)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };

	while (now_ms() <= end) {
		if (poll(&p, 1, 1000) > 0)
			return 0;
		if (vz_cancelled)
			return vz_err(VZ_SYSTEM, "Cancelled");
	}
	return vz_err(VZ_TIMEOUT, "The container does not let its new process run");
}

int report_wait(int sock, int seconds, int *fd)
{
	long end = now_ms() + seconds * 1000L;
	int ret;
	struct report report;
	bool ready = false;
	ssize_t len;

	for (;;) {
		ret = await(sock, end);
		if (ret)
			return ret;
		len = receive(sock, &report, fd);
		if (len == -EINTR)
			continue;
		/* A child that dies with something unread resets the connection. */
		if (len <= 0 && ready)
			return 0;
		if (len <= 0)
			return vz_err(VZ_NOENV, "The new process was killed before it ran its program");
		if (len != sizeof(report) || report.code > 0)
			return print(&report);
		if (report.code == READY)
			ready = true;
	}
}
