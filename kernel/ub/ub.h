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
 * inside it: list and table; irq-safe, since the last reference is put anywhere.
 * settle_mutex, outside both: what follows from a change and may take long.
 */
#ifndef STOCKVZ_UB_H
#define STOCKVZ_UB_H

#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/ratelimit_types.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "counter.h"
#include "history.h"
#include "share.h"
#include "usage.h"

#define UB_RESOURCES (STOCKVZ_RES_MAX + 1)

/* Refusals that are told of, by beancounter and second. */
#define UB_EVENTS 200

/* Lines in the log about what was refused at the limit, and in how long. */
#define UB_SHORTAGES 4
#define UB_SHORTAGES_TIME (300 * HZ)

/* The rows of /proc/user_beancounters; swappages came after it was fixed. */
#define UB_ROWS 24

/* What meters stand beside: see meter.h. */
enum ub_metered { UB_MMS, UB_INODES, UB_METERED };

struct cgroup;
struct ub_binding;

/**
 * struct ub_socks - its sockets that hold buffers, for whoever counts those
 * @lock: irq-safe, innermost
 * @all: changed under @lock, read under RCU
 * @waiting: senders that found no room
 * @orphans: TCP sockets that no file holds any more
 * @looked: in which jiffy somebody who was refused looked at all, last: others, TCP's
 */
struct ub_socks {
	spinlock_t lock;	/* see above */
	struct list_head all;
	wait_queue_head_t waiting;
	atomic_t orphans;
	unsigned long looked[2];
};

/**
 * struct ub - a beancounter
 * @counter: what it holds, by resource; each on a cache line of its own, since
 *	two CPUs that open and fork have nothing to share
 * @moves: next to it, how often it went up or down; kept for kmemsize alone
 * @refs: see the head of this file. Objects count too, so it is wide enough for nothing to
 *	overflow it, and unchecked
 * @id: the container's number, not 0: the host has no struct ub. Constant
 * @born: grows from one to the next: newest first is largest first. Constant
 * @named: between ub_new() and ub_del(). ub_mutex
 * @link: in the list of all, newest first. ub_lock; read under RCU
 * @hash: in the table by @id. As @link
 * @binding: its cgroup, NULL if none. ub_mutex; read with preemption off, too
 * @events: how many refusals may be told of in a second: of each beancounter
 *	so many, that none drowns another
 * @history: what was refused to it. Constant
 * @shortages: how many refusals up to the limit may go to the log
 * @meters_lock: see meter.h
 * @meters: those that are to be looked at, by kind. @meters_lock
 * @watched: how many of them. @meters_lock
 * @socks: see there
 * @share: what is wanted of the schedulers: see there
 * @usage: see there
 * @rcu: frees it
 */
struct ub {
	struct {
		struct ub_counter c;
		atomic_long_t moves;
	} ____cacheline_aligned_in_smp counter[UB_RESOURCES];
	atomic_long_t refs;
	u32 id;
	u64 born;
	bool named;
	struct list_head link;
	struct hlist_node hash;
	struct ub_binding *binding;
	struct ratelimit_state events;
	struct ub_history *history;
	struct ratelimit_state shortages;
	spinlock_t meters_lock; /* of the next, and of what they say */
	struct list_head meters[UB_METERED];
	unsigned long watched[UB_METERED];
	struct ub_socks socks;
	struct ub_share share;
	struct ub_usage usage;
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
/*
 * Reads a row that is not charged: what a cgroup holds, the most that it held
 * and how often it was refused, all three as the kernel counts them anyway, into
 * numbers that were 0. Must not sleep.
 */
typedef void (*ub_row_fn)(struct cgroup *cgroup, enum stockvz_resource res,
			  struct ub_numbers *n);
/*
 * Told that limits or cgroup of a beancounter are others now. @now and @old stay
 * while it runs, either may be NULL; @old is the one that was given up, if any.
 * Process context, may sleep, one at a time. Returns what an admin should know
 * of, or NULL.
 */
typedef const char *(*ub_change_fn)(struct ub *ub, struct ub_binding *now,
				    struct ub_binding *old);
/*
 * Does something with a beancounter and its cgroup, NULL if it has none, while
 * neither becomes another. Process context, may sleep. Returns 0 or an errno.
 */
typedef int (*ub_hold_fn)(struct ub *ub, struct ub_binding *now, void *arg);
/* Brings what is counted lazily up to date. May sleep. */
typedef void (*ub_refresh_fn)(struct ub *ub);

int ub_init(void);
void ub_exit(void);

int ub_new(u32 id, const struct ub_change *change, const char *cgroup,
	   const char **why);
int ub_del(u32 id, const char **why);
int ub_set(u32 id, const struct ub_change *change, const char **why);
void ub_resettle(struct ub *ub);
int ub_attach(u32 id, const char *cgroup, const char **why);
int ub_hold(u32 id, ub_hold_fn fn, void *arg, const char **why);
ssize_t ub_cgroup(struct ub *ub, char *path, size_t size);
void ub_numbers(struct ub *ub, enum stockvz_resource res, struct ub_numbers *n);

struct ub *ub_find_get(u32 id);
struct ub *ub_next_get(struct ub *ub);
struct ub *ub_from_get(u64 born);
bool ub_is_dying(struct ub *ub);
u32 ub_generation(void);
void __ub_put(struct ub *ub);

/* One reference more. Context: any; @ub stays anyhow. */
static __always_inline void ub_get(struct ub *ub)
{
	lockdep_assert(atomic_long_read(&ub->refs) > 0);
	atomic_long_inc(&ub->refs);
}

/* Context: any. */
static __always_inline void ub_put(struct ub *ub)
{
	lockdep_assert(atomic_long_read(&ub->refs) > 0);
	if (unlikely(atomic_long_dec_and_test(&ub->refs)))
		__ub_put(ub);
}

int ub_charge_again(struct ub *ub, enum stockvz_resource res,
		    unsigned long amount, enum ub_severity severity);
void ub_refused(struct ub *ub, enum stockvz_resource res,
		enum ub_severity severity, const struct ub_refusal *why);
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
	/* What may have to be told of a refusal would cost every charge a frame. */
	if (likely(!__ub_counter_charge(&ub->counter[res].c, amount, severity,
					NULL)))
		return 0;
	return ub_charge_again(ub, res, amount, severity);
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
	if (unlikely(!__ub_counter_uncharge(&ub->counter[res].c, amount)))
		ub_underflowed(ub, res, amount);
}

void ub_set_refusal_handler(ub_refusal_fn fn);
void ub_set_watcher(ub_born_fn born, ub_gone_fn gone);
void ub_set_refresh(enum stockvz_resource res, ub_refresh_fn fn);
void ub_set_total(enum stockvz_resource res, ub_total_fn fn);
void ub_set_row(enum stockvz_resource res, ub_row_fn fn);
void ub_set_change_handler(ub_change_fn fn);
unsigned long ub_underflows(void);
unsigned long ub_nomem(void);

#endif
