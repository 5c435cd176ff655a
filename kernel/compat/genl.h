/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STOCKVZ_COMPAT_GENL_H
#define STOCKVZ_COMPAT_GENL_H

#include <linux/version.h>
#include <net/genetlink.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
/*
 * 6.2 gave "do" and "dump" of a command a row each. Before, a command has one
 * row: compat_genl_register() joins them.
 */
#define COMPAT_NO_GENL_SPLIT_OPS

struct genl_split_ops {
	int (*doit)(struct sk_buff *skb, struct genl_info *info);
	int (*start)(struct netlink_callback *cb);
	int (*dumpit)(struct sk_buff *skb, struct netlink_callback *cb);
	const struct nla_policy *policy;
	unsigned int maxattr;
	u8 cmd;
	u8 flags;
};

/* A policy pointed to its range without const, though it only reads it. */
#undef NLA_POLICY_FULL_RANGE
#define NLA_POLICY_FULL_RANGE(tp, bounds) {				\
	.type = NLA_ENSURE_UINT_OR_BINARY_TYPE(tp),			\
	.validation_type = NLA_VALIDATE_RANGE_PTR,			\
	.range = (struct netlink_range_validation *)(bounds),		\
}
#endif

/* The attributes that came with a request to dump; 6.6 moved them. */
static inline struct nlattr **compat_genl_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	return genl_dumpit_info(cb)->attrs;
#else
	return genl_dumpit_info(cb)->info.attrs;
#endif
}

int compat_genl_register(struct genl_family *family,
			 const struct genl_split_ops *ops, unsigned int n);

#endif
