/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STOCKVZ_COMPAT_SOCK_H
#define STOCKVZ_COMPAT_SOCK_H

#include <linux/skbuff.h>
#include <linux/version.h>

struct sock;

/* What tracepoint kfree_skb tells. 6.11 added the socket that would have read. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define COMPAT_KFREE_SKB_PROBE(name)					\
	void name(void *data, struct sk_buff *skb, void *location,	\
		  enum skb_drop_reason reason)
#else
#define COMPAT_KFREE_SKB_PROBE(name)					\
	void name(void *data, struct sk_buff *skb, void *location,	\
		  enum skb_drop_reason reason, struct sock *rx_sk)
#endif

/* 6.8 promised not to write to the socket. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
typedef bool compat_tcp_check_oom_fn(struct sock *sk, int shift);
#else
typedef bool compat_tcp_check_oom_fn(const struct sock *sk, int shift);
#endif

/* 6.12 has packets whose data no CPU can read; the word for it is newer still. */
static inline bool compat_skb_frags_readable(const struct sk_buff *skb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	return true;
#else
	return skb_frags_readable(skb);
#endif
}

#endif
