// SPDX-License-Identifier: GPL-2.0
/*
 * numiptent, as nftables has it, and with it the iptables command of today: each
 * rule counts one. See rules.c.
 *
 * Rules change in transactions. A new one is charged when it is asked for; one
 * that is deleted is freed, and paid back, when the transaction is over and the
 * last packet is through. But in between its unit does for a new rule of the
 * same transaction, which then shares it: if all goes well the old rule is freed,
 * else the new one.
 *
 * The kernel lets a module refuse where the step of the transaction is made,
 * which is not told the rule. So the charge is noted for the task first, and
 * moves to the rule when the step takes its place among the others. If there is
 * no memory for it, the rule is destroyed by the same task.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/net_namespace.h>
#include <net/netfilter/nf_tables.h>

#include "rules.h"

HOOK_PIN(nf_tables_rule_destroy,
	 void (const struct nft_ctx *, struct nft_rule *));

/*
 * Deleted by the transaction that goes on in its namespace, and not by one that
 * was given up. We hold the namespace's mutex.
 */
static bool is_leaving(const void *object, const void *owner)
{
	const struct nft_rule *rule = object;
	const struct net *net = owner;

	return nft_is_active(net, rule) && !nft_is_active_next(net, rule);
}

/* nft_trans_alloc_gfp(ctx, type, size, gfp): a step of a transaction. */
static bool nftables_step(struct ftrace_regs *fregs)
{
	const struct nft_ctx *ctx = hook_arg(fregs, 0, const struct nft_ctx *);
	struct ub *ub;
	int err = 0;

	if (hook_arg(fregs, 1, int) != NFT_MSG_NEWRULE ||
	    !hook_on(FEATURE_NFTABLES))
		return false;
	preempt_disable();
	ub = ub_of_current();
	if (ub)
		err = rules_add(current, ub, ctx->net, is_leaving);
	preempt_enable();
	return err;
}

DEFINE_VALUE_GATE(nftables_step, 0)

/*
 * It is marked as deleted next. One that the same transaction made keeps its unit
 * to itself, or one would do for as many as a transaction has steps.
 */
static void rule_leaves(const struct net *net, const struct nft_rule *rule)
{
	if (nft_is_active(net, rule) && nft_is_active_next(net, rule))
		rules_leaving(rule, net);
}

/* nft_trans_commit_list_add_tail(net, trans). */
static void nftables_step_taken(struct ftrace_regs *fregs)
{
	const struct net *net = hook_arg(fregs, 0, struct net *);
	struct nft_trans *trans = hook_arg(fregs, 1, struct nft_trans *);

	if (trans->msg_type == NFT_MSG_NEWRULE)
		rules_move(current, nft_trans_rule(trans));
	else if (trans->msg_type == NFT_MSG_DELRULE)
		rule_leaves(net, nft_trans_rule(trans));
}

DEFINE_HOOK(nftables_step_taken)

/* nf_tables_rule_destroy(ctx, rule). */
static void nftables_destroy(struct ftrace_regs *fregs)
{
	rules_release(hook_arg(fregs, 1, struct nft_rule *));
	rules_release(current);
}

DEFINE_HOOK(nftables_destroy)

static void release_chain(const struct nft_chain *chain)
{
	const struct nft_rule *rule;

	list_for_each_entry(rule, &chain->rules, list)
		rules_release(rule);
}

/*
 * __nft_release_table(net, table): its namespace or its owner has gone. Rules are
 * destroyed in the midst of this.
 */
static void nftables_release_table(struct ftrace_regs *fregs)
{
	const struct nft_table *table = hook_arg(fregs, 1, struct nft_table *);
	const struct nft_chain *chain;

	list_for_each_entry(chain, &table->chains, list)
		release_chain(chain);
}

DEFINE_HOOK(nftables_release_table)

/* __nft_release_basechain(ctx): its network device has gone. Likewise. */
static void nftables_release_chain(struct ftrace_regs *fregs)
{
	release_chain(hook_arg(fregs, 0, struct nft_ctx *)->chain);
}

DEFINE_HOOK(nftables_release_chain)

/**
 * struct attempt - the start of a transaction, which nobody ends
 * @begin: it begins
 * @begin_family: and is one of nftables
 * @table: its first step: make a table
 * @table_family: of IPv4
 * @name: the table's
 * @name_text: is this
 */
struct attempt {
	struct nlmsghdr begin;
	struct nfgenmsg begin_family;
	struct nlmsghdr table;
	struct nfgenmsg table_family;
	struct nlattr name;
	char name_text[16];
};

struct answer {
	struct nlmsghdr head;
	struct nlmsgerr error;
};

/* What is said to it: an errno. */
static int try(struct socket *sock)
{
	struct attempt attempt = {
		.begin = {
			.nlmsg_len = offsetof(struct attempt, table),
			.nlmsg_type = NFNL_MSG_BATCH_BEGIN,
			.nlmsg_flags = NLM_F_REQUEST,
		},
		.begin_family.res_id = htons(NFNL_SUBSYS_NFTABLES),
		.table = {
			.nlmsg_len = sizeof(struct attempt) -
				     offsetof(struct attempt, table),
			.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE |
				       NLM_F_EXCL,
		},
		.table_family.nfgen_family = NFPROTO_IPV4,
		.name = {
			.nla_len = NLA_HDRLEN + sizeof(attempt.name_text),
			.nla_type = NFTA_TABLE_NAME,
		},
		.name_text = "stockvz proof",
	};
	/* That it is named lets the kernel go by our task, not by the socket's file. */
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	struct msghdr msg = { .msg_name = &to, .msg_namelen = sizeof(to) };
	struct kvec vec = { &attempt, sizeof(attempt) };
	struct answer answer;
	int got;

	got = kernel_sendmsg(sock, &msg, &vec, 1, sizeof(attempt));
	if (got < 0)
		return got;
	vec = (struct kvec){ &answer, sizeof(answer) };
	msg = (struct msghdr){};
	got = kernel_recvmsg(sock, &msg, &vec, 1, sizeof(answer), MSG_DONTWAIT);
	if (got < (int)sizeof(answer) || answer.head.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return answer.error.error;
}

/*
 * Any step will do. Without our gate the transaction comes to nothing too, since
 * it has no end.
 */
int nftables_step_prove(void)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(&init_net, AF_NETLINK, SOCK_RAW,
			       NETLINK_NETFILTER, &sock);
	if (err)
		return err;
	err = try(sock);
	sock_release(sock);
	return err == -ENOMEM ? 0 : -ENOENT;
}
