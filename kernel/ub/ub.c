// SPDX-License-Identifier: GPL-2.0
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "bind.h"
#include "meter.h"
#include "owner.h"
#include "row.h"
#include "ub.h"

const char *const ub_resource_name[UB_RESOURCES] = {
	[STOCKVZ_RES_KMEMSIZE] = "kmemsize",
	[STOCKVZ_RES_LOCKEDPAGES] = "lockedpages",
	[STOCKVZ_RES_PRIVVMPAGES] = "privvmpages",
	[STOCKVZ_RES_SHMPAGES] = "shmpages",
	[STOCKVZ_RES_DUMMY4] = "dummy",
	[STOCKVZ_RES_NUMPROC] = "numproc",
	[STOCKVZ_RES_PHYSPAGES] = "physpages",
	[STOCKVZ_RES_VMGUARPAGES] = "vmguarpages",
	[STOCKVZ_RES_OOMGUARPAGES] = "oomguarpages",
	[STOCKVZ_RES_NUMTCPSOCK] = "numtcpsock",
	[STOCKVZ_RES_NUMFLOCK] = "numflock",
	[STOCKVZ_RES_NUMPTY] = "numpty",
	[STOCKVZ_RES_NUMSIGINFO] = "numsiginfo",
	[STOCKVZ_RES_TCPSNDBUF] = "tcpsndbuf",
	[STOCKVZ_RES_TCPRCVBUF] = "tcprcvbuf",
	[STOCKVZ_RES_OTHERSOCKBUF] = "othersockbuf",
	[STOCKVZ_RES_DGRAMRCVBUF] = "dgramrcvbuf",
	[STOCKVZ_RES_NUMOTHERSOCK] = "numothersock",
	[STOCKVZ_RES_DCACHESIZE] = "dcachesize",
	[STOCKVZ_RES_NUMFILE] = "numfile",
	[STOCKVZ_RES_DUMMY20] = "dummy",
	[STOCKVZ_RES_DUMMY21] = "dummy",
	[STOCKVZ_RES_DUMMY22] = "dummy",
	[STOCKVZ_RES_NUMIPTENT] = "numiptent",
	[STOCKVZ_RES_SWAPPAGES] = "swappages",
};

/* Names, limits, bindings. Of row.c as well. */
DEFINE_MUTEX(ub_mutex);
/* What the change handler does, one after the other. */
static DEFINE_MUTEX(settle_mutex);
static DEFINE_SPINLOCK(ub_lock);
static LIST_HEAD(ub_list);
/* The same by number. Two may have one, when the first is on its way out. */
static DEFINE_HASHTABLE(ub_table, 10);
static struct kmem_cache *ub_cache;

/* The last that was born. ub_lock */
static u64 born;

/* Grows whenever the list changes: a dump that saw two values was torn. ub_lock to change */
static u32 generation;

/* How often more was given back than was held: each is a bug of ours. */
static atomic_long_t underflows;

/* Charges that could not be noted: but for buffers of sockets the call was refused. */
static atomic_long_t nomem;

/* Set before any hook is attached. */
static ub_refusal_fn refusal_handler;
static ub_change_fn change_handler;

/* Set before the first beancounter can be made, and until the last is gone. */
static ub_born_fn on_born;
static ub_gone_fn on_gone;

static void init_counters(struct ub *ub)
{
	unsigned int i;

	for (i = 0; i < UB_RESOURCES; i++)
		ub_counter_init(&ub->counter[i].c, UB_MAX, UB_MAX);
	ub_counter_set(&ub->counter[STOCKVZ_RES_VMGUARPAGES].c, 0, UB_MAX);
	ub_counter_set(&ub->counter[STOCKVZ_RES_OOMGUARPAGES].c,
		       totalram_pages() / 4 * 3, UB_MAX);
}

static void free_rcu_ub(struct rcu_head *rcu)
{
	struct ub *ub = container_of(rcu, struct ub, rcu);
	unsigned int i;

	for (i = 0; i < UB_MASKS; i++)
		kfree(ub->share.mask[i]);
	kmem_cache_free(ub_cache, ub);
	/* ub_exit() waits for this callback before its text goes. */
	module_put(THIS_MODULE);
}

/* The last reference is gone; nobody can find the beancounter any more. */
void __ub_put(struct ub *ub)
{
	unsigned long flags;

	spin_lock_irqsave(&ub_lock, flags);
	list_del_rcu(&ub->link);
	hash_del_rcu(&ub->hash);
	WRITE_ONCE(generation, generation + 1);
	spin_unlock_irqrestore(&ub_lock, flags);
	history_close(ub->history);
	if (on_gone)
		on_gone();
	call_rcu(&ub->rcu, free_rcu_ub);
}

/* A living beancounter holds the module, so that rmmod is refused. */
static struct ub *ub_alloc(u32 id)
{
	struct ub *ub;

	if (!try_module_get(THIS_MODULE))
		return NULL;
	ub = kmem_cache_zalloc(ub_cache, GFP_KERNEL);
	if (ub)
		ub->history = history_open(id);
	if (!ub || !ub->history) {
		if (ub)
			kmem_cache_free(ub_cache, ub);
		module_put(THIS_MODULE);
		return NULL;
	}
	init_counters(ub);
	atomic_long_set(&ub->refs, 1);
	ub->id = id;
	ratelimit_state_init(&ub->events, HZ, UB_EVENTS);
	/* Not a line in the log for each second of silence. */
	ub->events.flags = RATELIMIT_MSG_ON_RELEASE;
	ratelimit_state_init(&ub->shortages, UB_SHORTAGES_TIME, UB_SHORTAGES);
	ub->shortages.flags = RATELIMIT_MSG_ON_RELEASE;
	spin_lock_init(&ub->meters_lock);
	INIT_LIST_HEAD(&ub->meters[UB_MMS]);
	INIT_LIST_HEAD(&ub->meters[UB_INODES]);
	spin_lock_init(&ub->socks.lock);
	INIT_LIST_HEAD(&ub->socks.all);
	init_waitqueue_head(&ub->socks.waiting);
	spin_lock_irq(&ub_lock);
	ub->born = ++born;
	list_add_rcu(&ub->link, &ub_list);
	hash_add_rcu(ub_table, &ub->hash, id);
	WRITE_ONCE(generation, generation + 1);
	spin_unlock_irq(&ub_lock);
	return ub;
}

/**
 * ub_find_get() - look a beancounter up by number
 * @id: the number; a deleted one that still holds something is found too
 *
 * Context: any but hard interrupt. Pair with ub_put().
 * Return: the beancounter with a reference, or NULL.
 */
struct ub *ub_find_get(u32 id)
{
	struct ub *ub, *found = NULL;

	rcu_read_lock();
	hash_for_each_possible_rcu(ub_table, ub, hash, id)
		if (ub->id == id && atomic_long_inc_not_zero(&ub->refs)) {
			found = ub;
			break;
		}
	rcu_read_unlock();
	return found;
}

/**
 * ub_next_get() - walk all beancounters, newest first
 * @ub: the one before, whose reference is put, or NULL to begin
 *
 * Return: the next, with a reference, or NULL at the end.
 */
struct ub *ub_next_get(struct ub *ub)
{
	struct list_head *at = ub ? &ub->link : &ub_list;
	struct ub *next = NULL;

	rcu_read_lock();
	for (;;) {
		at = rcu_dereference(list_next_rcu(at));
		if (at == &ub_list)
			break;
		next = list_entry(at, struct ub, link);
		if (atomic_long_inc_not_zero(&next->refs))
			break;
		next = NULL;
	}
	rcu_read_unlock();
	if (ub)
		ub_put(ub);
	return next;
}

/**
 * ub_from_get() - go on with a walk that let go of its place
 * @born: of the beancounter to begin with, which may be gone
 *
 * Return: that one or the next older one, with a reference, or NULL.
 */
struct ub *ub_from_get(u64 born)
{
	struct ub *ub = ub_next_get(NULL);

	while (ub && ub->born > born)
		ub = ub_next_get(ub);
	return ub;
}

/**
 * ub_is_dying() - was it deleted, and lives on only for what it holds?
 * @ub: the beancounter
 *
 * Return: true if so.
 */
bool ub_is_dying(struct ub *ub)
{
	return !READ_ONCE(ub->named);
}

/**
 * ub_generation() - a number that changes when a beancounter comes or goes
 *
 * Return: the number.
 */
u32 ub_generation(void)
{
	return READ_ONCE(generation);
}

static struct ub *find_named(u32 id, const char **why)
{
	struct ub *ub = ub_find_get(id);

	lockdep_assert_held(&ub_mutex);
	if (ub && ub->named)
		return ub;
	if (ub)
		ub_put(ub);
	*why = "no such beancounter";
	return NULL;
}

static void apply(struct ub *ub, const struct ub_change *change)
{
	unsigned int i;

	lockdep_assert_held(&ub_mutex);
	for (i = 0; i < UB_RESOURCES; i++) {
		struct ub_counter *c = &ub->counter[i].c;

		ub_counter_set(c, change->barriers & BIT(i) ?
					  change->barrier[i] : c->barrier,
			       change->limits & BIT(i) ?
					  change->limit[i] : c->limit);
	}
}

/* What it gave up is returned. A NULL binding is none. */
static struct ub_binding *bind(struct ub *ub, struct ub_binding *b)
{
	row_rebind(ub, b);
	return ub_bind(ub, b);
}

/*
 * Have the rest of the module follow a change, which was of limits if there is a @change.
 * Without ub_mutex, since it may take its time. What it has to say goes to @why.
 */
static void settle(struct ub *ub, struct ub_binding *old, const struct ub_change *change,
		   const char **why)
{
	struct ub_binding *now;
	bool removed;

	mutex_lock(&settle_mutex);
	mutex_lock(&ub_mutex);
	/* Stays: whoever replaces it settles that after us, and frees it then. */
	now = ub->binding;
	mutex_unlock(&ub_mutex);
	if (now)
		now->asked = change ? change->barriers | change->limits : 0;
	removed = now && ub_is_removed(now->dir);
	if (change_handler)
		*why = change_handler(ub, now, old);
	if (now) {
		now->settled = true;
		WRITE_ONCE(now->removed, removed);
	}
	mutex_unlock(&settle_mutex);
	if (old) {
		ub_binding_free(old);
		ub_put(ub);
	}
}

/*
 * The binding, if any, becomes the beancounter's. A nameless one has none.
 * Returns it with a reference, or an error.
 */
static struct ub *name(u32 id, const struct ub_change *change,
		       struct ub_binding *binding, const char **why)
{
	struct ub *ub = ub_find_get(id);

	lockdep_assert_held(&ub_mutex);
	if (ub && ub->named) {
		ub_put(ub);
		*why = "the beancounter exists";
		return ERR_PTR(-EEXIST);
	}
	if (!ub && THIS_MODULE->state != MODULE_STATE_LIVE) {
		/* It may still fail to load, and would go under who holds it. */
		*why = "the module is only just being loaded";
		return ERR_PTR(-EAGAIN);
	}
	if (!ub)
		ub = ub_alloc(id);
	if (!ub) {
		*why = "out of memory";
		return ERR_PTR(-ENOMEM);
	}
	apply(ub, change);
	bind(ub, binding);
	WRITE_ONCE(ub->named, true);
	ub_get(ub);
	return ub;
}

/* Prepare a binding if one is wanted. */
static int prepare(const char *cgroup, struct ub_binding **binding,
		   const char **why)
{
	*binding = cgroup ? ub_binding_new(cgroup, why) : NULL;
	return PTR_ERR_OR_ZERO(*binding);
}

/**
 * ub_new() - make a beancounter, or name one again that was deleted
 * @id: its number, not 0
 * @change: limits to begin with; the rest has no limit, or, with a lingering
 *	one, what it had
 * @cgroup: a cgroup to put under it, or NULL
 * @why: the reason of a failure, for people
 *
 * Context: process, may sleep.
 * Return: 0, and @why has what an admin should know of, if anything; -EEXIST if
 * it has a name already, -EINVAL for 0, an errno of ub_attach(), -ENOMEM, -EAGAIN
 * before the module is loaded whole. After a failure nothing has changed.
 */
int ub_new(u32 id, const struct ub_change *change, const char *cgroup,
	   const char **why)
{
	struct ub_binding *binding;
	struct ub *ub = NULL;
	int err;

	if (!id) {
		*why = "beancounter 0 is the host";
		return -EINVAL;
	}
	mutex_lock(&ub_mutex);
	err = prepare(cgroup, &binding, why);
	if (!err) {
		ub = name(id, change, binding, why);
		err = PTR_ERR_OR_ZERO(ub);
		if (err)
			ub_binding_free(binding);
	}
	mutex_unlock(&ub_mutex);
	if (!err && on_born)
		on_born(id);
	if (!err) {
		settle(ub, NULL, NULL, why);
		ub_put(ub);
	}
	return err;
}

/**
 * ub_del() - let go of a beancounter
 * @id: its number
 * @why: the reason of a failure, for people
 *
 * Its cgroup is unbound: what starts there from now on is the host's.
 *
 * Context: process, may sleep.
 * Return: 0, -ENOENT.
 */
int ub_del(u32 id, const char **why)
{
	struct ub_binding *old = NULL;
	struct ub *ub;

	mutex_lock(&ub_mutex);
	ub = find_named(id, why);
	if (ub) {
		WRITE_ONCE(ub->named, false);
		old = bind(ub, NULL);
		ub_put(ub);	/* the name's */
	}
	mutex_unlock(&ub_mutex);
	if (!ub)
		return -ENOENT;
	settle(ub, old, NULL, why);
	ub_put(ub);
	return 0;
}

/**
 * ub_set() - set barriers and limits
 * @id: whose
 * @change: which, and to what
 * @why: the reason of a failure, for people
 *
 * When it returns, no charge goes by the old numbers any more.
 *
 * Context: process, may sleep.
 * Return: 0, and @why has what an admin should know of, if anything; -ENOENT.
 */
int ub_set(u32 id, const struct ub_change *change, const char **why)
{
	struct ub *ub;

	mutex_lock(&ub_mutex);
	ub = find_named(id, why);
	if (ub) {
		apply(ub, change);
		/* Charges that began before run with preemption off. */
		synchronize_rcu();
	}
	mutex_unlock(&ub_mutex);
	if (!ub)
		return -ENOENT;
	settle(ub, NULL, change, why);
	ub_put(ub);
	return 0;
}

/**
 * ub_resettle() - what follows from a beancounter's cgroup may be otherwise by now
 * @ub: the beancounter
 *
 * Has the change handler look again. What it has to say nobody has asked for.
 *
 * Context: process, may sleep.
 */
void ub_resettle(struct ub *ub)
{
	const char *why;

	settle(ub, NULL, NULL, &why);
}

/**
 * ub_attach() - put a cgroup under a beancounter, in place of the one that was
 * @id: which beancounter
 * @cgroup: path in the cgroup v2 hierarchy
 * @why: the reason of a failure, for people
 *
 * What is done from now on in that cgroup and below is charged to it. What
 * exists already stays whose it was.
 *
 * Context: process, may sleep.
 * Return: 0, and @why has what an admin should know of, if anything; -ENOENT for
 * an unknown number or cgroup, -EBUSY if the cgroup is
 * bound already, -EINVAL for the root cgroup, -ENOMEM.
 */
int ub_attach(u32 id, const char *cgroup, const char **why)
{
	struct ub_binding *binding, *old = NULL;
	int err = -ENOENT;
	struct ub *ub;

	mutex_lock(&ub_mutex);
	ub = find_named(id, why);
	if (ub) {
		err = prepare(cgroup, &binding, why);
		if (!err)
			old = bind(ub, binding);
	}
	mutex_unlock(&ub_mutex);
	if (!err)
		settle(ub, old, NULL, why);
	if (ub)
		ub_put(ub);
	return err;
}

/**
 * ub_hold() - have a beancounter hold still while something is done with it
 * @id: its number, or 0 for none in particular: then all do
 * @fn: does it; while it runs no change handler does, and what ub->binding of any
 *	beancounter says stays
 * @arg: for @fn
 * @why: the reason of a failure, for people
 *
 * Context: process, may sleep.
 * Return: -ENOENT, or what @fn returned.
 */
int ub_hold(u32 id, ub_hold_fn fn, void *arg, const char **why)
{
	struct ub_binding *now = NULL;
	struct ub *ub = NULL;
	int err = -ENOENT;

	mutex_lock(&settle_mutex);
	mutex_lock(&ub_mutex);
	if (id)
		ub = find_named(id, why);
	if (ub)
		now = ub->binding;
	mutex_unlock(&ub_mutex);
	if (ub || !id)
		err = fn(ub, now, arg);
	mutex_unlock(&settle_mutex);
	if (ub)
		ub_put(ub);
	return err;
}

/**
 * ub_cgroup() - the cgroup of a beancounter
 * @ub: the beancounter
 * @path: where to put its path
 * @size: of @path
 *
 * Context: process, may sleep.
 * Return: the length of the path, 0 if it has no cgroup, -E2BIG.
 */
ssize_t ub_cgroup(struct ub *ub, char *path, size_t size)
{
	ssize_t len;

	mutex_lock(&ub_mutex);
	len = strscpy(path, ub->binding ? ub->binding->path : "", size);
	mutex_unlock(&ub_mutex);
	return len;
}

/**
 * ub_refused() - a charge was refused: remember it, and tell whoever wants to know
 * @ub: by whom
 * @res: of which resource
 * @severity: how far it could have gone
 * @why: what it ran into
 *
 * failcnt is the caller's affair. What is refused though it went up to the limit likely
 * kills somebody: the log has to say why.
 *
 * Context: any; @ub with a reference, or found with preemption still off.
 */
void ub_refused(struct ub *ub, enum stockvz_resource res,
		enum ub_severity severity, const struct ub_refusal *why)
{
	struct ub_record r;

	history_describe(&r, res, why);
	history_add(ub->history, &r);
	if (severity == UB_SOFT && __ratelimit(&ub->shortages))
		pr_info("Fatal resource shortage: %s, UB %u.\n",
			ub_resource_name[res], ub->id);
	if (refusal_handler)
		refusal_handler(ub, &r);
}

/* ub_charge() did not fit a moment ago: now it does, or it is refused. */
int ub_charge_again(struct ub *ub, enum stockvz_resource res,
		    unsigned long amount, enum ub_severity severity)
{
	struct ub_refusal why;
	int err = ub_counter_charge(&ub->counter[res].c, amount, severity, &why);

	if (err == -ENOMEM)
		ub_refused(ub, res, severity, &why);
	return err;
}

/**
 * ub_no_memory() - a call was refused though it fits: it could not be noted
 * @ub: whose call
 * @res: of which resource
 * @amount: what it asked for
 *
 * No bound was met, so failcnt stays; remembered and told of it is all the same,
 * and ub_nomem() counts it.
 *
 * Context: any.
 */
void ub_no_memory(struct ub *ub, enum stockvz_resource res,
		  unsigned long amount)
{
	struct ub_refusal why = {
		.bound = STOCKVZ_BOUND_MEMORY,
		.amount = amount,
	};
	struct ub_numbers n;

	atomic_long_inc(&nomem);
	ub_counter_view(&ub->counter[res].c, &n);
	why.held = n.held;
	why.barrier = n.barrier;
	why.limit = n.limit;
	ub_refused(ub, res, UB_HARD, &why);
}

/* ub_uncharge() gave back more than was held: a bug of ours. */
void ub_underflowed(struct ub *ub, enum stockvz_resource res,
		    unsigned long amount)
{
	atomic_long_inc(&underflows);
	pr_err_ratelimited("BUG: uncharging too much %lu, res %s ub %u\n",
			   amount, ub_resource_name[res], ub->id);
}

/**
 * ub_set_refusal_handler() - who is told of refusals
 * @fn: called in any context; NULL for nobody
 */
void ub_set_refusal_handler(ub_refusal_fn fn)
{
	refusal_handler = fn;
}

/**
 * ub_set_watcher() - who is told that beancounters come and go
 * @born: when one was made; NULL for nobody
 * @gone: when one is gone
 */
void ub_set_watcher(ub_born_fn born, ub_gone_fn gone)
{
	on_born = born;
	on_gone = gone;
}

/**
 * ub_set_change_handler() - who follows what admins change
 * @fn: see ub_change_fn; NULL for nobody
 */
void ub_set_change_handler(ub_change_fn fn)
{
	change_handler = fn;
}

/**
 * ub_underflows() - how often more was given back than was held
 *
 * Return: the number: 0 unless we have a bug.
 */
unsigned long ub_underflows(void)
{
	return atomic_long_read(&underflows);
}

/**
 * ub_nomem() - how often ub_no_memory() was called
 *
 * Return: the number.
 */
unsigned long ub_nomem(void)
{
	return atomic_long_read(&nomem);
}

/**
 * ub_init() - bring beancounters up
 *
 * Return: 0, -ENOMEM.
 */
int ub_init(void)
{
	unsigned int i;
	int err;

	for (i = STOCKVZ_RES_LOCKEDPAGES; i < METER_RESOURCES; i++)
		ub_set_refresh(i, meters_settle);
	ub_cache = kmem_cache_create("stockvz_ub", sizeof(struct ub),
				     SMP_CACHE_BYTES, 0, NULL);
	if (!ub_cache)
		return -ENOMEM;
	err = meters_init();
	if (err)
		goto no_meters;
	err = owner_init();
	if (err)
		goto no_owners;
	return 0;

no_owners:
	meters_exit();
no_meters:
	kmem_cache_destroy(ub_cache);
	return err;
}

/**
 * ub_exit() - no beancounter is left, and no hook
 */
void ub_exit(void)
{
	owner_exit();
	meters_exit();
	/* For free_rcu_ub() of the last ones. */
	rcu_barrier();
	history_exit();
	kmem_cache_destroy(ub_cache);
}
