/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STOCKVZ_COMPAT_CGROUP_H
#define STOCKVZ_COMPAT_CGROUP_H

#include <linux/cgroup.h>
#include <linux/memcontrol.h>
#include <linux/version.h>

/* The mount options of the v2 hierarchy that this kernel has, and their flags. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define COMPAT_CGROUP_OPTIONS_67
#else
#define COMPAT_CGROUP_OPTIONS_67					\
	{ CGRP_ROOT_MEMORY_HUGETLB_ACCOUNTING, "memory_hugetlb_accounting" },
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define COMPAT_CGROUP_OPTIONS_611
/* What __mod_memcg_state() takes as its second argument. */
#define compat_memcg_stat int
#else
#define COMPAT_CGROUP_OPTIONS_611					\
	{ CGRP_ROOT_PIDS_LOCAL_EVENTS, "pids_localevents" },
#define compat_memcg_stat enum memcg_stat_item
#endif

#define COMPAT_CGROUP_OPTIONS						\
	{ CGRP_ROOT_NS_DELEGATE, "nsdelegate" },			\
	{ CGRP_ROOT_FAVOR_DYNMODS, "favordynmods" },			\
	{ CGRP_ROOT_MEMORY_LOCAL_EVENTS, "memory_localevents" },	\
	{ CGRP_ROOT_MEMORY_RECURSIVE_PROT, "memory_recursiveprot" },	\
	COMPAT_CGROUP_OPTIONS_67 COMPAT_CGROUP_OPTIONS_611

#endif
