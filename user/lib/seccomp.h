/* SPDX-License-Identifier: GPL-2.0 */
/* System calls that are not for containers. */
#ifndef _VZ_SECCOMP_H
#define _VZ_SECCOMP_H

/*
 * For this process and all that come from it: such a call answers EPERM. To be
 * done by root of the user namespace, so that set-uid programs go on working.
 * 0 or -errno.
 */
int seccomp_apply(void);

#endif /* _VZ_SECCOMP_H */
