// SPDX-License-Identifier: GPL-2.0
#include <stddef.h>

#include <linux/audit.h>

#include "syscall.h"
#include "syscalls.h"	/* generated */

#define NR(names)	((int)(sizeof(names) / sizeof(*(names))))

const char *syscall_name(unsigned int arch, int nr)
{
	if (nr < 0)
		return NULL;
	if (arch == AUDIT_ARCH_I386)
		return nr < NR(names_32) ? names_32[nr] : NULL;
	return nr < NR(names_64) ? names_64[nr] : NULL;
}
