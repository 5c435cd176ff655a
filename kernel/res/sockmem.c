// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "sockmem.h"

/* Sockets are fewer than files. */
#define BYTES_PER_BUCKET SZ_1M
#define MIN_BITS 10
#define MAX_BITS 18

/* Sockets come and go less often than packets. Irqs off. */
#define LOCKS 64

/* Looking at so many is nothing: some ten microseconds. */
#define FEW 1024

struct hlist_head *sockmem_table __read_mostly;
unsigned int sockmem_mask __read_mostly;
static spinlock_t locks[LOCKS];
static struct kmem_cache *cache;

static spinlock_t *lock_of(struct hlist_head *bucket)
{
	return &locks[(bucket - sockmem_table) % LOCKS];
}

static struct sockmem *make(struct sock *sk, struct ub *ub)
{
	struct sockmem *m = kmem_cache_zalloc(cache, GFP_ATOMIC | __GFP_NOWARN);

	if (!m)
		return NULL;
	m->sk = sk;
	m->ub = ub;
	m->tcp = sk_is_tcp(sk);
	spin_lock_init(&m->lock);
	spin_lock(&ub->socks.lock);
	list_add_tail_rcu(&m->link, &ub->socks.all);
	spin_unlock(&ub->socks.lock);
	return m;
}

/*
 * Nothing is refused for that: it is not counted. Telling sends a message, whose end
 * may be a socket of the same bucket.
 */
static void no_memory(const struct sock *sk, struct ub *ub)
{
	ub_no_memory(ub, sk_is_tcp(sk) ? STOCKVZ_RES_TCPSNDBUF :
					 STOCKVZ_RES_OTHERSOCKBUF, 0);
	ub_put(ub);
}

/*
 * Who pays is asked under the bucket's lock, which sockmem_drop() takes after
 * the socket has lost its owner: either it finds the record, or we no owner.
 */
static noinline struct sockmem *find_or_make(struct sock *sk)
{
	struct hlist_head *bucket = sockmem_bucket(sk);
	struct ub *ub = NULL;
	struct sockmem *m;

	spin_lock(lock_of(bucket));
	/* Pairs with surely_none(): it is locked before the owner is asked for. */
	smp_mb__after_spinlock();
	m = sockmem_in(bucket, sk);
	if (!m)
		ub = owner_get(sk);
	if (ub)
		m = make(sk, ub);
	if (m && ub)
		hlist_add_head_rcu(&m->node, bucket);
	spin_unlock(lock_of(bucket));
	if (unlikely(ub && !m))
		no_memory(sk, ub);
	return m;
}

/* Irqs off. */
static __always_inline struct sockmem *lock(struct sockmem *m)
{
	if (unlikely(!m))
		return NULL;
	spin_lock(&m->lock);
	if (likely(!m->dead)) {
		__release(&m->lock);	/* not for us to give back */
		return m;
	}
	spin_unlock(&m->lock);
	return NULL;
}

/**
 * sockmem_find_lock() - sockmem_lock() past its first glance
 * @sk: the socket
 *
 * Context: irqs off.
 * Return: as that.
 */
struct sockmem *sockmem_find_lock(struct sock *sk)
{
	return lock(sockmem_in(sockmem_bucket(sk), sk) ?: find_or_make(sk));
}

/**
 * sockmem_find_lock_old() - sockmem_lock_old() past its first glance
 * @bucket: where the record would be
 * @sk: the socket
 *
 * Context: irqs off.
 * Return: as that.
 */
struct sockmem *sockmem_find_lock_old(const struct hlist_head *bucket,
				      const struct sock *sk)
{
	return lock(sockmem_in(bucket, sk));
}

/**
 * sockmem_find_or_make() - sockmem_of() past its first glance
 * @sk: the socket
 *
 * Context: any.
 * Return: as that.
 */
struct sockmem *sockmem_find_or_make(struct sock *sk)
{
	unsigned long flags;
	struct sockmem *m;

	local_irq_save(flags);
	m = find_or_make(sk);
	local_irq_restore(flags);
	return m;
}

/**
 * sockmem_unlock_refused() - unlock, and then tell that a charge was refused
 * @m: the record
 * @flags: of sockmem_lock()
 * @res: the resource
 * @why: what the charge ran into
 *
 * Telling sends a message, whose end may be a socket with a record.
 */
void sockmem_unlock_refused(struct sockmem *m, unsigned long flags,
			    enum stockvz_resource res,
			    const struct ub_refusal *why)
{
	struct ub *ub = m->ub;

	ub_get(ub);
	sockmem_unlock(m, flags);
	ub_refused(ub, res, UB_HARD, why);
	ub_put(ub);
}

/**
 * sockmem_send_severity() - how far may a charge for sending go?
 * @m: the record
 * @more: the charge
 *
 * Above the barrier every socket has its share of the room up to the limit.
 *
 * Context: any.
 * Return: UB_SOFT if it is within the share, UB_HARD if not.
 */
enum ub_severity sockmem_send_severity(const struct sockmem *m,
				       unsigned int more)
{
	const struct ub_counter *c = &m->ub->counter[sockmem_send_res(m)].c;
	const struct ub_counter *socks = &m->ub->counter[m->tcp ?
		STOCKVZ_RES_NUMTCPSOCK : STOCKVZ_RES_NUMOTHERSOCK].c;
	unsigned long barrier = READ_ONCE(c->barrier);
	unsigned long limit = READ_ONCE(c->limit);

	if (limit <= barrier)
		return UB_HARD;
	return m->above + more <=
	       (limit - barrier) / max(READ_ONCE(socks->limit), 1UL) ?
	       UB_SOFT : UB_HARD;
}

/**
 * sockmem_send() - charge what a socket sends
 * @m: the record
 * @bytes: how much it is in all
 * @severity: how far it may go, if that is more than it was
 * @why: filled in when it is refused; NULL: see ub_counter_charge()
 *
 * Context: @m locked.
 * Return: 0; -ENOMEM if it was refused, and stays what it was.
 */
int sockmem_send(struct sockmem *m, unsigned int bytes,
		 enum ub_severity severity, struct ub_refusal *why)
{
	enum stockvz_resource res = sockmem_send_res(m);
	struct ub_counter *c = &m->ub->counter[res].c;
	unsigned int change;

	lockdep_assert_held(&m->lock);
	if (bytes < m->snd) {
		sockmem_send_less(m, bytes, res);
	} else if (bytes > m->snd) {
		change = bytes - m->snd;
		if (ub_counter_charge(c, change, severity, why))
			return -ENOMEM;
		m->snd = bytes;
		if (atomic_long_read(&c->held) > READ_ONCE(c->barrier))
			m->above += change;
	}
	return 0;
}

/**
 * sockmem_may_look() - is it time to look at all sockets, before a refusal?
 * @ub: whose
 * @tcp: at TCP's, for which once a jiffy is enough; or at others
 *
 * A beancounter with very many sockets does not spend its time on that, nor the
 * machine's.
 *
 * Context: any.
 * Return: true if the caller shall look.
 */
bool sockmem_may_look(struct ub *ub, bool tcp)
{
	unsigned long sockets =
		atomic_long_read(&ub->counter[STOCKVZ_RES_NUMTCPSOCK].c.held) +
		atomic_long_read(&ub->counter[STOCKVZ_RES_NUMOTHERSOCK].c.held);
	unsigned long pause = sockets / FEW + tcp, now = jiffies;
	unsigned long last = READ_ONCE(ub->socks.looked[tcp]);

	return !pause || (now - last >= pause &&
			  cmpxchg(&ub->socks.looked[tcp], last, now) == last);
}

static void settle(struct sockmem *m)
{
	struct ub *ub = m->ub;

	lockdep_assert_held(&m->lock);
	m->dead = true;
	sockmem_send(m, 0, UB_FORCE, NULL);
	if (m->rcv)
		ub_uncharge(ub, m->tcp ? STOCKVZ_RES_TCPRCVBUF :
					 STOCKVZ_RES_DGRAMRCVBUF, m->rcv);
	if (m->orphan)
		atomic_dec(&ub->socks.orphans);
}

static void free_rcu_sockmem(struct rcu_head *rcu)
{
	kmem_cache_free(cache, container_of(rcu, struct sockmem, rcu));
}

/*
 * No record, and nobody is about to put one there: a socket that never sent has none. The
 * lock is looked at first: who takes it later finds that the socket has no owner any more,
 * since what paid that one back, atomic operations all, comes before.
 */
static bool surely_none(struct hlist_head *bucket)
{
	/* Pairs with find_or_make(). */
	smp_mb__after_atomic();
	if (spin_is_locked(lock_of(bucket)))
		return false;
	/* Who has let go of it has put his record there before. */
	smp_rmb();
	return hlist_empty(bucket);
}

/**
 * sockmem_drop() - a socket that somebody paid for dies
 * @sk: the socket; it has no owner any more
 *
 * What it still holds goes back. The kernel's own release functions come after
 * this, and find nothing.
 *
 * Context: any.
 */
void sockmem_drop(const struct sock *sk)
{
	struct hlist_head *bucket = sockmem_bucket(sk);
	unsigned long flags;
	struct sockmem *m;
	struct ub *ub;

	if (surely_none(bucket))
		return;
	local_irq_save(flags);
	spin_lock(lock_of(bucket));
	m = sockmem_in(bucket, sk);
	if (m)
		hlist_del_rcu(&m->node);
	spin_unlock(lock_of(bucket));
	if (m) {
		ub = m->ub;
		spin_lock(&ub->socks.lock);
		list_del_rcu(&m->link);
		spin_unlock(&ub->socks.lock);
		spin_lock(&m->lock);
		settle(m);
		spin_unlock(&m->lock);
		ub_put(ub);
		call_rcu(&m->rcu, free_rcu_sockmem);
	}
	local_irq_restore(flags);
}

/**
 * sockmem_init() - make the table
 *
 * Return: 0, -ENOMEM.
 */
int sockmem_init(void)
{
	unsigned long buckets = (totalram_pages() << PAGE_SHIFT) /
				BYTES_PER_BUCKET;
	unsigned int i;

	for (i = 0; i < LOCKS; i++)
		spin_lock_init(&locks[i]);
	sockmem_mask = BIT(clamp(order_base_2(buckets), MIN_BITS, MAX_BITS)) - 1;
	cache = KMEM_CACHE(sockmem, 0);
	sockmem_table = kvcalloc(sockmem_mask + 1UL, sizeof(*sockmem_table), GFP_KERNEL);
	if (cache && sockmem_table)
		return 0;
	kvfree(sockmem_table);
	kmem_cache_destroy(cache);
	return -ENOMEM;
}

/**
 * sockmem_exit() - every socket that was paid for is gone, and every hook
 */
void sockmem_exit(void)
{
	/* For free_rcu_sockmem() of the last ones. */
	rcu_barrier();
	kvfree(sockmem_table);
	kmem_cache_destroy(cache);
}
