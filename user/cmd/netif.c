// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"
#include "lib/log.h"
#include "lib/netdev.h"
#include "lib/run.h"
#include "lib/veth.h"
#include "netif.h"

static int bad_value(const char *name, const char *value)
{
	return vz_err(VZ_BADVALUE, "Bad parameter for --%s: %s", name, value);
}

static int no_memory(void)
{
	return vz_err(VZ_SYSTEM, "Error: out of memory");
}

/* What stands in the file, and what the running container was given without it. */
static int begin_list(struct netif_options *opts)
{
	const char *saved = conf_get(&opts->ct->conf, "NETIF");
	struct netif_list given;
	char *text;

	if (opts->has_list)
		return 0;
	if (netif_parse(saved, &opts->list))
		return vz_err(VZ_BADCONF, "Error: %s: bad value for NETIF: %s",
			      opts->ct->conf_file, saved);
	text = ct_running(opts->ct, NULL) > 0 ? veth_given(opts->ct->id) : NULL;
	netif_parse(text, &given);
	for (size_t i = 0; i < given.nr; i++)
		netif_add(&opts->list, &given.dev[i]);
	for (size_t i = 0; i < opts->list.nr; i++)
		opts->list.dev[i].index = 0;
	free(text);
	opts->has_list = true;
	return 0;
}

/* ifname[,mac,host_ifname,host_mac,bridge]: any but the first may be empty. */
static int parse_add(char *text, struct netif *dev)
{
	char *fields[5] = { "", "", "", "", "" };
	size_t nr = 0;

	while (text && nr < 5)
		fields[nr++] = strsep(&text, ",");
	if (text || !netif_is_name(fields[0]))
		return -EINVAL;
	if ((*fields[1] && netif_parse_mac(fields[1], dev->mac)) ||
	    (*fields[2] && !netif_is_name(fields[2])) ||
	    (*fields[3] && netif_parse_mac(fields[3], dev->host_mac)) ||
	    (*fields[4] && !netif_is_name(fields[4])))
		return -EINVAL;
	strcpy(dev->ifname, fields[0]);
	strcpy(dev->host_ifname, fields[2]);
	strcpy(dev->bridge, fields[4]);
	return 0;
}

/* Of one that it has, what was not said stays. */
static void merge(struct netif *dev, const struct netif *old)
{
	if (!*dev->host_ifname)
		strcpy(dev->host_ifname, old->host_ifname);
	if (!*dev->bridge)
		strcpy(dev->bridge, old->bridge);
	if (!netif_has_mac(dev->mac))
		memcpy(dev->mac, old->mac, MAC_SIZE);
	if (!netif_has_mac(dev->host_mac))
		memcpy(dev->host_mac, old->host_mac, MAC_SIZE);
	dev->any_mac = old->any_mac;
}

static int add_netif(struct netif_options *opts, const char *value)
{
	struct netif dev = { 0 }, *old;
	char *copy = strdup(value);
	int ret;

	if (!copy)
		return no_memory();
	ret = parse_add(copy, &dev);
	free(copy);
	if (ret)
		return bad_value("netif_add", value);
	ret = begin_list(opts);
	if (ret)
		return ret;
	old = netif_find(&opts->list, dev.ifname);
	if (old) {
		merge(&dev, old);
		netif_del(&opts->list, old);
	}
	ret = netif_add(&opts->list, &dev);
	if (ret == -EEXIST)
		return vz_err(VZ_VETH, "Error: the container has another device %s on the host",
			      dev.host_ifname);
	if (ret)
		return vz_err(VZ_VETH, "Error: no room for %s: there are too many", dev.ifname);
	return 0;
}

static int del_netif(struct netif_options *opts, const char *name)
{
	struct netif *dev;
	int ret = begin_list(opts);

	if (ret)
		return ret;
	if (!strcasecmp(name, "all")) {
		opts->list.nr = 0;
		return 0;
	}
	dev = netif_find(&opts->list, name);
	if (dev)
		netif_del(&opts->list, dev);
	else
		vz_log(-1, "Container does not have configured veth: %s, skipped", name);
	return 0;
}

static int begin_devs(struct netif_options *opts)
{
	char *given;
	const char *rest;
	char name[IF_NAMESIZE], *more;

	if (opts->has_devs)
		return 0;
	opts->devs = strdup(conf_get(&opts->ct->conf, "NETDEV") ?: "");
	given = ct_running(opts->ct, NULL) > 0 ? netdev_given(opts->ct->id) : NULL;
	rest = given ?: "";
	while (opts->devs && netdev_next(&rest, name)) {
		if (netdev_in_list(name, opts->devs))
			continue;
		if (asprintf(&more, "%s%s%s", opts->devs, *opts->devs ? " " : "", name) < 0)
			more = NULL;
		free(opts->devs);
		opts->devs = more;
	}
	free(given);
	opts->has_devs = opts->devs;
	return opts->devs ? 0 : no_memory();
}

/* The list without one name, and with it at its end if it is to be there */
static int change_devs(struct netif_options *opts, const char *dev, bool add)
{
	const char *rest = opts->devs;
	char name[IF_NAMESIZE];
	char *list = calloc(1, strlen(opts->devs) + strlen(dev) + 2);

	if (!list)
		return no_memory();
	while (netdev_next(&rest, name)) {
		if (!strcmp(name, dev))
			continue;
		strcat(list, *list ? " " : "");
		strcat(list, name);
	}
	if (add) {
		strcat(list, *list ? " " : "");
		strcat(list, dev);
	}
	free(opts->devs);
	opts->devs = list;
	return 0;
}

static int add_netdev(struct netif_options *opts, const char *name)
{
	int ret;

	if (!netdev_may_go(name))
		return bad_value("netdev_add", name);
	ret = begin_devs(opts);
	return ret ?: change_devs(opts, name, true);
}

static int del_netdev(struct netif_options *opts, const char *name)
{
	int ret = begin_devs(opts);

	if (ret)
		return ret;
	if (!netdev_in_list(name, opts->devs))
		return vz_err(VZ_NETDEV, "Error: the container has no network device %s", name);
	return change_devs(opts, name, false);
}

static bool is_mac(const char *text)
{
	unsigned char mac[MAC_SIZE];

	return !netif_parse_mac(text, mac);
}

static bool is_name_or_empty(const char *text)
{
	return !*text || netif_is_name(text);
}

static bool is_on_or_off(const char *text)
{
	return !strcmp(text, "on") || !strcmp(text, "off");
}

/* What is said twice counts the first time. */
static int set_edit(struct netif_options *opts, const char *name, const char *value)
{
	struct netif_edit *edit = &opts->edit;
	const struct {
		const char *name;
		const char **value;
		bool (*is_right)(const char *text);
	} options[] = {
		{ "ifname", &edit->ifname, netif_is_name },
		{ "mac", &edit->mac, is_mac },
		{ "host_ifname", &edit->host_ifname, netif_is_name },
		{ "host_mac", &edit->host_mac, is_mac },
		{ "bridge", &edit->bridge, is_name_or_empty },
		{ "mac_filter", &edit->mac_filter, is_on_or_off },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		if (strcmp(options[i].name, name))
			continue;
		if (!options[i].is_right(value))
			return bad_value(name, value);
		if (!*options[i].value)
			*options[i].value = value;
		return 0;
	}
	return -1;
}

int netif_option(struct netif_options *opts, const char *name, const char *value)
{
	if (!strcmp(name, "netif_add"))
		return add_netif(opts, value);
	if (!strcmp(name, "netif_del"))
		return del_netif(opts, value);
	if (!strcmp(name, "netdev_add"))
		return add_netdev(opts, value);
	if (!strcmp(name, "netdev_del"))
		return del_netdev(opts, value);
	return set_edit(opts, name, value);
}

static int apply_edit(struct netif_options *opts)
{
	const struct netif_edit *edit = &opts->edit;
	struct netif_list *list = &opts->list;
	struct netif dev, *old;
	int ret;

	if (!edit->ifname)
		return edit->mac || edit->host_ifname || edit->host_mac || edit->bridge ||
		       edit->mac_filter ?
		       vz_err(VZ_SYNTAX, "Error: of which device? --ifname is missing") : 0;
	ret = begin_list(opts);
	if (ret)
		return ret;
	old = netif_find(list, edit->ifname);
	if (!old)
		return vz_err(VZ_VETH, "Error: the container has no veth device %s", edit->ifname);
	dev = *old;
	if (edit->mac)
		netif_parse_mac(edit->mac, dev.mac);
	if (edit->host_mac)
		netif_parse_mac(edit->host_mac, dev.host_mac);
	if (edit->host_ifname)
		strcpy(dev.host_ifname, edit->host_ifname);
	if (edit->bridge)
		strcpy(dev.bridge, edit->bridge);
	if (edit->mac_filter)
		dev.any_mac = !strcmp(edit->mac_filter, "off");
	netif_del(list, old);
	if (netif_add(list, &dev))
		return vz_err(VZ_VETH, "Error: the container has another device %s on the host",
			      dev.host_ifname);
	return 0;
}

int netif_finish(struct netif_options *opts, struct conf *changes)
{
	int ret = apply_edit(opts);
	char *text;

	if (ret)
		return ret;
	if ((opts->has_list || opts->has_devs) && !opts->ct->id)
		return vz_err(VZ_BADVALUE, "Error: network devices cannot be set for CT0");
	if (opts->has_list) {
		netif_complete(&opts->list, opts->ct->id);
		text = netif_text(&opts->list);
		ret = text && conf_set(changes, "NETIF", text) >= 0 ? 0 : no_memory();
		free(text);
	}
	if (!ret && opts->has_devs && conf_set(changes, "NETDEV", opts->devs) < 0)
		ret = no_memory();
	return ret;
}

void netif_free(struct netif_options *opts)
{
	free(opts->devs);
}
