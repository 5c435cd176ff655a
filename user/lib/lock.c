// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "files.h"
#include "lock.h"
#include "log.h"

#define TRIES	3

volatile sig_atomic_t vz_cancelled;

static void on_cancel(int sig)
{
	static const char text[] = "Cancelling...\n";

	(void)sig;
	if (!vz_cancelled && write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		return;
	vz_cancelled = 1;
}

/* That nobody reads what we say is no reason to stop half-way. */
static void on_pipe(int sig)
{
	(void)sig;
}

/* Without SA_RESTART: whoever waits is to notice. */
void catch_cancel(void)
{
	struct sigaction cancel = { .sa_handler = on_cancel };
	/* Not ignored: the programs that we run would go on ignoring it. */
	struct sigaction pipe = { .sa_handler = on_pipe };

	sigaction(SIGINT, &cancel, NULL);
	sigaction(SIGTERM, &cancel, NULL);
	sigaction(SIGPIPE, &pipe, NULL);
}

/* Who holds the lock; 0 when the file does not say. */
static pid_t holder(int dir, const char *name)
{
	char text[32];
	ssize_t len;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	return atoi(text);
}

static bool is_alive(pid_t pid)
{
	return pid > 0 && (!kill(pid, 0) || errno == EPERM);
}

static void tell_holder(pid_t pid)
{
	char path[64], cmdline[256];
	ssize_t len = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, cmdline, sizeof(cmdline) - 1);
		close(fd);
	}
	cmdline[len > 0 ? len : 0] = '\0';
	for (ssize_t i = 0; i + 1 < len; i++)
		if (!cmdline[i])
			cmdline[i] = ' ';
	vz_log(-1, "Locked by: pid %d, cmdline %s", pid, cmdline);
}

/* The file appears with its content: a reader never sees half of it. */
static int link_lock(int dir, const char *name)
{
	char tmp[64];
	int fd, ret = 0;

	snprintf(tmp, sizeof(tmp), ".%s.%d", name, getpid());
	unlinkat(dir, tmp, 0);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%d\nlocked\n", getpid()) < 0 || linkat(dir, tmp, dir, name, 0) < 0)
		ret = -errno;
	close(fd);
	unlinkat(dir, tmp, 0);
	return ret;
}

static int take(int dir, const char *name)
{
	for (int try = 0; try < TRIES; try++) {
		int ret = link_lock(dir, name);
		pid_t pid;

		if (ret != -EEXIST)
			return ret;
		pid = holder(dir, name);
		if (is_alive(pid)) {
			tell_holder(pid);
			return -EEXIST;
		}
		vz_log(0, "Removing stale lock file %s", name);
		unlinkat(dir, name, 0);
	}
	return -EEXIST;
}

static int open_lockdir(void)
{
	const char *path = conf_get(conf_global(), "LOCKDIR");

	make_dirs(path, 0700);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int lock_ct(unsigned int id)
{
	const char *path = conf_get(conf_global(), "LOCKDIR");
	char name[32];
	int dir, ret;

	if (!path || !*path)
		return vz_err(VZ_NOLOCKDIR, "Error: LOCKDIR is not set in vz.conf");
	dir = open_lockdir();
	if (dir < 0)
		return vz_err(VZ_SYSTEM, "Error: cannot open %s: %s", path, strerror(errno));

	/* One at a time, or two would each remove a stale lock: the second a fresh one. */
	flock(dir, LOCK_EX);
	snprintf(name, sizeof(name), "%u.lck", id);
	ret = take(dir, name);
	close(dir);

	if (ret == -EEXIST)
		return vz_err(VZ_LOCKED, "Container already locked");
	if (ret)
		return vz_err(VZ_SYSTEM, "Error: cannot make %s/%s: %s", path, name,
			      strerror(-ret));
	return 0;
}

void unlock_ct(unsigned int id)
{
	char name[32];
	int dir = open_lockdir();

	if (dir < 0)
		return;
	snprintf(name, sizeof(name), "%u.lck", id);
	if (holder(dir, name) == getpid())
		unlinkat(dir, name, 0);
	close(dir);
}
