/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STOCKVZ_COMPAT_LOCKS_H
#define STOCKVZ_COMPAT_LOCKS_H

#include <linux/build_bug.h>
#include <linux/fs.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
/*
 * 6.9 made of struct file_lock a core that locks and leases have in common, and
 * gave leases a type of their own. Before, a lease is a lock.
 */
#define file_lease file_lock
#define COMPAT_FLC(field) fl_##field
#define compat_for_each_lock(lock, head) list_for_each_entry(lock, head, fl_list)

#define COMPAT_LEASE "struct file_lock *"

#define COMPAT_LEASE_ARG long
#else
#include <linux/filelock.h>

#define COMPAT_FLC(field) c.flc_##field
#define compat_for_each_lock(lock, head) list_for_each_entry(lock, head, c.flc_list)

#define COMPAT_LEASE "struct file_lease *"

#define COMPAT_LEASE_ARG int
#endif

#define compat_flc(lock, field) ((lock)->COMPAT_FLC(field))

/*
 * A word in a lock for whoever has set its fl_ops: network filesystems keep there what
 * they need to know of it. The kernel makes locks with nothing in it, and neither looks
 * at it nor copies it.
 */
static inline void **compat_lock_word(struct file_lock *lock)
{
	BUILD_BUG_ON(sizeof(lock->fl_u) < sizeof(void *));
	return (void **)&lock->fl_u;
}

#endif
