/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STOCKVZ_COMPAT_NETDEV_H
#define STOCKVZ_COMPAT_NETDEV_H

#include <linux/netdevice.h>
#include <linux/version.h>

/* 6.5 moved what is known of segments from netdevice.h and skbuff.h to there. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#include <net/gso.h>
#endif

/*
 * A device that needs no lock to transmit and stays in the namespace that it
 * was made in: 6.12 made flags of what had been feature bits.
 */
static inline void compat_netdev_lockless_and_local(struct net_device *dev)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	dev->features |= NETIF_F_LLTX | NETIF_F_NETNS_LOCAL;
#else
	dev->lltx = true;
	dev->netns_immutable = true;
#endif
}

#endif
