// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "netif.h"

/* The first three bytes of OpenVZ's MACs */
static const unsigned char vendor[] = { 0x00, 0x18, 0x51 };

bool netif_is_name(const char *text)
{
	size_t len = strlen(text);

	if (!len || len >= IF_NAMESIZE || !strcmp(text, ".") || !strcmp(text, ".."))
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("-_.@+", *text))
			return false;
	return true;
}

bool netif_has_mac(const unsigned char mac[MAC_SIZE])
{
	static const unsigned char none[MAC_SIZE];

	return memcmp(mac, none, MAC_SIZE);
}

int netif_parse_mac(const char *text, unsigned char mac[MAC_SIZE])
{
	for (int i = 0; i < MAC_SIZE; i++, text += 3) {
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
		    text[2] != (i < MAC_SIZE - 1 ? ':' : '\0'))
			return -EINVAL;
		mac[i] = strtoul((char[]){ text[0], text[1], '\0' }, NULL, 16);
	}
	/* An odd one is many devices' */
	return (mac[0] & 1) || !netif_has_mac(mac) ? -EINVAL : 0;
}

static void mac_text(const unsigned char mac[MAC_SIZE], char text[MAC_TEXT])
{
	snprintf(text, MAC_TEXT, "%02X:%02X:%02X:%02X:%02X:%02X",
		 mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

/* What is empty stands for nothing said. */
static int set_name(char name[IF_NAMESIZE], const char *value)
{
	if (!*value)
		return 0;
	if (!netif_is_name(value))
		return -EINVAL;
	strcpy(name, value);
	return 0;
}

static int set_key(struct netif *dev, const char *key, const char *value)
{
	if (!strcmp(key, "ifname"))
		return set_name(dev->ifname, value);
	if (!strcmp(key, "host_ifname"))
		return set_name(dev->host_ifname, value);
	if (!strcmp(key, "bridge"))
		return set_name(dev->bridge, value);
	if (!strcmp(key, "mac"))
		return *value ? netif_parse_mac(value, dev->mac) : 0;
	if (!strcmp(key, "host_mac"))
		return *value ? netif_parse_mac(value, dev->host_mac) : 0;
	if (!strcmp(key, "index"))
		dev->index = atoi(value);
	if (!strcmp(key, "mac_filter"))
		dev->any_mac = !strcmp(value, "off");
	return 0;	/* others have had more of them */
}

/* The keys and values of one device; the text is taken apart. */
static int parse_one(char *text, struct netif *dev)
{
	char *item, *value;
	int ret;

	*dev = (struct netif){ 0 };
	while ((item = strsep(&text, ","))) {
		value = strchr(item, '=');
		if (!value)
			return -EINVAL;
		*value++ = '\0';
		ret = set_key(dev, item, value);
		if (ret)
			return ret;
	}
	return *dev->ifname ? 0 : -EINVAL;
}

int netif_parse(const char *text, struct netif_list *list)
{
	char *copy = strdup(text ?: ""), *rest = copy, *item;
	struct netif dev;
	int ret = copy ? 0 : -ENOMEM;

	list->nr = 0;
	while (!ret && (item = strsep(&rest, ";"))) {
		if (!*item)
			continue;
		ret = parse_one(item, &dev);
		if (!ret)
			ret = netif_add(list, &dev);
	}
	free(copy);
	return ret && ret != -ENOMEM ? -EINVAL : ret;
}

static void print_mac(FILE *out, const char *key, const unsigned char mac[MAC_SIZE])
{
	char text[MAC_TEXT];

	if (!netif_has_mac(mac))
		return;
	mac_text(mac, text);
	fprintf(out, ",%s=%s", key, text);
}

static void print_name(FILE *out, const char *key, const char *name)
{
	if (*name)
		fprintf(out, ",%s=%s", key, name);
}

char *netif_text(const struct netif_list *list)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < list->nr; i++) {
		const struct netif *dev = &list->dev[i];

		fprintf(out, "%sifname=%s", i ? ";" : "", dev->ifname);
		print_name(out, "bridge", dev->bridge);
		print_mac(out, "mac", dev->mac);
		print_name(out, "host_ifname", dev->host_ifname);
		print_mac(out, "host_mac", dev->host_mac);
		if (dev->any_mac)
			fprintf(out, ",mac_filter=off");
		if (dev->index)
			fprintf(out, ",index=%d", dev->index);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

struct netif *netif_find(const struct netif_list *list, const char *ifname)
{
	for (size_t i = 0; i < list->nr; i++)
		if (!strcmp(list->dev[i].ifname, ifname))
			return (struct netif *)&list->dev[i];
	return NULL;
}

bool netif_has_host_name(const struct netif_list *list, const char *name)
{
	for (size_t i = 0; i < list->nr; i++)
		if (!strcmp(list->dev[i].host_ifname, name))
			return true;
	return false;
}

int netif_add(struct netif_list *list, const struct netif *dev)
{
	if (netif_find(list, dev->ifname) ||
	    (*dev->host_ifname && netif_has_host_name(list, dev->host_ifname)))
		return -EEXIST;
	if (list->nr == NETIF_MAX)
		return -ENOSPC;
	list->dev[list->nr++] = *dev;
	return 0;
}

void netif_del(struct netif_list *list, struct netif *dev)
{
	struct netif *end = &list->dev[list->nr--];

	memmove(dev, dev + 1, (end - dev - 1) * sizeof(*dev));
}

/* veth101.0 for the first; a long number leaves room for less. */
static void choose_host_name(const struct netif_list *list, struct netif *dev, unsigned int id)
{
	char name[32];

	for (unsigned int i = 0;; i++) {
		if (snprintf(name, sizeof(name), "veth%u.%u", id, i) >= IF_NAMESIZE)
			snprintf(name, sizeof(name), "v%u.%u", id, i);
		if (!netif_has_host_name(list, name))
			break;
	}
	snprintf(dev->host_ifname, sizeof(dev->host_ifname), "%.15s", name);
}

static void choose_mac(unsigned char mac[MAC_SIZE])
{
	if (netif_has_mac(mac))
		return;
	memcpy(mac, vendor, sizeof(vendor));
	while (getrandom(mac + sizeof(vendor), MAC_SIZE - sizeof(vendor), 0) < 0)
		;
}

void netif_complete(struct netif_list *list, unsigned int id)
{
	for (size_t i = 0; i < list->nr; i++) {
		struct netif *dev = &list->dev[i];

		if (!*dev->host_ifname)
			choose_host_name(list, dev, id);
		choose_mac(dev->mac);
		choose_mac(dev->host_mac);
	}
}
