// SPDX-License-Identifier: GPL-2.0
/*
 * proc-bc: /proc/bc on the host, and nowhere else.
 *
 * Programs know by /proc/bc that they are on the host and not in a container,
 * and what is made in procfs is in every /proc. So the directory is made where
 * no container may look, /proc/fs/stockvz, and a lookup of "bc" in the root of
 * a /proc of the host's pid namespace is sent there. It goes by the mount and
 * not by who looks. The name is found but not listed: leaving it out of the
 * containers' lists would cost every directory read of the machine 35
 * instructions an entry.
 */
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>

#include "res.h"

/* Set once what it leads to is complete; NULL: not there. */
static struct proc_dir_entry *home;

/**
 * res_set_bc_home() - where /proc/bc really is
 * @dir: a directory of procfs with "bc" in it, or NULL
 *
 * Context: process, may sleep: when it returns no lookup uses what was set
 * before.
 */
void res_set_bc_home(struct proc_dir_entry *dir)
{
	WRITE_ONCE(home, dir);
	/* One may have left our callback and not have reached its lock yet. */
	if (!dir)
		synchronize_rcu_tasks();
}

/* proc_lookup_de(dir, dentry, de): look for dentry's name in de, to be in dir. */
static void bc_lookup(struct ftrace_regs *fregs)
{
	struct inode *dir = hook_arg(fregs, 0, struct inode *);
	struct dentry *dentry = hook_arg(fregs, 1, struct dentry *);
	struct proc_dir_entry *to = READ_ONCE(home);

	if (likely(dentry->d_name.len != 2 || memcmp(dentry->d_name.name, "bc", 2)))
		return;
	if (to && dir == d_inode(dir->i_sb->s_root) &&
	    proc_pid_ns(dir->i_sb) == &init_pid_ns)
		compat_ftrace_set_argument_2(fregs, (unsigned long)to);
}

DEFINE_HOOK(bc_lookup)
