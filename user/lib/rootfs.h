/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file system of a container.
 *
 * VE_ROOT is a place on the host and can be trusted. What lies below it can
 * not: it is the container's, which may have put symbolic links where
 * directories are expected. Nothing below it is ever named by a path that the
 * kernel would follow out of it.
 */
#ifndef _VZ_ROOTFS_H
#define _VZ_ROOTFS_H

#include <stdbool.h>

/* The private area appears on VE_ROOT. 0 or -errno. */
int rootfs_mount(const char *private, const char *root);
/* With all that is mounted below it. */
int rootfs_umount(const char *root);
bool rootfs_mounted(const char *root);

/*
 * A copy of what is mounted on VE_ROOT, for one container only: a detached
 * mount or -errno.
 */
int rootfs_clone(const char *root);
/* Its files belong to the ids of a user namespace. 0 or -errno. */
int rootfs_shift(int tree, int userns);
/*
 * Put it on VE_ROOT, in a mount namespace of ours alone, and go there: 0 or -errno.
 * Who is made next, in a user namespace of its own, may not change what it finds.
 */
int rootfs_attach(int tree, const char *root);

/*
 * In the container, which is what these change. They return when all went well,
 * and otherwise end the process with a report. The tree is rootfs_take()'s: a copy
 * of where we are. devs is what devs_create() made.
 */
int rootfs_take(void);
void rootfs_assemble(int tree, int devs);
void rootfs_enter(int tree);

#endif /* _VZ_ROOTFS_H */
