/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The network of a container: its venet0 and its addresses, and what the host
 * needs to have for them. The kernel's tables are configured from here, in the
 * container's namespace too: nothing inside has to help. Files inside, for
 * what configures the network there, are the distribution scripts' business.
 */
#ifndef _VZ_NET_H
#define _VZ_NET_H

#include "ct.h"

/* A container's network namespace by its init. A descriptor or -errno. */
int net_open(pid_t init);

/*
 * Let the container have venet0 and exactly these addresses (a list, may be
 * ""): others that it has are taken away. 0 or exit code, message printed.
 */
int net_set(const struct ct *ct, int netns, const char *list);
/* The container is no more: its addresses, and what the host had for them. */
void net_clear(const struct ct *ct);
/* What net_set() gave to it last, for the caller to free; NULL: nothing. */
char *net_given(unsigned int id);

#endif /* _VZ_NET_H */
