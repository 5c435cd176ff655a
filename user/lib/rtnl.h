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

/* A host address on a link; label may be NULL. */
int rtnl_address(struct nl_sock *sock, bool add, int link, const struct ip *ip, const char *label);
/* To one address, or to everywhere else (ip NULL, of that family). */
int rtnl_route(struct nl_sock *sock, bool add, int link, const struct ip *ip, int family);
/* On that link, answer for the address. */
int rtnl_proxy(struct nl_sock *sock, bool add, int link, const struct ip *ip);

#endif /* _VZ_RTNL_H */
