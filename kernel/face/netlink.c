// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family. The spec, of which netlink_gen.[ch] are made, is
 * Documentation/netlink/specs/stockvz.yaml.
 */
#include <linux/module.h>
#include <linux/utsname.h>

#include "compat/compat.h"
#include "face.h"
#include "fair/fair.h"
#include "hook/hook.h"
#include "netlink_gen.h"
#include "venet/venet.h"

/* The rows of a beancounter, its share and the longest path. */
#define REPLY_SIZE (3 * PATH_MAX)

/**
 * begin_reply() - begin the one message that answers a request
 * @info: the request
 * @cmd: what it is
 * @skb: the message; NULL, or else end_reply()'s to send or to free
 * @head: its head
 *
 * Return: 0, -ENOMEM, -EMSGSIZE.
 */
int begin_reply(struct genl_info *info, u8 cmd, struct sk_buff **skb, void **head)
{
	*skb = genlmsg_new(REPLY_SIZE, GFP_KERNEL);
	if (!*skb)
		return refuse(info->extack, -ENOMEM, "out of memory");
	*head = genlmsg_put_reply(*skb, info, &stockvz_family, 0, cmd);
	return *head ? 0 : -EMSGSIZE;
}

/**
 * end_reply() - send an answer, or throw it away
 * @info: the request
 * @skb: the message
 * @head: its head
 * @err: not 0 if it could not be filled
 *
 * Return: 0, @err, an errno of genlmsg_reply().
 */
int end_reply(struct genl_info *info, struct sk_buff *skb, void *head, int err)
{
	if (err) {
		nlmsg_free(skb);
		return refuse(info->extack, err, "the reply does not fit");
	}
	genlmsg_end(skb, head);
	return genlmsg_reply(skb, info);
}

/**
 * request_id() - which number a request is about, of one that an admin may make
 * @skb: the request's message
 * @info: the request
 * @attr: which of its attributes says so
 * @id: the number
 *
 * Return: 0, -EPERM without CAP_SYS_ADMIN, -EINVAL without the attribute.
 */
int request_id(struct sk_buff *skb, struct genl_info *info, int attr, u32 *id)
{
	if (!netlink_capable(skb, CAP_SYS_ADMIN))
		return refuse(info->extack, -EPERM, "CAP_SYS_ADMIN is missing");
	if (GENL_REQ_ATTR_CHECK(info, attr))
		return refuse(info->extack, -EINVAL, "the number is missing");
	*id = nla_get_u32(info->attrs[attr]);
	return 0;
}

static int put_feature(struct sk_buff *skb, const struct feature_state *s)
{
	struct nlattr *nest = nla_nest_start(skb, STOCKVZ_A_INFO_FEATURE);
	char reason[128];

	if (!nest || nla_put_string(skb, STOCKVZ_A_FEATURE_NAME, s->name) ||
	    nla_put_u32(skb, STOCKVZ_A_FEATURE_STATE, s->state))
		return -EMSGSIZE;
	if (s->state != STOCKVZ_STATE_ON) {
		snprintf(reason, sizeof(reason), "%s%s%s", s->symbol ?: "",
			 s->symbol ? ": " : "", s->why);
		if (nla_put_string(skb, STOCKVZ_A_FEATURE_REASON, reason))
			return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int put_info(struct sk_buff *skb)
{
	struct feature_state s;
	unsigned int i;
	int err;

	err = nla_put_u32(skb, STOCKVZ_A_INFO_ABI, STOCKVZ_ABI) ?:
	      nla_put_string(skb, STOCKVZ_A_INFO_VERSION, STOCKVZ_VERSION) ?:
	      nla_put_string(skb, STOCKVZ_A_INFO_KERNEL,
			     init_uts_ns.name.release) ?:
	      nla_put_u64_64bit(skb, STOCKVZ_A_INFO_EVENTS_DROPPED,
				events_dropped(), STOCKVZ_A_INFO_PAD);
	for (i = 0; !err && i < HOOK_FEATURES; i++)
		if (feature_state(i, &s))
			err = put_feature(skb, &s);
	return err;
}

int stockvz_nl_info_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply;
	void *head;
	int err = begin_reply(info, STOCKVZ_CMD_INFO_GET, &reply, &head);

	return reply ? end_reply(info, reply, head, err ?: put_info(reply)) :
		       err;
}

static int put_resource(struct sk_buff *skb, struct ub *ub,
			enum stockvz_resource res)
{
	struct nlattr *nest = nla_nest_start(skb, STOCKVZ_A_UB_RESOURCE);
	struct ub_numbers n;

	ub_numbers(ub, res, &n);
	if (!nest || nla_put_u32(skb, STOCKVZ_A_RES_INDEX, res) ||
	    nla_put_u64_64bit(skb, STOCKVZ_A_RES_HELD, n.held,
			      STOCKVZ_A_RES_PAD) ||
	    nla_put_u64_64bit(skb, STOCKVZ_A_RES_MAXHELD, n.maxheld,
			      STOCKVZ_A_RES_PAD) ||
	    nla_put_u64_64bit(skb, STOCKVZ_A_RES_BARRIER, n.barrier,
			      STOCKVZ_A_RES_PAD) ||
	    nla_put_u64_64bit(skb, STOCKVZ_A_RES_LIMIT, n.limit,
			      STOCKVZ_A_RES_PAD) ||
	    nla_put_u64_64bit(skb, STOCKVZ_A_RES_FAILCNT, n.failcnt,
			      STOCKVZ_A_RES_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_cgroup(struct sk_buff *skb, struct ub *ub)
{
	char *path = kmalloc(PATH_MAX, GFP_KERNEL);
	ssize_t len;
	int err;

	if (!path)
		return -ENOMEM;
	len = ub_cgroup(ub, path, PATH_MAX);
	err = len > 0 ? nla_put_string(skb, STOCKVZ_A_UB_CGROUP, path) : 0;
	kfree(path);
	return err;
}

/* A NULL beancounter is the host's. */
static int put_ub(struct sk_buff *skb, struct ub *ub)
{
	unsigned int res;
	int err;

	err = nla_put_u32(skb, STOCKVZ_A_UB_ID, ub ? ub->id : 0);
	for (res = 0; !err && res < UB_RESOURCES; res++)
		err = put_resource(skb, ub, res);
	if (!err && ub && ub_is_dying(ub))
		err = nla_put_flag(skb, STOCKVZ_A_UB_DYING);
	if (!err && ub)
		err = put_cgroup(skb, ub);
	return err ?: put_share(skb, ub);
}

int stockvz_nl_ub_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply;
	struct ub *ub = NULL;
	void *head;
	u32 id;
	int err = request_id(skb, info, STOCKVZ_A_UB_ID, &id);

	if (err)
		return err;
	if (id) {
		ub = ub_find_get(id);
		if (!ub)
			return refuse(info->extack, -ENOENT,
				      "no such beancounter");
	}
	err = begin_reply(info, STOCKVZ_CMD_UB_GET, &reply, &head);
	if (reply)
		err = end_reply(info, reply, head, err ?: put_ub(reply, ub));
	if (ub)
		ub_put(ub);
	return err;
}

static int dump_one(struct sk_buff *skb, struct netlink_callback *cb,
		    struct ub *ub)
{
	void *head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				 cb->nlh->nlmsg_seq, &stockvz_family,
				 NLM_F_MULTI, STOCKVZ_CMD_UB_GET);

	if (!head)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, head);
	if (put_ub(skb, ub)) {
		genlmsg_cancel(skb, head);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, head);
	return 0;
}

int stockvz_nl_ub_get_start(struct netlink_callback *cb)
{
	if (!netlink_capable(cb->skb, CAP_SYS_ADMIN))
		return -EPERM;
	/* Whatever buffer the reader offers, one beancounter must fit. */
	cb->min_dump_alloc = REPLY_SIZE;
	return 0;
}

/* Where a dump is: args[0] is its phase, args[1] who is due. */
enum { DUMP_BEGIN, DUMP_LIST, DUMP_HOST, DUMP_END };

/*
 * One message for each beancounter, newest first, and the host's last. If the
 * list changes while it is dumped the kernel tells the reader.
 */
int stockvz_nl_ub_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct ub *ub = NULL;

	cb->seq = ub_generation() + 1;
	if (cb->args[0] == DUMP_BEGIN)
		ub = ub_next_get(NULL);
	else if (cb->args[0] == DUMP_LIST)
		ub = ub_from_get(cb->args[1]);
	for (; ub; ub = ub_next_get(ub)) {
		if (!dump_one(skb, cb, ub))
			continue;
		cb->args[0] = DUMP_LIST;
		cb->args[1] = ub->born;
		ub_put(ub);
		return skb->len ?: -EMSGSIZE;
	}
	if (cb->args[0] != DUMP_END)
		cb->args[0] = dump_one(skb, cb, NULL) ? DUMP_HOST : DUMP_END;
	return skb->len;
}

int stockvz_nl_refusals_get_start(struct netlink_callback *cb)
{
	const struct nlattr *id;

	if (!netlink_capable(cb->skb, CAP_SYS_ADMIN))
		return -EPERM;
	/* All records of one number go into one buffer. */
	cb->min_dump_alloc = REPLY_SIZE;
	id = compat_genl_dump_attrs(cb)[STOCKVZ_A_EVENT_ID];
	/* args[0] is the number that is due, args[1] the one to end before. */
	cb->args[0] = id ? nla_get_u32(id) : 0;
	cb->args[1] = id ? cb->args[0] + 1 : S64_MAX;
	return 0;
}

static int put_record(struct sk_buff *skb, struct netlink_callback *cb, u32 id,
		      const struct ub_record *r)
{
	void *head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				 cb->nlh->nlmsg_seq, &stockvz_family,
				 NLM_F_MULTI, STOCKVZ_CMD_REFUSALS_GET);

	if (!head || nla_put_u32(skb, STOCKVZ_A_EVENT_ID, id) ||
	    put_refusal(skb, r) ||
	    nla_put_u64_64bit(skb, STOCKVZ_A_EVENT_COUNT, r->count,
			      STOCKVZ_A_EVENT_PAD) ||
	    nla_put_u64_64bit(skb, STOCKVZ_A_EVENT_FIRST_TIME, r->first,
			      STOCKVZ_A_EVENT_PAD) ||
	    nla_put_u64_64bit(skb, STOCKVZ_A_EVENT_TIME, r->time,
			      STOCKVZ_A_EVENT_PAD))
		return -EMSGSIZE;
	genlmsg_end(skb, head);
	return 0;
}

/* All records of a number, or nothing of it. */
static int put_history(struct sk_buff *skb, struct netlink_callback *cb, u32 id,
		       const struct ub_record *records, int n)
{
	void *before = skb_tail_pointer(skb);
	int i;

	for (i = 0; i < n; i++) {
		if (!put_record(skb, cb, id, &records[i]))
			continue;
		nlmsg_trim(skb, before);
		return -EMSGSIZE;
	}
	return 0;
}

int stockvz_nl_refusals_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb)
{
	struct ub_record *records = kmalloc_array(HISTORY_RECORDS,
						  sizeof(*records), GFP_KERNEL);
	int err = records ? 0 : -ENOMEM;

	while (!err && cb->args[0] < cb->args[1]) {
		u32 id = cb->args[0];
		int n = history_read(&id, records);

		if (n < 0 || id >= cb->args[1]) {
			cb->args[0] = S64_MAX;
			break;
		}
		err = put_history(skb, cb, id, records, n);
		if (!err)
			cb->args[0] = id + 1L;
	}
	kfree(records);
	/* What does not fit now goes into the next buffer. */
	return skb->len ?: err;
}

static int parse_bound(const struct nlattr *attr, u32 res, u32 *set,
		       unsigned long *value, struct netlink_ext_ack *extack)
{
	if (!attr)
		return 0;
	value[res] = nla_get_u64(attr);
	if (value[res] > UB_MAX) {
		NL_SET_BAD_ATTR(extack, attr);
		return refuse(extack, -EINVAL, "the value is too large");
	}
	*set |= BIT(res);
	return 0;
}

static int parse_resource(const struct nlattr *nest, struct ub_change *change,
			  struct netlink_ext_ack *extack)
{
	struct nlattr *tb[STOCKVZ_A_RES_MAX + 1];
	u32 res;
	int err;

	err = nla_parse_nested(tb, STOCKVZ_A_RES_MAX, nest,
			       stockvz_resource_nl_policy, extack);
	if (err)
		return err;
	if (!tb[STOCKVZ_A_RES_INDEX])
		return refuse(extack, -EINVAL, "a resource without its index");
	res = nla_get_u32(tb[STOCKVZ_A_RES_INDEX]);
	if (res >= UB_RESOURCES) {
		NL_SET_BAD_ATTR(extack, tb[STOCKVZ_A_RES_INDEX]);
		return refuse(extack, -EINVAL, "there is no such resource");
	}
	return parse_bound(tb[STOCKVZ_A_RES_BARRIER], res, &change->barriers,
			   change->barrier, extack) ?:
	       parse_bound(tb[STOCKVZ_A_RES_LIMIT], res, &change->limits,
			   change->limit, extack);
}

/* All that a request wants changed, before any of it is. */
static int parse_change(struct genl_info *info, struct ub_change *change)
{
	const struct nlattr *attr;
	int rest, err = 0;

	memset(change, 0, sizeof(*change));
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rest) {
		if (nla_type(attr) == STOCKVZ_A_UB_RESOURCE)
			err = parse_resource(attr, change, info->extack);
		if (err)
			return err;
	}
	return 0;
}

static const char *cgroup_of(struct genl_info *info)
{
	struct nlattr *attr = info->attrs[STOCKVZ_A_UB_CGROUP];

	return attr ? nla_data(attr) : NULL;
}

int stockvz_nl_ub_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	const char *why = NULL;
	struct ub_change change;
	struct sk_buff *reply;
	void *head;
	u32 id;
	int err;

	err = request_id(skb, info, STOCKVZ_A_UB_ID, &id) ?: parse_change(info, &change);
	if (err)
		return err;
	/* First what may fail without a trace. */
	err = begin_reply(info, STOCKVZ_CMD_UB_NEW, &reply, &head) ?:
	      nla_put_u32(reply, STOCKVZ_A_UB_ID, id);
	if (!err) {
		err = ub_new(id, &change, cgroup_of(info), &why);
		if (why)
			refuse(info->extack, err, why);
	}
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	return end_reply(info, reply, head, 0);
}

int stockvz_nl_ub_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	const char *why = NULL;
	u32 id;
	int err = request_id(skb, info, STOCKVZ_A_UB_ID, &id);

	if (err)
		return err;
	err = ub_del(id, &why);
	if (err)
		return refuse(info->extack, err, why);
	venet_del_all(id);
	return 0;
}

/* Of the host nothing is limited. */
static int set_host(const struct ub_change *change, const struct fair_change *share,
		    const char **why)
{
	if (change->barriers || change->limits) {
		*why = "beancounter 0 is the host";
		return -ENOENT;
	}
	return fair_set_host(share, why);
}

/* First the share: what it may be refused for the rest is not. */
static int set(u32 id, const struct ub_change *change, const struct fair_change *share,
	       const char **why)
{
	bool shares = share->knobs || share->masks || share->containers;
	int err = shares ? fair_set(id, share, why) : 0;

	if (err || (shares && !change->barriers && !change->limits))
		return err;
	return ub_set(id, change, why);
}

int stockvz_nl_ub_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct fair_change share;
	const char *why = NULL;
	struct ub_change change;
	u32 id;
	int err = request_id(skb, info, STOCKVZ_A_UB_ID, &id) ?: parse_change(info, &change);

	if (err)
		return err;
	parse_share(info, &share);
	err = id ? set(id, &change, &share, &why) : set_host(&change, &share, &why);
	return why ? refuse(info->extack, err, why) : err;
}

int stockvz_nl_ub_attach_doit(struct sk_buff *skb, struct genl_info *info)
{
	const char *why = NULL;
	u32 id;
	int err = request_id(skb, info, STOCKVZ_A_UB_ID, &id);

	if (err)
		return err;
	if (GENL_REQ_ATTR_CHECK(info, STOCKVZ_A_UB_CGROUP))
		return refuse(info->extack, -EINVAL, "the cgroup is missing");
	err = ub_attach(id, cgroup_of(info), &why);
	return why ? refuse(info->extack, err, why) : err;
}

static const struct genl_multicast_group groups[] = {
	[STOCKVZ_NLGRP_EVENTS] = {
		.name = STOCKVZ_MCGRP_EVENTS,
		.flags = GENL_MCAST_CAP_SYS_ADMIN,
	},
	[STOCKVZ_NLGRP_CONTAINERS] = {
		.name = STOCKVZ_MCGRP_CONTAINERS,
		.flags = GENL_MCAST_CAP_SYS_ADMIN,
	},
};

/* Not netnsok: only the host's own network namespace has the family. */
struct genl_family stockvz_family __ro_after_init = {
	.name = STOCKVZ_FAMILY_NAME,
	.version = STOCKVZ_FAMILY_VERSION,
	.maxattr = STOCKVZ_A_UB_MAX,
	.module = THIS_MODULE,
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

/**
 * netlink_init() - let admins in
 *
 * Return: 0 or an errno of genl_register_family().
 */
int netlink_init(void)
{
	return compat_genl_register(&stockvz_family, stockvz_nl_ops,
				    ARRAY_SIZE(stockvz_nl_ops));
}

/**
 * netlink_exit() - no request runs any more, and no event is on its way
 */
void netlink_exit(void)
{
	events_exit();
	genl_unregister_family(&stockvz_family);
}
