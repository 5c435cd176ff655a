// SPDX-License-Identifier: GPL-2.0
/*
 * numiptent: entries of firewalls.
 *
 * iptables.c charges tables, nftables.c rules. Both are replaced by making the
 * new ones while the old are still there, and which of them stay is known only
 * when the others are freed. So what is to take another's place shares its
 * charge, which is as large as the largest of all that share it: nothing that
 * fits in the end is refused on the way, and whichever goes, what stays is paid
 * for exactly. Who makes a rule pays for it; the host pays nothing. Up to the
 * limit; then what is asked for fails with ENOMEM.
 */
#include <linux/hashtable.h>
#include <linux/slab.h>

#include "rules.h"

/**
 * struct charge - what was charged for things that take each other's place
 * @ub: who paid; counted: see struct ub
 * @amount: the largest of the members'
 * @members: those that share it, at least one
 */
struct charge {
	struct ub *ub;
	unsigned int amount;
	struct list_head members;
};

/**
 * struct entry - a thing that holds rules
 * @hash: in the table of all
 * @object: its address, only ever compared
 * @owner: of one that is leaving: whose it is
 * @amount: how much it counts alone
 * @charge: of which it is a member
 * @member: there
 * @spare: among those of its owner and payer that are leaving, and whose place
 *	nobody has taken; some of them stay, as what was to be freed is not
 */
struct entry {
	struct hlist_node hash;
	const void *object;
	const void *owner;
	unsigned int amount;
	struct charge *charge;
	struct list_head member;
	struct hlist_node spare;
};

/*
 * Guards all of the above. Rules come and go in tasks only, but seldom enough to
 * be careful. It is everybody's, so nothing is done under it that takes longer
 * the more rules somebody has, as long as the buckets are short.
 */
static DEFINE_SPINLOCK(lock);
static DEFINE_HASHTABLE(entries, 16);
static DEFINE_HASHTABLE(spares, 12);

static struct hlist_head *bucket_of(const void *object)
{
	return &entries[hash_ptr(object, HASH_BITS(entries))];
}

/* The last comes first. */
static struct hlist_head *spares_of(const void *owner, const struct ub *ub)
{
	return &spares[hash_long((unsigned long)owner ^ (unsigned long)ub,
				 HASH_BITS(spares))];
}

static struct entry *find(const void *object)
{
	struct entry *e;

	lockdep_assert_held(&lock);
	hlist_for_each_entry(e, bucket_of(object), hash)
		if (e->object == object)
			return e;
	return NULL;
}

/*
 * Grows to hold a member of that size, or says why not. To tell of it takes its
 * time, and is left to whoever is rid of the lock.
 */
static int grow(struct charge *c, unsigned int amount, struct ub_refusal *why)
{
	int err = 0;

	lockdep_assert_held(&lock);
	if (amount > c->amount)
		err = ub_counter_charge(&c->ub->counter[STOCKVZ_RES_NUMIPTENT].c,
					amount - c->amount, UB_SOFT, why);
	if (!err)
		c->amount = max(amount, c->amount);
	return err;
}

/* A member has left: what nobody that is left needs is given back. */
static void shrink(struct charge *c)
{
	unsigned int most = 0;
	struct entry *e;

	lockdep_assert_held(&lock);
	list_for_each_entry(e, &c->members, member) {
		most = max(most, e->amount);
		if (most == c->amount)
			return;
	}
	if (most < c->amount)
		ub_uncharge(c->ub, STOCKVZ_RES_NUMIPTENT, c->amount - most);
	c->amount = most;
	if (list_empty(&c->members)) {
		ub_put(c->ub);
		kfree(c);
	}
}

static void drop(struct entry *e)
{
	hlist_del(&e->hash);
	list_del(&e->member);
	hlist_del_init(&e->spare);
	shrink(e->charge);
	kfree(e);
}

static struct charge *charge_new(struct ub *ub)
{
	struct charge *c = kzalloc(sizeof(*c), GFP_ATOMIC | __GFP_NOWARN);

	if (!c)
		return NULL;
	INIT_LIST_HEAD(&c->members);
	ub_get(ub);
	c->ub = ub;
	return c;
}

/* Puts it into the table, in the place of another one if there is one. */
static int enter(struct entry *e, struct ub *ub, struct entry *old,
		 struct ub_refusal *why)
{
	bool shares = old && old->charge->ub == ub;
	struct charge *c = shares ? old->charge : charge_new(ub);
	int err;

	if (!c)
		return -EAGAIN;
	err = grow(c, e->amount, why);
	if (err) {
		if (!shares)
			shrink(c);
		return err;
	}
	if (shares)
		hlist_del_init(&old->spare);
	e->charge = c;
	list_add(&e->member, &c->members);
	hlist_add_head(&e->hash, bucket_of(e->object));
	return 0;
}

static struct entry *entry_new(const void *object, unsigned int amount)
{
	struct entry *e = kzalloc(sizeof(*e), GFP_ATOMIC | __GFP_NOWARN);

	if (e) {
		e->object = object;
		e->amount = amount;
	}
	return e;
}

/* For a look without the lock: what is charged was so before it could be freed. */
static bool is_known(const void *object)
{
	return !hlist_empty(bucket_of(object));
}

/**
 * rules_release() - it is freed: what nobody else needs is paid back
 * @object: its address; most are the host's, which no entry knows
 *
 * Context: task.
 */
void rules_release(const void *object)
{
	struct entry *e;

	if (!is_known(object))
		return;
	spin_lock_bh(&lock);
	e = find(object);
	if (e)
		drop(e);
	spin_unlock_bh(&lock);
}

/* What enter() said of it. */
static int entered(struct entry *e, struct ub *ub, int err,
		   const struct ub_refusal *why)
{
	if (!err)
		return 0;
	if (err == -EAGAIN)
		ub_no_memory(ub, STOCKVZ_RES_NUMIPTENT, e ? e->amount : 1);
	else
		ub_refused(ub, STOCKVZ_RES_NUMIPTENT, UB_SOFT, why);
	kfree(e);
	return -ENOMEM;
}

/**
 * rules_replace() - charge for what takes the place of another one
 * @object: its address
 * @ub: who pays; found with preemption still off, or with a reference
 * @amount: how many rules
 * @old: the other one, which perhaps nobody paid for
 *
 * Context: task; @old stays meanwhile.
 * Return: 0 or -ENOMEM.
 */
int rules_replace(const void *object, struct ub *ub, unsigned int amount,
		  const void *old)
{
	struct entry *e = entry_new(object, amount);
	struct ub_refusal why;
	int err = -EAGAIN;

	rules_release(object);
	if (e) {
		spin_lock_bh(&lock);
		err = enter(e, ub, find(old), &why);
		spin_unlock_bh(&lock);
	}
	return entered(e, ub, err, &why);
}

/*
 * One that is leaving, and whose place nobody has taken. Behind one that stays
 * are those of transactions before, of which nothing is known.
 */
static struct entry *find_spare(const struct ub *ub, const void *owner,
				rules_leaving_fn is_leaving)
{
	struct entry *e;

	lockdep_assert_held(&lock);
	hlist_for_each_entry(e, spares_of(owner, ub), spare) {
		if (e->owner != owner || e->charge->ub != ub)
			continue;
		return is_leaving(e->object, owner) ? e : NULL;
	}
	return NULL;
}

/**
 * rules_add() - charge for a new rule, in the place of one that is leaving if
 * there is one
 * @object: a place that stands for it: see rules_move()
 * @ub: who pays; found with preemption still off, or with a reference
 * @owner: of whose rules one may be leaving
 * @is_leaving: asked of it
 *
 * Context: task.
 * Return: 0 or -ENOMEM.
 */
int rules_add(const void *object, struct ub *ub, const void *owner,
	      rules_leaving_fn is_leaving)
{
	struct entry *e = entry_new(object, 1);
	struct ub_refusal why;
	int err = -EAGAIN;

	rules_release(object);
	if (e) {
		spin_lock_bh(&lock);
		err = enter(e, ub, find_spare(ub, owner, is_leaving), &why);
		spin_unlock_bh(&lock);
	}
	return entered(e, ub, err, &why);
}

/**
 * rules_move() - what was charged for one address is another's from now on
 * @from: a place in the task that asked
 * @to: what was made since
 *
 * Context: task.
 */
void rules_move(const void *from, const void *to)
{
	struct entry *e, *old;

	if (!is_known(from))
		return;
	spin_lock_bh(&lock);
	e = find(from);
	if (e) {
		old = find(to);
		if (old)
			drop(old);
		hlist_del(&e->hash);
		e->object = to;
		hlist_add_head(&e->hash, bucket_of(to));
	}
	spin_unlock_bh(&lock);
}

/**
 * rules_leaving() - if all goes well it will be freed
 * @object: its address
 * @owner: whose it is: see rules_add()
 *
 * Context: task.
 */
void rules_leaving(const void *object, const void *owner)
{
	struct entry *e;

	if (!is_known(object))
		return;
	spin_lock_bh(&lock);
	e = find(object);
	if (e) {
		hlist_del_init(&e->spare);
		e->owner = owner;
		hlist_add_head(&e->spare, spares_of(owner, e->charge->ub));
	}
	spin_unlock_bh(&lock);
}
