/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What iptables.c and nftables.c have in common: who paid for a thing that holds
 * rules, and what becomes of that when another takes its place.
 */
#ifndef STOCKVZ_RES_RULES_H
#define STOCKVZ_RES_RULES_H

#include "res.h"

/* Is this one leaving still? Asked with a spinlock held. */
typedef bool (*rules_leaving_fn)(const void *object, const void *owner);

int rules_replace(const void *object, struct ub *ub, unsigned int amount,
		  const void *old);
int rules_add(const void *object, struct ub *ub, const void *owner,
	      rules_leaving_fn is_leaving);
void rules_move(const void *from, const void *to);
void rules_leaving(const void *object, const void *owner);
void rules_release(const void *object);

#endif
