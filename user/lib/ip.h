/* SPDX-License-Identifier: GPL-2.0 */
/* An address of either family. */
#ifndef _VZ_IP_H
#define _VZ_IP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define IP_TEXT (INET6_ADDRSTRLEN + 1)

struct ip {
	int family;		/* AF_INET or AF_INET6 */
	unsigned char bytes[16];
};

static inline int ip_size(const struct ip *ip)
{
	return ip->family == AF_INET ? 4 : 16;
}

bool ip_equal(const struct ip *a, const struct ip *b);
/* As the kernel would write it. */
void ip_text(const struct ip *ip, char buf[IP_TEXT]);

/*
 * The next address of a list with blanks in between; what stands behind a
 * slash is left out. *list moves on; false at its end.
 */
bool ip_next(const char **list, struct ip *ip);
bool ip_in_list(const struct ip *ip, const char *list);

#endif /* _VZ_IP_H */
