/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parameter NETIF: which pairs of veth devices a container has, as one line
 * of text.
 *
 *	ifname=eth0,bridge=br0,mac=00:18:51:...,host_ifname=veth101.0,...;ifname=...
 */
#ifndef _VZ_NETIF_H
#define _VZ_NETIF_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#define NETIF_MAX	32
#define MAC_SIZE	6
#define MAC_TEXT	18

struct netif {
	char ifname[IF_NAMESIZE];	/* inside */
	char host_ifname[IF_NAMESIZE];	/* "": none yet */
	char bridge[IF_NAMESIZE];	/* "": none */
	unsigned char mac[MAC_SIZE];	/* all 0: none yet */
	unsigned char host_mac[MAC_SIZE];
	bool any_mac;			/* it may send from another MAC than its own */
	int index;			/* of what a container has: the host's end; else 0 */
};

struct netif_list {
	size_t nr;
	struct netif dev[NETIF_MAX];
};

/* Is it the name of a device? */
bool netif_is_name(const char *text);
/* A MAC that one device alone can have. 0 or -EINVAL. */
int netif_parse_mac(const char *text, unsigned char mac[MAC_SIZE]);
bool netif_has_mac(const unsigned char mac[MAC_SIZE]);

/* 0, or -EINVAL when anything in it is wrong. NULL is an empty list. */
int netif_parse(const char *text, struct netif_list *list);
/* For the caller to free; NULL for no memory. */
char *netif_text(const struct netif_list *list);

/* NULL when there is none */
struct netif *netif_find(const struct netif_list *list, const char *ifname);
bool netif_has_host_name(const struct netif_list *list, const char *name);
/* 0, -EEXIST or -ENOSPC */
int netif_add(struct netif_list *list, const struct netif *dev);
void netif_del(struct netif_list *list, struct netif *dev);
/* Give a name on the host and MACs to those that have none. */
void netif_complete(struct netif_list *list, unsigned int id);

#endif /* _VZ_NETIF_H */
