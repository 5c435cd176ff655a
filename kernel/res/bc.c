// SPDX-License-Identifier: GPL-2.0
/*
 * proc-bc: /proc/bc on the host, and nowhere else; /proc/vz on the host, and
 * another one in containers.
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
#include "ub/bind.h"

/* Set once what they lead to is complete; NULL: not there. */
static struct proc_dir_entry *home, *ct_home;

/**
 * res_set_bc_home() - where /proc/bc and /proc/vz really are
 * @dir: a directory of procfs with the host's "bc" and "vz" in it, or NULL
 * @ct: one with the containers' "vz", or NULL
 *
 * Context: process, may sleep: when it returns no lookup uses what was set
 * before.
 */
void res_set_bc_home(struct proc_dir_entry *dir, struct proc_dir_entry *ct)
{
	WRITE_ONCE(ct_home, ct);
	WRITE_ONCE(home, dir);
	/* One may have left our callback and not have reached its lock yet. */
	if (!dir)
		synchronize_rcu_tasks();
}

static bool is_counted(void)
{
	bool is;

	preempt_disable();
	is = ub_of_current();
	preempt_enable();
	return is;
}

/* Only a task under a beancounter has a container's: others are no containers of ours. */
static struct proc_dir_entry *home_of(struct inode *dir, bool vz)
{
	if (proc_pid_ns(dir->i_sb) == &init_pid_ns)
		return READ_ONCE(home);
	return vz && is_counted() ? READ_ONCE(ct_home) : NULL;
}

/* proc_lookup_de(dir, dentry, de): look for dentry's name in de, to be in dir. */
static void bc_lookup(struct ftrace_regs *fregs)
{
	struct inode *dir = hook_arg(fregs, 0, struct inode *);
	struct dentry *dentry = hook_arg(fregs, 1, struct dentry *);
	struct proc_dir_entry *to;
	bool vz;

	if (likely(dentry->d_name.len != 2))
		return;
	vz = !memcmp(dentry->d_name.name, "vz", 2);
	if (!vz && memcmp(dentry->d_name.name, "bc", 2))
		return;
	to = dir == d_inode(dir->i_sb->s_root) ? home_of(dir, vz) : NULL;
	if (to)
		compat_ftrace_set_argument_2(fregs, (unsigned long)to);
}

DEFINE_HOOK(bc_lookup)
