// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "audit.h"
#include "lib/fd.h"

void audit_set(struct audit *audit, enum stockvz_resource res, enum audit_worth worth,
	       uint64_t held, const char *note)
{
	struct audit_row *row = &audit->row[res];

	row->worth = worth;
	row->held = held;
	snprintf(row->note, sizeof(row->note), "%s", note ?: "");
}

bool audit_grow(void *array, size_t nr, size_t size)
{
	void **at = array;
	void *grown;

	/* Whenever nr reaches a power of two */
	if (nr & (nr - 1))
		return true;
	grown = realloc(*at, (nr ? 2 * nr : 1) * size);
	if (grown)
		*at = grown;
	return grown;
}

uint64_t audit_status(pid_t pid, const char *name)
{
	char path[40], text[8192];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (file_read_at(-1, path, text, sizeof(text)) < 0)
		return 0;
	at = strstr(text, name);
	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

bool audit_own_ns(pid_t pid, const char *kind)
{
	struct stat ours, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	if (stat(path, &ours))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
	return !stat(path, &theirs) && ours.st_ino != theirs.st_ino;
}

int audit_look(struct audit *audit, int root, const char *cgroup)
{
	struct audit_scene scene = { .root = root, .cgroup = cgroup };
	int ret;

	memset(audit, 0, sizeof(*audit));
	ret = audit_tasks(&scene, audit);
	if (!ret)
		ret = audit_files(&scene, audit);
	if (!ret) {
		audit_locks(&scene, audit);
		audit_ptys(&scene, audit);
		audit_signals(&scene, audit);
		audit_memory(&scene, audit);
		audit_shm(&scene, audit);
		audit_sockets(&scene, audit);
	}
	free(scene.proc);
	free(scene.fd);
	return ret;
}
