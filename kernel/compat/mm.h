/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STOCKVZ_COMPAT_MM_H
#define STOCKVZ_COMPAT_MM_H

#include <linux/mm.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
/* 6.3 put an iterator before the arguments of functions that change a VMA. */
#define COMPAT_VMA_ITERATOR 0

#define COMPAT_MPROTECT_FIXUP						\
	int (struct mmu_gather *, struct vm_area_struct *,		\
	     struct vm_area_struct **, unsigned long, unsigned long,	\
	     unsigned long)

#define COMPAT_MLOCK_FIXUP						\
	"int (struct vm_area_struct *, struct vm_area_struct **, "	\
	"long unsigned int, long unsigned int, vm_flags_t)"
#else
#define COMPAT_VMA_ITERATOR 1

#define COMPAT_MPROTECT_FIXUP						\
	int (struct vma_iterator *, struct mmu_gather *,		\
	     struct vm_area_struct *, struct vm_area_struct **,		\
	     unsigned long, unsigned long, unsigned long)

#define COMPAT_MLOCK_FIXUP						\
	"int (struct vma_iterator *, struct vm_area_struct *, "		\
	"struct vm_area_struct **, long unsigned int, long unsigned int, " \
	"vm_flags_t)"
#endif

/* A stack of return addresses, which counts as a stack: 6.6. */
#ifndef VM_SHADOW_STACK
#define VM_SHADOW_STACK VM_NONE
#endif

/* Memory that may be dropped, which nobody can lock: 6.11. */
#ifndef VM_DROPPABLE
#define VM_DROPPABLE VM_NONE
#endif

#endif
