// SPDX-License-Identifier: GPL-2.0
/*
 * numfile: open files.
 *
 * Every struct file counts one: open, pipe (2), socket, socketpair (2), accept,
 * epoll, eventfd, memfd, shared memory segments, and the ones that exec opens
 * for a moment; overlayfs opens a second behind each of its own. Another
 * descriptor of the same file (dup, fork, SCM_RIGHTS) counts nothing. Who opened
 * it pays until the last one is closed, wherever it has travelled. A refused
 * call fails with ENFILE; EMFILE stays RLIMIT_NOFILE's.
 *
 * If the security blob of a new file cannot be allocated, behind our gate, the
 * file dies without security_file_free(). Only a task that is being killed for
 * lack of memory meets that. The unit comes back when the address is used again.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/security.h>

#include "res.h"

HOOK_PIN(security_file_alloc, int (struct file *));
HOOK_PIN(security_file_free, void (struct file *));

/* security_file_alloc(file): a file is being made. */
static long numfile_alloc(struct ftrace_regs *fregs, struct ub *ub)
{
	if (__owner_charge(hook_arg(fregs, 0, struct file *), ub, STOCKVZ_RES_NUMFILE,
			   1, UB_HARD))
		return -ENFILE;
	return 0;
}

DEFINE_PAID_GATE(numfile_alloc, res_any_call)

/* A file of somebody else's: it is closed later, and may outlive us. */
int numfile_prove(void)
{
	struct file *file = filp_open("/", O_RDONLY, 0);

	if (PTR_ERR(file) == HOOK_PROOF_ERRNO)
		return 0;
	if (!IS_ERR(file))
		fput(file);
	return -ENOENT;
}
