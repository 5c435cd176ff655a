// SPDX-License-Identifier: GPL-2.0
/*
 * The addresses of containers over netlink. The family is not netnsok, and each
 * of these asks for CAP_SYS_ADMIN in the initial user namespace.
 */
#include <net/net_namespace.h>

#include "compat/compat.h"
#include "face.h"
#include "netlink_gen.h"
#include "venet/venet.h"

static int bad_attr(struct genl_info *info, int attr, int err, const char *why)
{
	NL_SET_BAD_ATTR(info->extack, info->attrs[attr]);
	return refuse(info->extack, err, why);
}

static int address_of(struct genl_info *info, struct venet_ip *ip)
{
	const struct nlattr *address = info->attrs[STOCKVZ_A_IP_ADDRESS];
	u16 family;

	if (GENL_REQ_ATTR_CHECK(info, STOCKVZ_A_IP_FAMILY) ||
	    GENL_REQ_ATTR_CHECK(info, STOCKVZ_A_IP_ADDRESS))
		return refuse(info->extack, -EINVAL, "the address or its family is missing");
	family = nla_get_u16(info->attrs[STOCKVZ_A_IP_FAMILY]);
	if (family != AF_INET && family != AF_INET6)
		return bad_attr(info, STOCKVZ_A_IP_FAMILY, -EAFNOSUPPORT,
				"neither AF_INET nor AF_INET6");
	if (nla_len(address) != (family == AF_INET ? 4 : 16))
		return bad_attr(info, STOCKVZ_A_IP_ADDRESS, -EINVAL,
				"the address does not fit its family");
	if (family == AF_INET)
		*ip = venet_ip4(nla_get_in_addr(address));
	else
		*ip = venet_ip6(nla_data(address));
	return 0;
}

int stockvz_nl_ip_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	const char *why = NULL;
	struct venet_ip ip;
	struct net *net;
	u32 id;
	int err = request_id(skb, info, STOCKVZ_A_IP_ID, &id) ?: address_of(info, &ip);

	if (err)
		return err;
	if (GENL_REQ_ATTR_CHECK(info, STOCKVZ_A_IP_NETNS_FD))
		return refuse(info->extack, -EINVAL, "the network namespace is missing");
	net = get_net_ns_by_fd(nla_get_u32(info->attrs[STOCKVZ_A_IP_NETNS_FD]));
	if (IS_ERR(net))
		return bad_attr(info, STOCKVZ_A_IP_NETNS_FD, PTR_ERR(net),
				"not a descriptor of a network namespace");
	err = venet_add(id, net, &ip, &why);
	put_net(net);
	return err ? refuse(info->extack, err, why) : 0;
}

int stockvz_nl_ip_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	const char *why = NULL;
	struct venet_ip ip;
	u32 id;
	int err = request_id(skb, info, STOCKVZ_A_IP_ID, &id);

	if (err)
		return err;
	if (!info->attrs[STOCKVZ_A_IP_FAMILY] && !info->attrs[STOCKVZ_A_IP_ADDRESS]) {
		venet_del_all(id);
		return 0;
	}
	err = address_of(info, &ip);
	if (err)
		return err;
	err = venet_del(id, &ip, &why);
	return err ? refuse(info->extack, err, why) : 0;
}

int stockvz_nl_ip_get_start(struct netlink_callback *cb)
{
	return netlink_capable(cb->skb, CAP_SYS_ADMIN) ? 0 : -EPERM;
}

/* One message of a dump. */
struct ip_dump {
	struct sk_buff *skb;
	struct netlink_callback *cb;
};

static int put_address(u32 id, const struct venet_ip *ip, void *arg)
{
	const struct ip_dump *dump = arg;
	u8 bytes[16];
	unsigned int len = venet_ip_bytes(ip, bytes);
	void *head = genlmsg_put(dump->skb, NETLINK_CB(dump->cb->skb).portid,
				 dump->cb->nlh->nlmsg_seq, &stockvz_family, NLM_F_MULTI,
				 STOCKVZ_CMD_IP_GET);

	if (!head)
		return -EMSGSIZE;
	genl_dump_check_consistent(dump->cb, head);
	if (nla_put_u32(dump->skb, STOCKVZ_A_IP_ID, id) ||
	    nla_put_u16(dump->skb, STOCKVZ_A_IP_FAMILY, len == 4 ? AF_INET : AF_INET6) ||
	    nla_put(dump->skb, STOCKVZ_A_IP_ADDRESS, len, bytes)) {
		genlmsg_cancel(dump->skb, head);
		return -EMSGSIZE;
	}
	genlmsg_end(dump->skb, head);
	return 0;
}

/* If the table changes while it is dumped the kernel tells the reader. */
int stockvz_nl_ip_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct venet_place place = { .bucket = cb->args[0], .passed = cb->args[1] };
	struct ip_dump dump = { .skb = skb, .cb = cb };

	cb->seq = venet_generation() + 1;
	venet_walk(&place, put_address, &dump);
	cb->args[0] = place.bucket;
	cb->args[1] = place.passed;
	return skb->len;
}
