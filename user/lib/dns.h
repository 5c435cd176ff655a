/* SPDX-License-Identifier: GPL-2.0 */
/* Name servers and search domains: "inherit" stands for those of the host. */
#ifndef _VZ_DNS_H
#define _VZ_DNS_H

/*
 * "NAMESERVER=..." or "SEARCHDOMAIN=..." as SET_DNS is to have it, for the
 * caller to free; value may be NULL. NULL: no memory.
 */
char *dns_variable(const char *key, const char *value);

#endif /* _VZ_DNS_H */
