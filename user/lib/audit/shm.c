// SPDX-License-Identifier: GPL-2.0
/*
 * shmpages: System V segments, of the IPC namespace that the container has to
 * itself. Shared anonymous memory and tmpfs belong to the row as well; the
 * memory controller counts the pages of all of these that exist.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "lib/fd.h"

static int enter_ipc(pid_t pid)
{
	char path[40];
	int auto_fd ns = -1;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/ns/ipc", pid);
	else
		snprintf(path, sizeof(path), "/proc/self/ns/ipc");
	ns = open(path, O_RDONLY | O_CLOEXEC);
	return ns < 0 || setns(ns, CLONE_NEWIPC) ? -errno : 0;
}

int audit_segments(pid_t pid, uint64_t *nr, uint64_t *pages)
{
	uint64_t page = sysconf(_SC_PAGESIZE);
	int auto_fd home = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
	char *line = NULL;
	size_t size = 0;
	FILE *file;
	int ret;

	*nr = 0;
	*pages = 0;
	if (home < 0)
		return -errno;
	ret = enter_ipc(pid);
	if (ret)
		return ret;
	file = fopen("/proc/sysvipc/shm", "re");
	while (file && getline(&line, &size, file) > 0) {
		unsigned long long bytes;

		/* The first line has the names: key, shmid, perms, size. */
		if (sscanf(line, "%*d %*d %*o %llu", &bytes) != 1)
			continue;
		++*nr;
		*pages += (bytes + page - 1) / page;
	}
	if (file)
		fclose(file);
	free(line);
	return setns(home, CLONE_NEWIPC) ? -errno : 0;
}

/* Bytes of shmem, as the memory controller has them */
static uint64_t shmem(int root, const char *cgroup)
{
	char path[PATH_MAX], text[8192];
	const char *at;

	snprintf(path, sizeof(path), ".%s/memory.stat", cgroup);
	if (file_read_at(root, path, text, sizeof(text)) < 0)
		return 0;
	at = strstr(text, "\nshmem ");
	return at ? strtoull(at + 7, NULL, 10) : 0;
}

void audit_shm(const struct audit_scene *scene, struct audit *audit)
{
	uint64_t nr, pages = 0, there = shmem(scene->root, scene->cgroup) / sysconf(_SC_PAGESIZE);

	if (scene->init && audit_own_ns(scene->init, "ipc"))
		audit_segments(scene->init, &nr, &pages);
	/* What exists of a segment is in both numbers. */
	audit_set(audit, STOCKVZ_RES_SHMPAGES, AUDIT_ABOUT, pages > there ? pages : there,
		  "segments whole, or all shared memory that is there");
}
