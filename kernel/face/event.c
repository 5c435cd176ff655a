// SPDX-License-Identifier: GPL-2.0
/*
 * Events on the netlink group: refusals, and ends of containers. They are sent
 * from whatever context they happen in, so nothing here sleeps. A container
 * that runs into its limit ten thousand times a second must not keep the host
 * busy telling: what goes over the rate is counted.
 */
#include <linux/ktime.h>
#include <linux/ratelimit.h>
#include <linux/sched/task_stack.h>

#include <asm/syscall.h>

#include "compat/compat.h"
#include "face.h"
#include "netlink_gen.h"

#define EVENTS_INTERVAL HZ
#define EVENTS_BURST 1000

static struct ratelimit_state rate = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(rate.lock),
	.interval = EVENTS_INTERVAL,
	.burst = EVENTS_BURST,
	/* Not a line in the log for each interval. */
	.flags = RATELIMIT_MSG_ON_RELEASE,
};

static atomic_long_t dropped;

/**
 * events_dropped() - how many events nobody will ever see
 */
unsigned long events_dropped(void)
{
	return atomic_long_read(&dropped);
}

/* Begin a message; NULL, and counted, if it cannot be sent. */
static struct sk_buff *begin(u8 cmd, struct ub *ub, void **head)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&stockvz_family, &init_net,
				STOCKVZ_NLGRP_EVENTS))
		return NULL;
	skb = __ratelimit(&rate) ?
	      genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_ATOMIC | __GFP_NOWARN) :
	      NULL;
	if (!skb)
		goto drop;
	*head = genlmsg_put(skb, 0, 0, &stockvz_family, 0, cmd);
	if (*head &&
	    !nla_put_u32(skb, STOCKVZ_A_EVENT_ID, ub->id) &&
	    !nla_put_u64_64bit(skb, STOCKVZ_A_EVENT_TIME,
			       ktime_get_real_ns(), STOCKVZ_A_EVENT_PAD) &&
	    !nla_put_u64_64bit(skb, STOCKVZ_A_EVENT_DROPPED, events_dropped(),
			       STOCKVZ_A_EVENT_PAD))
		return skb;
	nlmsg_free(skb);
drop:
	atomic_long_inc(&dropped);
	return NULL;
}

/* Send it, or throw it away if it could not be filled. */
static void end(struct sk_buff *skb, void *head, int err)
{
	if (err) {
		nlmsg_free(skb);
	} else {
		genlmsg_end(skb, head);
		err = genlmsg_multicast(&stockvz_family, skb, 0,
					STOCKVZ_NLGRP_EVENTS, GFP_ATOMIC);
	}
	/* ESRCH: the listener went away meanwhile. */
	if (err && err != -ESRCH)
		atomic_long_inc(&dropped);
}

static int put_refusal(struct sk_buff *skb, enum stockvz_resource res,
		       const struct ub_refusal *why)
{
	return nla_put_u32(skb, STOCKVZ_A_EVENT_RESOURCE, res) ?:
	       nla_put_u32(skb, STOCKVZ_A_EVENT_BOUND, why->bound) ?:
	       nla_put_u64_64bit(skb, STOCKVZ_A_EVENT_AMOUNT, why->amount,
				 STOCKVZ_A_EVENT_PAD) ?:
	       nla_put_u64_64bit(skb, STOCKVZ_A_EVENT_HELD, why->held,
				 STOCKVZ_A_EVENT_PAD) ?:
	       nla_put_u64_64bit(skb, STOCKVZ_A_EVENT_BARRIER, why->barrier,
				 STOCKVZ_A_EVENT_PAD) ?:
	       nla_put_u64_64bit(skb, STOCKVZ_A_EVENT_LIMIT, why->limit,
				 STOCKVZ_A_EVENT_PAD);
}

/* An interrupt is nobody's doing: it runs on top of some task by chance. */
static int put_culprit(struct sk_buff *skb)
{
	bool task = in_task();
	int nr = task && !(current->flags & PF_KTHREAD) ?
		 syscall_get_nr(current, task_pt_regs(current)) : -1;

	return nla_put_u32(skb, STOCKVZ_A_EVENT_PID,
			   task ? task_pid_nr(current) : 0) ?:
	       nla_put_string(skb, STOCKVZ_A_EVENT_COMM,
			      task ? current->comm : "") ?:
	       nla_put_s32(skb, STOCKVZ_A_EVENT_SYSCALL, nr);
}

/**
 * event_refusal() - tell that a charge was refused
 * @ub: by whom
 * @res: of what
 * @why: what it ran into
 *
 * Context: any.
 */
void event_refusal(struct ub *ub, enum stockvz_resource res,
		   const struct ub_refusal *why)
{
	void *head;
	struct sk_buff *skb = begin(STOCKVZ_CMD_REFUSAL_NTF, ub, &head);

	if (skb)
		end(skb, head, put_refusal(skb, res, why) ?: put_culprit(skb));
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
	struct sk_buff *skb = begin(STOCKVZ_CMD_CT_NTF, ub, &head);

	if (skb)
		end(skb, head,
		    nla_put_u32(skb, STOCKVZ_A_EVENT_CT_EVENT, event));
}
