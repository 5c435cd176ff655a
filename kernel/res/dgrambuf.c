// SPDX-License-Identifier: GPL-2.0
/*
 * dgramrcvbuf: bytes of packets that wait to be read, on INET and INET6 sockets
 * of UDP, UDP-Lite, ping and raw: the true size of each skb, from the moment it
 * is queued until it is read or the socket is gone. What is only peeked at
 * stays charged. A packet that does not fit is dropped, which its sender does
 * not learn; the socket's own count of drops goes up as for a full SO_RCVBUF.
 *
 * A packet for a socket whose SO_RCVBUF is full is dropped for that, and is no
 * failure here.
 *
 * The gates come before the kernel's own checks, which may still drop what we
 * let through: see struct pending.
 */
#include <linux/skbuff.h>
#include <net/inet_common.h>
#include <net/udp.h>
#include <trace/events/skb.h>

#include "res.h"
#include "sockmem.h"

HOOK_PIN(__udp_enqueue_schedule_skb, int (struct sock *, struct sk_buff *));
HOOK_PIN(__sock_queue_rcv_skb, int (struct sock *, struct sk_buff *));
HOOK_PIN(sock_rfree, void (struct sk_buff *));

/**
 * struct pending - what this CPU let through last, and may still be dropped
 * @skb: the packet; NULL if nothing is pending. Only compared
 * @sk: for which socket, which lives as long as @skb is on its way to it
 * @size: what was charged
 * @stamp: what was written into the packet
 *
 * From gate to drop there is no preemption, and no other packet on this CPU. A
 * packet that was not dropped leaves its mark behind until the next one comes, and
 * another may have its address by then. So it bears a stamp, where both functions
 * write how many were dropped when, and only when, they queue it.
 */
struct pending {
	const struct sk_buff *skb;
	struct sock *sk;
	unsigned int size;
	u32 stamp;
};

static DEFINE_PER_CPU(struct pending, pending);

static u32 *stamp_of(struct sk_buff *skb)
{
	return &SOCK_SKB_CB(skb)->dropcount;
}

/* Never what a new packet has there, which is 0. */
static void mark(struct sk_buff *skb, struct sock *sk, unsigned int size)
{
	struct pending *p = this_cpu_ptr(&pending);

	*p = (struct pending){ skb, sk, size, (p->stamp + 1) | BIT(31) };
	*stamp_of(skb) = p->stamp;
}

static void give_back(struct sock *sk, unsigned int size)
{
	unsigned long flags;
	struct sockmem *m = sockmem_lock_old(sk, &flags);

	if (likely(!m))
		return;
	size = min(size, m->rcv);
	m->rcv -= size;
	ub_uncharge(m->ub, STOCKVZ_RES_DGRAMRCVBUF, size);
	sockmem_unlock(m, flags);
}

static long drop(struct sock *sk)
{
	atomic_inc(&sk->sk_drops);
	return -ENOMEM;
}

/* It does not fit, as it seems. */
static noinline bool fits_after_all(struct sockmem *m, unsigned long flags,
				    unsigned int size)
{
	struct ub_refusal why;

	if (!ub_counter_charge(&m->ub->counter[STOCKVZ_RES_DGRAMRCVBUF].c,
			       size, UB_HARD, &why))
		return true;
	sockmem_unlock_refused(m, flags, STOCKVZ_RES_DGRAMRCVBUF, &why);
	return false;
}

/* Charge a packet that is about to be queued, or say that it may not. */
static long take(struct sock *sk, struct sk_buff *skb, struct sockmem *m,
		 unsigned long flags)
{
	unsigned int size = skb->truesize;

	if (unlikely(__ub_counter_charge(&m->ub->counter[STOCKVZ_RES_DGRAMRCVBUF].c,
					 size, UB_HARD, NULL)) &&
	    !fits_after_all(m, flags, size))
		return drop(sk);
	m->rcv += size;
	mark(skb, sk, size);
	sockmem_unlock(m, flags);
	return 0;
}

/*
 * The kernel may take the air out of a packet on its way into a queue that is
 * half full. Do it before, so that what is charged is what will be released. It
 * leaves alone what has a clone, but that one's reader may be done with it before
 * the kernel looks: this unshares it. Without memory for that the number is already
 * what it would be then.
 */
static void condense(struct sk_buff *skb)
{
	if (skb->data_len) {
		if (skb->data_len > skb->end - skb->tail ||
		    !compat_skb_frags_readable(skb))
			return;
		__pskb_pull_tail(skb, skb->data_len);
	}
	skb->truesize = SKB_TRUESIZE(skb_end_offset(skb));
}

/*
 * __udp_enqueue_schedule_skb(sk, skb): the last step of a packet that passed
 * all checks. Its caller has bottom halves off.
 */
static long dgrambuf_udp(struct ftrace_regs *fregs)
{
	struct sock *sk = hook_arg(fregs, 0, struct sock *);
	struct sk_buff *skb = hook_arg(fregs, 1, struct sk_buff *);
	unsigned long flags;
	struct sockmem *m;

	this_cpu_write(pending.skb, NULL);
	m = sockmem_lock(sk, &flags);
	if (likely(!m))
		return 0;
	if (atomic_read(&sk->sk_rmem_alloc) > READ_ONCE(sk->sk_rcvbuf)) {
		sockmem_unlock(m, flags);
		return drop(sk);
	}
	condense(skb);
	return take(sk, skb, m, flags);
}

DEFINE_GATE(dgrambuf_udp)

static bool is_udp(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_UDP ||
	       sk->sk_protocol == IPPROTO_UDPLITE;
}

/*
 * Raw or ping. Others queue in task context, and never release; UDP releases in its
 * own way all that was counted, and here what a sockmap has redirected to it.
 */
static bool is_raw(const struct sock *sk)
{
	return (sk->sk_family == PF_INET || sk->sk_family == PF_INET6) &&
	       (sk->sk_type == SOCK_RAW ||
		(sk->sk_type == SOCK_DGRAM && !is_udp(sk)));
}

/* __sock_queue_rcv_skb(sk, skb): the same for raw and ping, among others. */
static long dgrambuf_raw(struct ftrace_regs *fregs)
{
	struct sock *sk = hook_arg(fregs, 0, struct sock *);
	struct sk_buff *skb = hook_arg(fregs, 1, struct sk_buff *);
	unsigned long flags;
	struct sockmem *m;

	this_cpu_write(pending.skb, NULL);
	if (!hook_on(STOCKVZ_RES_DGRAMRCVBUF) || !is_raw(sk))
		return 0;
	m = sockmem_lock(sk, &flags);
	if (likely(!m))
		return 0;
	if (atomic_read(&sk->sk_rmem_alloc) >= READ_ONCE(sk->sk_rcvbuf)) {
		sockmem_unlock(m, flags);
		return drop(sk);
	}
	return take(sk, skb, m, flags);
}

DEFINE_GATE(dgrambuf_raw)

/* Tracepoint kfree_skb: is it what we have just let through? */
COMPAT_KFREE_SKB_PROBE(dgrambuf_dropped)
{
	struct pending *p = this_cpu_ptr(&pending);

	if (likely(p->skb != skb) || *stamp_of(skb) != p->stamp)
		return;
	p->skb = NULL;
	give_back(p->sk, p->size);
}

HOOK_PIN_PROBE(kfree_skb, dgrambuf_dropped)

/*
 * udp_rmem_release(sk, size, partial, locked): packets of this size left the
 * queue, were read or found broken. The kernel saves such sizes up; we do not.
 */
static void dgrambuf_udp_release(struct ftrace_regs *fregs)
{
	give_back(hook_arg(fregs, 0, struct sock *),
		  hook_arg(fregs, 1, unsigned int));
}

DEFINE_HOOK(dgrambuf_udp_release)

/* sock_rfree(skb): a packet that waited for a reader of skb->sk waits no more. */
static void sockbuf_rfree(struct ftrace_regs *fregs)
{
	const struct sk_buff *skb = hook_arg(fregs, 0, const struct sk_buff *);
	struct sock *sk = skb->sk;

	if (likely(owner_is_nobody(sk)))
		return;
	if (likely(sk_is_tcp(sk)))
		tcpbuf_rfree(sk, skb->truesize);
	else if (is_raw(sk))
		give_back(sk, skb->truesize);
}

DEFINE_HOOK(sockbuf_rfree)

typedef int (*queue_fn)(struct sock *sk, struct sk_buff *skb);

/* Have a packet queued on a socket that nobody can send to. */
static int prove(int type, int protocol, queue_fn queue)
{
	struct socket *sock;
	struct sk_buff *skb;
	int err;

	err = sock_create_kern(&init_net, PF_INET, type, protocol, &sock);
	if (err)
		return err;
	skb = alloc_skb(0, GFP_KERNEL);
	if (!skb) {
		sock_release(sock);
		return -ENOMEM;
	}
	local_bh_disable();
	err = queue(sock->sk, skb);
	local_bh_enable();
	if (err)
		kfree_skb(skb);
	sock_release(sock);
	return err == HOOK_PROOF_ERRNO ? 0 : -ENOENT;
}

int dgrambuf_udp_prove(void)
{
	return prove(SOCK_DGRAM, IPPROTO_UDP, __udp_enqueue_schedule_skb);
}

int dgrambuf_raw_prove(void)
{
	return prove(SOCK_RAW, IPPROTO_RAW, __sock_queue_rcv_skb);
}
