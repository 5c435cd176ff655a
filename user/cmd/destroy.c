// SPDX-License-Identifier: GPL-2.0
/*
 * vzctl destroy: the private area moves out of the way at once, and goes away
 * in the background; the configuration is kept aside.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "lib/fd.h"
#include "lib/files.h"
#include "lib/lock.h"
#include "lib/names.h"
#include "lib/run.h"
#include "options.h"

static int check_state(const struct ct *ct)
{
	int running = ct_running(ct, NULL);

	if (running < 0)
		return vz_err(VZ_SYSTEM, "Error: cannot tell whether the container runs: %s",
			      strerror(-running));
	if (running)
		return vz_err(VZ_RUNNING, "Container is currently running. Stop it first.");
	if (ct_mounted(ct))
		return vz_err(VZ_MOUNTED, "Container is currently mounted (umount first)");
	return 0;
}

/* vztmp at the top of the file system: what is moved there stays on it. */
static int make_trash(const char *private, char *trash, size_t size)
{
	char top[PATH_MAX], parent[PATH_MAX];
	struct stat st, above;

	snprintf(parent, sizeof(parent), "%s", private);
	snprintf(top, sizeof(top), "%s", dirname(parent));
	if (stat(top, &st) < 0)
		return -errno;
	while (strcmp(top, "/")) {
		snprintf(parent, sizeof(parent), "%s", top);
		if (stat(dirname(parent), &above) < 0)
			return -errno;
		if (above.st_dev != st.st_dev)
			break;
		memmove(top, parent, strlen(parent) + 1);
	}

	if (snprintf(trash, size, "%s/vztmp", strcmp(top, "/") ? top : "") >= (int)size)
		return -ENAMETOOLONG;
	if (mkdir(trash, 0700) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

/* Whoever waits for our output is not to wait for this. */
static void remove_in_background(const char *doomed, const char *trash)
{
	pid_t pid = fork();
	int null;

	if (pid > 0)
		return;
	if (!pid) {
		setsid();
		null = open("/dev/null", O_RDWR);
		for (int fd = 0; fd <= STDERR_FILENO; fd++)
			dup2(null, fd);
		if (null > STDERR_FILENO)
			close(null);
	}
	remove_tree(doomed);
	rmdir(trash);	/* unless something else is still in there */
	if (!pid)
		_exit(0);
}

/* The trash may go from under us when another container's has been emptied. */
static int make_doomed(const char *private, char *trash, char *doomed, size_t size)
{
	int ret = -ENOENT;

	for (int try = 0; try < 3 && ret == -ENOENT; try++) {
		ret = make_trash(private, trash, PATH_MAX);
		if (ret)
			return ret;
		snprintf(doomed, size, "%s/vzctl-rm-me.XXXXXX", trash);
		ret = mkdtemp(doomed) ? 0 : -errno;
	}
	return ret;
}

static int destroy_private(const struct ct *ct)
{
	char trash[PATH_MAX], doomed[PATH_MAX + 32];
	struct stat st;
	int ret;

	if (lstat(ct->private, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISLNK(st.st_mode))
		return unlink(ct->private) < 0 ? -errno : 0;

	ret = make_doomed(ct->private, trash, doomed, sizeof(doomed));
	if (ret)
		return ret;
	if (rename(ct->private, doomed) < 0) {
		ret = -errno;
		rmdir(doomed);
		return ret;
	}
	remove_in_background(doomed, trash);
	return 0;
}

static void keep_aside(const struct ct *ct, const char *kind)
{
	char from[PATH_MAX], to[PATH_MAX + 16];

	snprintf(from, sizeof(from), "%s/conf/%u.%s", vz_confdir(), ct->id, kind);
	snprintf(to, sizeof(to), "%s.destroyed", from);
	if (rename(from, to) < 0 && errno != ENOENT)
		vz_log(-1, "Warning: cannot rename %s: %s", from, strerror(errno));
}

static void destroy_conf(const struct ct *ct)
{
	char dump[PATH_MAX];

	for (const char *const *kind = ct_file_kinds; *kind; kind++)
		keep_aside(ct, *kind);
	if (*ct->name) {
		int auto_fd lock = lock_all();

		name_unlink(ct->name, ct->id);
	}
	/* What it remembered makes no sense to another one of its number. */
	if (!ct_dump_file(ct, dump, sizeof(dump)))
		unlink(dump);
}

int cmd_destroy(struct ct *ct, int argc, char **argv)
{
	int ret = no_options(argc, argv);

	if (!ret)
		ret = check_state(ct);
	if (ret)
		return ret;

	vz_log(0, "Destroying container private area: %s", ct->private);
	ret = destroy_private(ct);
	if (ret)
		return vz_err(VZ_RMPRIVATE, "Error: cannot remove %s: %s", ct->private,
			      strerror(-ret));
	destroy_conf(ct);
	rmdir(ct->root);
	vz_log(0, "Container private area was destroyed");
	return VZ_OK;
}
