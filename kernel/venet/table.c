// SPDX-License-Identifier: GPL-2.0
/*
 * Which address is whose: one hash table for all containers and both families,
 * and for each namespace a list of its own.
 */
#include <linux/hash.h>
#include <linux/if_ether.h>
#include <linux/ipv6.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include <net/netns/generic.h>

#include "ub/ub.h"
#include "venet.h"

#define FIRST_BITS 8
/* A table grows when it has more addresses than buckets, and then by this. */
#define GROW_BITS 2

/**
 * struct venet_table - the hash table
 * @bits: it has 1 << bits buckets
 * @slot: which of an address's two nodes is in it
 * @bucket: lists of addresses
 */
struct venet_table {
	unsigned int bits;
	unsigned int slot;
	struct hlist_head bucket[];
};

static DEFINE_MUTEX(venet_mutex);

/* Replaced under venet_mutex, read under RCU. */
static struct venet_table __rcu *venet_table;

/* Under venet_mutex. */
static unsigned long venet_count;
static u32 venet_changes;
static LIST_HEAD(venet_namespaces);

static unsigned int venet_net_id;

/* The host's own namespace. */
struct venet_ns *venet_host __ro_after_init;

/*
 * Whoever may add addresses may do anything to this machine: the hash has only
 * to spread, and neighbours spread best when they are multiplied.
 */
static unsigned int hash_of(const struct venet_ip *ip, unsigned int bits)
{
	return hash_64(ip->hi * GOLDEN_RATIO_64 + ip->lo, bits);
}

static struct venet_table *the_table(void)
{
	return rcu_dereference_protected(venet_table, lockdep_is_held(&venet_mutex));
}

/**
 * venet_find() - whose is an address?
 * @ip: the address
 *
 * Context: RCU read section, in which alone the result stays.
 * Return: its entry, or NULL.
 */
struct venet_address *venet_find(const struct venet_ip *ip)
{
	const struct venet_table *table;
	struct venet_address *address;

	/* Packets are sent with softirqs off, which is as good. */
	table = rcu_dereference_check(venet_table,
				      lockdep_is_held(&venet_mutex) || rcu_read_lock_any_held());

	hlist_for_each_entry_rcu(address, &table->bucket[hash_of(ip, table->bits)],
				 node[table->slot], lockdep_is_held(&venet_mutex))
		if (venet_ip_equal(&address->ip, ip))
			return address;
	return NULL;
}

/**
 * venet_ns_of() - what a namespace has of venet
 * @net: the namespace
 *
 * Return: that; it goes with the namespace.
 */
struct venet_ns *venet_ns_of(struct net *net)
{
	return net_generic(net, venet_net_id);
}

/**
 * venet_ip_bytes() - an address as packets have it
 * @ip: the address
 * @bytes: where to, with room for 16
 *
 * Return: how many, 4 or 16.
 */
unsigned int venet_ip_bytes(const struct venet_ip *ip, u8 *bytes)
{
	__be64 half[2] = { cpu_to_be64(ip->hi), cpu_to_be64(ip->lo) };
	__be32 ip4 = cpu_to_be32(ip->lo);

	if (ip->protocol == cpu_to_be16(ETH_P_IP)) {
		memcpy(bytes, &ip4, sizeof(ip4));
		return sizeof(ip4);
	}
	memcpy(bytes, half, sizeof(half));
	return sizeof(half);
}

static struct venet_table *new_table(unsigned int bits, unsigned int slot)
{
	struct venet_table *table;

	table = kvzalloc(struct_size(table, bucket, 1UL << bits), GFP_KERNEL);
	if (table) {
		table->bits = bits;
		table->slot = slot;
	}
	return table;
}

static void link_address(struct venet_table *table, struct venet_address *address)
{
	hlist_add_head_rcu(&address->node[table->slot],
			   &table->bucket[hash_of(&address->ip, table->bits)]);
}

/*
 * Make a larger table out of the same addresses, by their other node. Who
 * reads the old one must be gone before that node is used once more. Without
 * memory the old table stays, and is slower.
 */
static void grow(void)
{
	struct venet_table *old = the_table(), *table;
	struct venet_address *address;
	unsigned long i;

	if (venet_count < 1UL << old->bits)
		return;
	table = new_table(old->bits + GROW_BITS, !old->slot);
	if (!table)
		return;
	for (i = 0; i < 1UL << old->bits; i++)
		hlist_for_each_entry(address, &old->bucket[i], node[old->slot])
			link_address(table, address);
	rcu_assign_pointer(venet_table, table);
	synchronize_rcu();
	kvfree(old);
}

static bool is_unicast(const struct venet_ip *ip)
{
	struct in6_addr ip6;
	__be32 ip4;

	if (ip->protocol == cpu_to_be16(ETH_P_IP)) {
		ip4 = cpu_to_be32(ip->lo);
		return !ipv4_is_zeronet(ip4) && !ipv4_is_loopback(ip4) &&
		       !ipv4_is_multicast(ip4) && !ipv4_is_lbcast(ip4);
	}
	venet_ip_bytes(ip, ip6.s6_addr);
	return !ipv6_addr_any(&ip6) && !ipv6_addr_loopback(&ip6) &&
	       !ipv6_addr_is_multicast(&ip6) && !ipv6_addr_v4mapped(&ip6);
}

static int refuse(int err, const char **why, const char *text)
{
	*why = text;
	return err;
}

/* Does a container of that number run? Its beancounter is its name. */
static bool is_running(u32 id)
{
	struct ub *ub = ub_find_get(id);
	bool named = ub && !ub_is_dying(ub);

	if (ub)
		ub_put(ub);
	return named;
}

static int may_add(u32 id, const struct venet_ns *ns, const struct venet_ip *ip,
		   const char **why)
{
	lockdep_assert_held(&venet_mutex);
	if (!is_unicast(ip))
		return refuse(-EINVAL, why, "no container can have this address");
	if (!id || ns == venet_host)
		return refuse(-EINVAL, why, "the host is no container");
	if (!is_running(id))
		return refuse(-ESRCH, why, "no such container runs");
	if (ns->id && ns->id != id)
		return refuse(-EBUSY, why, "the namespace is another container's");
	if (venet_find(ip))
		return refuse(-EADDRINUSE, why, "a container has this address");
	return 0;
}

static void insert(u32 id, struct venet_ns *ns, struct venet_address *address)
{
	lockdep_assert_held(&venet_mutex);
	if (!ns->id) {
		WRITE_ONCE(ns->id, id);
		list_add_tail(&ns->link, &venet_namespaces);
	}
	grow();
	hlist_add_head_rcu(&address->own, &ns->addresses);
	link_address(the_table(), address);
	venet_count++;
	venet_changes++;
}

static void remove(struct venet_address *address)
{
	struct venet_ns *ns = address->ns;

	lockdep_assert_held(&venet_mutex);
	hlist_del_rcu(&address->node[the_table()->slot]);
	hlist_del_rcu(&address->own);
	venet_count--;
	venet_changes++;
	if (hlist_empty(&ns->addresses)) {
		list_del(&ns->link);
		WRITE_ONCE(ns->id, 0);
	}
	kfree_rcu(address, rcu);
}

/**
 * venet_add() - give an address to a container
 * @id: its number
 * @net: its network namespace, referenced
 * @ip: the address
 * @why: set to the reason of a refusal
 *
 * Context: process.
 * Return: 0; -EADDRINUSE: some container has it; -ESRCH: no such container;
 * -EBUSY: the namespace belongs to another one; -EINVAL; -ENOMEM.
 */
int venet_add(u32 id, struct net *net, const struct venet_ip *ip, const char **why)
{
	struct venet_address *address = kzalloc(sizeof(*address), GFP_KERNEL);
	int err;

	if (!address)
		return refuse(-ENOMEM, why, "out of memory");
	address->ip = *ip;
	address->ns = venet_ns_of(net);
	mutex_lock(&venet_mutex);
	err = may_add(id, address->ns, ip, why);
	if (!err)
		insert(id, address->ns, address);
	mutex_unlock(&venet_mutex);
	if (err)
		kfree(address);
	return err;
}

/**
 * venet_del() - take an address away from a container
 * @id: its number
 * @ip: the address
 * @why: set to the reason of a refusal
 *
 * Context: process.
 * Return: 0, or -EADDRNOTAVAIL: it is not this container's.
 */
int venet_del(u32 id, const struct venet_ip *ip, const char **why)
{
	struct venet_address *address;

	mutex_lock(&venet_mutex);
	address = venet_find(ip);
	if (address && address->ns->id == id)
		remove(address);
	else
		address = NULL;
	mutex_unlock(&venet_mutex);
	return address ? 0 : refuse(-EADDRNOTAVAIL, why, "the container has no such address");
}

static void remove_all(struct venet_ns *ns)
{
	struct venet_address *address;
	struct hlist_node *next;

	lockdep_assert_held(&venet_mutex);
	hlist_for_each_entry_safe(address, next, &ns->addresses, own)
		remove(address);
}

/**
 * venet_del_all() - take all its addresses away from a container
 * @id: its number
 *
 * Context: process.
 */
void venet_del_all(u32 id)
{
	struct venet_ns *ns, *next;

	mutex_lock(&venet_mutex);
	list_for_each_entry_safe(ns, next, &venet_namespaces, link)
		if (ns->id == id)
			remove_all(ns);
	mutex_unlock(&venet_mutex);
}

static int walk_bucket(struct venet_table *table, struct venet_place *place, venet_walk_fn fn,
		       void *arg)
{
	struct venet_address *address;
	unsigned long n = 0;
	int ret;

	hlist_for_each_entry(address, &table->bucket[place->bucket], node[table->slot]) {
		if (n++ < place->passed)
			continue;
		ret = fn(address->ns->id, &address->ip, arg);
		if (ret)
			return ret;
		place->passed++;
	}
	return 0;
}

/**
 * venet_walk() - call a function for each address
 * @place: where to begin; afterwards, where it was ended
 * @fn: the function
 * @arg: its argument
 *
 * Context: process.
 * Return: 0, or what @fn returned.
 */
int venet_walk(struct venet_place *place, venet_walk_fn fn, void *arg)
{
	struct venet_table *table;
	int ret = 0;

	mutex_lock(&venet_mutex);
	for (table = the_table(); place->bucket < 1UL << table->bits; place->bucket++) {
		ret = walk_bucket(table, place, fn, arg);
		if (ret)
			break;
		place->passed = 0;
	}
	mutex_unlock(&venet_mutex);
	return ret;
}

/**
 * venet_walk_ct() - call a function for each address of a container
 * @id: its number
 * @fn: the function
 * @arg: its argument
 *
 * Context: process.
 * Return: 0, or what @fn returned.
 */
int venet_walk_ct(u32 id, venet_walk_fn fn, void *arg)
{
	struct venet_address *address;
	struct venet_ns *ns;
	int ret = 0;

	mutex_lock(&venet_mutex);
	list_for_each_entry(ns, &venet_namespaces, link) {
		if (ns->id != id)
			continue;
		hlist_for_each_entry(address, &ns->addresses, own) {
			ret = fn(id, &address->ip, arg);
			if (ret)
				goto out;
		}
	}
out:
	mutex_unlock(&venet_mutex);
	return ret;
}

/**
 * venet_generation() - a number that changes when an address comes or goes
 *
 * Return: the number.
 */
u32 venet_generation(void)
{
	return READ_ONCE(venet_changes);
}

/*
 * Nobody holds a reference to the namespace any more, and nobody adds. Readers
 * that are still about go before it is freed: pre_exit is followed by a grace
 * period.
 */
static void __net_exit leave(struct net *net)
{
	mutex_lock(&venet_mutex);
	remove_all(venet_ns_of(net));
	mutex_unlock(&venet_mutex);
}

static struct pernet_operations venet_net_ops = {
	.pre_exit = leave,
	.id = &venet_net_id,
	.size = sizeof(struct venet_ns),
};

/**
 * venet_table_init() - begin with no addresses
 *
 * Return: 0, -ENOMEM, an errno of register_pernet_device().
 */
int venet_table_init(void)
{
	struct venet_table *table = new_table(FIRST_BITS, 0);
	int err;

	if (!table)
		return -ENOMEM;
	RCU_INIT_POINTER(venet_table, table);
	err = register_pernet_device(&venet_net_ops);
	if (err) {
		kvfree(table);
		return err;
	}
	venet_host = venet_ns_of(&init_net);
	return 0;
}

/**
 * venet_table_exit() - no device is left that would look
 */
void venet_table_exit(void)
{
	unregister_pernet_device(&venet_net_ops);
	/* That has emptied it. Addresses free themselves by core code alone. */
	kvfree(rcu_dereference_protected(venet_table, true));
}
