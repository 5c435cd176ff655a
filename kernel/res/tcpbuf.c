// SPDX-License-Identifier: GPL-2.0
/*
 * Not in the table yet: many connections with all limits tight have been seen
 * to stand still for 20 seconds and more.
 *
 * tcpsndbuf, tcprcvbuf: bytes of TCP's queues, at the true size of each skb.
 *
 * The kernel keeps both numbers exactly for each socket, under the socket's
 * lock: sk_wmem_queued and sk_rmem_alloc. What a beancounter holds is the sum
 * over its sockets of what those were when we last looked, and of what a gate
 * has granted since. We look wherever memory is taken from the kernel's pool or
 * goes back there, and whenever somebody reads the row. Between two looks a
 * socket that has something queued may be off by less than a page.
 *
 * Sending. What does not fit waits: send() sleeps or says EAGAIN, poll() has no
 * POLLOUT, connect() fails with ENOBUFS. Above the barrier each socket may
 * still have its share of the room up to the limit. The first segment of a
 * socket that has nothing queued, FIN and what is sent again are forced. Who
 * waits for others is woken when they give back, in order: see sockmem.c.
 *
 * Receiving. What does not fit is dropped, and comes again. Above the barrier
 * there is room up to the limit for sockets that have nothing to read, and for
 * others as long as every socket can still have a segment. A segment that the
 * reader waits for, with nothing to read before it, is forced, so that no
 * connection stands still because of others.
 */
#include <linux/kallsyms.h>
#include <net/tcp.h>

#include "res.h"
#include "sockmem.h"

HOOK_PIN(tcp_stream_memory_free, bool (const struct sock *, int));
HOOK_PIN(__sk_mem_schedule, int (struct sock *, int, int));
HOOK_PIN(__sk_mem_reclaim, void (struct sock *, int));
HOOK_PIN(sk_forced_mem_schedule, void (struct sock *, int));
HOOK_PIN(tcp_data_ready, void (struct sock *));
HOOK_PIN(tcp_connect, int (struct sock *));

/* A segment without data, about, and the least that a sender is let in for. */
#define EMPTY 1280
#define LEAST (EMPTY + 2048)

static struct ub_counter *counter_of(const struct sockmem *m,
				     enum stockvz_resource res)
{
	return &m->ub->counter[res].c;
}

static unsigned int sent(const struct sock *sk)
{
	return max(READ_ONCE(sk->sk_wmem_queued), 0);
}

static unsigned int received(const struct sock *sk)
{
	return max(atomic_read(&sk->sk_rmem_alloc), 0);
}

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

	if (!received(sk))
		return UB_SOFT;
	return held <= limit && socks <= (limit - held) / segment ?
	       UB_SOFT : UB_HARD;
}

/* What a socket received is to be charged so much in all. */
static int charge_received(struct sockmem *m, unsigned int bytes,
			   enum ub_severity severity, struct ub_refusal *why)
{
	int err = 0;

	if (bytes < m->rcv)
		ub_uncharge(m->ub, STOCKVZ_RES_TCPRCVBUF, m->rcv - bytes);
	else if (bytes > m->rcv)
		err = ub_counter_charge(counter_of(m, STOCKVZ_RES_TCPRCVBUF),
					bytes - m->rcv, severity, why);
	if (!err)
		m->rcv = bytes;
	return err;
}

/* Charge what the kernel says. With the socket's lock. */
static void look(struct sockmem *m, const struct sock *sk)
{
	struct ub_refusal why;

	sockmem_send(m, sent(sk), UB_FORCE, &why);
	charge_received(m, received(sk), UB_FORCE, &why);
}

/* The record of a TCP socket, locked; NULL for any other, or the host's. */
static __always_inline struct sockmem *lock_tcp(struct sock *sk,
						unsigned long *flags)
{
	struct sockmem *m;

	if (!hook_on(STOCKVZ_RES_TCPSNDBUF))
		return NULL;
	m = sockmem_lock(sk, flags);
	if (likely(!m))
		return NULL;
	if (likely(m->tcp))
		return m;
	sockmem_unlock(m, *flags);
	return NULL;
}

/**
 * tcpbuf_refresh() - look at every socket of a beancounter
 * @ub: the beancounter
 *
 * One that somebody is busy with is passed over: it will be looked at then.
 *
 * Context: process, bottom halves on.
 */
void tcpbuf_refresh(struct ub *ub)
{
	struct sockmem *m;

	rcu_read_lock();
	list_for_each_entry_rcu(m, &ub->socks.all, link) {
		local_bh_disable();
		sockmem_if_idle(m, look);
		local_bh_enable();
	}
	rcu_read_unlock();
}

/*
 * Sending.
 */

/* What there must be room for before somebody is told to send again. */
static unsigned int wanted(const struct sockmem *m, const struct sock *sk)
{
	/* With nothing queued nobody else would wake it, and a little is forced. */
	return sent(sk) ? max_t(unsigned int, LEAST, READ_ONCE(m->want)) : LEAST;
}

/**
 * tcpbuf_fed() - is there room for a socket that waits for it?
 * @m: its record
 *
 * Context: any.
 * Return: true if so; it may be gone again at once.
 */
bool tcpbuf_fed(const struct sockmem *m)
{
	return sockmem_fits(m, wanted(m, m->sk));
}

/* Sleepers ask again and again: that is one refusal, which was counted. */
static bool asked_by_sleeper(unsigned long ip)
{
	static unsigned long end;
	char text[KSYM_SYMBOL_LEN], *slash;
	unsigned long start = (unsigned long)sk_stream_wait_memory;
	unsigned int size = PAGE_SIZE;

	/* The kernel spells it "name+offset/size". */
	if (unlikely(!READ_ONCE(end))) {
		sprint_symbol(text, start);
		slash = strchr(text, '/');
		if (slash)
			sscanf(slash + 1, "%x", &size);
		WRITE_ONCE(end, start + size);
	}
	return ip - start < READ_ONCE(end) - start;
}

/* Refuse a sender who asks for so much, and count it. True if it is refused. */
static bool count_refusal(struct sockmem *m, unsigned long flags,
			  unsigned int more)
{
	struct ub_refusal why;

	if (ub_counter_charge(counter_of(m, STOCKVZ_RES_TCPSNDBUF), more,
			      sockmem_send_severity(m, more), &why)) {
		sockmem_unlock_refused(m, flags, STOCKVZ_RES_TCPSNDBUF, &why);
		return true;
	}
	/* There is room, suddenly. */
	ub_uncharge(m->ub, STOCKVZ_RES_TCPSNDBUF, more);
	sockmem_unlock(m, flags);
	return false;
}

/*
 * tcp_stream_memory_free(sk, wake): may more be queued? Asked by send(), and
 * with @wake by whoever wants to know whether somebody should be told to send.
 * Not always with the socket's lock.
 */
static bool must_wait(struct sock *sk, int wake, unsigned long parent_ip)
{
	unsigned long flags;
	struct sockmem *m = lock_tcp(sk, &flags);
	unsigned int more;
	bool try;

	if (likely(!m))
		return false;
	try = !wake && (likely(!m->want) || !asked_by_sleeper(parent_ip));
	more = try ? LEAST : wanted(m, sk);
	if (likely(sockmem_fits(m, more))) {
		if (try)
			m->want = 0;
		sockmem_unlock(m, flags);
		return false;
	}
	m->want = max_t(unsigned int, m->want, LEAST);
	sockmem_starve(m);
	/* Who gave back in between has not seen that we wait. */
	if (sockmem_fits(m, more)) {
		sockmem_unlock(m, flags);
		return false;
	}
	if (try)
		return count_refusal(m, flags, more);
	sockmem_unlock(m, flags);
	return true;
}

void tcpbuf_may_send_hook(unsigned long ip, unsigned long parent_ip,
			  struct ftrace_ops *op, struct ftrace_regs *fregs)
{
	if (unlikely(hook_proving(tcpbuf_may_send_hook) ||
		     must_wait(hook_arg(fregs, 0, struct sock *),
			       hook_arg(fregs, 1, int), parent_ip)))
		hook_refuse(fregs, false);
}

/*
 * __sk_mem_schedule(sk, size, kind): @size is missing of what the caller is
 * going to queue; the rest it has in sk_forward_alloc. What is received was
 * asked for before. With the socket's lock.
 */
static bool tcpbuf_send(struct ftrace_regs *fregs)
{
	struct sock *sk = hook_arg(fregs, 0, struct sock *);
	int size = hook_arg(fregs, 1, int);
	int kind = hook_arg(fregs, 2, int);
	struct ub_refusal why;
	unsigned long flags;
	unsigned int more;
	struct sockmem *m;

	if (kind != SK_MEM_SEND)
		return false;
	m = lock_tcp(sk, &flags);
	if (likely(!m))
		return false;
	more = size + sk->sk_forward_alloc;
	/* So that it is asked for what is really more. */
	sockmem_send(m, sent(sk), UB_FORCE, &why);
	if (likely(!sockmem_send(m, sent(sk) + more,
				 sockmem_send_severity(m, more), &why))) {
		m->want = 0;
		sockmem_unlock(m, flags);
		return false;
	}
	m->want = more;
	sockmem_starve(m);
	sockmem_unlock_refused(m, flags, STOCKVZ_RES_TCPSNDBUF, &why);
	return true;
}

DEFINE_VALUE_GATE(tcpbuf_send, 0)

/*
 * sk_forced_mem_schedule(sk, size): what cannot be refused. TCP takes a segment
 * that it received that way too, always out of an interrupt or a backlog.
 */
static void tcpbuf_send_forced(struct ftrace_regs *fregs)
{
	struct sock *sk = hook_arg(fregs, 0, struct sock *);
	int size = hook_arg(fregs, 1, int);
	struct ub_refusal why;
	unsigned long flags;
	struct sockmem *m;

	if (in_serving_softirq() || sk->sk_backlog.len)
		return;
	m = lock_tcp(sk, &flags);
	if (likely(!m))
		return;
	sockmem_send(m, sent(sk) + size, UB_FORCE, &why);
	sockmem_unlock(m, flags);
}

DEFINE_HOOK(tcpbuf_send_forced)

/* tcp_connect(sk): the SYN is a segment. With the socket's lock. */
static long tcpbuf_connect(struct ftrace_regs *fregs)
{
	struct sock *sk = hook_arg(fregs, 0, struct sock *);
	struct ub_refusal why;
	unsigned long flags;
	struct sockmem *m = lock_tcp(sk, &flags);

	if (likely(!m))
		return 0;
	if (!sockmem_send(m, sent(sk) + EMPTY, UB_HARD, &why)) {
		sockmem_unlock(m, flags);
		return 0;
	}
	sockmem_unlock_refused(m, flags, STOCKVZ_RES_TCPSNDBUF, &why);
	return -ENOBUFS;
}

DEFINE_GATE(tcpbuf_connect)

/*
 * Receiving.
 */

/* Is it the very segment that the reader waits for? */
static bool is_next(const struct sock *sk, const struct sk_buff *skb)
{
	return skb_queue_empty(&sk->sk_receive_queue) &&
	       !after(TCP_SKB_CB(skb)->seq, tcp_sk(sk)->rcv_nxt);
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
	struct ub_refusal why;
	unsigned long flags;
	struct sockmem *m = lock_tcp(sk, &flags);

	if (likely(!m))
		return 0;
	charge_received(m, received(sk), UB_FORCE, &why);
	if (likely(!charge_received(m, received(sk) + size,
				    is_next(sk, skb) ? UB_FORCE :
				    receive_severity(m, sk), &why))) {
		sockmem_unlock(m, flags);
		return 0;
	}
	sockmem_unlock_refused(m, flags, STOCKVZ_RES_TCPRCVBUF, &why);
	return -ENOMEM;
}

DEFINE_GATE(tcpbuf_receive)

/*
 * tcp_data_ready(sk): a segment was queued, perhaps without asking.
 * __sk_mem_reclaim(sk, bytes): something was freed. With the socket's lock.
 */
static void tcpbuf_look(struct ftrace_regs *fregs)
{
	struct sock *sk = hook_arg(fregs, 0, struct sock *);
	unsigned long flags;
	struct sockmem *m = lock_tcp(sk, &flags);

	if (likely(!m))
		return;
	look(m, sk);
	sockmem_unlock(m, flags);
}

DEFINE_HOOK(tcpbuf_look)

/**
 * tcpbuf_rfree() - a segment was read
 * @sk: whose
 * @size: its true size, which the socket does not know yet to be gone
 *
 * Context: with the socket's lock.
 */
void tcpbuf_rfree(struct sock *sk, unsigned int size)
{
	struct ub_refusal why;
	unsigned long flags;
	struct sockmem *m = lock_tcp(sk, &flags);

	if (!m)
		return;
	charge_received(m, received(sk) - min(received(sk), size), UB_FORCE,
			&why);
	sockmem_unlock(m, flags);
}

/*
 * Proofs. The functions are exported: ask them about a socket of our own.
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
