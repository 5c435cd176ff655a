// SPDX-License-Identifier: GPL-2.0
/* What containers used of the CPU, over netlink. */
#include "compat/compat.h"
#include "face.h"
#include "fair/account.h"
#include "netlink_gen.h"

static int put_time(struct sk_buff *skb, int attr, u64 time)
{
	return nla_put_u64_64bit(skb, attr, time, STOCKVZ_A_CPU_PAD);
}

static int put_account(struct sk_buff *skb, u32 id, const struct account *a)
{
	if (nla_put_u32(skb, STOCKVZ_A_CPU_ID, id) ||
	    put_time(skb, STOCKVZ_A_CPU_UPTIME, a->uptime) ||
	    put_time(skb, STOCKVZ_A_CPU_USED, a->time[UB_TIME_USED]) ||
	    put_time(skb, STOCKVZ_A_CPU_USER, a->time[UB_TIME_USER]) ||
	    put_time(skb, STOCKVZ_A_CPU_NICE, a->time[UB_TIME_NICE]) ||
	    put_time(skb, STOCKVZ_A_CPU_SYSTEM, a->time[UB_TIME_SYSTEM]) ||
	    put_time(skb, STOCKVZ_A_CPU_IDLE, a->idle) ||
	    put_time(skb, STOCKVZ_A_CPU_WAIT, a->time[UB_TIME_WAIT]) ||
	    put_time(skb, STOCKVZ_A_CPU_THROTTLED, a->time[UB_TIME_THROTTLED]) ||
	    nla_put_u32(skb, STOCKVZ_A_CPU_LOAD_1, a->load[0]) ||
	    nla_put_u32(skb, STOCKVZ_A_CPU_LOAD_5, a->load[1]) ||
	    nla_put_u32(skb, STOCKVZ_A_CPU_LOAD_15, a->load[2]))
		return -EMSGSIZE;
	return 0;
}

static int send_account(struct genl_info *info, u32 id, const struct account *a)
{
	struct sk_buff *reply;
	void *head;
	int err = begin_reply(info, STOCKVZ_CMD_CPU_GET, &reply, &head);

	return reply ? end_reply(info, reply, head, err ?: put_account(reply, id, a)) : err;
}

int stockvz_nl_cpu_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct account a;
	struct ub *ub;
	bool exists;
	u32 id;
	int err = request_id(skb, info, STOCKVZ_A_CPU_ID, &id);

	if (err)
		return err;
	ub = ub_find_get(id);
	if (!ub)
		return refuse(info->extack, -ENOENT, "no such beancounter");
	account_refresh(ub, 0);
	exists = account_read(ub, &a);
	ub_put(ub);
	if (!exists)
		return refuse(info->extack, -ENOENT, "the beancounter has no cgroup");
	return send_account(info, id, &a);
}

int stockvz_nl_cpu_get_start(struct netlink_callback *cb)
{
	if (!netlink_capable(cb->skb, CAP_SYS_ADMIN))
		return -EPERM;
	/* args[0] is who is due: the newest. */
	cb->args[0] = LONG_MAX;
	account_refresh(NULL, 0);
	return 0;
}

static int dump_one(struct sk_buff *skb, struct netlink_callback *cb, struct ub *ub)
{
	struct account a;
	void *head;

	if (!account_read(ub, &a))
		return 0;
	head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &stockvz_family,
			   NLM_F_MULTI, STOCKVZ_CMD_CPU_GET);
	if (!head)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, head);
	if (put_account(skb, ub->id, &a)) {
		genlmsg_cancel(skb, head);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, head);
	return 0;
}

/* If the list changes while it is dumped the kernel tells the reader. */
int stockvz_nl_cpu_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct ub *ub;

	cb->seq = ub_generation() + 1;
	for (ub = ub_from_get(cb->args[0]); ub; ub = ub_next_get(ub)) {
		if (!dump_one(skb, cb, ub))
			continue;
		cb->args[0] = ub->born;
		ub_put(ub);
		return skb->len ?: -EMSGSIZE;
	}
	/* Nobody was born then. */
	cb->args[0] = 0;
	return skb->len;
}
