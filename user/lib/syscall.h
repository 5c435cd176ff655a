/* SPDX-License-Identifier: GPL-2.0 */
/* System calls by name. */
#ifndef _VZ_SYSCALL_H
#define _VZ_SYSCALL_H

/* "openat" for 257 of AUDIT_ARCH_X86_64; NULL for one that is not known */
const char *syscall_name(unsigned int arch, int nr);

#endif /* _VZ_SYSCALL_H */
