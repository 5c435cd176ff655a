/* SPDX-License-Identifier: GPL-2.0 */
/* Options of set about network devices: veth pairs, and devices of the host. */
#ifndef _VZ_CMD_NETIF_H
#define _VZ_CMD_NETIF_H

#include "lib/ct.h"
#include "lib/netif.h"

/* What --ifname is to have: NULL leaves a thing as it is. */
struct netif_edit {
	const char *ifname;
	const char *mac, *host_ifname, *host_mac, *bridge, *mac_filter;
};

struct netif_options {
	const struct ct *ct;
	struct netif_list list;
	struct netif_edit edit;
	char *devs;		/* NETDEV */
	bool has_list, has_devs;
};

/*
 * One option, in the order that they are given. 0 or exit code, message
 * printed; -1 when it is another's.
 */
int netif_option(struct netif_options *opts, const char *name, const char *value);
/* After the last: put NETIF and NETDEV into changes. 0 or exit code. */
int netif_finish(struct netif_options *opts, struct conf *changes);
void netif_free(struct netif_options *opts);

#endif /* _VZ_CMD_NETIF_H */
