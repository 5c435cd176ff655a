/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Firewall rules by hand, in the network namespace of the caller: tables of
 * iptables, and transactions of nftables. Functions return 0 or a negative errno.
 */
#ifndef SELFTESTS_RULES_H
#define SELFTESTS_RULES_H

#include <stdbool.h>

/* Table "filter" of IPv4: policies and the end of it, and rules behind INPUT. */
#define XT_BASE 4

/* How many entries it has. The first look makes it. */
long xt_entries(void);
/* Give it so many rules, from a copy with that many entries. */
long xt_set(long rules, long entries);

/* Of a transaction; all in table "t", and its chain "c". */
enum nft_step {
	NFT_END,	/* of the list */
	NFT_TABLE,	/* make the table */
	NFT_OWN,	/* make it, to go when the socket is closed */
	NFT_CHAIN,
	NFT_INGRESS,	/* a chain of device "wire" */
	NFT_RULE,	/* append as many rules as the number that follows says */
	NFT_REPLACE,	/* the rule of the handle that follows */
	NFT_FLUSH,	/* delete all rules of the chain */
	NFT_DROP,	/* delete the table */
	NFT_NONSENSE,	/* what cannot be: the transaction fails */
	NFT_UNFINISHED,	/* the transaction has no end, and is given up */
};

/* Family as in NFPROTO_*. */
int nft_open(void);
long nft_do(int fd, int family, const int *steps);

#endif
