/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Beancounters: who they are, what they hold, how long they live.
 *
 * Life. A beancounter is counted by its references: one for its name (from
 * ub_new() to ub_del()), one for the cgroup bound to it, one for each object
 * that somebody charged to it still owns. When the last goes it leaves the
 * list and is freed after a grace period. So one that was deleted stays
 * visible as long as it holds anything, and can be named again with its
 * counts.
 *
 * Finding one needs preemption off (or RCU), and until it is on again the
 * result stays: the binding's reference is put only after a grace period.
 *
 * Locks. ub_mutex: names, limits, bindings; taken by admins' requests. ub_lock,
 * inside it: the list; irq-safe, since the last reference is put anywhere.
 */
#ifndef STOCKVZ_UB_H
#define STOCKVZ_UB_H

#include <linux/list.h>
#include <linux/preempt.h>
#include <linux/ratelimit_types.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>

#include "counter.h"
#include "history.h"

#define UB_RESOURCES (STOCKVZ_RES_MAX + 1)

/* Refusals that are told of, by beancounter and second. */
#define UB_EVENTS 200

/* The rows of /proc/user_beancounters; swappages came after it was fixed. */
#define UB_ROWS 24

struct ub_binding;

/**
 * struct ub - a beancounter
 * @counter: what it holds, by resource; each on a cache line of its own, since
 *	two CPUs that open and fork have nothing to share
 * @refs: see the head of this file
 * @id: the container's number, not 0: the host has no struct ub. Constant
 * @born: grows from one to the next: newest first is largest first. Constant
 * @named: between ub_new() and ub_del(). ub_mutex
 * @link: in the list of all, newest first. ub_lock; read under RCU
 * @binding: its cgroup, NULL if none. ub_mutex
 * @events: how many refusals may be told of in a second: of each beancounter
 *	so many, that none drowns another
 * @history: what was refused to it. Constant
 * @rcu: frees it
 */
struct ub {
	struct {
		struct ub_counter c;
	} ____cacheline_aligned_in_smp counter[UB_RESOURCES];
	refcount_t refs;
	u32 id;
	u64 born;
	bool named;
	struct list_head link;
	struct ub_binding *binding;
	struct ratelimit_state events;
	struct ub_history *history;
	struct rcu_head rcu;
};

/**
 * struct ub_change - barriers and limits to set
 * @barriers: which barriers, as bits by resource
 * @limits: which limits
 * @barrier: the values
 * @limit: the values
 */
struct ub_change {
	u32 barriers;
	u32 limits;
	unsigned long barrier[UB_RESOURCES];
	unsigned long limit[UB_RESOURCES];
};

extern const char *const ub_resource_name[UB_RESOURCES];

/* Called for every refusal, in any context that charges. */
typedef void (*ub_refusal_fn)(struct ub *ub, const struct ub_record *r);
/* A beancounter of that number has come; process context, may sleep. */
typedef void (*ub_born_fn)(u32 id);
/* One has gone; any context. */
typedef void (*ub_gone_fn)(void);
/* Reads how much of a resource the whole machine holds. May sleep. */
typedef unsigned long (*ub_total_fn)(void);

int ub_init(void);
void ub_exit(void);

int ub_new(u32 id, const struct ub_change *change, const char *cgroup,
	   const char **why);
int ub_del(u32 id, const char **why);
int ub_set(u32 id, const struct ub_change *change, const char **why);
int ub_attach(u32 id, const char *cgroup, const char **why);
ssize_t ub_cgroup(struct ub *ub, char *path, size_t size);
void ub_numbers(struct ub *ub, enum stockvz_resource res, struct ub_numbers *n);

struct ub *ub_find_get(u32 id);
struct ub *ub_next_get(struct ub *ub);
struct ub *ub_from_get(u64 born);
bool ub_is_dying(struct ub *ub);
u32 ub_generation(void);
void __ub_put(struct ub *ub);

/* Context: any. */
static inline void ub_put(struct ub *ub)
{
	if (refcount_dec_and_test(&ub->refs))
		__ub_put(ub);
}

void ub_refused(struct ub *ub, enum stockvz_resource res,
		const struct ub_refusal *why);
void ub_no_memory(struct ub *ub, enum stockvz_resource res,
		  unsigned long amount);
void ub_underflowed(struct ub *ub, enum stockvz_resource res,
		    unsigned long amount);

/**
 * ub_charge() - charge an amount to a beancounter
 * @ub: who pays; found with preemption still off, or with a reference
 * @res: the resource
 * @amount: in its unit
 * @severity: how far it may go
 *
 * Context: any.
 * Return: 0 or -ENOMEM: then failcnt has grown and the refusal was reported.
 */
static __always_inline int ub_charge(struct ub *ub, enum stockvz_resource res,
				     unsigned long amount,
				     enum ub_severity severity)
{
	struct ub_refusal why;
	int err = ub_counter_charge(&ub->counter[res].c, amount, severity, &why);

	if (unlikely(err == -ENOMEM))
		ub_refused(ub, res, &why);
	return err;
}

/**
 * ub_uncharge() - give an amount back
 * @ub: who paid
 * @res: the resource
 * @amount: what was charged
 *
 * Context: any.
 */
static __always_inline void ub_uncharge(struct ub *ub,
					enum stockvz_resource res,
					unsigned long amount)
{
	if (unlikely(!ub_counter_uncharge(&ub->counter[res].c, amount)))
		ub_underflowed(ub, res, amount);
}

void ub_set_refusal_handler(ub_refusal_fn fn);
void ub_set_watcher(ub_born_fn born, ub_gone_fn gone);
void ub_set_total(enum stockvz_resource res, ub_total_fn fn);
unsigned long ub_underflows(void);

#endif
