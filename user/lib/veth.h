/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pairs of veth devices between a running container and the host, as NETIF has
 * them. A pair ends with the container's network namespace.
 */
#ifndef _VZ_VETH_H
#define _VZ_VETH_H

#include <stdbool.h>

#include "ct.h"

/*
 * Let the container have exactly these (as netif_text() writes it, may be ""):
 * what is there already is changed, not made anew. 0 or exit code, message
 * printed; then what there was stays.
 */
int veth_set(const struct ct *ct, int netns, const char *netif);
/* The container is no more. */
void veth_clear(const struct ct *ct);
/* What veth_set() gave to it last, for the caller to free; NULL: nothing. */
char *veth_given(unsigned int id);
/* Is it the host's end of any container's? */
bool veth_is_end(unsigned int index);

#endif /* _VZ_VETH_H */
