// SPDX-License-Identifier: GPL-2.0
/*
 * Events: refusals and ends of containers, a netlink group each. They are sent
 * from whatever context they happen in, so nothing here sleeps. A container
 * that runs into its limit ten thousand times a second must not keep the host
 * busy telling: what goes over the rate is counted. Ends are always told.
 */
#include <linux/ktime.h>
#include <linux/ratelimit.h>
#include <linux/workqueue.h>

#include "compat/compat.h"
#include "face.h"
#include "netlink_gen.h"

static atomic_long_t dropped;

/**
 * events_dropped() - how many events nobody will ever see
 *
 * Return: the number. One that some listener got and another had no room for
 * is not among them.
 */
unsigned long events_dropped(void)
{
	return atomic_long_read(&dropped);
}

static unsigned int group_of(u8 cmd)
{
	return cmd == STOCKVZ_CMD_REFUSAL_NTF ? STOCKVZ_NLGRP_EVENTS :
						STOCKVZ_NLGRP_CONTAINERS;
}

/* Begin a message; NULL, and counted, if it cannot be sent. */
static struct sk_buff *begin(u8 cmd, struct ub *ub, u64 time, void **head)
{
	bool refusal = cmd == STOCKVZ_CMD_REFUSAL_NTF;
	struct sk_buff *skb = NULL;

	if (!genl_has_listeners(&stockvz_family, &init_net, group_of(cmd)))
		return NULL;
	if (!refusal || __ratelimit(&ub->events))
		skb = genlmsg_new(GENLMSG_DEFAULT_SIZE,
				  GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		goto drop;
	*head = genlmsg_put(skb, 0, 0, &stockvz_family, 0, cmd);
	if (*head &&
	    !nla_put_u32(skb, STOCKVZ_A_EVENT_ID, ub->id) &&
	    !nla_put_u64_64bit(skb, STOCKVZ_A_EVENT_TIME, time,
			       STOCKVZ_A_EVENT_PAD) &&
	    !nla_put_u64_64bit(skb, STOCKVZ_A_EVENT_DROPPED, events_dropped(),
			       STOCKVZ_A_EVENT_PAD))
		return skb;
	nlmsg_free(skb);
drop:
	atomic_long_inc(&dropped);
	return NULL;
}

static void send(struct sk_buff *skb, unsigned int group)
{
	/* -ESRCH also says that there are listeners and none had room. */
	if (genlmsg_multicast(&stockvz_family, skb, 0, group, GFP_ATOMIC))
		atomic_long_inc(&dropped);
}

/*
 * Waking a listener may send it a signal. Whoever has interrupts off may hold a
 * lock that this needs: such an event is sent a moment later. Its group waits in
 * the message's cb, which netlink uses only once it is sent.
 */
static struct sk_buff_head later;

static unsigned int *group_in(struct sk_buff *skb)
{
	return (unsigned int *)skb->cb;
}

static void send_later(struct work_struct *work)
{
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&later)))
		send(skb, *group_in(skb));
}

static DECLARE_WORK(sender, send_later);

/* Send it, or throw it away if it could not be filled. */
static void end(u8 cmd, struct sk_buff *skb, void *head, int err)
{
	if (err) {
		nlmsg_free(skb);
		atomic_long_inc(&dropped);
		return;
	}
	genlmsg_end(skb, head);
	if (!irqs_disabled()) {
		send(skb, group_of(cmd));
		return;
	}
	*group_in(skb) = group_of(cmd);
	skb_queue_tail(&later, skb);
	schedule_work(&sender);
}

/**
 * events_init() - before the first hook is attached
 */
void events_init(void)
{
	skb_queue_head_init(&later);
}

/**
 * events_exit() - no beancounter is left that could refuse anything
 */
void events_exit(void)
{
	flush_work(&sender);
}

/**
 * put_refusal() - the attributes of a refusal, but for id and times
 * @skb: where to
 * @r: the refusal
 *
 * Return: 0, -EMSGSIZE.
 */
int put_refusal(struct sk_buff *skb, const struct ub_record *r)
{
	return nla_put_u32(skb, STOCKVZ_A_EVENT_RESOURCE, r->res) ?:
	       nla_put_u32(skb, STOCKVZ_A_EVENT_BOUND, r->why.bound) ?:
	       nla_put_u64_64bit(skb, STOCKVZ_A_EVENT_AMOUNT, r->why.amount,
				 STOCKVZ_A_EVENT_PAD) ?:
	       nla_put_u64_64bit(skb, STOCKVZ_A_EVENT_HELD, r->why.held,
				 STOCKVZ_A_EVENT_PAD) ?:
	       nla_put_u64_64bit(skb, STOCKVZ_A_EVENT_BARRIER, r->why.barrier,
				 STOCKVZ_A_EVENT_PAD) ?:
	       nla_put_u64_64bit(skb, STOCKVZ_A_EVENT_LIMIT, r->why.limit,
				 STOCKVZ_A_EVENT_PAD) ?:
	       nla_put_u32(skb, STOCKVZ_A_EVENT_PID, r->pid) ?:
	       nla_put_string(skb, STOCKVZ_A_EVENT_COMM, r->comm) ?:
	       nla_put_s32(skb, STOCKVZ_A_EVENT_SYSCALL, r->syscall) ?:
	       nla_put_u32(skb, STOCKVZ_A_EVENT_ARCH, r->arch);
}

/**
 * event_refusal() - tell that a charge was refused
 * @ub: by whom
 * @r: what and why
 *
 * Context: any.
 */
void event_refusal(struct ub *ub, const struct ub_record *r)
{
	void *head;
	struct sk_buff *skb = begin(STOCKVZ_CMD_REFUSAL_NTF, ub, r->time, &head);

	if (skb)
		end(STOCKVZ_CMD_REFUSAL_NTF, skb, head, put_refusal(skb, r));
}

/**
 * event_ct() - tell that the init of a container ended
 * @ub: the container's beancounter
 * @event: how
 *
 * Context: any.
 */
void event_ct(struct ub *ub, enum stockvz_ct_event event)
{
	void *head;
	struct sk_buff *skb = begin(STOCKVZ_CMD_CT_NTF, ub, ktime_get_real_ns(),
				    &head);

	if (skb)
		end(STOCKVZ_CMD_CT_NTF, skb, head,
		    nla_put_u32(skb, STOCKVZ_A_EVENT_CT_EVENT, event));
}
