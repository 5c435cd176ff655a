// SPDX-License-Identifier: GPL-2.0
/*
 * The device: what goes into one comes out of another.
 */
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/inetdevice.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/ratelimit.h>
#include <linux/rtnetlink.h>
#include <net/ipv6.h>
#include <net/rtnetlink.h>

#include "compat/compat.h"
#include "venet.h"

#define VENET_FEATURES (NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HW_CSUM |	\
			NETIF_F_RXCSUM | NETIF_F_SCTP_CRC | NETIF_F_HIGHDMA |	\
			NETIF_F_GSO_SOFTWARE | NETIF_F_GSO_ENCAP_ALL)

/* So many of a container's own addresses are compared, before the table is asked. */
#define SHORT_LIST 4

/**
 * struct venet - what a device knows
 * @home: its namespace, which outlives it. Constant
 */
struct venet {
	struct venet_ns *home;
};

static struct venet_ns *home_of(const struct net_device *dev)
{
	return ((struct venet *)netdev_priv(dev))->home;
}

static bool read_ip4(struct sk_buff *skb, struct venet_ip *from, struct venet_ip *to)
{
	const struct iphdr *ip;

	if (!pskb_may_pull(skb, sizeof(*ip)))
		return false;
	ip = (const struct iphdr *)skb->data;
	*from = venet_ip4(ip->saddr);
	*to = venet_ip4(ip->daddr);
	return ip->version == 4;
}

static bool read_ip6(struct sk_buff *skb, struct venet_ip *from, struct venet_ip *to)
{
	const struct ipv6hdr *ip;

	if (!pskb_may_pull(skb, sizeof(*ip)))
		return false;
	ip = (const struct ipv6hdr *)skb->data;
	*from = venet_ip6(&ip->saddr);
	*to = venet_ip6(&ip->daddr);
	return ip->version == 6;
}

static bool read_addresses(struct sk_buff *skb, struct venet_ip *from, struct venet_ip *to)
{
	if (skb->protocol == htons(ETH_P_IP))
		return read_ip4(skb, from, to);
	if (skb->protocol == htons(ETH_P_IPV6))
		return read_ip6(skb, from, to);
	return false;
}

static bool is_group(const struct venet_ip *ip)
{
	if (ip->protocol == htons(ETH_P_IP))
		return ip->lo >> 28 == 0xe || ip->lo == INADDR_BROADCAST;
	return ip->hi >> 56 == 0xff;
}

/* In the words of the original, which has nothing before them: logs are searched for them. */
static void log_theft(const struct venet_ns *ns, const struct venet_ip *from,
		      const struct venet_ip *to)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 10);
	u8 src[16], dst[16];

	if (!__ratelimit(&limit))
		return;
	if (venet_ip_bytes(from, src) + venet_ip_bytes(to, dst) == 8)
		pr_info("Dropped packet, source wrong veid=%u src-IP=%pI4 dst-IP=%pI4\n",
			READ_ONCE(ns->id), src, dst);
	else
		pr_info("Dropped packet, source wrong veid=%u src-IP=%pI6c dst-IP=%pI6c\n",
			READ_ONCE(ns->id), src, dst);
}

/* May this namespace send from there? Most have an address or two. */
static bool may_send(const struct venet_ns *ns, const struct venet_ip *from,
		     const struct venet_ip *to)
{
	const struct venet_address *address;
	unsigned int n = 0;

	hlist_for_each_entry_rcu(address, &ns->addresses, own) {
		if (venet_ip_equal(&address->ip, from))
			return true;
		if (++n == SHORT_LIST)
			break;
	}
	address = venet_find(from);
	if (address && address->ns == ns)
		return true;
	if (address)
		log_theft(ns, from, to);
	return false;
}

/*
 * Is it too large to arrive there? As on a wire: or the root of a container raises
 * his own MTU, and has the host do the fragmenting. Of what is cut later each
 * segment has to fit.
 */
static bool is_too_big(const struct sk_buff *skb, const struct net_device *dev)
{
	unsigned int mtu = READ_ONCE(dev->mtu);

	if (skb->len <= mtu)
		return false;
	return !skb_is_gso(skb) || !skb_transport_header_was_set(skb) ||
	       !skb_gso_validate_network_len(skb, mtu);
}

/* Where a packet goes; NULL and why not. */
static struct net_device *receiver(const struct venet_ns *home, struct sk_buff *skb,
				   enum skb_drop_reason *why)
{
	const struct venet_address *address;
	const struct venet_ns *there;
	struct venet_ip from, to;
	struct net_device *dev;

	/* A packet begins with it, whatever its sender has noted. */
	skb_reset_network_header(skb);
	*why = SKB_DROP_REASON_UNHANDLED_PROTO;
	if (!read_addresses(skb, &from, &to))
		return NULL;
	*why = SKB_DROP_REASON_IP_OUTNOROUTES;
	if (is_group(&to))
		return NULL;
	if (home == venet_host) {
		address = venet_find(&to);
		if (!address)
			return NULL;
		there = address->ns;
	} else {
		*why = SKB_DROP_REASON_IP_RPFILTER;
		if (!may_send(home, &from, &to))
			return NULL;
		there = venet_host;
	}
	*why = SKB_DROP_REASON_DEV_READY;
	dev = rcu_dereference_bh(there->dev);
	if (!dev || !(dev->flags & IFF_UP))
		return NULL;
	*why = SKB_DROP_REASON_PKT_TOO_BIG;
	return unlikely(is_too_big(skb, dev)) ? NULL : dev;
}

/*
 * Make it a packet that has just arrived. Its socket stays with it until the
 * other side's IP lets go of it: so a sender feels that its packets queue.
 */
static int hand_over(struct sk_buff *skb, struct net_device *dev)
{
	skb_scrub_packet(skb, true);
	skb->priority = 0;
	skb->dev = dev;
	skb_reset_mac_header(skb);
	return __netif_rx(skb);
}

static netdev_tx_t venet_xmit(struct sk_buff *skb, struct net_device *dev)
{
	enum skb_drop_reason why;
	struct net_device *there;
	int len = skb->len;

	there = receiver(home_of(dev), skb, &why);
	if (unlikely(!there))
		goto drop;
	why = SKB_DROP_REASON_SKB_UCOPY_FAULT;
	if (unlikely(skb_orphan_frags(skb, GFP_ATOMIC)))
		goto drop;
	skb_tx_timestamp(skb);
	if (likely(hand_over(skb, there) == NET_RX_SUCCESS)) {
		dev_sw_netstats_tx_add(dev, 1, len);
		dev_sw_netstats_rx_add(there, len);
	} else {
		dev_core_stats_tx_dropped_inc(dev);
	}
	return NETDEV_TX_OK;
drop:
	/* The sender is not told, as on any network. */
	dev_core_stats_tx_dropped_inc(dev);
	kfree_skb_reason(skb, why);
	return NETDEV_TX_OK;
}

static int venet_dev_init(struct net_device *dev)
{
	dev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	return dev->tstats ? 0 : -ENOMEM;
}

static void venet_dev_free(struct net_device *dev)
{
	free_percpu(dev->tstats);
}

static const struct net_device_ops venet_netdev_ops = {
	.ndo_init = venet_dev_init,
	.ndo_start_xmit = venet_xmit,
	.ndo_get_stats64 = dev_get_tstats64,
};

/**
 * venet_is() - is it one of ours?
 * @dev: a device
 *
 * Return: true if so.
 */
bool venet_is(const struct net_device *dev)
{
	return dev->netdev_ops == &venet_netdev_ops;
}

static void venet_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, "venet", sizeof(info->driver));
	strscpy(info->version, STOCKVZ_VERSION, sizeof(info->version));
}

static const struct ethtool_ops venet_ethtool_ops = {
	.get_drvinfo = venet_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_ts_info = ethtool_op_get_ts_info,
};

/* No link header, but room for the one of a card behind the host. */
static void venet_setup(struct net_device *dev)
{
	dev->type = ARPHRD_VOID;
	dev->flags = IFF_BROADCAST | IFF_POINTOPOINT | IFF_NOARP;
	dev->priv_flags |= IFF_NO_QUEUE | IFF_DONT_BRIDGE;
	dev->needed_headroom = ETH_HLEN;
	dev->mtu = ETH_DATA_LEN;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = ETH_MAX_MTU;
	dev->features = VENET_FEATURES | NETIF_F_VLAN_CHALLENGED;
	dev->hw_features = VENET_FEATURES & ~NETIF_F_HIGHDMA;
	dev->hw_enc_features = VENET_FEATURES;
	dev->mpls_features = NETIF_F_HW_CSUM | NETIF_F_GSO_SOFTWARE;
	compat_netdev_lockless_and_local(dev);
	netif_set_tso_max_size(dev, GSO_MAX_SIZE);
	dev->netdev_ops = &venet_netdev_ops;
	dev->ethtool_ops = &venet_ethtool_ops;
	dev->needs_free_netdev = true;
	dev->priv_destructor = venet_dev_free;
}

static int venet_newlink(struct net *src_net, struct net_device *dev, struct nlattr *tb[],
			 struct nlattr *data[], struct netlink_ext_ack *extack)
{
	struct venet_ns *home = venet_ns_of(dev_net(dev));
	int err = 0;

	if (rtnl_dereference(home->dev)) {
		NL_SET_ERR_MSG(extack, "the namespace has a venet");
		return -EEXIST;
	}
	((struct venet *)netdev_priv(dev))->home = home;
	if (home == venet_host)
		err = venet_forward_init(&init_net);
	if (err) {
		NL_SET_ERR_MSG(extack, "no hook in the forwarding path");
		return err;
	}
	err = register_netdevice(dev);
	if (err) {
		if (home == venet_host)
			venet_forward_exit(&init_net);
		return err;
	}
	rcu_assign_pointer(home->dev, dev);
	return 0;
}

/* Whoever finds it no more lets go of it before it is freed: the core waits. */
static void venet_dellink(struct net_device *dev, struct list_head *head)
{
	struct venet_ns *home = home_of(dev);

	if (home == venet_host)
		venet_forward_exit(&init_net);
	RCU_INIT_POINTER(home->dev, NULL);
	unregister_netdevice_queue(dev, head);
}

static struct rtnl_link_ops venet_link_ops = {
	.kind = "venet",
	.priv_size = sizeof(struct venet),
	.setup = venet_setup,
	.newlink = venet_newlink,
	.dellink = venet_dellink,
};

/**
 * venet_init() - let devices be made
 *
 * Return: 0, an errno of venet_table_init() or rtnl_link_register().
 */
int venet_init(void)
{
	int err = venet_table_init();

	if (err)
		return err;
	err = rtnl_link_register(&venet_link_ops);
	if (err)
		venet_table_exit();
	return err;
}

/**
 * venet_exit() - no device and no address is left afterwards
 */
void venet_exit(void)
{
	/* Takes all devices along, in all namespaces. */
	rtnl_link_unregister(&venet_link_ops);
	venet_table_exit();
}
