/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels we build for: 6.1 to 6.12. The rest of the
 * module is written for the newest of them and asks no version.
 */
#ifndef STOCKVZ_COMPAT_H
#define STOCKVZ_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "stockvz needs Linux 6.1 or newer"
#endif

#ifdef CONFIG_PREEMPT_RT
#error "stockvz does not work on PREEMPT_RT yet"
#endif

/* Or res/flock.c cannot tell whether a lock is copied under a spinlock. */
#ifndef CONFIG_PREEMPT_COUNT
#error "stockvz needs a kernel with CONFIG_PREEMPT_COUNT"
#endif

#ifndef CONFIG_DYNAMIC_FTRACE_WITH_ARGS
#error "stockvz needs a kernel with CONFIG_DYNAMIC_FTRACE_WITH_ARGS"
#endif

#include "cgroup.h"
#include "ftrace.h"
#include "genl.h"
#include "mm.h"
#include "netdev.h"
#include "shmem.h"
#include "sock.h"

#endif
