// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arp.h"
#include "fd.h"
#include "given.h"
#include "ip.h"
#include "log.h"
#include "net.h"
#include "rtnl.h"
#include "ubnl.h"
#include "veth.h"

#define VENET "venet0"
/* One file for each container: the addresses that it was given. */
#define RECORDS "/var/lib/vzctl/veip"

struct net {
	const struct ct *ct;
	int netns;
	struct ubnl *nl;
	struct nl_sock *host, *inside;
	int host_link, link;
};

int net_open(pid_t init)
{
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", init);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

char *net_given(unsigned int id)
{
	return given_read(RECORDS, id);
}

/* ---- what the host has for all containers together */

static void set_sysctl(const char *path, const char *value, const char *unless)
{
	char now[16];

	if (file_read_at(AT_FDCWD, path, now, sizeof(now)) < 0)
		return;
	now[strcspn(now, "\n")] = 0;
	if (strcmp(now, value) && (!unless || strcmp(now, unless)))
		file_write_at(AT_FDCWD, path, value);
}

/* A card of the host that others reach it by: not to a container, not a tunnel. */
static bool is_outward(int sock, const char *name)
{
	struct ifreq ifr = { 0 };

	if (strlen(name) >= sizeof(ifr.ifr_name))
		return false;
	strcpy(ifr.ifr_name, name);
	if (ioctl(sock, SIOCGIFHWADDR, &ifr) || ifr.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return false;
	return !ioctl(sock, SIOCGIFFLAGS, &ifr) && (ifr.ifr_flags & IFF_UP) &&
	       !(ifr.ifr_flags & (IFF_NOARP | IFF_POINTOPOINT | IFF_LOOPBACK));
}

/* NEIGHBOUR_DEVS="list:eth0 eth1" names them; otherwise it is all of them. */
static bool is_wanted(const struct ct *ct, const char *name)
{
	const char *devs = conf_get(&ct->conf, "NEIGHBOUR_DEVS") ?: "";
	size_t len = strlen(name);

	if (strncmp(devs, "list:", 5))
		return true;
	for (devs += 5; *devs; devs += strspn(devs, " ")) {
		size_t n = strcspn(devs, " ");

		if (n == len && !strncmp(devs, name, n))
			return true;
		devs += n;
	}
	return false;
}

static void each_outward(const struct ct *ct, void (*fn)(const struct if_nameindex *dev, void *arg),
			 void *arg)
{
	int auto_fd sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct if_nameindex *all = if_nameindex();

	for (struct if_nameindex *dev = all; sock >= 0 && dev && dev->if_index; dev++)
		if (is_wanted(ct, dev->if_name) && is_outward(sock, dev->if_name))
			fn(dev, arg);
	if_freenameindex(all);
}

/*
 * A host that forwards believes in no router's word, unless it is told to: accept_ra
 * 2. One that has done so before does not believe in any on purpose.
 */
static void prepare_card(const struct if_nameindex *dev, void *arg)
{
	const bool *turned_on = arg;
	char path[64 + IF_NAMESIZE];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", dev->if_name);
	if (*turned_on)
		set_sysctl(path, "2", "0");
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/proxy_ndp", dev->if_name);
	set_sysctl(path, "1", NULL);
}

static bool has_family(const char *list, int family)
{
	struct ip ip;

	while (ip_next(&list, &ip))
		if (ip.family == family)
			return true;
	return false;
}

static void prepare_host(const struct ct *ct, const char *list)
{
	static const char forwarding[] = "/proc/sys/net/ipv6/conf/all/forwarding";
	bool turned_on;
	char now[16];

	if (conf_get_bool(&ct->conf, "SKIP_SYSCTL_SETUP", false))
		return;
	/* From one container to another it goes in and out by venet0: no detour. */
	set_sysctl("/proc/sys/net/ipv4/conf/all/send_redirects", "0", NULL);
	set_sysctl("/proc/sys/net/ipv4/conf/" VENET "/send_redirects", "0", NULL);
	if (has_family(list, AF_INET))
		set_sysctl("/proc/sys/net/ipv4/ip_forward", "1", NULL);
	if (has_family(list, AF_INET6)) {
		turned_on = file_read_at(AT_FDCWD, forwarding, now, sizeof(now)) > 0 && *now == '0';
		each_outward(ct, prepare_card, &turned_on);
		set_sysctl(forwarding, "1", NULL);
	}
}

/* ---- one address */

struct proxy {
	struct nl_sock *host;
	const struct ip *ip;
	bool add;
};

static void set_proxy(const struct if_nameindex *dev, void *arg)
{
	const struct proxy *proxy = arg;

	rtnl_proxy(proxy->host, proxy->add, dev->if_index, proxy->ip);
}

/*
 * As far as it goes: it may be gone in part already. After a crash our record may
 * name what has become another container's since.
 */
static void remove_one(struct net *net, const struct ip *ip)
{
	struct proxy proxy = { .host = net->host, .ip = ip };
	unsigned int owner = net->nl ? ubnl_ip_owner(net->nl, ip) : 0;

	if (owner && owner != net->ct->id)
		return;
	each_outward(net->ct, set_proxy, &proxy);
	if (net->host_link > 0)
		rtnl_route(net->host, false, net->host_link, ip, ip->family);
	if (net->inside)
		rtnl_address(net->inside, false, net->link, ip, NULL);
	if (net->nl)
		ubnl_ip_del(net->nl, net->ct->id, ip);
}

/* Wholly, or not at all. */
static int add_one(struct net *net, const struct ip *ip, const char *label)
{
	struct proxy proxy = { .host = net->host, .ip = ip, .add = true };
	char text[IP_TEXT];
	int ret;

	ip_text(ip, text);
	ret = ubnl_ip_add(net->nl, net->ct->id, ip, net->netns);
	if (ret == -EADDRINUSE && ubnl_ip_owner(net->nl, ip) == net->ct->id)
		ret = 0;
	if (ret)
		return vz_err(ret == -EADDRINUSE ? VZ_IPUSED : VZ_CANTADDIP,
			      "Unable to add %s: %s", text, ubnl_error(net->nl));
	ret = rtnl_address(net->inside, true, net->link, ip, label);
	if (!ret)
		ret = rtnl_route(net->host, true, net->host_link, ip, ip->family);
	if (!ret)
		ret = rtnl_route(net->inside, true, net->link, NULL, ip->family);
	if (ret) {
		remove_one(net, ip);
		return vz_err(VZ_CANTADDIP, "Unable to add %s: %s", text, strerror(-ret));
	}
	each_outward(net->ct, set_proxy, &proxy);
	vz_log(1, "Added %s", text);
	return 0;
}

/* ---- all of them */

static int open_net(struct net *net)
{
	net->nl = ubnl_open();
	net->host = rtnl_open(-1);
	if (!net->nl || !net->host)
		return -errno;
	net->host_link = rtnl_link_index(net->host, VENET);
	return 0;
}

static void close_net(struct net *net)
{
	rtnl_close(net->inside);
	rtnl_close(net->host);
	ubnl_close(net->nl);
}

static int link_up(struct nl_sock *sock, int *index)
{
	int ret = rtnl_link_up(sock, VENET, "venet");

	if (!ret)
		ret = rtnl_link_index(sock, VENET);
	*index = ret;
	return ret < 0 ? ret : 0;
}

/* The device has had a main address of its own since there is venet. */
static int open_inside(struct net *net)
{
	const struct ip main_address = { .family = AF_INET, .bytes = { 127, 0, 0, 2 } };
	int ret;

	net->inside = rtnl_open(net->netns);
	if (!net->inside)
		return -errno;
	ret = link_up(net->inside, &net->link);
	if (!ret)
		ret = link_up(net->host, &net->host_link);
	return ret ?: rtnl_address(net->inside, true, net->link, &main_address, NULL);
}

/* Those of one list that are not in the other */
static void remove_others(struct net *net, const char *list, const char *keep)
{
	struct ip ip;

	while (ip_next(&list, &ip))
		if (!ip_in_list(&ip, keep))
			remove_one(net, &ip);
}

/*
 * Those that it has already are made sure of. They get numbers, as aliases of
 * a device had them. *done is how much of the list was added.
 */
static int add_all(struct net *net, const char *list, size_t *done)
{
	const char *rest = list;
	char label[IF_NAMESIZE];
	struct ip ip;
	int ret = 0;

	*done = 0;
	for (unsigned int i = 0; !ret && ip_next(&rest, &ip); i++) {
		snprintf(label, sizeof(label), VENET ":%u", i);
		ret = add_one(net, &ip, label);
		if (!ret)
			*done = rest - list;
	}
	return ret;
}

/* All of the new ones, or none: then what there was stays. */
static int change(struct net *net, const char *given, const char *list)
{
	size_t done;
	char *added;
	int ret = add_all(net, list, &done);

	if (!ret) {
		remove_others(net, given, list);
		return 0;
	}
	added = strndup(list, done);
	remove_others(net, added, given);
	free(added);
	return ret;
}

/* Whatever becomes of it, and of us: it is known what to remove. */
static int record_both(unsigned int id, const char *given, const char *list)
{
	char *both;
	int ret;

	if (asprintf(&both, "%s %s", given, list) < 0)
		return -ENOMEM;
	ret = given_write(RECORDS, id, both);
	free(both);
	return ret;
}

/* ---- what the neighbours have to say, and to hear */

/*
 * Not the containers: one that says it has another's address would keep it from it.
 * Those on a bridge are heard by way of that all the same.
 */
static void add_card(const struct if_nameindex *dev, void *arg)
{
	if (!veth_is_end(dev->if_index))
		arp_add_card(arg, dev->if_name);
}

/* Those of one list that are not in the other, for the caller to free */
static char *list_without(const char *list, const char *others)
{
	char text[IP_TEXT], *out = NULL;
	struct ip ip;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	while (f && ip_next(&list, &ip)) {
		if (ip_in_list(&ip, others))
			continue;
		ip_text(&ip, text);
		fprintf(f, "%s ", text);
	}
	if (f && !fclose(f))
		return out;
	free(out);
	return NULL;
}

/* It may be a machine that is about to be switched off: that is for others to judge. */
static int ask_neighbours(const struct ct *ct, struct arp *arp, const char *list)
{
	char text[IP_TEXT];
	struct ip ip;

	if (conf_get_bool(&ct->conf, "SKIP_ARPDETECT", false))
		return 0;
	arp_ask(arp, list);
	if (!arp_hear(arp, list, &ip))
		return 0;
	ip_text(&ip, text);
	if (conf_get_bool(&ct->conf, "ERROR_ON_ARPFAIL", false))
		return vz_err(VZ_IPUSED, "Unable to add %s: another machine has it", text);
	vz_log(-1, "Warning: another machine on the network has %s", text);
	return 0;
}

/* With those that are new, the neighbours are asked before and told after. */
static int change_on_wire(struct net *net, const char *given, const char *list)
{
	char *added = list_without(list, given);
	struct arp *arp = added && *added ? arp_new() : NULL;
	int ret = 0;

	if (arp) {
		each_outward(net->ct, add_card, arp);
		ret = ask_neighbours(net->ct, arp, added);
	}
	if (!ret)
		ret = change(net, given, list);
	if (arp && !ret)
		arp_announce(arp, added);
	arp_free(arp);
	free(added);
	return ret;
}

int net_set(const struct ct *ct, int netns, const char *list)
{
	struct net net = { .ct = ct, .netns = netns };
	char *old = net_given(ct->id);
	const char *given = old ?: "";
	int ret = open_net(&net);

	if (!ret)
		ret = open_inside(&net);
	if (!ret)
		ret = record_both(ct->id, given, list);
	if (ret) {
		ret = vz_err(VZ_CANTADDIP, "Unable to set up " VENET ": %s", strerror(-ret));
	} else {
		prepare_host(ct, list);
		ret = change_on_wire(&net, given, list);
		given_write(RECORDS, ct->id, ret ? given : list);
	}
	close_net(&net);
	free(old);
	return ret;
}

void net_clear(const struct ct *ct)
{
	struct net net = { .ct = ct, .netns = -1 };
	char *given = net_given(ct->id);

	if (!given)
		return;
	if (!open_net(&net) || net.host)
		remove_others(&net, given, "");
	if (net.nl)
		ubnl_ip_del(net.nl, ct->id, NULL);
	close_net(&net);
	given_write(RECORDS, ct->id, NULL);
	free(given);
}
