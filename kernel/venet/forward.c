// SPDX-License-Identifier: GPL-2.0
/*
 * What comes from a container and is forwarded by the host keeps its TTL: a
 * container is not a hop away. The kernel makes the test for expiry and
 * decrements, and then asks the FORWARD hooks; the first of them is ours, so
 * that the firewall sees what the container sent. It is there as long as the
 * host has a venet.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/checksum.h>

#include "venet.h"

/* The kernel has just written to the header: it is ours to write to. */
static unsigned int keep_ttl(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct iphdr *ip = ip_hdr(skb);

	if (venet_is(state->in)) {
		csum_replace2(&ip->check, htons(ip->ttl << 8), htons((ip->ttl + 1) << 8));
		ip->ttl++;
	}
	return NF_ACCEPT;
}

static unsigned int keep_hop_limit(void *priv, struct sk_buff *skb,
				   const struct nf_hook_state *state)
{
	if (venet_is(state->in))
		ipv6_hdr(skb)->hop_limit++;
	return NF_ACCEPT;
}

static const struct nf_hook_ops hooks[] = {
	{
		.hook = keep_ttl,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_FORWARD,
		.priority = NF_IP_PRI_FIRST,
	},
	{
		.hook = keep_hop_limit,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_FORWARD,
		.priority = NF_IP6_PRI_FIRST,
	},
};

/**
 * venet_forward_init() - look at what a namespace forwards
 * @net: the namespace
 *
 * Return: 0, an errno of nf_register_net_hooks().
 */
int venet_forward_init(struct net *net)
{
	return nf_register_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}

/**
 * venet_forward_exit() - look no more
 * @net: the namespace
 */
void venet_forward_exit(struct net *net)
{
	nf_unregister_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}
