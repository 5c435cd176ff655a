// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cg.h"

int cg_make(const char *cgroup)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), CG_ROOT "%s", cgroup);
	return mkdir(path, 0755) ? -errno : 0;
}

/* Whoever is left in it is killed. The kernel needs a moment for that. */
int cg_remove(const char *cgroup)
{
	char path[PATH_MAX];
	int tries;

	snprintf(path, sizeof(path), CG_ROOT "%s", cgroup);
	if (access(path, F_OK))
		return 0;
	for (tries = 0; tries < 500; tries++) {
		if (!rmdir(path))
			return 0;
		if (errno != EBUSY)
			break;
		cg_write(cgroup, "cgroup.kill", "1");
		usleep(10000);
	}
	return -errno;
}

int cg_open(const char *cgroup)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), CG_ROOT "%s", cgroup);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int cg_write(const char *cgroup, const char *file, const char *text)
{
	char path[PATH_MAX];
	int err = 0, fd;

	snprintf(path, sizeof(path), CG_ROOT "%s/%s", cgroup, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

long cg_read(const char *cgroup, const char *file, const char *name)
{
	char path[PATH_MAX], line[256];
	size_t len = strlen(name);
	long value = -ENOENT;
	FILE *f;

	snprintf(path, sizeof(path), CG_ROOT "%s/%s", cgroup, file);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (value == -ENOENT && fgets(line, sizeof(line), f)) {
		if (!len)
			value = strncmp(line, "max", 3) ? atol(line) : -1;
		else if (!strncmp(line, name, len) && line[len] == ' ')
			value = atol(line + len);
	}
	fclose(f);
	return value;
}

int cg_enter(const char *cgroup, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return cg_write(cgroup, "cgroup.procs", text);
}
