/* SPDX-License-Identifier: GPL-2.0 */
/* What not even root may do in a container. */
#ifndef _VZ_CAPS_H
#define _VZ_CAPS_H

/*
 * For good, for this process and all that come from it. Takes effect when a
 * program is executed. 0 or -errno.
 */
int caps_drop(void);

#endif /* _VZ_CAPS_H */
