/* SPDX-License-Identifier: GPL-2.0 */
/* The user namespace of a container: whose ids its own are on the host. */
#ifndef _VZ_USERNS_H
#define _VZ_USERNS_H

#include <sys/types.h>

/* Give the 65536 ids from base to the user namespace of a process. 0 or -errno. */
int userns_map(pid_t pid, unsigned int base);
/* One of the same ids that nobody lives in: a descriptor, or -errno. */
int userns_make(unsigned int base);

/*
 * From within: become its root, with a session keyring of our own instead of
 * the one of the admin on whose behalf we are here. Not dumpable from then on,
 * until a program is executed. 0 or -errno.
 */
int userns_become_root(void);

/*
 * Some resource limits of whoever makes a user namespace bound all that live
 * in it together, and are counted with those of every other container:
 * userns_lift_limits() before it is made, userns_lower_limits() in whoever goes
 * to live there. What else it would inherit of us, whom the kernel prefers to
 * run or to kill, is as on a machine of its own from the former on.
 */
void userns_lift_limits(void);
int userns_lower_limits(void);

#endif /* _VZ_USERNS_H */
