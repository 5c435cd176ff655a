// SPDX-License-Identifier: GPL-2.0
/*
 * numtcpsock, numothersock: sockets.
 *
 * numtcpsock counts stream sockets of INET and INET6, numothersock all others.
 * A socket counts from its creation to its final free: one that was closed but
 * still sends its last data counts, a half-open or TIME_WAIT one does not.
 * Sockets that the kernel makes for itself are exempt.
 *
 * socket() and socketpair() charge the caller and fail with ENOBUFS (INET,
 * INET6, PACKET) or ENOMEM. connect() on a UNIX stream charges the caller for
 * the socket that the other side will accept, and fails with ENOMEM. A
 * connection that arrives is charged to whoever paid for the listener, when the
 * handshake completes; refused, the listener's side drops it without a word.
 * accept() itself charges nothing but the file.
 *
 * Protocols other than TCP and UNIX that make a socket for a connection when it
 * arrives or is accepted (SCTP, SMC, VSOCK, AF_ALG, TIPC, Bluetooth, ...) are
 * not counted for that one: once accepted it holds one numfile.
 */
#include <linux/net.h>
#include <linux/security.h>
#include <net/inet_hashtables.h>
#include <net/sock.h>

#include "res.h"
#include "sockmem.h"

HOOK_PIN(security_socket_post_create, int (struct socket *, int, int, int, int));
HOOK_PIN(security_unix_stream_connect,
	 int (struct sock *, struct sock *, struct sock *));
HOOK_PIN(__inet_inherit_port, int (const struct sock *, struct sock *));
HOOK_PIN(sk_destruct, void (struct sock *));

static bool is_inet(int family)
{
	return family == PF_INET || family == PF_INET6;
}

static enum stockvz_resource resource_of(int family, int type)
{
	return is_inet(family) && type == SOCK_STREAM ?
	       STOCKVZ_RES_NUMTCPSOCK : STOCKVZ_RES_NUMOTHERSOCK;
}

/*
 * security_socket_post_create(sock, family, type, protocol, kern): a socket was
 * made, and goes again if this fails. Unlike in sk_alloc() any errno reaches
 * the caller here, and a socket that cannot be had for other reasons was
 * refused for those before.
 */
static long numsock_create(struct ftrace_regs *fregs, struct ub *ub)
{
	struct socket *sock = hook_arg(fregs, 0, struct socket *);
	int family = hook_arg(fregs, 1, int);
	int type = hook_arg(fregs, 2, int);
	int kern = hook_arg(fregs, 4, int);
	enum stockvz_resource res = resource_of(family, type);

	if (kern || !sock->sk || !hook_on(res))
		return 0;
	if (!__owner_charge(sock->sk, ub, res, 1, UB_HARD))
		return 0;
	return is_inet(family) || family == PF_PACKET ? -ENOBUFS : -ENOMEM;
}

DEFINE_PAID_GATE(numsock_create, res_any_call)

/*
 * security_unix_stream_connect(sk, other, newsk): newsk is about to be queued
 * for the listener other to accept. Runs with both sockets locked.
 */
static long numsock_unix_connect(struct ftrace_regs *fregs, struct ub *ub)
{
	if (!hook_on(STOCKVZ_RES_NUMOTHERSOCK))
		return 0;
	return owner_charge(hook_arg(fregs, 2, struct sock *), ub,
			    STOCKVZ_RES_NUMOTHERSOCK, 1, UB_HARD);
}

DEFINE_PAID_GATE(numsock_unix_connect, res_any_call)

/*
 * Who pays for what a listener accepts: who paid for the listener. MPTCP listens
 * with a socket of the kernel's on its user's behalf, for which nobody paid: its
 * cgroup is the user's. Preemption is off; with *owned the result carries a
 * reference.
 */
static struct ub *payer_of_listener(const struct sock *sk, bool *owned)
{
	struct ub *ub = owner_get(sk);

	*owned = ub;
	if (ub || !sk->sk_kern_sock)
		return ub;
	return ub_of_cgroup(sock_cgroup_ptr((void *)&sk->sk_cgrp_data));
}

/*
 * __inet_inherit_port(sk, child): a handshake completed and child, all made up,
 * is about to be known. If this fails TCP throws it away.
 */
static long numsock_passive(struct ftrace_regs *fregs)
{
	const struct sock *listener = hook_arg(fregs, 0, const struct sock *);
	struct sock *child = hook_arg(fregs, 1, struct sock *);
	enum stockvz_resource res = resource_of(child->sk_family,
						child->sk_type);
	struct ub *ub;
	long err = 0;
	bool owned;

	if (!hook_on(res))
		return 0;
	preempt_disable();
	ub = payer_of_listener(listener, &owned);
	if (ub)
		err = owner_charge(child, ub, res, 1, UB_HARD);
	if (owned)
		ub_put(ub);
	preempt_enable();
	return err;
}

DEFINE_GATE(numsock_passive)

/* sk_destruct(sk): nobody can reach the socket any more. */
static void sock_destruct(struct ftrace_regs *fregs)
{
	const struct sock *sk = hook_arg(fregs, 0, const struct sock *);

	if (owner_release(sk))
		sockmem_drop(sk);
}

DEFINE_HOOK(sock_destruct)

/* As a task would ask for it: one of the kernel's own is exempt. */
int numsock_create_prove(void)
{
	struct socket *sock;
	int err = __sock_create(&init_net, PF_UNIX, SOCK_DGRAM, 0, &sock, 0);

	if (!err)
		sock_release(sock);
	return err == HOOK_PROOF_ERRNO ? 0 : -ENOENT;
}

/* Connect one kernel socket to another, by an address the kernel picks. */
static int connect_unix(struct socket *server, struct socket *client)
{
	struct sockaddr_storage addr = { .ss_family = AF_UNIX };
	int len, err;

	err = kernel_bind(server, (struct sockaddr *)&addr,
			  sizeof(addr.ss_family));
	if (err)
		return err;
	err = kernel_listen(server, 1);
	if (err)
		return err;
	len = kernel_getsockname(server, (struct sockaddr *)&addr);
	if (len < 0)
		return len;
	return kernel_connect(client, (struct sockaddr *)&addr, len, 0);
}

int numsock_unix_connect_prove(void)
{
	struct socket *server, *client;
	int err;

	err = sock_create_kern(&init_net, PF_UNIX, SOCK_STREAM, 0, &server);
	if (err)
		return err;
	err = sock_create_kern(&init_net, PF_UNIX, SOCK_STREAM, 0, &client);
	if (!err) {
		err = connect_unix(server, client);
		sock_release(client);
	}
	sock_release(server);
	return err == HOOK_PROOF_ERRNO ? 0 : -ENOENT;
}

/*
 * A handshake needs a network, which there may not be yet. The function is
 * exported: call it for sockets that do not listen, of which it says -ENOENT.
 */
int numsock_passive_prove(void)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(&init_net, PF_INET, SOCK_STREAM, 0, &sock);
	if (err)
		return err;
	local_bh_disable();
	err = __inet_inherit_port(sock->sk, sock->sk);
	local_bh_enable();
	sock_release(sock);
	return err == HOOK_PROOF_ERRNO ? 0 : -ENOENT;
}
