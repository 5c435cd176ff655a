// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "ip.h"

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, ip_size(a));
}

void ip_text(const struct ip *ip, char buf[IP_TEXT])
{
	if (!inet_ntop(ip->family, ip->bytes, buf, IP_TEXT))
		*buf = '\0';
}

static bool parse(const char *word, size_t len, struct ip *ip)
{
	char copy[IP_TEXT];

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, word, len);
	copy[len] = '\0';
	memset(ip, 0, sizeof(*ip));
	ip->family = memchr(copy, ':', len) ? AF_INET6 : AF_INET;
	return inet_pton(ip->family, copy, ip->bytes) == 1;
}

bool ip_next(const char **list, struct ip *ip)
{
	while (*list && **list) {
		const char *word = *list + strspn(*list, " \t\n");

		*list = word + strcspn(word, " \t\n");
		if (*list > word && parse(word, strcspn(word, "/ \t\n"), ip))
			return true;
	}
	return false;
}

bool ip_in_list(const struct ip *ip, const char *list)
{
	struct ip other;

	while (ip_next(&list, &other))
		if (ip_equal(ip, &other))
			return true;
	return false;
}
