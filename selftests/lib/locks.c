// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "fds.h"
#include "locks.h"
#include "worker.h"

const char *lock_file(long file)
{
	static char name[64];

	snprintf(name, sizeof(name), "/vz/numflock.%ld", file);
	return name;
}

long open_file(long file, long b)
{
	return keep_at(open(lock_file(file), O_RDWR | O_CREAT, 0600));
}

long open_to_read(long file, long b)
{
	return keep_at(open(lock_file(file), O_RDONLY | O_CREAT, 0600));
}

long do_flock(long at, long op)
{
	return sys(flock(fds[at], op));
}

static long lock_range(long at, int cmd, long range)
{
	struct flock l = {
		.l_type = range & 0xff,
		.l_whence = SEEK_SET,
		.l_start = range >> 8 & 0xffffff,
		.l_len = range >> 32,
	};

	return sys(fcntl(fds[at], cmd, &l));
}

long posix(long at, long range)
{
	return lock_range(at, F_SETLK, range);
}

long posix_wait(long at, long range)
{
	return lock_range(at, F_SETLKW, range);
}

long ofd(long at, long range)
{
	return lock_range(at, F_OFD_SETLK, range);
}

static void wake(int sig)
{
}

long catch_signals(long a, long b)
{
	struct sigaction sa = { .sa_handler = wake };

	return sys(sigaction(SIGUSR1, &sa, NULL));
}

/* Those that wait have an arrow. */
static long count(long file, bool waiting)
{
	char line[256], inode[32];
	struct stat st;
	long n = 0;
	FILE *f;

	if (stat(lock_file(file), &st))
		return 0;
	snprintf(inode, sizeof(inode), ":%lu ", (unsigned long)st.st_ino);
	f = fopen("/proc/locks", "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		n += strstr(line, inode) && !!strstr(line, "->") == waiting;
	fclose(f);
	return n;
}

long locks_of(long file)
{
	return count(file, false);
}

bool is_waited_for(long file)
{
	return count(file, true) > 0;
}
