// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#include "cg.h"
#include "worker.h"

void *worker_shared;
int worker_channel;

struct order {
	worker_fn fn;
	long a;
	long b;
};

long sys(long result)
{
	return result < 0 ? -errno : result;
}

pid_t fork_into(const char *cgroup)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
	};
	int fd = cg_open(cgroup);
	long pid;

	if (fd < 0)
		return fd;
	args.cgroup = fd;
	pid = sys(syscall(SYS_clone3, &args, sizeof(args)));
	close(fd);
	return pid;
}

/* Behind what tests may write to. */
static long *result_of(void *shared)
{
	return shared + WORKER_SHARED;
}

/*
 * The answer takes a way on which nothing has to be allocated: a worker may have
 * been told to use up all that it may have.
 */
static void work(int fd, int done)
{
	struct order o;

	prctl(PR_SET_NAME, WORKER_COMM);
	/* Whatever happens to the test, nobody is left behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	eventfd_write(done, 1);
	while (recv(fd, &o, sizeof(o), 0) == sizeof(o)) {
		*result_of(worker_shared) = o.fn(o.a, o.b);
		eventfd_write(done, 1);
	}
	_exit(0);
}

/* 0, or the -errno with which it could not be started. */
int worker_start(struct worker *w, const char *cgroup)
{
	int fds[2], channel[2];

	memset(w, 0, sizeof(*w));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel))
		return -errno;
	w->fd = fds[0];
	w->channel = channel[0];
	w->done = eventfd(0, EFD_CLOEXEC);
	w->shared = mmap(NULL, WORKER_SHARED + sizeof(long), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	w->pid = fork_into(cgroup);
	if (!w->pid) {
		close(fds[0]);
		close(channel[0]);
		worker_shared = w->shared;
		worker_channel = channel[1];
		work(fds[1], w->done);
	}
	close(fds[1]);
	close(channel[1]);
	if (w->pid < 0)
		return w->pid;
	/* Until it has closed what is not its own. */
	return worker_end(w);
}

void worker_begin(struct worker *w, worker_fn fn, long a, long b)
{
	struct order o = { .fn = fn, .a = a, .b = b };

	send(w->fd, &o, sizeof(o), MSG_NOSIGNAL);
}

/* -EPIPE: it died over it. */
long worker_end(struct worker *w)
{
	struct pollfd wait[] = {
		{ .fd = w->done, .events = POLLIN },
		{ .fd = w->fd },
	};
	eventfd_t n;

	while (poll(wait, 2, -1) < 0)
		if (errno != EINTR)
			return -errno;
	if (!(wait[0].revents & POLLIN) || eventfd_read(w->done, &n))
		return -EPIPE;
	return *result_of(w->shared);
}

long worker_do(struct worker *w, worker_fn fn, long a, long b)
{
	worker_begin(w, fn, a, b);
	return worker_end(w);
}

/* Once it returns the task is reaped. A second time does no harm. */
void worker_stop(struct worker *w)
{
	if (!w->shared)
		return;
	/* Workers that started later have inherited our end: closing is not enough. */
	shutdown(w->fd, SHUT_RDWR);
	close(w->fd);
	close(w->channel);
	close(w->done);
	if (w->pid > 0)
		waitpid(w->pid, NULL, 0);
	munmap(w->shared, WORKER_SHARED + sizeof(long));
	memset(w, 0, sizeof(*w));
}

struct envelope {
	struct msghdr msg;
	struct iovec iov;
	char byte;
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
};

static struct cmsghdr *envelope(struct envelope *e)
{
	memset(e, 0, sizeof(*e));
	e->iov.iov_base = &e->byte;
	e->iov.iov_len = 1;
	e->msg.msg_iov = &e->iov;
	e->msg.msg_iovlen = 1;
	e->msg.msg_control = e->control.buf;
	e->msg.msg_controllen = sizeof(e->control.buf);
	return CMSG_FIRSTHDR(&e->msg);
}

int fd_send(int socket, int fd)
{
	struct envelope e;
	struct cmsghdr *c = envelope(&e);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(socket, &e.msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int fd_receive(int socket)
{
	struct envelope e;
	struct cmsghdr *c;
	int fd;

	envelope(&e);
	if (recvmsg(socket, &e.msg, MSG_CMSG_CLOEXEC) < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&e.msg);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return -ENOMSG;
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}
