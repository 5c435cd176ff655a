// SPDX-License-Identifier: GPL-2.0
/*
 * othersockbuf: bytes of packets that sockets other than TCP's have sent and
 * that are not done with, at their true size: UNIX until the receiver has read
 * them, UDP, raw and packet sockets until the device has. The sender pays. What
 * does not fit waits: send() sleeps until there is room, for SO_SNDTIMEO at
 * most, or says EAGAIN. Above the barrier each socket may still have its share
 * of the room up to the limit.
 *
 * The kernel keeps the number for each socket: sk_wmem_alloc. What is charged
 * is that, and what senders are about to add. UDP puts some of its fragments
 * there without asking: these are charged when we look next.
 *
 * poll() cannot be told: it goes by SO_SNDBUF alone.
 */
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/wait.h>

#include "res.h"
#include "sockmem.h"

HOOK_PIN(sock_alloc_send_pskb,
	 struct sk_buff *(struct sock *, unsigned long, unsigned long, int,
			  int *, int));
HOOK_PIN(sock_wfree, void (struct sk_buff *));

/*
 * Nobody tells us when an admin raises a limit, or when there is room for one that
 * waits behind one who needs more.
 */
#define LOOK_AGAIN (HZ / 4)

/* What the original tried when a large one did not fit. */
#define SMALL_PIECE SZ_2K

/* The reference that the socket has on itself is no packet's. */
static unsigned int sent(const struct sock *sk)
{
	return max_t(int, refcount_read(&sk->sk_wmem_alloc), 1) - 1;
}

/* How large heads are that the kernel keeps apart from kmalloc's, or the least of those. */
static unsigned int small_head __read_mostly;

/* What a packet will count: a head, and pages. */
static unsigned int size_of(const struct sock *sk, unsigned long header_len,
			    unsigned long data_len)
{
	size_t head = SKB_DATA_ALIGN(header_len) +
		      SKB_DATA_ALIGN(sizeof(struct skb_shared_info));

	if (head <= small_head && !(sk->sk_allocation & __GFP_ACCOUNT))
		head = small_head;
	else
		head = roundup_pow_of_two(head);
	return SKB_DATA_ALIGN(sizeof(struct sk_buff)) + head + PAGE_ALIGN(data_len);
}

/**
 * othersockbuf_init() - learn how large packets are
 *
 * Context: process, may sleep.
 * Return: 0, -ENOMEM.
 */
int othersockbuf_init(void)
{
	struct sk_buff *skb = alloc_skb(0, GFP_KERNEL);

	if (!skb)
		return -ENOMEM;
	small_head = skb->truesize - SKB_DATA_ALIGN(sizeof(struct sk_buff));
	kfree_skb(skb);
	return 0;
}

/* Charge what the kernel says, of which @gone is about to go. */
static __always_inline void look(struct sockmem *m, unsigned int gone, bool also_up)
{
	/* Pairs with done(): what is not pending any more is what the kernel counts. */
	unsigned int pending = atomic_read_acquire(&m->pending);
	unsigned int bytes = sent(m->sk);

	bytes = bytes - min(bytes, gone) + pending;
	if (bytes < m->snd)
		sockmem_send_less(m, bytes, STOCKVZ_RES_OTHERSOCKBUF);
	else if (also_up && bytes > m->snd)
		sockmem_send(m, bytes, UB_FORCE, NULL);
}

/*
 * Two CPUs that free something of one socket at once each take what the other
 * frees for there still. So before anything is refused or shown, look again.
 */
static void look_at_all(struct ub *ub, bool also_up)
{
	unsigned long flags;
	struct sockmem *m;

	rcu_read_lock();
	list_for_each_entry_rcu(m, &ub->socks.all, link) {
		spin_lock_irqsave(&m->lock, flags);
		/* As long as the record is not dead the socket lives. */
		if (!m->dead && !m->tcp)
			look(m, 0, also_up);
		spin_unlock_irqrestore(&m->lock, flags);
	}
	rcu_read_unlock();
}

static void look_before_refusal(struct ub *ub)
{
	if (sockmem_may_look(ub, false))
		look_at_all(ub, false);
}

/**
 * othersockbuf_refresh() - look at every socket of a beancounter
 * @ub: the beancounter
 *
 * Context: process.
 */
void othersockbuf_refresh(struct ub *ub)
{
	look_at_all(ub, true);
}

/*
 * UNIX cuts a stream into pieces of some 36 KiB, however little may be held, and we
 * cannot have it try a smaller one. One that can never fit is let through when its
 * socket has nothing under way and a small one would fit.
 */
static bool never_fits(const struct sockmem *m, unsigned int size)
{
	const struct ub_counter *c = &m->ub->counter[STOCKVZ_RES_OTHERSOCKBUF].c;
	unsigned long hard = READ_ONCE(c->hard);

	return size > hard && m->sk->sk_type == SOCK_STREAM &&
	       !atomic_read_acquire(&m->pending) && !sent(m->sk) &&
	       atomic_long_read(&c->held) + size_of(m->sk, SMALL_PIECE, 0) <= hard;
}

static enum ub_severity severity_of(const struct sockmem *m, unsigned int size)
{
	return never_fits(m, size) ? UB_FORCE : sockmem_send_severity(m, size);
}

/* Charge a sender; shares matter only where the barrier is near. */
static __always_inline int add(struct sockmem *m, unsigned int size,
			       struct ub_refusal *why)
{
	struct ub_counter *c = &m->ub->counter[STOCKVZ_RES_OTHERSOCKBUF].c;

	if (likely(!__ub_counter_charge(c, size, UB_HARD, NULL)))
		m->snd += size;
	else if (sockmem_send(m, m->snd + size, severity_of(m, size), why))
		return -ENOMEM;
	atomic_add(size, &m->pending);
	return 0;
}

/* A refusal does not count. */
static __always_inline int take(struct sockmem *m, unsigned int size)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&m->lock, flags);
	err = add(m, size, NULL);
	spin_unlock_irqrestore(&m->lock, flags);
	return err;
}

/* This one will wait, or fail, if he is refused now. */
static int take_or_count(struct sockmem *m, unsigned int size)
{
	struct ub_refusal why;
	unsigned long flags;
	int err;

	spin_lock_irqsave(&m->lock, flags);
	err = add(m, size, &why);
	if (err) {
		__release(&m->lock);
		sockmem_unlock_refused(m, flags, STOCKVZ_RES_OTHERSOCKBUF, &why);
	} else {
		spin_unlock_irqrestore(&m->lock, flags);
	}
	return err;
}

/*
 * What was about to be queued is, or never will be. It need not be all: what UDP has put
 * there without asking is charged now. If the sum agrees there is nothing to look at.
 */
static void done(struct sockmem *m, unsigned int size)
{
	unsigned int pending;
	unsigned long flags;

	/* Pairs with look(). */
	pending = atomic_sub_return(size, &m->pending);
	if (likely(sent(m->sk) + pending == READ_ONCE(m->snd)))
		return;
	spin_lock_irqsave(&m->lock, flags);
	look(m, 0, true);
	spin_unlock_irqrestore(&m->lock, flags);
}

/* The real function knows best what to say to that. */
static bool hopeless(const struct sock *sk)
{
	return READ_ONCE(sk->sk_err) ||
	       READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN;
}

/* Sleep until something is given back, or it is time to look again. */
static long nap(struct sockmem *m, unsigned int size, long timeo)
{
	long slice = min_t(long, timeo, LOOK_AGAIN), left = slice;
	DEFINE_WAIT(wait);
	int err;

	prepare_to_wait_exclusive(&m->ub->socks.waiting, &wait, TASK_INTERRUPTIBLE);
	/* Who gave back before this has not seen us. */
	err = take(m, size);
	if (err && !hopeless(m->sk))
		left = schedule_timeout(slice);
	finish_wait(&m->ub->socks.waiting, &wait);
	if (err && !left) {
		look_before_refusal(m->ub);
		err = take(m, size);
	}
	if (!err)
		return -1;
	return timeo == MAX_SCHEDULE_TIMEOUT ? timeo : timeo - slice + left;
}

static int wait_in_line(struct sockmem *m, unsigned int size, long timeo)
{
	for (;;) {
		if (hopeless(m->sk))
			return 1;
		if (!timeo)
			return -EAGAIN;
		if (signal_pending(current))
			return sock_intr_errno(timeo);
		timeo = nap(m, size, timeo);
		if (timeo < 0)
			return 0;
	}
}

/* There is none, as it seems. 0: charged. 1: not, and not needed. Or an errno. */
static noinline int wait_for_room(struct sockmem *m, unsigned int size,
				  long timeo)
{
	int err;

	look_before_refusal(m->ub);
	if (!take_or_count(m, size))
		return 0;
	err = wait_in_line(m, size, timeo);
	sockmem_fed(m->ub);
	return err;
}

/* A call of ours: the hook takes it off again. */
#define CHARGED BIT(OTHERSOCKBUF_CHARGED_BIT)

/*
 * Runs in place of sock_alloc_send_pskb(), which it calls, and is handed the record
 * of the socket instead. It may sleep: the socket, which the caller holds, holds the
 * record, the beancounter and so this module.
 */
static struct sk_buff *alloc_charged(struct sockmem *m, unsigned long header_len,
				     unsigned long data_len, int noblock,
				     int *errcode, int max_page_order)
{
	struct sock *sk = m->sk;
	unsigned int size = size_of(sk, header_len, data_len);
	struct sk_buff *skb;
	int err = take(m, size);

	if (unlikely(err)) {
		err = wait_for_room(m, size, sock_sndtimeo(sk, noblock));
		if (err < 0) {
			*errcode = err;
			return NULL;
		}
	}
	skb = sock_alloc_send_pskb(sk, header_len, data_len, noblock, errcode,
				   max_page_order | CHARGED);
	/* Another may have taken the error that let this one through: look anyway. */
	done(m, err ? 0 : size);
	return skb;
}

/* Somebody may pay for the socket, or a proof runs. */
static noinline void divert(struct ftrace_regs *fregs)
{
	struct sockmem *m;

	if (unlikely(hook_proving(othersockbuf_send_hook))) {
		hook_refuse(fregs, 0);
		return;
	}
	m = sockmem_of(hook_arg(fregs, 0, struct sock *));
	if (!m || m->tcp)
		return;
	compat_ftrace_set_argument_0(fregs, (unsigned long)m);
	ftrace_regs_set_instruction_pointer(fregs, (unsigned long)alloc_charged);
}

/* sock_alloc_send_pskb(): a packet is about to be made, by a task. */
void othersockbuf_send_hook(unsigned long ip, unsigned long parent_ip,
			    struct ftrace_ops *op, struct ftrace_regs *fregs)
{
	unsigned int max_page_order = hook_arg(fregs, 5, unsigned int);

	if (unlikely(max_page_order & CHARGED))
		compat_ftrace_set_argument_5(fregs, max_page_order & ~CHARGED);
	else if (unlikely(!owner_is_nobody(hook_arg(fregs, 0, struct sock *))) ||
		 hook_proving_any())
		divert(fregs);
}

/* Apart, so that the host's way needs no frame. */
static noinline void look_without(struct sockmem *m, unsigned int gone)
{
	unsigned long flags;

	spin_lock_irqsave(&m->lock, flags);
	look(m, gone, false);
	spin_unlock_irqrestore(&m->lock, flags);
}

/* sock_wfree(skb): what skb->sk sent is done with. */
static void othersockbuf_wfree(struct ftrace_regs *fregs)
{
	const struct sk_buff *skb = hook_arg(fregs, 0, const struct sk_buff *);
	struct sockmem *m;

	/* As long as it has sent something that is not done with it lives. */
	m = sockmem_of_old(skb->sk);
	if (unlikely(m) && !m->tcp)
		look_without(m, skb->truesize);
}

DEFINE_HOOK(othersockbuf_wfree)

int othersockbuf_send_prove(void)
{
	struct socket *sock;
	struct sk_buff *skb;
	int err;

	err = sock_create_kern(&init_net, PF_UNIX, SOCK_DGRAM, 0, &sock);
	if (err)
		return err;
	skb = sock_alloc_send_pskb(sock->sk, 1, 0, 1, &err, 0);
	kfree_skb(skb);
	sock_release(sock);
	return skb ? -ENOENT : 0;
}
