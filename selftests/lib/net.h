/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Network namespaces, addresses and sockets for tests. A socket belongs to the
 * namespace that it is made in, wherever the test itself is: one task stands
 * on both sides of a wire.
 *
 * A namespace is a descriptor; HOST is the test's own. Functions that can fail
 * return a negative errno.
 */
#ifndef SELFTESTS_NET_H
#define SELFTESTS_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <netinet/in.h>

#define HOST (-1)

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct link_stats {
	unsigned long rx_packets;
	unsigned long tx_packets;
	unsigned long rx_bytes;
	unsigned long tx_bytes;
	unsigned long tx_dropped;
};

/* An address as text, of either family, and a port. */
union address address_of(const char *text, int port);
/* That of this machine, to itself; returns its size. */
socklen_t loopback_of(union address *address, int family, int port);

/* What the module knows: ip-add, ip-del, ip-get. */
int ip_add(unsigned int id, const char *text, int ns);
int ip_del(unsigned int id, const char *text);
int ip_del_all(unsigned int id);
int ip_count(unsigned int id);

/* netns_new("a") also makes /run/netns/a, for "ip -n a". */
int netns_new(const char *name);
void netns_del(const char *name, int ns);
int netns_enter(int ns);
void netns_leave(void);

/* A shell's status, its words on our stderr; quiet: nowhere. */
int sh(const char *format, ...) __attribute__((format(printf, 1, 2)));
int sh_quiet(const char *format, ...) __attribute__((format(printf, 1, 2)));

int socket_in(int ns, int family, int type, int protocol);
/* Bound, connected, listening; each answers within a few seconds or -ETIMEDOUT. */
int udp_bound(int ns, const char *text, int port);
int tcp_listen(int ns, const char *text, int port);
int tcp_connect(int ns, const char *from, const char *to, int port);
int udp_send(int fd, const char *to, int port, const void *data, size_t size);
/* Does it come within MS milliseconds? */
bool arrives(int fd, int ms);

bool link_stats(int ns, const char *dev, struct link_stats *s);

#endif
