/* SPDX-License-Identifier: GPL-2.0 */
/* The devices that containers have: the few that everybody may use. */
#ifndef _VZ_DEVS_H
#define _VZ_DEVS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * A file system for /dev, made on the host because a container may not make
 * nodes: a detached mount, or -errno.
 */
int devs_create(uid_t owner);
/* What else belongs there, made by the container itself. 0 or -errno. */
int devs_complete(int dir);

/*
 * Whoever is below this cgroup may open and make these devices and no others,
 * whatever nodes there are in its file system. 0 or -errno.
 */
int devs_guard(int cgroup);
bool devs_guarded(int cgroup);

#endif /* _VZ_DEVS_H */
