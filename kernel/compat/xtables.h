/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STOCKVZ_COMPAT_XTABLES_H
#define STOCKVZ_COMPAT_XTABLES_H

#include <linux/build_bug.h>
#include <linux/netfilter/x_tables.h>

/*
 * xt_register_table() takes hooks, or does not, as it did not use to. Stable series got
 * the change as well: the type tells, where the version does not.
 */
union compat_xt_register {
	void *address;
	struct xt_table *(*with_ops)(struct net *net, const struct xt_table *table,
				     const struct nf_hook_ops *template_ops,
				     struct xt_table_info *bootstrap,
				     struct xt_table_info *newinfo);
	struct xt_table *(*without)(struct net *net, const struct xt_table *table,
				    struct xt_table_info *bootstrap,
				    struct xt_table_info *newinfo);
};

/* Only its types are looked at. */
#define COMPAT_XT_TYPES ((union compat_xt_register *)NULL)
#define COMPAT_XT_TAKES_OPS __same_type(&xt_register_table, COMPAT_XT_TYPES->with_ops)

static_assert(COMPAT_XT_TAKES_OPS ||
	      __same_type(&xt_register_table, COMPAT_XT_TYPES->without));

/* Make a table that has no hooks. Of xt_register_table() the caller has the address. */
static inline struct xt_table *compat_xt_register_table(void *address, struct net *net,
							const struct xt_table *table,
							struct xt_table_info *bootstrap,
							struct xt_table_info *newinfo)
{
	union compat_xt_register fn = { .address = address };

	if (COMPAT_XT_TAKES_OPS)
		return fn.with_ops(net, table, NULL, bootstrap, newinfo);
	return fn.without(net, table, bootstrap, newinfo);
}

#endif
