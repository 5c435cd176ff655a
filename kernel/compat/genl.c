// SPDX-License-Identifier: GPL-2.0
#include "compat.h"

#ifdef COMPAT_NO_GENL_SPLIT_OPS

#define MAX_OPS 16
static struct genl_ops joined[MAX_OPS];

/* Add a row to the one of the same command, or begin it. */
static void join(struct genl_ops *op, const struct genl_split_ops *row)
{
	op->cmd = row->cmd;
	op->flags |= row->flags;
	if (row->doit)
		op->doit = row->doit;
	/* A dump that wants attributes has a command to itself. */
	if (row->policy) {
		op->policy = row->policy;
		op->maxattr = row->maxattr;
	}
	if (row->dumpit) {
		op->start = row->start;
		op->dumpit = row->dumpit;
	}
}

/**
 * compat_genl_register() - register a family whose operations are split
 * @family: all but its operations filled in
 * @ops: rows in the order of their commands
 * @n: how many
 *
 * Return: 0 or an errno of genl_register_family().
 */
int compat_genl_register(struct genl_family *family,
			 const struct genl_split_ops *ops, unsigned int n)
{
	struct genl_ops *op = joined - 1;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!i || ops[i].cmd != ops[i - 1].cmd)
			op++;
		if (WARN_ON(op >= joined + MAX_OPS))
			return -ENOSPC;
		join(op, &ops[i]);
	}
	family->ops = joined;
	family->n_ops = op + 1 - joined;
	return genl_register_family(family);
}

#else

int compat_genl_register(struct genl_family *family,
			 const struct genl_split_ops *ops, unsigned int n)
{
	family->split_ops = ops;
	family->n_split_ops = n;
	return genl_register_family(family);
}

#endif
