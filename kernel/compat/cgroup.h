/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STOCKVZ_COMPAT_CGROUP_H
#define STOCKVZ_COMPAT_CGROUP_H

#include <linux/cgroup.h>
#include <linux/memcontrol.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
/* What __mod_memcg_state() takes as its second argument. */
#define compat_memcg_stat int
#else
#define compat_memcg_stat enum memcg_stat_item
#endif

/* How a flag of the v2 hierarchy is called when it is mounted; NULL if it is not. */
static inline const char *compat_cgroup_option(unsigned int flag)
{
	switch (flag) {
	case CGRP_ROOT_NS_DELEGATE:
		return "nsdelegate";
	case CGRP_ROOT_FAVOR_DYNMODS:
		return "favordynmods";
	case CGRP_ROOT_MEMORY_LOCAL_EVENTS:
		return "memory_localevents";
	case CGRP_ROOT_MEMORY_RECURSIVE_PROT:
		return "memory_recursiveprot";
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	case CGRP_ROOT_MEMORY_HUGETLB_ACCOUNTING:
		return "memory_hugetlb_accounting";
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	case CGRP_ROOT_PIDS_LOCAL_EVENTS:
		return "pids_localevents";
#endif
	}
	return NULL;
}

#endif
