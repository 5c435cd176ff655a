// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
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
#include "fd.h"
#include "files.h"
#include "lock.h"
#include "log.h"

#define TRIES	3

/*
 * A lock file has the pid of its holder and a word. Others who make such files go
 * by the pid alone, which may be another process's by now: ours is locked as well,
 * and says so in a third line.
 */
#define WORD		"locked\n"
#define OURS		"flock\n"

/* Our lock file, as long as we hold it */
static int held = -1;

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

/* Whom the file names; 0 when it does not say. */
static pid_t read_lock(int fd, bool *ours)
{
	char text[32] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return 0;
	*ours = strstr(text, "\n" WORD OURS);
	return atoi(text);
}

/* Who holds the lock; 0 when nobody does any more. */
static pid_t holder(int dir, const char *name)
{
	int auto_fd fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool ours = false;
	pid_t pid = read_lock(fd, &ours);

	if (pid <= 0)
		return 0;
	if (ours)
		return flock(fd, LOCK_SH | LOCK_NB) ? pid : 0;
	return !kill(pid, 0) || errno == EPERM ? pid : 0;
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
	if (len > 0 && !cmdline[len - 1])
		len--;
	/* Anybody's, and on its way to the admin's terminal. */
	for (ssize_t i = 0; i < len; i++)
		if (!isprint((unsigned char)cmdline[i]))
			cmdline[i] = cmdline[i] ? '?' : ' ';
	vz_log(-1, "Locked by: pid %d, cmdline %s", pid, cmdline);
}

/* The file appears with its content: a reader never sees half of it. */
static int link_lock(int dir, const char *name)
{
	char tmp[64];
	int auto_fd fd = -1;
	int ret = 0;

	snprintf(tmp, sizeof(tmp), ".%s.%d", name, getpid());
	unlinkat(dir, tmp, 0);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%d\n" WORD "%s", getpid(), flock(fd, LOCK_EX) ? "" : OURS) < 0 ||
	    linkat(dir, tmp, dir, name, 0) < 0)
		ret = -errno;
	unlinkat(dir, tmp, 0);
	if (!ret) {
		held = fd;
		fd = -1;
	}
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
		if (pid) {
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
	const char *path = conf_get(conf_global(), "LOCKDIR") ?: "";

	make_dirs(path, 0700);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int lock_all(void)
{
	int dir = open_lockdir();

	while (dir >= 0 && flock(dir, LOCK_EX) && errno == EINTR)
		;
	return dir;
}

int lock_ct(unsigned int id)
{
	const char *path = conf_get(conf_global(), "LOCKDIR");
	char name[32];
	int dir, ret;

	if (!path || !*path)
		return vz_err(VZ_NOLOCKDIR, "Error: LOCKDIR is not set in vz.conf");
	/* One at a time, or two would each remove a stale lock: the second a fresh one. */
	dir = lock_all();
	if (dir < 0)
		return vz_err(VZ_SYSTEM, "Error: cannot open %s: %s", path, strerror(errno));

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
	if (held >= 0 && holder(dir, name) == getpid())
		unlinkat(dir, name, 0);
	fd_close(&held);
	close(dir);
}
