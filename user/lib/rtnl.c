// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>

#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "fd.h"
#include "rtnl.h"

static struct nl_sock *open_here(void)
{
	struct nl_sock *sock = nl_socket_alloc();

	if (sock && nl_connect(sock, NETLINK_ROUTE) < 0) {
		nl_socket_free(sock);
		sock = NULL;
	}
	return sock;
}

/* A socket stays in the namespace that it was made in: we need not. */
struct nl_sock *rtnl_open(int netns)
{
	int auto_fd home = netns < 0 ? -1 : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct nl_sock *sock;

	errno = ENOMEM;
	if (netns < 0)
		return open_here();
	if (home < 0 || setns(netns, CLONE_NEWNET))
		return NULL;
	sock = open_here();
	if (setns(home, CLONE_NEWNET))
		_exit(3);	/* Nothing that we do from here on would be meant for it. */
	return sock;
}

void rtnl_close(struct nl_sock *sock)
{
	nl_socket_free(sock);
}

struct answer {
	int result;
	struct nl_msg *names;	/* where a link's other names are to be put, or NULL */
};

static int on_error(struct sockaddr_nl *addr, struct nlmsgerr *err, void *arg)
{
	struct answer *answer = arg;

	(void)addr;
	answer->result = err->error;
	return NL_STOP;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct ifinfomsg *ifi = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *names = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(*ifi), IFLA_PROP_LIST);
	struct answer *answer = arg;

	answer->result = ifi->ifi_index;
	if (answer->names && names)
		nla_put(answer->names, IFLA_PROP_LIST | NLA_F_NESTED, nla_len(names),
			nla_data(names));
	return NL_OK;
}

/* Send it, free it, and wait for what becomes of it: 0, -errno, or a link's number. */
static int ask(struct nl_sock *sock, struct nl_msg *msg, struct nl_msg *names)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	struct answer answer = { .names = names };
	int ret = -ENOMEM;

	if (msg && cb) {
		nl_cb_err(cb, NL_CB_CUSTOM, on_error, &answer);
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, &answer);
		ret = nl_send_auto(sock, msg);
		if (ret >= 0)
			ret = nl_recvmsgs(sock, cb);
		/* Of a link: first what it is, then the acknowledgment. */
		if (ret >= 0 && answer.result > 0)
			ret = nl_recvmsgs(sock, cb);
		ret = ret < 0 && !answer.result ? -EIO : answer.result;
	}
	nlmsg_free(msg);
	nl_cb_put(cb);
	return ret;
}

static int talk(struct nl_sock *sock, struct nl_msg *msg)
{
	return ask(sock, msg, NULL);
}

static struct nl_msg *new_msg(int type, int flags, const void *head, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_ACK | flags);

	if (msg && nlmsg_append(msg, (void *)head, size, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

/* A request with what follows its head, as far as that is given. */
static int request(struct nl_sock *sock, int type, int flags, const void *head, size_t size,
		   int address, const struct ip *ip, int link, int index)
{
	struct nl_msg *msg = new_msg(type, flags, head, size);

	if (!msg || (ip && nla_put(msg, address, ip_size(ip), ip->bytes)) ||
	    (link && nla_put_u32(msg, link, index))) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return talk(sock, msg);
}

static int done_already(int err, bool add)
{
	bool gone = err == -ENOENT || err == -ESRCH || err == -EADDRNOTAVAIL || err == -ENODEV;

	return (add ? err == -EEXIST : gone) ? 0 : err;
}

int rtnl_link_index(struct nl_sock *sock, const char *name)
{
	struct ifinfomsg head = { 0 };
	struct nl_msg *msg = new_msg(RTM_GETLINK, 0, &head, sizeof(head));

	if (msg)
		nla_put_string(msg, IFLA_IFNAME, name);
	return talk(sock, msg);
}

int rtnl_link_up(struct nl_sock *sock, const char *name, const char *kind)
{
	struct ifinfomsg head = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct nl_msg *msg = new_msg(RTM_NEWLINK, NLM_F_CREATE, &head, sizeof(head));
	struct nlattr *info;

	if (!msg)
		return -ENOMEM;
	nla_put_string(msg, IFLA_IFNAME, name);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, kind);
	nla_nest_end(msg, info);
	return talk(sock, msg);
}

#define MAC_SIZE 6

/* The head of a request about a link, and what follows of it. */
static struct ifinfomsg link_head(int index, const struct rtnl_link *link)
{
	return (struct ifinfomsg){
		.ifi_index = index,
		.ifi_flags = link->up > 0 ? IFF_UP : 0,
		.ifi_change = link->up >= 0 ? IFF_UP : 0,
	};
}

static void put_link(struct nl_msg *msg, const struct rtnl_link *link)
{
	if (link->name)
		nla_put_string(msg, IFLA_IFNAME, link->name);
	if (link->mac)
		nla_put(msg, IFLA_ADDRESS, MAC_SIZE, link->mac);
	if (link->master >= 0)
		nla_put_u32(msg, IFLA_MASTER, link->master);
}

int rtnl_veth(struct nl_sock *sock, const struct rtnl_link *here, int netns,
	      const struct rtnl_link *there)
{
	struct ifinfomsg head = link_head(0, here), peer_head = link_head(0, there);
	struct nl_msg *msg = new_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	struct nlattr *info, *data, *peer;

	if (!msg)
		return -ENOMEM;
	put_link(msg, here);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, "veth");
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	peer = nla_nest_start(msg, VETH_INFO_PEER);
	nlmsg_append(msg, &peer_head, sizeof(peer_head), NLMSG_ALIGNTO);
	put_link(msg, there);
	nla_put_u32(msg, IFLA_NET_NS_FD, netns);
	nla_nest_end(msg, peer);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return talk(sock, msg);
}

int rtnl_link_change(struct nl_sock *sock, int index, const struct rtnl_link *link)
{
	struct ifinfomsg head = link_head(index, link);
	struct nl_msg *msg = new_msg(RTM_NEWLINK, 0, &head, sizeof(head));

	if (!msg)
		return -ENOMEM;
	put_link(msg, link);
	return talk(sock, msg);
}

int rtnl_link_del(struct nl_sock *sock, int index)
{
	struct ifinfomsg head = { .ifi_index = index };
	struct nl_msg *msg = new_msg(RTM_DELLINK, 0, &head, sizeof(head));

	return msg ? done_already(talk(sock, msg), false) : -ENOMEM;
}

int rtnl_link_move(struct nl_sock *sock, int index, int netns, const char *name, int new_index)
{
	struct ifinfomsg head = { .ifi_index = index };
	struct nl_msg *msg = new_msg(RTM_NEWLINK, 0, &head, sizeof(head));

	if (!msg)
		return -ENOMEM;
	nla_put_u32(msg, IFLA_NET_NS_FD, netns);
	if (name)
		nla_put_string(msg, IFLA_IFNAME, name);
	if (new_index)
		nla_put_s32(msg, IFLA_NEW_IFINDEX, new_index);
	return talk(sock, msg);
}

/* The list of a link is one attribute, and as long as one can be. */
#define NAMES_SIZE 66000

int rtnl_altnames_del(struct nl_sock *sock, int index)
{
	struct ifinfomsg head = { .ifi_index = index };
	struct nl_msg *msg = new_msg(RTM_GETLINK, 0, &head, sizeof(head));
	struct nl_msg *del = nlmsg_alloc_size(NAMES_SIZE);
	int ret = -ENOMEM;

	if (!msg || !del || !nlmsg_put(del, NL_AUTO_PORT, NL_AUTO_SEQ, RTM_DELLINKPROP, 0,
				       NLM_F_REQUEST | NLM_F_ACK) ||
	    nlmsg_append(del, &head, sizeof(head), NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
	} else {
		ret = ask(sock, msg, del);
		if (ret > 0)
			return talk(sock, del);
	}
	nlmsg_free(del);
	return ret;
}

int rtnl_port_locked(struct nl_sock *sock, int index, bool locked)
{
	struct ifinfomsg head = { .ifi_index = index };
	struct nl_msg *msg = new_msg(RTM_NEWLINK, 0, &head, sizeof(head));
	struct nlattr *info, *data;

	if (!msg)
		return -ENOMEM;
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_SLAVE_KIND, "bridge");
	data = nla_nest_start(msg, IFLA_INFO_SLAVE_DATA);
	nla_put_u8(msg, IFLA_BRPORT_LEARNING, !locked);
	nla_put_u8(msg, IFLA_BRPORT_LOCKED, locked);
	nla_put_u8(msg, IFLA_BRPORT_GUARD, locked);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return talk(sock, msg);
}

int rtnl_port_mac(struct nl_sock *sock, bool add, int index, const unsigned char *mac)
{
	struct ndmsg head = {
		.ndm_family = AF_BRIDGE,
		.ndm_ifindex = index,
		.ndm_state = NUD_NOARP,
		.ndm_flags = NTF_MASTER,
	};
	struct nl_msg *msg = new_msg(add ? RTM_NEWNEIGH : RTM_DELNEIGH,
				     add ? NLM_F_CREATE | NLM_F_REPLACE : 0, &head, sizeof(head));

	if (!msg)
		return -ENOMEM;
	nla_put(msg, NDA_LLADDR, MAC_SIZE, mac);
	return done_already(talk(sock, msg), add);
}

static bool is_loopback(const struct ip *ip)
{
	return ip->family == AF_INET && ip->bytes[0] == 127;
}

int rtnl_address(struct nl_sock *sock, bool add, int link, const struct ip *ip, const char *label)
{
	struct ifaddrmsg head = {
		.ifa_family = ip->family,
		.ifa_prefixlen = 8 * ip_size(ip),
		.ifa_scope = is_loopback(ip) ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
		.ifa_index = link,
	};
	struct nl_msg *msg = new_msg(add ? RTM_NEWADDR : RTM_DELADDR,
				     add ? NLM_F_CREATE | NLM_F_EXCL : 0, &head, sizeof(head));

	if (!msg)
		return -ENOMEM;
	nla_put(msg, IFA_LOCAL, ip_size(ip), ip->bytes);
	nla_put(msg, IFA_ADDRESS, ip_size(ip), ip->bytes);
	if (label && ip->family == AF_INET)
		nla_put_string(msg, IFA_LABEL, label);
	return done_already(talk(sock, msg), add);
}

static int change_route(struct nl_sock *sock, bool add, int link, const struct ip *ip, int family)
{
	struct rtmsg head = {
		.rtm_family = family,
		.rtm_dst_len = ip ? 8 * ip_size(ip) : 0,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = add ? RTPROT_BOOT : RTPROT_UNSPEC,
		.rtm_scope = add && family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_type = add ? RTN_UNICAST : RTN_UNSPEC,
	};
	const int type = add ? RTM_NEWROUTE : RTM_DELROUTE;
	const int flags = NLM_F_CREATE | (ip ? NLM_F_EXCL : NLM_F_REPLACE);

	if (!add && family == AF_INET)
		head.rtm_scope = RT_SCOPE_NOWHERE;
	return request(sock, type, add ? flags : 0, &head, sizeof(head), RTA_DST, ip, RTA_OIF,
		       link);
}

int rtnl_route(struct nl_sock *sock, bool add, int link, const struct ip *ip, int family)
{
	int err = change_route(sock, add, link, ip, family);

	if (!add)
		return done_already(err, false);
	/* On that link it is ours of an earlier time. Any other is somebody's. */
	if (err == -EEXIST && ip && !change_route(sock, false, link, ip, family))
		err = change_route(sock, true, link, ip, family);
	return err;
}

int rtnl_proxy(struct nl_sock *sock, bool add, int link, const struct ip *ip)
{
	struct ndmsg head = {
		.ndm_family = ip->family,
		.ndm_ifindex = link,
		.ndm_state = NUD_PERMANENT,
		.ndm_flags = NTF_PROXY,
	};
	int err = request(sock, add ? RTM_NEWNEIGH : RTM_DELNEIGH, add ? NLM_F_CREATE : 0,
			  &head, sizeof(head), NDA_DST, ip, 0, 0);

	return done_already(err, add);
}
