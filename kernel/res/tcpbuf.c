// SPDX-License-Identifier: GPL-2.0
/*
 * tcpsndbuf, tcprcvbuf: bytes of TCP's queues, at the true size of each skb.
 *
 * The kernel keeps both numbers exactly for each socket, under the socket's
 * lock: sk_wmem_queued and sk_rmem_alloc. What a beancounter holds is the sum
 * over its sockets of what those were when we last looked, and of what a gate
 * has granted since. We look wherever memory is taken from the kernel's pool or
 * goes back there, and whenever somebody reads the row. Between two looks a
 * socket may be off by what the kernel takes without asking: less than a page
 * of what it has in hand, a FIN, a segment that is split to be sent again, one of
 * pure MSG_ZEROCOPY, and whatever is within SO_RESERVE_MEM.
 *
 * Sending. Who has something queued and finds no room for more waits for its
 * own acknowledgments: send() sleeps or says EAGAIN, poll() has no POLLOUT.
 * Who has nothing queued would wait for ever if others sit on theirs, so it may
 * always send: the kernel then forces what it forces when memory is short, a
 * page or two. connect() fails with ENOBUFS. Above the barrier each socket may
 * still have its share of the room up to the limit.
 *
 * Receiving. What the peer was told that it may send should not be dropped: it
 * comes again only when a timer of the peer's goes off, each time later than the
 * last. So as the room shrinks the window does, down to nothing for
 * who does not read, but never below a segment for who does. What arrives
 * in order within that reserve is taken, room or not; the rest is dropped for
 * want of room, and comes again.
 *
 * Why no connection stands still is written in Documentation/beancounters/
 * sockbufs.md. Whoever changes something here should prove it again.
 */
#include <linux/sizes.h>
#include <net/mptcp.h>
#include <net/tcp.h>

#include "res.h"
#include "sockmem.h"

HOOK_PIN(tcp_stream_memory_free, bool (const struct sock *, int));
HOOK_PIN(__sk_mem_schedule, int (struct sock *, int, int));
HOOK_PIN(__sk_mem_reclaim, void (struct sock *, int));
HOOK_PIN(sk_stream_wait_memory, int (struct sock *, long *));
HOOK_PIN(tcp_data_ready, void (struct sock *));
HOOK_PIN(tcp_connect, int (struct sock *));

/* A segment without data, about, and the least that a sender is let in for. */
#define EMPTY 1280
#define LEAST (EMPTY + 2048)

static __always_inline struct ub_counter *counter_of(const struct sockmem *m,
						     enum stockvz_resource res)
{
	return &m->ub->counter[res].c;
}

static __always_inline unsigned int sent(const struct sock *sk)
{
	return max(READ_ONCE(sk->sk_wmem_queued), 0);
}

static __always_inline unsigned int received(const struct sock *sk)
{
	return max(atomic_read(&sk->sk_rmem_alloc), 0);
}

static int change_received(struct sockmem *m, unsigned int bytes,
			   enum ub_severity severity, struct ub_refusal *why)
{
	int err = 0;

	lockdep_assert_held(&m->lock);
	if (bytes < m->rcv)
		ub_uncharge(m->ub, STOCKVZ_RES_TCPRCVBUF, m->rcv - bytes);
	else
		err = __ub_counter_charge(counter_of(m, STOCKVZ_RES_TCPRCVBUF),
					  bytes - m->rcv, severity, why);
	if (!err)
		m->rcv = bytes;
	return err;
}

/* What a socket received is to be charged so much in all. */
static __always_inline int charge_received(struct sockmem *m, unsigned int bytes,
					   enum ub_severity severity, struct ub_refusal *why)
{
	return bytes == m->rcv ? 0 : change_received(m, bytes, severity, why);
}

/* What a socket sent, likewise: it cannot be refused any more. */
static __always_inline void charge_sent(struct sockmem *m, unsigned int bytes)
{
	if (bytes != m->snd)
		sockmem_send(m, bytes, UB_FORCE, NULL);
}

/* Charge what the kernel says. With the socket's lock. */
static void look(struct sockmem *m, const struct sock *sk)
{
	charge_sent(m, sent(sk));
	charge_received(m, received(sk), UB_FORCE, NULL);
}

/* A record that was found, locked: of TCP, or let go. */
static __always_inline struct sockmem *tcp_or_none(struct sockmem *m, unsigned long flags)
{
	if (likely(!m) || likely(m->tcp))
		return m;
	sockmem_unlock(m, flags);
	return NULL;
}

/*
 * The record of a TCP socket that may be paid for, locked; NULL for any other, or the
 * host's.
 */
static __always_inline struct sockmem *lock_tcp(struct sock *sk, unsigned long *flags)
{
	if (!hook_on(STOCKVZ_RES_TCPSNDBUF))
		return NULL;
	return tcp_or_none(__sockmem_lock(sk, flags), *flags);
}

/* The same for what was counted before. */
static __always_inline struct sockmem *lock_tcp_old(struct sock *sk, unsigned long *flags)
{
	if (!hook_on(STOCKVZ_RES_TCPSNDBUF))
		return NULL;
	return tcp_or_none(sockmem_lock_old(sk, flags), *flags);
}

/* May the socket that a function is about have a record? Mostly it is the host's. */
static __always_inline bool may_be_paid(struct ftrace_regs *fregs)
{
	return !owner_is_nobody(hook_arg(fregs, 0, struct sock *));
}

static __always_inline bool may_have_record(struct ftrace_regs *fregs)
{
	return !hlist_empty(sockmem_bucket(hook_arg(fregs, 0, struct sock *)));
}

/* Look at a socket if nobody is busy with it: who is will look. */
static void look_if_idle(struct sockmem *m)
{
	struct sock *sk = m->sk;

	lockdep_assert_held(&m->lock);
	/* Others take the two locks in the other order. */
	if (!spin_trylock(&sk->sk_lock.slock))
		return;
	if (!sock_owned_by_user_nocheck(sk))
		look(m, sk);
	spin_unlock(&sk->sk_lock.slock);
}

/**
 * tcpbuf_refresh() - look at every socket of a beancounter
 * @ub: the beancounter
 *
 * Context: any.
 */
void tcpbuf_refresh(struct ub *ub)
{
	unsigned long flags;
	struct sockmem *m;

	rcu_read_lock();
	list_for_each_entry_rcu(m, &ub->socks.all, link) {
		spin_lock_irqsave(&m->lock, flags);
		/* As long as the record is not dead the socket lives. */
		if (!m->dead && m->tcp)
			look_if_idle(m);
		spin_unlock_irqrestore(&m->lock, flags);
	}
	rcu_read_unlock();
}

/*
 * Sending.
 */

/*
 * Somebody is about to be refused. What others have given back may not have been
 * seen: of a socket with SO_RESERVE_MEM nothing goes back to the kernel's pool. The
 * caller holds the socket, so the record stays; it is not locked meanwhile. An
 * acknowledgment does not wait for that: who wants to send looks himself.
 */
static noinline bool look_before_refusal(struct sockmem *m, unsigned long *flags)
{
	struct ub *ub = m->ub;

	if (!in_task() || !sockmem_may_look(ub, true))
		return false;
	sockmem_unlock(m, *flags);
	tcpbuf_refresh(ub);
	spin_lock_irqsave(&m->lock, *flags);
	__release(&m->lock);	/* not for us to give back */
	return true;
}

/* Would a charge be granted now? */
static bool fits(const struct sockmem *m, unsigned int more)
{
	const struct ub_counter *c = counter_of(m, STOCKVZ_RES_TCPSNDBUF);
	unsigned long held = atomic_long_read(&c->held);
	unsigned long top = READ_ONCE(c->hard);

	if (unlikely(held + more > top) &&
	    sockmem_send_severity(m, more) == UB_SOFT)
		top = READ_ONCE(c->limit);
	return held + more <= top;
}

/* What there must be room for before somebody is told to send again. */
static unsigned int wanted(const struct sockmem *m)
{
	return max_t(unsigned int, LEAST, m->want);
}

/*
 * MPTCP queues on the sockets that it is made of when it sees fit, and does not
 * wait for their memory: what they queue counts, and is never refused.
 */
static bool may_refuse_to_send(const struct sock *sk)
{
	return sent(sk) && !sk_is_mptcp(sk);
}

/*
 * tcp_stream_memory_free(sk, wake): may more be queued? Asked by send() for each
 * segment, by poll(), and when an acknowledgment has made room. Not always with
 * the socket's lock: what is about to be queued may be charged already, so what
 * is charged may go up here, not down.
 */
static bool tcpbuf_may_send(struct ftrace_regs *fregs)
{
	struct sock *sk = hook_arg(fregs, 0, struct sock *);
	unsigned long flags;
	struct sockmem *m;
	bool no;

	if (likely(!may_refuse_to_send(sk)))
		return false;
	m = lock_tcp(sk, &flags);
	if (likely(!m))
		return false;
	if (sent(sk) > m->snd)
		sockmem_send(m, sent(sk), UB_FORCE, NULL);
	no = !fits(m, wanted(m));
	if (unlikely(no) && look_before_refusal(m, &flags))
		no = !fits(m, wanted(m));
	sockmem_unlock(m, flags);
	return no;
}

DEFINE_VALUE_GATE_IF(tcpbuf_may_send, false, may_be_paid)

/*
 * Whoever is refused gets what is left of the page in hand instead. If that is
 * less than nothing, as MSG_ZEROCOPY leaves it, the kernel takes it for a length.
 * If it is nothing, and the segment has nothing either, 6.1 leaves that in the
 * queue, sends it, and since nobody acknowledges nothing, waits for ever.
 */
static bool must_grant(const struct sock *sk)
{
	const struct sk_buff *tail = skb_peek_tail(&sk->sk_write_queue);

	return sk->sk_forward_alloc < 0 ||
	       (!sk->sk_forward_alloc && tail && !tail->len);
}

/* Charge a sender; shares matter only where the barrier is near. */
static int add_sent(struct sockmem *m, const struct sock *sk, unsigned int more)
{
	unsigned int bytes = sent(sk) + more;

	/* So that it is asked for what is really more. */
	charge_sent(m, sent(sk));
	if (likely(!sockmem_send(m, bytes, UB_HARD, NULL)))
		return 0;
	if (!may_refuse_to_send(sk) || must_grant(sk))
		return sockmem_send(m, bytes, UB_FORCE, NULL);
	return sockmem_send(m, bytes, sockmem_send_severity(m, more), NULL);
}

/*
 * __sk_mem_schedule(sk, size, kind): @size is missing of what the caller is
 * going to queue; the rest it has in sk_forward_alloc. What is received was
 * asked for before. With the socket's lock.
 *
 * Who is refused makes do with less, or waits: it is counted there.
 */
static bool tcpbuf_send(struct ftrace_regs *fregs)
{
	struct sock *sk = hook_arg(fregs, 0, struct sock *);
	int size = hook_arg(fregs, 1, int);
	int kind = hook_arg(fregs, 2, int);
	unsigned long flags;
	unsigned int more;
	struct sockmem *m;
	bool no;

	if (kind != SK_MEM_SEND)
		return false;
	m = lock_tcp(sk, &flags);
	if (likely(!m))
		return false;
	more = size + sk->sk_forward_alloc;
	no = add_sent(m, sk, more);
	if (unlikely(no) && look_before_refusal(m, &flags))
		no = add_sent(m, sk, more);
	m->want = no ? more : 0;
	sockmem_unlock(m, flags);
	return no;
}

DEFINE_VALUE_GATE_IF(tcpbuf_send, 0, may_be_paid)

/*
 * sk_stream_wait_memory(sk, timeo): a sender has to wait, or to be told EAGAIN.
 * If that is for want of room here, and not of SO_SNDBUF, it is a failure, one
 * however long it sleeps. With the socket's lock.
 */
static void tcpbuf_wait(struct ftrace_regs *fregs)
{
	struct sock *sk = hook_arg(fregs, 0, struct sock *);
	struct ub_refusal why;
	unsigned long flags;
	struct sockmem *m = lock_tcp(sk, &flags);
	unsigned int more;

	if (likely(!m))
		return;
	look(m, sk);
	if (!fits(m, wanted(m)))
		look_before_refusal(m, &flags);
	more = wanted(m);
	if (!may_refuse_to_send(sk) || sent(sk) >= READ_ONCE(sk->sk_sndbuf) ||
	    fits(m, more)) {
		sockmem_unlock(m, flags);
		return;
	}
	if (ub_counter_charge(counter_of(m, STOCKVZ_RES_TCPSNDBUF), more,
			      sockmem_send_severity(m, more), &why)) {
		sockmem_unlock_refused(m, flags, STOCKVZ_RES_TCPSNDBUF, &why);
		return;
	}
	/* There is room, suddenly. */
	ub_uncharge(m->ub, STOCKVZ_RES_TCPSNDBUF, more);
	sockmem_unlock(m, flags);
}

DEFINE_HOOK_IF(tcpbuf_wait, may_be_paid)

/* tcp_connect(sk): the SYN is a segment. With the socket's lock. */
static long tcpbuf_connect(struct ftrace_regs *fregs)
{
	struct sock *sk = hook_arg(fregs, 0, struct sock *);
	struct ub_refusal why;
	unsigned long flags;
	struct sockmem *m = lock_tcp(sk, &flags);
	int err;

	if (likely(!m))
		return 0;
	err = sockmem_send(m, sent(sk) + EMPTY, UB_HARD, NULL);
	if (unlikely(err)) {
		look_before_refusal(m, &flags);
		err = sockmem_send(m, sent(sk) + EMPTY, UB_HARD, &why);
	}
	if (likely(!err)) {
		sockmem_unlock(m, flags);
		return 0;
	}
	sockmem_unlock_refused(m, flags, STOCKVZ_RES_TCPSNDBUF, &why);
	return -ENOBUFS;
}

DEFINE_GATE_IF(tcpbuf_connect, may_be_paid)

/*
 * Receiving.
 */

/* How far may what a socket received go? */
static enum ub_severity receive_severity(const struct sockmem *m,
					 const struct sock *sk)
{
	const struct ub_counter *c = counter_of(m, STOCKVZ_RES_TCPRCVBUF);
	unsigned long held = atomic_long_read(&c->held);
	unsigned long limit = READ_ONCE(c->limit);
	unsigned long socks =
		READ_ONCE(counter_of(m, STOCKVZ_RES_NUMTCPSOCK)->limit);
	unsigned long segment = SKB_TRUESIZE(tcp_sk(sk)->advmss);

	if (!m->rcv)
		return UB_SOFT;
	return held <= limit && socks <= (limit - held) / segment ?
	       UB_SOFT : UB_HARD;
}

/*
 * What every socket may have to read at any time: a segment, however large, and
 * a record of TLS, which some readers want whole.
 */
static unsigned int reserve(const struct sock *sk)
{
	return max_t(unsigned int, tcp_sk(sk)->advmss, SZ_16K + SZ_1K);
}

/* Is there so little to read that the peer may send more in any case? */
static bool within_reserve(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	return skb_queue_empty(&sk->sk_receive_queue) ||
	       tp->rcv_nxt - READ_ONCE(tp->copied_seq) < reserve(sk);
}

static unsigned long part_of_room(const struct ub_counter *c, unsigned long top)
{
	unsigned long held = atomic_long_read(&c->held);

	return held < top ? (top - held) / 4 : 0;
}

/* There is less room than what the peer is offered, or it is offered nothing. */
static noinline void steer_tight(const struct sockmem *m, struct sock *sk,
				 unsigned long window)
{
	const struct ub_counter *c = counter_of(m, STOCKVZ_RES_TCPRCVBUF);
	struct tcp_sock *tp = tcp_sk(sk);
	u32 least = reserve(sk);

	if (receive_severity(m, sk) == UB_SOFT)
		window = part_of_room(c, READ_ONCE(c->limit));
	if (within_reserve(sk)) {
		least = clamp(2 * tcp_receive_window(tp), least, 2 * least);
		window = max_t(unsigned long, window, least);
		if (!tp->rcv_ssthresh)
			tp->rcv_ssthresh = least;
	} else if (window < least) {
		window = 0;
	}
	tp->rcv_ssthresh = min3(window, (unsigned long)tp->rcv_ssthresh,
				(unsigned long)tp->window_clamp);
}

/*
 * Offer the peer no more than a part of the room: others may do so as well. What
 * was offered stays so, whatever we do here. An offer that is not twice what
 * is left of the last one the kernel does not tell the peer of.
 */
static __always_inline void steer(const struct sockmem *m, struct sock *sk)
{
	const struct ub_counter *c = counter_of(m, STOCKVZ_RES_TCPRCVBUF);
	unsigned long window = part_of_room(c, READ_ONCE(c->hard));

	/* The kernel itself never makes it 0. */
	if (likely(tcp_sk(sk)->rcv_ssthresh && window >= tcp_sk(sk)->rcv_ssthresh))
		return;
	if (!sk_is_mptcp(sk))
		steer_tight(m, sk, window);
}

/*
 * Charge what has come, or is about to. If there is no room for it but it is
 * taken all the same, that counts as a failure too. Unlocks.
 */
static bool take(struct sockmem *m, struct sock *sk, unsigned long flags,
		 unsigned int bytes, bool must)
{
	struct ub_refusal why;

	if (likely(!charge_received(m, bytes, UB_HARD, NULL)) ||
	    !charge_received(m, bytes, receive_severity(m, sk), &why)) {
		steer(m, sk);
		sockmem_unlock(m, flags);
		return true;
	}
	if (must)
		charge_received(m, bytes, UB_FORCE, NULL);
	steer(m, sk);
	sockmem_unlock_refused(m, flags, STOCKVZ_RES_TCPRCVBUF, &why);
	return must;
}

/* Is it what the reader waits for, and a part of what the peer was promised? */
static bool must_take(const struct sock *sk, const struct sk_buff *skb)
{
	if (sk_is_mptcp(sk))
		return true;
	return !after(TCP_SKB_CB(skb)->seq, tcp_sk(sk)->rcv_nxt) &&
	       (skb_queue_empty(&sk->sk_receive_queue) ||
		received(sk) < max_t(unsigned int, 2 * reserve(sk), SZ_64K));
}

/*
 * tcp_try_rmem_schedule(sk, skb, size): a segment wants to be queued. With the
 * socket's lock.
 */
static long tcpbuf_receive(struct ftrace_regs *fregs)
{
	struct sock *sk = hook_arg(fregs, 0, struct sock *);
	const struct sk_buff *skb = hook_arg(fregs, 1, const struct sk_buff *);
	unsigned int size = hook_arg(fregs, 2, unsigned int);
	unsigned long flags;
	struct sockmem *m = lock_tcp(sk, &flags);

	if (likely(!m))
		return 0;
	charge_received(m, received(sk), UB_FORCE, NULL);
	return take(m, sk, flags, received(sk) + size, must_take(sk, skb)) ?
	       0 : -ENOMEM;
}

DEFINE_GATE_IF(tcpbuf_receive, may_be_paid)

/*
 * tcp_data_ready(sk): a segment was queued, perhaps without asking. With the
 * socket's lock; mostly before it is acknowledged.
 */
static void tcpbuf_came(struct ftrace_regs *fregs)
{
	struct sock *sk = hook_arg(fregs, 0, struct sock *);
	unsigned long flags;
	struct sockmem *m = lock_tcp(sk, &flags);

	if (likely(!m))
		return;
	take(m, sk, flags, received(sk), true);
}

DEFINE_HOOK_IF(tcpbuf_came, may_be_paid)

/* __sk_mem_reclaim(sk, bytes): something was freed. With the socket's lock. */
static void tcpbuf_look(struct ftrace_regs *fregs)
{
	struct sock *sk = hook_arg(fregs, 0, struct sock *);
	unsigned long flags;
	struct sockmem *m = lock_tcp_old(sk, &flags);

	if (likely(!m))
		return;
	look(m, sk);
	sockmem_unlock(m, flags);
}

DEFINE_HOOK_IF(tcpbuf_look, may_have_record)

/**
 * tcpbuf_rfree() - a segment was read
 * @sk: whose
 * @size: its true size, which the socket does not know yet to be gone
 *
 * Comes before the kernel asks itself whether to tell the peer of a larger
 * window. __sk_mem_reclaim() does not: it is inlined where segments are freed.
 *
 * Context: with the socket's lock.
 */
void tcpbuf_rfree(struct sock *sk, unsigned int size)
{
	unsigned long flags;
	struct sockmem *m = lock_tcp_old(sk, &flags);

	if (!m)
		return;
	charge_received(m, received(sk) - min(received(sk), size), UB_FORCE,
			NULL);
	steer(m, sk);
	sockmem_unlock(m, flags);
}

/*
 * Proofs. The functions are exported, or lead there: ask them about a socket of
 * our own.
 */
static int with_socket(long (*ask)(struct sock *sk))
{
	struct socket *sock;
	long answer;
	int err;

	err = sock_create_kern(&init_net, PF_INET, SOCK_STREAM, 0, &sock);
	if (err)
		return err;
	lock_sock(sock->sk);
	answer = ask(sock->sk);
	release_sock(sock->sk);
	sock_release(sock);
	return answer ? 0 : -ENOENT;
}

static long may_not_send(struct sock *sk)
{
	return !tcp_stream_memory_free(sk, 0);
}

int tcpbuf_may_send_prove(void)
{
	return with_socket(may_not_send);
}

static long cannot_schedule(struct sock *sk)
{
	if (!__sk_mem_schedule(sk, 1, SK_MEM_SEND))
		return true;
	__sk_mem_reclaim(sk, PAGE_SIZE);
	return false;
}

int tcpbuf_send_prove(void)
{
	return with_socket(cannot_schedule);
}

/* It knows of no route, if it comes to that. */
static long cannot_connect(struct sock *sk)
{
	sk->sk_bound_dev_if = INT_MAX;
	return tcp_connect(sk) == HOOK_PROOF_ERRNO;
}

int tcpbuf_connect_prove(void)
{
	return with_socket(cannot_connect);
}

/* Under repair one may write to the queue of what was received. */
int tcpbuf_receive_prove(void)
{
	struct kvec vec = { .iov_base = &vec, .iov_len = 1 };
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct socket *sock;
	struct sock *sk;
	int err, got;

	err = sock_create_kern(&init_net, PF_INET, SOCK_STREAM, 0, &sock);
	if (err)
		return err;
	sk = sock->sk;
	lock_sock(sk);
	sk->sk_state = TCP_CLOSE_WAIT;
	tcp_sk(sk)->repair = 1;
	tcp_sk(sk)->repair_queue = TCP_RECV_QUEUE;
	release_sock(sk);
	got = kernel_sendmsg(sock, &msg, &vec, 1, 1);
	lock_sock(sk);
	tcp_sk(sk)->repair = 0;
	tcp_sk(sk)->repair_queue = TCP_NO_QUEUE;
	sk->sk_state = TCP_CLOSE;
	release_sock(sk);
	sock_release(sock);
	return got < 0 ? 0 : -ENOENT;
}
