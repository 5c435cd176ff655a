/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STOCKVZ_COMPAT_SHMEM_H
#define STOCKVZ_COMPAT_SHMEM_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
/* A page that is refused with ENOSPC is asked for once more. */
#define COMPAT_SHMEM_ASKS_TWICE 1

#define COMPAT_SHMEM_ADD						\
	"int (struct folio *, struct address_space *, long unsigned int, " \
	"void *, gfp_t, struct mm_struct *)"
#else
#define COMPAT_SHMEM_ASKS_TWICE 0

#define COMPAT_SHMEM_ADD						\
	"int (struct folio *, struct address_space *, long unsigned int, " \
	"void *, gfp_t)"
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define COMPAT_SHMEM_RECALC "void (struct inode *)"
#else
/* 6.6 lets it change the sums itself. */
#define COMPAT_SHMEM_RECALC "void (struct inode *, long int, long int)"
#endif

#endif
