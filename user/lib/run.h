/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The life of a container: mounted, started, stopped, and what it is doing now.
 *
 * What changes something expects the caller to hold the container's lock. Exit
 * codes are those of err.h, their message printed.
 */
#ifndef _VZ_RUN_H
#define _VZ_RUN_H

#include <stdbool.h>
#include <sys/types.h>

#include "ct.h"
#include "exec.h"
#include "share.h"
#include "ubnl.h"

/*
 * 1 when any process lives in the container, 0 when none does, -errno when that
 * cannot be told. *init, unless init is NULL, becomes the pid of its init as
 * the host numbers it, or 0.
 */
int ct_running(const struct ct *ct, pid_t *init);
/* Where its saved memory would be: 0 or -ENOENT. */
int ct_dump_file(const struct ct *ct, char *path, size_t size);
/* Is there such a file? Of OpenVZ: there is nothing here that makes one. */
bool ct_suspended(const struct ct *ct);
/* Is anything mounted on VE_ROOT? */
bool ct_mounted(const struct ct *ct);

/* 0 or exit code. The container must be down. */
int ct_start(struct ct *ct, bool wait);
/*
 * 0 or exit code; fast: without asking init. Of a container that is down
 * already, it clears away what is left.
 */
int ct_stop(struct ct *ct, bool fast);
/* The same, and it stays mounted. */
int ct_halt(struct ct *ct, bool fast);

/* Put into force what it sets: 0 or exit code. */
int ct_set_share(struct ct *ct, struct ubnl *nl, const struct share *share);

/* 0 or exit code. Both are silent successes when there is nothing to do. */
int ct_mount(struct ct *ct);
int ct_umount(struct ct *ct);

#endif /* _VZ_RUN_H */
