/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Network devices of the host that a container has while it runs: the parameter
 * NETDEV, a list of their names.
 *
 * A device of hardware comes back by itself when a network namespace ends, under
 * whatever name it has then; one of software ends with it. So the namespace is
 * kept for as long as anything is in there that the host wants back.
 */
#ifndef _VZ_NETDEV_H
#define _VZ_NETDEV_H

#include <stdbool.h>

#include "ct.h"

/* May a device of that name be given away? */
bool netdev_may_go(const char *name);

/*
 * Let the container have exactly these (a list, may be ""). 0 or exit code,
 * message printed; then what there was stays.
 */
int netdev_set(const struct ct *ct, int netns, const char *list);
/* The container is no more: take back what it has. */
void netdev_clear(const struct ct *ct);
/* The names that netdev_set() gave to it last, for the caller to free; NULL: nothing. */
char *netdev_given(unsigned int id);

/* The next name of a list with blanks in between; *list moves on, false at its end. */
bool netdev_next(const char **list, char name[]);
bool netdev_in_list(const char *name, const char *list);

#endif /* _VZ_NETDEV_H */
