/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/stockvz.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_STOCKVZ_GEN_H
#define _LINUX_STOCKVZ_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/stockvz.h>

/* Common nested types */
extern const struct nla_policy stockvz_resource_nl_policy[STOCKVZ_A_RES_PAD + 1];

/* Ops table for stockvz */
extern const struct genl_split_ops stockvz_nl_ops[13];

int stockvz_nl_ub_get_start(struct netlink_callback *cb);
int stockvz_nl_refusals_get_start(struct netlink_callback *cb);
int stockvz_nl_ip_get_start(struct netlink_callback *cb);
int stockvz_nl_cpu_get_start(struct netlink_callback *cb);

int stockvz_nl_info_get_doit(struct sk_buff *skb, struct genl_info *info);
int stockvz_nl_ub_new_doit(struct sk_buff *skb, struct genl_info *info);
int stockvz_nl_ub_del_doit(struct sk_buff *skb, struct genl_info *info);
int stockvz_nl_ub_get_doit(struct sk_buff *skb, struct genl_info *info);
int stockvz_nl_ub_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int stockvz_nl_ub_set_doit(struct sk_buff *skb, struct genl_info *info);
int stockvz_nl_ub_attach_doit(struct sk_buff *skb, struct genl_info *info);
int stockvz_nl_refusals_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb);
int stockvz_nl_ip_add_doit(struct sk_buff *skb, struct genl_info *info);
int stockvz_nl_ip_del_doit(struct sk_buff *skb, struct genl_info *info);
int stockvz_nl_ip_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int stockvz_nl_cpu_get_doit(struct sk_buff *skb, struct genl_info *info);
int stockvz_nl_cpu_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

enum {
	STOCKVZ_NLGRP_EVENTS,
	STOCKVZ_NLGRP_CONTAINERS,
};

#endif /* _LINUX_STOCKVZ_GEN_H */
