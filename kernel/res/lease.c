// SPDX-License-Identifier: GPL-2.0
/*
 * numflock, of leases: see flock.c for the rest.
 *
 * A lease is asked for before it has an address. What tells its owner that somebody
 * waits for it is there already: the charge is noted for that first.
 */
#include <linux/file.h>
#include <linux/shmem_fs.h>
#include <linux/stacktrace.h>

#include "compat/locks.h"
#include "res.h"

HOOK_PIN(vfs_setlease,
	 int (struct file *, COMPAT_LEASE_ARG, struct file_lease **, void **));
HOOK_PIN(fasync_helper, int (int, struct file *, int, struct fasync_struct **));
HOOK_PIN(fasync_free, void (struct fasync_struct *));

/* Where leases are asked about: vfs_setlease() has charged for them. */
static struct hook_text lease_texts[] = {
	{ .name = "vfs_setlease" },
	{ .name = "generic_setlease" },
};

/**
 * numflock_lease_init() - learn where leases are set
 */
void numflock_lease_init(void)
{
	hook_texts_find(lease_texts, ARRAY_SIZE(lease_texts));
}

/* From the gate back to who called its function, and a few more. */
#define CALLERS 12

/**
 * numflock_is_lease() - is it about a lease that a security module is asked?
 *
 * Context: task, in the gate of security_file_lock(). Looks at the stack: only files of
 * network filesystems are worth that.
 * Return: true if so.
 */
bool numflock_is_lease(void)
{
	unsigned long callers[CALLERS];
	unsigned int i, n = stack_trace_save(callers, CALLERS, 0);

	for (i = 0; i < n; i++)
		if (hook_text_at(lease_texts, ARRAY_SIZE(lease_texts), callers[i]))
			return true;
	return false;
}

/*
 * vfs_setlease(filp, arg, lease, priv): priv points to what will tell the owner
 * of the lease when it is broken. The charge is noted for that: if there is no
 * new lease in the end it is freed.
 */
static long numflock_lease(struct ftrace_regs *fregs, struct ub *ub)
{
	COMPAT_LEASE_ARG arg = hook_arg(fregs, 1, COMPAT_LEASE_ARG);
	void **priv = hook_arg(fregs, 3, void **);

	if (arg == F_UNLCK || !priv || !*priv || !hook_on(STOCKVZ_RES_NUMFLOCK))
		return 0;
	return owner_charge(*priv, ub, STOCKVZ_RES_NUMFLOCK, 1, UB_HARD);
}

DEFINE_PAID_GATE(numflock_lease, res_any_call)

/* lease_setup(lease, priv): it is installed, now or long since. */
static void numflock_lease_setup(struct ftrace_regs *fregs)
{
	struct file_lease *lease = hook_arg(fregs, 0, struct file_lease *);
	void **priv = hook_arg(fregs, 1, void **);

	if (!lease->fl_fasync)
		owner_move(*priv, &lease->fl_fasync);
}

DEFINE_HOOK(numflock_lease_setup)

/* fasync_helper(fd, filp, on, fapp): off, fapp is in what goes: a lease, maybe. */
static void numflock_lease_gone(struct ftrace_regs *fregs)
{
	if (!hook_arg(fregs, 2, int))
		owner_release(hook_arg(fregs, 3, struct fasync_struct **));
}

DEFINE_HOOK(numflock_lease_gone)

/* Give up a lease that is not there. */
static int prove(struct file *file)
{
	void *owner = file;
	int err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	err = vfs_setlease(file, F_UNLCK, NULL, &owner);
	fput(file);
	return err == HOOK_PROOF_ERRNO ? 0 : -ENOENT;
}

/* Of directories nobody is asked: they have no leases. */
int numflock_ask_prove(void)
{
	return prove(shmem_file_setup("stockvz", 0, 0));
}

int numflock_lease_prove(void)
{
	return prove(filp_open("/", O_RDONLY | O_DIRECTORY, 0));
}
