/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tasks of a cgroup hold, counted without asking the module: from
 * /proc, by kcmp() and by sock_diag. To be held against what it has charged.
 *
 * Two things this cannot know. Who made a thing: what came in from outside is
 * counted though its maker pays, and what went out is not. And what has no name
 * in /proc: files in flight in sockets, files that only the kernel holds.
 * Some rows are estimates in themselves and are marked so.
 */
#ifndef _VZ_AUDIT_H
#define _VZ_AUDIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/param.h"

enum audit_worth {
	AUDIT_NONE,		/* nobody counted it */
	AUDIT_ABOUT,		/* a good guess */
	AUDIT_EXACT,		/* while nothing moves */
};

struct audit_row {
	enum audit_worth worth;
	uint64_t held;
	char note[80];		/* what is to be known about it, or "" */
};

struct audit {
	struct audit_row row[UB_NR];
};

/*
 * Look at a cgroup and all below it: a path from the root of cgroup v2, which is
 * an open directory. 0 or -errno. Needs root, and the host's pid namespace.
 */
int audit_look(struct audit *audit, int root, const char *cgroup);

/*
 * For the families among one another.
 */

/* A process with descriptors of its own: a thread of it that is alive */
struct audit_proc {
	pid_t pid;
	uint64_t lineage;	/* the same in those that share an exec() */
	bool same_vm;		/* its memory is that of another in the list */
};

/* A descriptor; sorted so that those of one open file follow one another */
struct audit_fd {
	pid_t pid;
	int fd;
	dev_t dev;
	ino_t ino;
	mode_t mode;
	dev_t rdev;
	uint64_t lineage;
	bool again;		/* the same open file as the one before */
};

struct audit_scene {
	int root;
	const char *cgroup;
	size_t nr_tasks;	/* zombies included */
	size_t nr_procs;
	struct audit_proc *proc;
	size_t nr_fds;
	struct audit_fd *fd;
	pid_t init;		/* the first of proc: for its namespaces */
};

void audit_set(struct audit *audit, enum stockvz_resource res, enum audit_worth worth,
	       uint64_t held, const char *note);
/* Room for one more; false without memory */
bool audit_grow(void *array, size_t nr, size_t size);

int audit_tasks(struct audit_scene *scene, struct audit *audit);
int audit_files(struct audit_scene *scene, struct audit *audit);
void audit_locks(const struct audit_scene *scene, struct audit *audit);
void audit_ptys(const struct audit_scene *scene, struct audit *audit);
void audit_signals(const struct audit_scene *scene, struct audit *audit);
void audit_memory(const struct audit_scene *scene, struct audit *audit);
void audit_shm(const struct audit_scene *scene, struct audit *audit);
void audit_sockets(const struct audit_scene *scene, struct audit *audit);

/* A line "name: number" of /proc/PID/status, or 0 */
uint64_t audit_status(pid_t pid, const char *name);
/* Is the process in another namespace of this kind than we are? */
bool audit_own_ns(pid_t pid, const char *kind);
/* The segments of a process's IPC namespace, and their pages */
int audit_segments(pid_t pid, uint64_t *nr, uint64_t *pages);

#endif /* _VZ_AUDIT_H */
