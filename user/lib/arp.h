/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Addresses and the neighbours on the host's wires, by ARP and by NDP: has any
 * other machine one of them, and that they are to be had here now.
 */
#ifndef _VZ_ARP_H
#define _VZ_ARP_H

#include <stdbool.h>

#include "ip.h"

#define ARP_WAIT_MS 1000

struct arp;

/* NULL for no memory */
struct arp *arp_new(void);
/* On this card, too: 0 or -errno */
int arp_add_card(struct arp *arp, const char *name);
void arp_free(struct arp *arp);

/* Ask who has any of these addresses: a list. */
void arp_ask(struct arp *arp, const char *list);
/* Within that time after: the first that somebody has; false for none. */
bool arp_hear(struct arp *arp, const char *list, struct ip *ip);
/* Tell everybody that they are here. */
void arp_announce(struct arp *arp, const char *list);

#endif /* _VZ_ARP_H */
