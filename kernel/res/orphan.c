// SPDX-License-Identifier: GPL-2.0
/*
 * The cap on orphans, which belongs to numtcpsock.
 *
 * A TCP socket that no file holds any more but that still has to send, or to
 * hear the end of its peer, is an orphan. A beancounter may have a quarter of
 * its numtcpsock barrier of them. One more is reset on the spot, as the kernel
 * resets those that are too many for the whole machine. That is no failure of
 * numtcpsock, but the log says so, as it did on OpenVZ.
 */
#define pr_fmt(fmt) "TCP: " fmt

#include <linux/net.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <net/tcp.h>

#include "res.h"
#include "sockmem.h"

HOOK_PIN(tcp_check_oom, compat_tcp_check_oom_fn);

/* Take one of so many, if there is one left. */
static bool take_below(atomic_t *n, unsigned long top)
{
	int old = atomic_read(n);

	do {
		if (old >= 0 && old >= top)
			return false;
	} while (!atomic_try_cmpxchg(n, &old, old + 1));
	return true;
}

/* Log it in the words of the original. Not under a lock: a console is slow. */
static void tell(int orphans, u32 id)
{
	pr_info_ratelimited("too many of orphaned sockets (%d in CT%u)\n",
			    orphans, id);
}

/*
 * tcp_check_oom(sk, shift): is asked of every socket that becomes an orphan,
 * and again of an orphan whose timer goes off: that one was counted already.
 * With the socket locked.
 */
static bool orphan_close(struct ftrace_regs *fregs)
{
	struct sock *sk = hook_arg(fregs, 0, struct sock *);
	unsigned long flags, barrier;
	struct sockmem *m;
	bool too_many;
	int orphans;
	u32 id;

	if (!hook_on(STOCKVZ_RES_NUMTCPSOCK))
		return false;
	m = sockmem_lock(sk, &flags);
	if (!m)
		return false;
	barrier = READ_ONCE(m->ub->counter[STOCKVZ_RES_NUMTCPSOCK].c.barrier);
	if (!m->orphan)
		m->orphan = take_below(&m->ub->socks.orphans, barrier / 4);
	too_many = !m->orphan;
	orphans = atomic_read(&m->ub->socks.orphans);
	id = m->ub->id;
	sockmem_unlock(m, flags);
	if (unlikely(too_many))
		tell(orphans, id);
	return too_many;
}

DEFINE_VALUE_GATE(orphan_close, true)

/*
 * A socket that was connected needs a network, which there may not be yet. One
 * that only looks as if its peer had closed as well is closed the same way: it
 * waits for nothing but a last word, or is reset. What it sends then
 * goes to a device that is not there.
 */
int orphan_close_prove(void)
{
	struct socket *sock;
	struct sock *sk;
	int err;

	err = sock_create_kern(&init_net, PF_INET, SOCK_STREAM, 0, &sock);
	if (err)
		return err;
	sk = sock->sk;
	sock_hold(sk);
	lock_sock(sk);
	sk->sk_bound_dev_if = INT_MAX;
	inet_csk(sk)->icsk_ack.rcv_mss = TCP_MIN_MSS;	/* it is divided by */
	sk->sk_state = TCP_CLOSING;
	release_sock(sk);
	sock_release(sock);
	local_bh_disable();
	bh_lock_sock(sk);
	if (sk->sk_state != TCP_CLOSE) {
		tcp_done(sk);
		err = -ENOENT;
	}
	bh_unlock_sock(sk);
	local_bh_enable();
	sock_put(sk);
	return err;
}
