// SPDX-License-Identifier: GPL-2.0
/*
 * numflock: file locks and leases, as /proc/PID/fdinfo lists them with the file
 * through which they were taken. One of POSIX belongs to the process and is
 * shown to that one only; the others belong to the open file and are shown to
 * all who have it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"

/* A line: "lock:\t1: POSIX  ADVISORY  WRITE 123 ..." */
static bool counts(const char *line, bool first, bool first_of_process)
{
	if (strncmp(line, "lock:", 5) || strstr(line, "->"))
		return false;
	return strstr(line, " POSIX ") ? first_of_process : first;
}

static uint64_t locks_of(const struct audit_fd *fd, bool first, bool first_of_process)
{
	char path[64], *line = NULL;
	size_t size = 0;
	uint64_t n = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", fd->pid, fd->fd);
	file = fopen(path, "re");
	while (file && getline(&line, &size, file) > 0)
		n += counts(line, first, first_of_process);
	if (file)
		fclose(file);
	free(line);
	return n;
}

/* Has the process shown us this open file before? */
static bool was_here(const struct audit_scene *scene, size_t i)
{
	pid_t pid = scene->fd[i].pid;

	for (; scene->fd[i].again; i--)
		if (scene->fd[i - 1].pid == pid)
			return true;
	return false;
}

void audit_locks(const struct audit_scene *scene, struct audit *audit)
{
	uint64_t n = 0;

	for (size_t i = 0; i < scene->nr_fds; i++)
		n += locks_of(&scene->fd[i], !scene->fd[i].again, !was_here(scene, i));
	audit_set(audit, STOCKVZ_RES_NUMFLOCK, AUDIT_EXACT, n, "those who wait are not seen");
}
