// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sock_diag.h>

#include "fds.h"
#include "worker.h"

int fds[FDS_MAX];
int nr_fds;

long keep_at(long fd)
{
	if (fd < 0)
		return -errno;
	fds[nr_fds] = fd;
	return nr_fds++;
}

long keep(long fd)
{
	long at = keep_at(fd);

	return at < 0 ? at : 0;
}

long drop_one(long a, long b)
{
	return sys(close(fds[--nr_fds]));
}

long drop_all(long a, long b)
{
	while (nr_fds)
		close(fds[--nr_fds]);
	return 0;
}

long drop_at(long at, long b)
{
	return sys(close(fds[at]));
}

long give(long at, long b)
{
	return fd_send(worker_channel, fds[at]);
}

long take(long a, long b)
{
	long fd = fd_receive(worker_channel);

	return fd < 0 ? fd : keep_at(fd);
}

long meminfo(long at, long what)
{
	unsigned int info[SK_MEMINFO_VARS];
	socklen_t len = sizeof(info);

	if (getsockopt(fds[at], SOL_SOCKET, SO_MEMINFO, info, &len))
		return -errno;
	return info[what];
}
