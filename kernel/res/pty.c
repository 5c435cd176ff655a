// SPDX-License-Identifier: GPL-2.0
/*
 * numpty: pseudo-terminals.
 *
 * Each open of /dev/ptmx counts one, whichever devpts it belongs to, until that
 * file is closed; opening the other side counts nothing. Who opened it pays. A
 * refused open fails with ENOMEM.
 *
 * The other side stands for the pair in our table: it exists from before the
 * gate until after the last close.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/tty.h>
#include <linux/tty_driver.h>

/* It needs some of these. */
#include <linux/devpts_fs.h>

#include "res.h"

HOOK_PIN(devpts_pty_new, struct dentry *(struct pts_fs_info *, int, void *));

/*
 * devpts_pty_new(fsi, index, slave): the pair is made, and about to get a name.
 * If this fails, in whatever way, the master is closed as ever.
 */
static long numpty_new(struct ftrace_regs *fregs, struct ub *ub)
{
	if (!hook_on(STOCKVZ_RES_NUMPTY))
		return 0;
	return owner_charge(hook_arg(fregs, 2, void *), ub, STOCKVZ_RES_NUMPTY, 1, UB_HARD);
}

DEFINE_PAID_GATE(numpty_new, res_any_call)

/* pty_close(tty, filp): of either side, the other one each time it is closed. */
static void numpty_close(struct ftrace_regs *fregs)
{
	struct tty_struct *tty = hook_arg(fregs, 0, struct tty_struct *);

	if (tty->driver->subtype == PTY_TYPE_MASTER)
		owner_release(tty->link);
}

DEFINE_HOOK(numpty_close)

/* Open one, in a devpts of our own: there may be no /dev yet. */
int numpty_prove(void)
{
	struct file_system_type *type = get_fs_type("devpts");
	struct vfsmount *mnt;
	struct path root;
	struct file *file;

	if (!type)
		return -ENODEV;
	mnt = kern_mount(type);
	module_put(type->owner);
	if (IS_ERR(mnt))
		return PTR_ERR(mnt);
	root = (struct path){ .mnt = mnt, .dentry = mnt->mnt_root };
	file = file_open_root(&root, "ptmx", O_RDWR | O_NOCTTY, 0);
	if (!IS_ERR(file))
		fput(file);
	kern_unmount(mnt);
	return PTR_ERR(file) == HOOK_PROOF_ERRNO ? 0 : -ENOENT;
}
