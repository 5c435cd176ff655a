/* SPDX-License-Identifier: GPL-2.0 */
/* Cgroups, by their path from the root of the v2 hierarchy: "/name". */
#ifndef SELFTESTS_CG_H
#define SELFTESTS_CG_H

#include <sys/types.h>

#define CG_ROOT "/sys/fs/cgroup"

int cg_make(const char *cgroup);
int cg_remove(const char *cgroup);
int cg_open(const char *cgroup);
int cg_write(const char *cgroup, const char *file, const char *text);
/* A number in a file of one line, or after a name in one of many; -1 for "max". */
long cg_read(const char *cgroup, const char *file, const char *name);
int cg_enter(const char *cgroup, pid_t pid);

#endif
