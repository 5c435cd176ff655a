// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "fd.h"
#include "given.h"
#include "log.h"
#include "netif.h"
#include "rtnl.h"
#include "veth.h"

/* One file for each container: the devices that it was given, until the machine goes down. */
#define RECORDS "/run/vzctl/netif"

struct veth {
	const struct ct *ct;
	int netns;
	struct nl_sock *host, *inside;
};

char *veth_given(unsigned int id)
{
	return given_read(RECORDS, id);
}

bool veth_is_end(unsigned int index)
{
	DIR *dir = opendir(RECORDS);
	const struct dirent *entry;
	struct netif_list list;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		char *text;

		if (entry->d_name[strspn(entry->d_name, "0123456789")])
			continue;
		text = veth_given(strtoul(entry->d_name, NULL, 10));
		netif_parse(text, &list);
		free(text);
		for (size_t i = 0; i < list.nr; i++)
			found |= list.dev[i].index == (int)index;
	}
	if (dir)
		closedir(dir);
	return found;
}

static int record(unsigned int id, const struct netif_list *list)
{
	char *text = netif_text(list);
	int ret = text ? given_write(RECORDS, id, list->nr ? text : NULL) : -ENOMEM;

	free(text);
	return ret;
}

static int open_veth(struct veth *veth)
{
	veth->host = rtnl_open(-1);
	if (!veth->host)
		return -errno;
	veth->inside = rtnl_open(veth->netns);
	return veth->inside ? 0 : -errno;
}

static void close_veth(struct veth *veth)
{
	rtnl_close(veth->inside);
	rtnl_close(veth->host);
}

/* The host's end, unless another device has its name by now */
static int host_end(const struct veth *veth, const struct netif *dev)
{
	int index = rtnl_link_index(veth->host, dev->host_ifname);

	return index > 0 && index != dev->index ? -ENODEV : index;
}

/* The bridge's number, 0 for none */
static int find_bridge(const struct veth *veth, const struct netif *dev)
{
	return *dev->bridge ? rtnl_link_index(veth->host, dev->bridge) : 0;
}

/* A port that takes in nothing but what comes from the device's own MAC */
static int filter(const struct veth *veth, int port, const struct netif *dev)
{
	int ret;

	if (!*dev->bridge)
		return 0;
	ret = rtnl_port_locked(veth->host, port, !dev->any_mac);
	if (!ret && !dev->any_mac)
		ret = rtnl_port_mac(veth->host, true, port, dev->mac);
	return ret;
}

static int make_pair(const struct veth *veth, const struct netif *dev)
{
	const struct rtnl_link here = {
		.name = dev->host_ifname,
		.mac = dev->host_mac,
		.master = -1,
		.up = 0,
	};
	const struct rtnl_link there = {
		.name = dev->ifname,
		.mac = dev->mac,
		.master = -1,
		.up = -1,
	};

	return rtnl_veth(veth->host, &here, veth->netns, &there);
}

/* A container is no router of the host's: not whatever it advertises. */
static void believe_nothing(const char *name)
{
	char path[64 + IF_NAMESIZE];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", name);
	file_write_at(AT_FDCWD, path, "0");
}

/* Brought down for it: an older kernel renames no other, and nothing comes in unfiltered. */
static int set_host_side(const struct veth *veth, int index, const struct netif *dev)
{
	const struct rtnl_link down = { .master = -1, .up = 0 };
	const struct rtnl_link up = { .master = -1, .up = 1 };
	const struct rtnl_link link = {
		.name = dev->host_ifname,
		.mac = dev->host_mac,
		.master = find_bridge(veth, dev),
		.up = -1,
	};
	int ret = link.master < 0 ? link.master : rtnl_link_change(veth->host, index, &down);

	if (!ret)
		ret = rtnl_link_change(veth->host, index, &link);
	if (!ret) {
		believe_nothing(dev->host_ifname);
		ret = filter(veth, index, dev);
	}
	return ret ?: rtnl_link_change(veth->host, index, &up);
}

static int tell(const struct netif *dev, int err)
{
	if (!err)
		return 0;
	if (err == -EEXIST)
		return vz_err(VZ_VETH, "Unable to make %s: there is a device %s on the host, or %s inside",
			      dev->ifname, dev->host_ifname, dev->ifname);
	if (err == -ENODEV && *dev->bridge)
		return vz_err(VZ_VETH, "Unable to set up %s: no bridge %s, or the device is gone",
			      dev->ifname, dev->bridge);
	return vz_err(VZ_VETH, "Unable to set up %s: %s", dev->ifname, strerror(-err));
}

static int add_one(const struct veth *veth, struct netif *dev)
{
	int ret = find_bridge(veth, dev);

	if (ret >= 0)
		ret = make_pair(veth, dev);
	if (ret)
		return tell(dev, ret);
	dev->index = rtnl_link_index(veth->host, dev->host_ifname);
	ret = dev->index > 0 ? set_host_side(veth, dev->index, dev) : -ENODEV;
	if (ret)
		rtnl_link_del(veth->host, dev->index);
	return tell(dev, ret);
}

/* Whoever is root inside may have renamed it: that is in the way of a new MAC alone. */
static int change_inside(const struct veth *veth, const struct netif *old, const struct netif *dev)
{
	const struct rtnl_link link = { .mac = dev->mac, .master = -1, .up = -1 };
	int index;

	if (!memcmp(old->mac, dev->mac, MAC_SIZE))
		return 0;
	index = rtnl_link_index(veth->inside, dev->ifname);
	return index < 0 ? index : rtnl_link_change(veth->inside, index, &link);
}

static int change_one(const struct veth *veth, int index, const struct netif *old,
		      const struct netif *new)
{
	int ret = change_inside(veth, old, new);

	if (!ret && *old->bridge && !old->any_mac)
		rtnl_port_mac(veth->host, false, index, old->mac);
	if (!ret)
		ret = set_host_side(veth, index, new);
	/* As it was, as far as that goes. */
	if (ret) {
		change_inside(veth, new, old);
		set_host_side(veth, index, old);
	}
	return tell(new, ret);
}

static bool equal(const struct netif *a, const struct netif *b)
{
	return !strcmp(a->host_ifname, b->host_ifname) && !strcmp(a->bridge, b->bridge) &&
	       !memcmp(a->mac, b->mac, MAC_SIZE) && !memcmp(a->host_mac, b->host_mac, MAC_SIZE) &&
	       a->any_mac == b->any_mac;
}

/* In old stands what there is, also when it fails. */
static int set_one(const struct veth *veth, struct netif_list *old, struct netif *dev)
{
	struct netif *given = netif_find(old, dev->ifname);
	int ret;

	dev->index = given ? host_end(veth, given) : -ENODEV;
	if (dev->index > 0 && equal(given, dev))
		return 0;
	ret = dev->index > 0 ? change_one(veth, dev->index, given, dev) : add_one(veth, dev);
	if (ret)
		return ret;
	if (given)
		netif_del(old, given);
	return netif_add(old, dev) ? VZ_VETH : 0;
}

/* Those of one list that are not in the other */
static void remove_others(const struct veth *veth, struct netif_list *list,
			  const struct netif_list *keep)
{
	for (size_t i = list->nr; i-- > 0;) {
		struct netif *dev = &list->dev[i];
		int index;

		if (netif_find(keep, dev->ifname))
			continue;
		index = host_end(veth, dev);
		if (index > 0)
			rtnl_link_del(veth->host, index);
		netif_del(list, dev);
	}
}

/* Those that go anyway, and have a name that another is to have */
static void make_room(const struct veth *veth, struct netif_list *now,
		      const struct netif_list *want)
{
	struct netif_list keep = { 0 };

	for (size_t i = 0; i < now->nr; i++)
		if (netif_find(want, now->dev[i].ifname) ||
		    !netif_has_host_name(want, now->dev[i].host_ifname))
			netif_add(&keep, &now->dev[i]);
	remove_others(veth, now, &keep);
}

static int change(const struct veth *veth, struct netif_list *now, struct netif_list *want)
{
	struct netif_list before;
	int ret = 0;

	make_room(veth, now, want);
	before = *now;
	for (size_t i = 0; !ret && i < want->nr; i++)
		ret = set_one(veth, now, &want->dev[i]);
	remove_others(veth, now, ret ? &before : want);
	return ret;
}

static void say_what(const struct netif_list *list)
{
	char names[NETIF_MAX * IF_NAMESIZE] = "";

	for (size_t i = 0; i < list->nr; i++) {
		strcat(names, i ? " " : "");
		strcat(names, list->dev[i].host_ifname);
	}
	vz_log(0, "Configure veth devices: %s", names);
}

int veth_set(const struct ct *ct, int netns, const char *netif)
{
	struct veth veth = { .ct = ct, .netns = netns };
	struct netif_list now, want;
	char *given = veth_given(ct->id);
	int ret = netif_parse(netif, &want);

	if (ret) {
		free(given);
		return vz_err(VZ_BADCONF, "Error: bad value for NETIF: %s", netif);
	}
	netif_complete(&want, ct->id);
	netif_parse(given, &now);
	free(given);
	if (!want.nr && !now.nr)
		return 0;
	if (want.nr)
		say_what(&want);
	ret = open_veth(&veth);
	ret = ret ? vz_err(VZ_VETH, "Unable to set up veth devices: %s", strerror(-ret)) :
		    change(&veth, &now, &want);
	if (record(ct->id, &now) && !ret)
		ret = vz_err(VZ_SYSTEM, "Unable to note the veth devices");
	close_veth(&veth);
	return ret;
}

/* They go with the namespace, at some time; who starts it again wants the names now. */
void veth_clear(const struct ct *ct)
{
	const struct netif_list none = { 0 };
	struct veth veth = { .ct = ct, .netns = -1 };
	struct netif_list now;
	char *given = veth_given(ct->id);

	if (!given)
		return;
	veth.host = rtnl_open(-1);
	if (veth.host && !netif_parse(given, &now))
		remove_others(&veth, &now, &none);
	close_veth(&veth);
	record(ct->id, &none);
	free(given);
}
