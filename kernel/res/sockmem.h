/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a socket was charged for its buffers. The kernel's sockets have no room
 * for our numbers, so each that somebody pays for has a record here, from the
 * first byte that is counted to its end. Sockets of the host have none.
 *
 * Who pays is who paid for the socket itself: see sock.c.
 */
#ifndef STOCKVZ_SOCKMEM_H
#define STOCKVZ_SOCKMEM_H

#include <linux/wait.h>
#include <net/sock.h>

#include "ub/owner.h"

/**
 * struct sockmem - what a socket was charged
 * @node: in its bucket; changed under that one's lock, read under RCU
 * @sk: the socket, not counted: the record goes when the socket does. Constant
 * @ub: who pays; counted. Constant
 * @link: in the beancounter's list of all. Its lock; read under RCU
 * @lock: guards what follows; irqs off, since sockets die in interrupts too
 * @snd: bytes charged for what it sends
 * @rcv: bytes charged for what it received
 * @above: of @snd, what it was granted when the barrier was passed already
 * @pending: of @snd, what senders other than TCP's are about to queue. Goes up under the
 *	lock, down without, when the kernel has come to count as much
 * @want: TCP: the charge for sending that was refused last, 0 if none was since
 * @tcp: which resources those are. Constant
 * @orphan: counts among the orphans
 * @dead: the socket is gone, and everything was given back
 * @rcu: frees it
 */
struct sockmem {
	struct hlist_node node;
	struct sock *sk;
	struct ub *ub;
	struct list_head link;
	spinlock_t lock;	/* see above */
	unsigned int snd;
	unsigned int rcv;
	unsigned int above;
	atomic_t pending;
	unsigned int want;
	bool tcp;
	bool orphan;
	bool dead;
	struct rcu_head rcu;
};

extern struct hlist_head *sockmem_table;
extern unsigned int sockmem_mask;

static inline struct hlist_head *sockmem_bucket(const struct sock *sk)
{
	return &sockmem_table[hash_ptr(sk, 32) & sockmem_mask];
}

struct sockmem *sockmem_find_lock(struct sock *sk);
struct sockmem *sockmem_find_lock_old(const struct hlist_head *bucket,
				      const struct sock *sk);
struct sockmem *sockmem_find_or_make(struct sock *sk);
void sockmem_unlock_refused(struct sockmem *m, unsigned long flags,
			    enum stockvz_resource res,
			    const struct ub_refusal *why);
enum ub_severity sockmem_send_severity(const struct sockmem *m,
				       unsigned int more);
int sockmem_send(struct sockmem *m, unsigned int bytes,
		 enum ub_severity severity, struct ub_refusal *why);
bool sockmem_may_look(struct ub *ub, bool tcp);
void sockmem_drop(const struct sock *sk);
int sockmem_init(void);
void sockmem_exit(void);

/* sockmem_lock() past its first glance, which somebody else has taken. */
static __always_inline struct sockmem *__sockmem_lock(struct sock *sk, unsigned long *flags)
{
	struct sockmem *m;

	local_irq_save(*flags);
	m = sockmem_find_lock(sk);
	if (unlikely(!m))
		local_irq_restore(*flags);
	return m;
}

/**
 * sockmem_lock() - the record of a socket, locked
 * @sk: the socket; lives
 * @flags: for sockmem_unlock()
 *
 * Context: any.
 * Return: NULL if the host pays, or if there is no memory for a record, which
 * then is counted as if the host did.
 */
static __always_inline struct sockmem *sockmem_lock(struct sock *sk,
						    unsigned long *flags)
{
	return likely(owner_is_nobody(sk)) ? NULL : __sockmem_lock(sk, flags);
}

/**
 * sockmem_lock_old() - the record of a socket, locked, if it has one
 * @sk: the socket; lives
 * @flags: for sockmem_unlock()
 *
 * For what was counted before: without a record there was nothing.
 *
 * Context: any.
 * Return: as sockmem_lock().
 */
static __always_inline struct sockmem *
sockmem_lock_old(const struct sock *sk, unsigned long *flags)
{
	struct hlist_head *bucket = sockmem_bucket(sk);
	struct sockmem *m;

	if (likely(hlist_empty(bucket)))
		return NULL;
	local_irq_save(*flags);
	m = sockmem_find_lock_old(bucket, sk);
	if (unlikely(!m))
		local_irq_restore(*flags);
	return m;
}

/* The record of a socket in its bucket. Preemption off, which is RCU enough. */
static __always_inline struct sockmem *sockmem_in(const struct hlist_head *bucket,
						  const struct sock *sk)
{
	struct sockmem *m;

	lockdep_assert_preemption_disabled();
	hlist_for_each_entry_rcu(m, bucket, node, true)
		if (m->sk == sk)
			return m;
	return NULL;
}

/**
 * sockmem_of() - the record of a socket
 * @sk: the socket, which may be paid for; the caller holds it, and with it the record
 *
 * Context: any.
 * Return: as sockmem_lock().
 */
static __always_inline struct sockmem *sockmem_of(struct sock *sk)
{
	struct sockmem *m;

	preempt_disable();
	m = sockmem_in(sockmem_bucket(sk), sk);
	preempt_enable();
	return m ?: sockmem_find_or_make(sk);
}

/**
 * sockmem_of_old() - the record of a socket, if it has one
 * @sk: the socket; the caller holds it, and with it the record
 *
 * Context: any.
 * Return: as sockmem_lock_old().
 */
static __always_inline struct sockmem *sockmem_of_old(const struct sock *sk)
{
	struct hlist_head *bucket = sockmem_bucket(sk);
	struct sockmem *m;

	if (likely(hlist_empty(bucket)))
		return NULL;
	preempt_disable();
	m = sockmem_in(bucket, sk);
	preempt_enable();
	return m;
}

/**
 * sockmem_unlock() - let go of a record
 * @m: the record
 * @flags: of sockmem_lock()
 */
static __always_inline void sockmem_unlock(struct sockmem *m,
					   unsigned long flags)
{
	__acquire(&m->lock);
	spin_unlock_irqrestore(&m->lock, flags);
}

static __always_inline enum stockvz_resource
sockmem_send_res(const struct sockmem *m)
{
	return m->tcp ? STOCKVZ_RES_TCPSNDBUF : STOCKVZ_RES_OTHERSOCKBUF;
}

/**
 * sockmem_fed() - room for what is not TCP's was just given back
 * @ub: whose; nobody else's senders are woken on its time
 *
 * Wakes the one that waits longest. Whoever leaves the queue, with room or without,
 * wakes the next: so after each time that something is uncharged somebody who waits
 * looks, and then others until one finds too little.
 *
 * Context: any.
 */
static __always_inline void sockmem_fed(struct ub *ub)
{
	if (unlikely(wq_has_sleeper(&ub->socks.waiting)))
		wake_up_interruptible(&ub->socks.waiting);
}

/**
 * sockmem_send_less() - sockmem_send() of less than it was
 * @m: the record, locked
 * @bytes: how much it is in all
 * @res: sockmem_send_res()
 */
static __always_inline void sockmem_send_less(struct sockmem *m, unsigned int bytes,
					      enum stockvz_resource res)
{
	unsigned int change = m->snd - bytes;

	lockdep_assert_held(&m->lock);
	m->snd = bytes;
	m->above -= min(m->above, change);
	ub_uncharge(m->ub, res, change);
	if (res == STOCKVZ_RES_OTHERSOCKBUF)
		sockmem_fed(m->ub);
}

/* othersockbuf.c */
void othersockbuf_refresh(struct ub *ub);

/* tcpbuf.c */
void tcpbuf_refresh(struct ub *ub);
void tcpbuf_rfree(struct sock *sk, unsigned int size);

#endif
