// SPDX-License-Identifier: GPL-2.0
/*
 * Events on the netlink group: refusals, and ends of containers. They are sent
 * from whatever context they happen in, so nothing here sleeps. A container
 * that runs into its limit ten thousand times a second must not keep the host
 * busy telling: what goes over the rate is counted. Ends are always told.
 */
#include <linux/ktime.h>
#include <linux/ratelimit.h>
#include <linux/sched/task_stack.h>
#include <linux/workqueue.h>

#include <asm/syscall.h>

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

/* Begin a message; NULL, and counted, if it cannot be sent. */
static struct sk_buff *begin(u8 cmd, struct ub *ub, void **head)
{
	bool refusal = cmd == STOCKVZ_CMD_REFUSAL_NTF;
	struct sk_buff *skb = NULL;

	if (!genl_has_listeners(&stockvz_family, &init_net,
				STOCKVZ_NLGRP_EVENTS))
		return NULL;
	if (!refusal || __ratelimit(&ub->events))
		skb = genlmsg_new(GENLMSG_DEFAULT_SIZE,
				  GFP_ATOMIC | __GFP_NOWARN);
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

static void send(struct sk_buff *skb)
{
	/* -ESRCH also says that there are listeners and none had room. */
	if (genlmsg_multicast(&stockvz_family, skb, 0, STOCKVZ_NLGRP_EVENTS,
			      GFP_ATOMIC))
		atomic_long_inc(&dropped);
}

/*
 * Waking a listener may send it a signal. Whoever has interrupts off may hold a
 * lock that this needs: such an event is sent a moment later.
 */
static struct sk_buff_head later;

static void send_later(struct work_struct *work)
{
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&later)))
		send(skb);
}

static DECLARE_WORK(sender, send_later);

/* Send it, or throw it away if it could not be filled. */
static void end(struct sk_buff *skb, void *head, int err)
{
	if (err) {
		nlmsg_free(skb);
		atomic_long_inc(&dropped);
		return;
	}
	genlmsg_end(skb, head);
	if (!irqs_disabled()) {
		send(skb);
		return;
	}
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
	/* An io_uring worker has registers, but made no call. */
	int nr = task && !(current->flags & (PF_KTHREAD | PF_IO_WORKER)) ?
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
