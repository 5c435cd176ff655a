// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/stockvz.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/stockvz.h>

/* Integer value ranges */
static const struct netlink_range_validation stockvz_a_ub_id_range = {
	.max	= 2147483644ULL,
};

static const struct netlink_range_validation stockvz_a_ip_id_range = {
	.max	= 2147483644ULL,
};

static const struct netlink_range_validation stockvz_a_event_id_range = {
	.max	= 2147483644ULL,
};

static const struct netlink_range_validation stockvz_a_cpu_id_range = {
	.max	= 2147483644ULL,
};

/* Common nested types */
const struct nla_policy stockvz_resource_nl_policy[STOCKVZ_A_RES_PAD + 1] = {
	[STOCKVZ_A_RES_INDEX] = { .type = NLA_U32, },
	[STOCKVZ_A_RES_HELD] = { .type = NLA_U64, },
	[STOCKVZ_A_RES_MAXHELD] = { .type = NLA_U64, },
	[STOCKVZ_A_RES_BARRIER] = { .type = NLA_U64, },
	[STOCKVZ_A_RES_LIMIT] = { .type = NLA_U64, },
	[STOCKVZ_A_RES_FAILCNT] = { .type = NLA_U64, },
};

/* STOCKVZ_CMD_UB_NEW - do */
static const struct nla_policy stockvz_ub_new_nl_policy[STOCKVZ_A_UB_CGROUP + 1] = {
	[STOCKVZ_A_UB_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &stockvz_a_ub_id_range),
	[STOCKVZ_A_UB_RESOURCE] = NLA_POLICY_NESTED(stockvz_resource_nl_policy),
	[STOCKVZ_A_UB_CGROUP] = { .type = NLA_NUL_STRING, .len = 4095, },
};

/* STOCKVZ_CMD_UB_DEL - do */
static const struct nla_policy stockvz_ub_del_nl_policy[STOCKVZ_A_UB_ID + 1] = {
	[STOCKVZ_A_UB_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &stockvz_a_ub_id_range),
};

/* STOCKVZ_CMD_UB_GET - do */
static const struct nla_policy stockvz_ub_get_nl_policy[STOCKVZ_A_UB_ID + 1] = {
	[STOCKVZ_A_UB_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &stockvz_a_ub_id_range),
};

/* STOCKVZ_CMD_UB_SET - do */
static const struct nla_policy stockvz_ub_set_nl_policy[STOCKVZ_A_UB_CONTAINERS + 1] = {
	[STOCKVZ_A_UB_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &stockvz_a_ub_id_range),
	[STOCKVZ_A_UB_RESOURCE] = NLA_POLICY_NESTED(stockvz_resource_nl_policy),
	[STOCKVZ_A_UB_CPUUNITS] = { .type = NLA_U32, },
	[STOCKVZ_A_UB_CPULIMIT] = { .type = NLA_U32, },
	[STOCKVZ_A_UB_CPUS] = { .type = NLA_U32, },
	[STOCKVZ_A_UB_CPUMASK] = { .type = NLA_NUL_STRING, .len = 1023, },
	[STOCKVZ_A_UB_NODEMASK] = { .type = NLA_NUL_STRING, .len = 1023, },
	[STOCKVZ_A_UB_CONTAINERS] = { .type = NLA_NUL_STRING, .len = 4095, },
};

/* STOCKVZ_CMD_UB_ATTACH - do */
static const struct nla_policy stockvz_ub_attach_nl_policy[STOCKVZ_A_UB_CGROUP + 1] = {
	[STOCKVZ_A_UB_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &stockvz_a_ub_id_range),
	[STOCKVZ_A_UB_CGROUP] = { .type = NLA_NUL_STRING, .len = 4095, },
};

/* STOCKVZ_CMD_REFUSALS_GET - dump */
static const struct nla_policy stockvz_refusals_get_nl_policy[STOCKVZ_A_EVENT_ID + 1] = {
	[STOCKVZ_A_EVENT_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &stockvz_a_event_id_range),
};

/* STOCKVZ_CMD_IP_ADD - do */
static const struct nla_policy stockvz_ip_add_nl_policy[STOCKVZ_A_IP_NETNS_FD + 1] = {
	[STOCKVZ_A_IP_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &stockvz_a_ip_id_range),
	[STOCKVZ_A_IP_FAMILY] = { .type = NLA_U16, },
	[STOCKVZ_A_IP_ADDRESS] = { .type = NLA_BINARY, },
	[STOCKVZ_A_IP_NETNS_FD] = { .type = NLA_U32, },
};

/* STOCKVZ_CMD_IP_DEL - do */
static const struct nla_policy stockvz_ip_del_nl_policy[STOCKVZ_A_IP_ADDRESS + 1] = {
	[STOCKVZ_A_IP_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &stockvz_a_ip_id_range),
	[STOCKVZ_A_IP_FAMILY] = { .type = NLA_U16, },
	[STOCKVZ_A_IP_ADDRESS] = { .type = NLA_BINARY, },
};

/* STOCKVZ_CMD_CPU_GET - do */
static const struct nla_policy stockvz_cpu_get_nl_policy[STOCKVZ_A_CPU_ID + 1] = {
	[STOCKVZ_A_CPU_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &stockvz_a_cpu_id_range),
};

/* Ops table for stockvz */
const struct genl_split_ops stockvz_nl_ops[13] = {
	{
		.cmd	= STOCKVZ_CMD_INFO_GET,
		.doit	= stockvz_nl_info_get_doit,
		.flags	= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= STOCKVZ_CMD_UB_NEW,
		.doit		= stockvz_nl_ub_new_doit,
		.policy		= stockvz_ub_new_nl_policy,
		.maxattr	= STOCKVZ_A_UB_CGROUP,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= STOCKVZ_CMD_UB_DEL,
		.doit		= stockvz_nl_ub_del_doit,
		.policy		= stockvz_ub_del_nl_policy,
		.maxattr	= STOCKVZ_A_UB_ID,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= STOCKVZ_CMD_UB_GET,
		.doit		= stockvz_nl_ub_get_doit,
		.policy		= stockvz_ub_get_nl_policy,
		.maxattr	= STOCKVZ_A_UB_ID,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= STOCKVZ_CMD_UB_GET,
		.start	= stockvz_nl_ub_get_start,
		.dumpit	= stockvz_nl_ub_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= STOCKVZ_CMD_UB_SET,
		.doit		= stockvz_nl_ub_set_doit,
		.policy		= stockvz_ub_set_nl_policy,
		.maxattr	= STOCKVZ_A_UB_CONTAINERS,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= STOCKVZ_CMD_UB_ATTACH,
		.doit		= stockvz_nl_ub_attach_doit,
		.policy		= stockvz_ub_attach_nl_policy,
		.maxattr	= STOCKVZ_A_UB_CGROUP,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= STOCKVZ_CMD_REFUSALS_GET,
		.start		= stockvz_nl_refusals_get_start,
		.dumpit		= stockvz_nl_refusals_get_dumpit,
		.policy		= stockvz_refusals_get_nl_policy,
		.maxattr	= STOCKVZ_A_EVENT_ID,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= STOCKVZ_CMD_IP_ADD,
		.doit		= stockvz_nl_ip_add_doit,
		.policy		= stockvz_ip_add_nl_policy,
		.maxattr	= STOCKVZ_A_IP_NETNS_FD,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= STOCKVZ_CMD_IP_DEL,
		.doit		= stockvz_nl_ip_del_doit,
		.policy		= stockvz_ip_del_nl_policy,
		.maxattr	= STOCKVZ_A_IP_ADDRESS,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= STOCKVZ_CMD_IP_GET,
		.start	= stockvz_nl_ip_get_start,
		.dumpit	= stockvz_nl_ip_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= STOCKVZ_CMD_CPU_GET,
		.doit		= stockvz_nl_cpu_get_doit,
		.policy		= stockvz_cpu_get_nl_policy,
		.maxattr	= STOCKVZ_A_CPU_ID,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= STOCKVZ_CMD_CPU_GET,
		.start	= stockvz_nl_cpu_get_start,
		.dumpit	= stockvz_nl_cpu_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
};

