/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The cgroup of a container: <cgroup2>/vz/<CTID>, the one place that tells
 * whether it runs. Everything below it belongs to the container, and so do
 * the files in it that the kernel lists as fit for delegation.
 *
 * Functions return 0, a descriptor or a count, or -errno.
 */
#ifndef _VZ_CGROUP_H
#define _VZ_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Where cgroup v2 is mounted: a descriptor that stays open. -EOPNOTSUPP when
 * the host runs on cgroup v1, or on both.
 */
int cg_root(void);
/* Where the containers' are, from there */
#define CG_PARENT "/vz"

/* Its path from the root of cgroup v2: what the kernel wants to hear. */
void cg_path(unsigned int id, char *buf, size_t size);
/* Is this path, from the root, the containers' common one or below it? */
bool cg_is_ours(const char *path);
/*
 * The path from the root of cgroup v2, of one that is given so or as a directory. It need
 * not exist. -EINVAL
 */
int cg_given(const char *text, char *path, size_t size);

/* Make the cgroup and give it to owner. A descriptor; -EEXIST. */
int cg_create(unsigned int id, uid_t owner);
/* -ENOENT when there is none */
int cg_open(unsigned int id);
/* Remove it with all that the container has made below it. It must be empty. */
int cg_remove(unsigned int id);

/* 1 when processes live in it or below, else 0 */
int cg_populated(int dir);
/* -ETIMEDOUT; -EINTR when the command was cancelled; for ever when ms < 0 */
int cg_wait_empty(int dir, int ms);
int cg_kill(int dir);
/* Have all of them stand still, or go on. -ETIMEDOUT: they do not, and go on. */
int cg_freeze(int dir, bool frozen);

/* A cgroup for programs that come in from outside: a descriptor */
int cg_visitors(int dir, uid_t owner);

/*
 * What containers are guaranteed their common parent has to be guaranteed, too, or it
 * counts for nothing. To be called when one comes or goes, or is promised something else.
 */
void cg_guarantee(void);

/*
 * The init of the container in this cgroup: its pid as the host numbers it and
 * a pidfd in *pidfd. -ESRCH when there is none.
 */
pid_t cg_init(int dir, int *pidfd);

#endif /* _VZ_CGROUP_H */
