/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tools ask of the kernel's network configuration: links, addresses,
 * routes and proxy entries. Functions return 0 or a negative errno; what is
 * there already is as good as made, what is gone as good as removed.
 */
#ifndef _VZ_RTNL_H
#define _VZ_RTNL_H

#include <stdbool.h>

#include "ip.h"

struct nl_sock;

/* Asks of the network namespace that a descriptor stands for, or our own: -1. NULL and errno. */
struct nl_sock *rtnl_open(int netns);
void rtnl_close(struct nl_sock *sock);

/* A link of that kind, brought up. It may be there already. */
int rtnl_link_up(struct nl_sock *sock, const char *name, const char *kind);
int rtnl_link_index(struct nl_sock *sock, const char *name);

/* What a link is to have: NULL and -1 leave a thing as it is. */
struct rtnl_link {
	const char *name;
	const unsigned char *mac;
	int master;	/* its number; 0: none */
	int up;		/* 1 or 0 */
};

/* A pair of veth devices: one here, one in that namespace. -EEXIST when a name is taken. */
int rtnl_veth(struct nl_sock *sock, const struct rtnl_link *here, int netns,
	      const struct rtnl_link *there);
int rtnl_link_change(struct nl_sock *sock, int index, const struct rtnl_link *link);
int rtnl_link_del(struct nl_sock *sock, int index);
/* To another namespace, under that name (NULL: its own) and number (0: any that is free) */
int rtnl_link_move(struct nl_sock *sock, int index, int netns, const char *name, int new_index);
/* Take from it all names but the first. */
int rtnl_altnames_del(struct nl_sock *sock, int index);

/*
 * Does a port of a bridge only take in what comes from MACs that it was told of, and
 * from nobody who says that he is a bridge?
 */
int rtnl_port_locked(struct nl_sock *sock, int index, bool locked);
/* Tell it of one, or take that back. */
int rtnl_port_mac(struct nl_sock *sock, bool add, int index, const unsigned char *mac);

/* A host address on a link; label may be NULL. */
int rtnl_address(struct nl_sock *sock, bool add, int link, const struct ip *ip, const char *label);
/*
 * To one address, or to everywhere else (ip NULL, of that family). -EEXIST when
 * there is one to that address already, by another link.
 */
int rtnl_route(struct nl_sock *sock, bool add, int link, const struct ip *ip, int family);
/* On that link, answer for the address. */
int rtnl_proxy(struct nl_sock *sock, bool add, int link, const struct ip *ip);

#endif /* _VZ_RTNL_H */
