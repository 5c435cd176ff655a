/* SPDX-License-Identifier: GPL-2.0 */
/*
 * venet: one network device of layer 3 in each namespace that has one, and one
 * table that says which address is whose.
 *
 * What a container sends arrives at the host's device, if its source address
 * is one of the container's. What the host sends arrives at the device of the
 * container that has the destination address. There is no link layer.
 *
 * Life. A namespace's struct venet_ns comes and goes with the namespace, and
 * with the module. Its addresses leave the table before it goes (pre_exit),
 * its device does when it dies, when somebody deletes it and when the module
 * goes. Who finds any of them does so under RCU, and for so long they stay:
 * the core waits for readers after pre_exit and between dellink and the end of
 * a device, kfree_rcu() does for addresses.
 *
 * Locks. venet_mutex: addresses, and who has them. rtnl: devices. Neither is
 * taken inside the other.
 */
#ifndef STOCKVZ_VENET_H
#define STOCKVZ_VENET_H

#include <linux/in6.h>
#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <net/net_namespace.h>

/**
 * struct venet_ip - an address of either family, quick to compare
 * @hi: the first half of an IPv6 address; 0 of IPv4
 * @lo: the second; or all of an IPv4 address
 * @protocol: ETH_P_IP or ETH_P_IPV6
 */
struct venet_ip {
	u64 hi;
	u64 lo;
	__be16 protocol;
};

/**
 * struct venet_ns - a network namespace
 * @dev: its device, NULL if it has none. Changed under rtnl, read under RCU
 * @addresses: its own. Changed under venet_mutex, read under RCU
 * @id: the container, as long as there are addresses. venet_mutex; the log
 *	reads it without
 * @link: in the list of those with addresses. venet_mutex
 */
struct venet_ns {
	struct net_device __rcu *dev;
	struct hlist_head addresses;
	u32 id;
	struct list_head link;
};

/**
 * struct venet_address - an address that a container has
 * @ip: constant
 * @ns: whose it is. Constant: an address that moves is another one
 * @node: in the table. There are two, since it is in two tables while one
 *	grows out of the other. venet_mutex; read under RCU
 * @own: among the addresses of @ns. venet_mutex; read under RCU
 * @rcu: frees it
 */
struct venet_address {
	struct venet_ip ip;
	struct venet_ns *ns;
	struct hlist_node node[2];
	struct hlist_node own;
	struct rcu_head rcu;
};

static inline struct venet_ip venet_ip4(__be32 address)
{
	return (struct venet_ip){
		.lo = be32_to_cpu(address),
		.protocol = cpu_to_be16(ETH_P_IP),
	};
}

static inline struct venet_ip venet_ip6(const struct in6_addr *address)
{
	__be64 half[2];

	memcpy(half, address, sizeof(half));
	return (struct venet_ip){
		.hi = be64_to_cpu(half[0]),
		.lo = be64_to_cpu(half[1]),
		.protocol = cpu_to_be16(ETH_P_IPV6),
	};
}

static inline bool venet_ip_equal(const struct venet_ip *a, const struct venet_ip *b)
{
	return a->lo == b->lo && a->hi == b->hi && a->protocol == b->protocol;
}

/**
 * struct venet_place - how far a walk has come; all 0 at first
 * @bucket: the bucket it is in
 * @passed: how many of that bucket's addresses it has seen
 */
struct venet_place {
	unsigned long bucket;
	unsigned long passed;
};

/* Called with venet_mutex held. Return: 0, or what ends the walk. */
typedef int (*venet_walk_fn)(u32 id, const struct venet_ip *ip, void *arg);

/* table.c */
extern struct venet_ns *venet_host;
unsigned int venet_ip_bytes(const struct venet_ip *ip, u8 *bytes);
struct venet_address *venet_find(const struct venet_ip *ip);
struct venet_ns *venet_ns_of(struct net *net);
int venet_add(u32 id, struct net *net, const struct venet_ip *ip, const char **why);
int venet_del(u32 id, const struct venet_ip *ip, const char **why);
void venet_del_all(u32 id);
int venet_walk(struct venet_place *place, venet_walk_fn fn, void *arg);
int venet_walk_ct(u32 id, venet_walk_fn fn, void *arg);
u32 venet_generation(void);
int venet_table_init(void);
void venet_table_exit(void);

/* device.c */
bool venet_is(const struct net_device *dev);
int venet_init(void);
void venet_exit(void);

/* forward.c */
int venet_forward_init(struct net *net);
void venet_forward_exit(struct net *net);

#endif
