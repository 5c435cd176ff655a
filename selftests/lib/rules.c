// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netlink.h>

#include "rules.h"

/* As the kernel lays them out. */
struct xt_rule {
	struct ipt_entry entry;
	struct xt_standard_target target;
};

struct xt_end {
	struct ipt_entry entry;
	struct xt_error_target target;
};

static long xt_info(int fd, struct ipt_getinfo *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	strcpy(info->name, "filter");
	return getsockopt(fd, SOL_IP, IPT_SO_GET_INFO, info, &len) ? -errno : 0;
}

long xt_entries(void)
{
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	struct ipt_getinfo info;
	long err;

	if (fd < 0)
		return -errno;
	err = xt_info(fd, &info);
	close(fd);
	return err ?: (long)info.num_entries;
}

static void xt_accept(struct xt_rule *rule)
{
	rule->entry.target_offset = sizeof(rule->entry);
	rule->entry.next_offset = sizeof(*rule);
	rule->target.target.u.user.target_size = sizeof(rule->target);
	rule->target.verdict = -NF_ACCEPT - 1;
}

static void xt_finish(struct xt_end *end)
{
	end->entry.target_offset = sizeof(end->entry);
	end->entry.next_offset = sizeof(*end);
	end->target.target.u.user.target_size = sizeof(end->target);
	strcpy(end->target.target.u.user.name, XT_ERROR_TARGET);
	strcpy(end->target.errorname, "ERROR");
}

static void xt_fill(struct ipt_replace *r, long rules)
{
	struct xt_rule *rule = (void *)r->entries;
	long i;

	strcpy(r->name, "filter");
	r->valid_hooks = 1 << NF_INET_LOCAL_IN | 1 << NF_INET_FORWARD |
			 1 << NF_INET_LOCAL_OUT;
	r->num_entries = rules + XT_BASE;
	r->size = (rules + 3) * sizeof(*rule) + sizeof(struct xt_end);
	for (i = 0; i < rules + 3; i++)
		xt_accept(rule++);
	xt_finish((void *)rule);
	for (i = NF_INET_LOCAL_IN; i <= NF_INET_LOCAL_OUT; i++) {
		r->underflow[i] = (rules + i - NF_INET_LOCAL_IN) * sizeof(*rule);
		r->hook_entry[i] = i == NF_INET_LOCAL_IN ? 0 : r->underflow[i];
	}
}

long xt_set(long rules, long entries)
{
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	size_t size = sizeof(struct ipt_replace) +
		      (rules + 3) * sizeof(struct xt_rule) + sizeof(struct xt_end);
	struct ipt_replace *r = calloc(1, size);
	long err = 0;

	if (fd < 0 || !r)
		abort();
	xt_fill(r, rules);
	r->num_counters = entries;
	r->counters = calloc(entries, sizeof(*r->counters));
	if (setsockopt(fd, SOL_IP, IPT_SO_SET_REPLACE, r, size))
		err = -errno;
	free(r->counters);
	free(r);
	close(fd);
	return err;
}

/* A transaction being written. */
struct batch {
	char data[65536];
	size_t len;
	int family;
};

static struct nlmsghdr *put_message(struct batch *b, int type, int flags, int res)
{
	struct nlmsghdr *head = (void *)(b->data + b->len);
	struct nfgenmsg *nf = NLMSG_DATA(head);

	if (b->len + 512 > sizeof(b->data))
		abort();
	head->nlmsg_len = NLMSG_LENGTH(sizeof(*nf));
	head->nlmsg_type = type;
	head->nlmsg_flags = NLM_F_REQUEST | flags;
	nf->nfgen_family = res ? AF_UNSPEC : b->family;
	nf->res_id = htons(res);
	b->len += head->nlmsg_len;
	return head;
}

static struct nlmsghdr *put_step(struct batch *b, int type, int flags)
{
	return put_message(b, NFNL_SUBSYS_NFTABLES << 8 | type, flags, 0);
}

static struct nlattr *put_attr(struct batch *b, struct nlmsghdr *head, int type,
			       const void *data, size_t len)
{
	struct nlattr *attr = (void *)(b->data + b->len);

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + len;
	memcpy((char *)attr + NLA_HDRLEN, data, len);
	b->len += NLA_ALIGN(attr->nla_len);
	head->nlmsg_len = b->data + b->len - (char *)head;
	return attr;
}

static void put_text(struct batch *b, struct nlmsghdr *head, int type,
		     const char *text)
{
	put_attr(b, head, type, text, strlen(text) + 1);
}

static void put_number(struct batch *b, struct nlmsghdr *head, int type,
		       unsigned int n)
{
	n = htonl(n);
	put_attr(b, head, type, &n, sizeof(n));
}

static void put_chain(struct batch *b, bool ingress)
{
	struct nlmsghdr *head = put_step(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	struct nlattr *hook;

	put_text(b, head, NFTA_CHAIN_TABLE, "t");
	put_text(b, head, NFTA_CHAIN_NAME, "c");
	if (!ingress)
		return;
	put_text(b, head, NFTA_CHAIN_TYPE, "filter");
	hook = put_attr(b, head, NFTA_CHAIN_HOOK | NLA_F_NESTED, "", 0);
	put_number(b, head, NFTA_HOOK_HOOKNUM, NF_NETDEV_INGRESS);
	put_number(b, head, NFTA_HOOK_PRIORITY, 0);
	put_text(b, head, NFTA_HOOK_DEV, "wire");
	hook->nla_len = b->data + b->len - (char *)hook;
}

static void put_table(struct batch *b, unsigned int flags)
{
	struct nlmsghdr *head = put_step(b, NFT_MSG_NEWTABLE, NLM_F_CREATE);

	put_text(b, head, NFTA_TABLE_NAME, "t");
	put_number(b, head, NFTA_TABLE_FLAGS, flags);
}

static struct nlmsghdr *put_rule(struct batch *b, int type, int flags,
				 const char *chain)
{
	struct nlmsghdr *head = put_step(b, type, flags);

	put_text(b, head, NFTA_RULE_TABLE, "t");
	put_text(b, head, NFTA_RULE_CHAIN, chain);
	return head;
}

static void put_replacement(struct batch *b, int handle)
{
	struct nlmsghdr *head = put_rule(b, NFT_MSG_NEWRULE, NLM_F_REPLACE, "c");
	unsigned int wide[2] = { 0, htonl(handle) };

	put_attr(b, head, NFTA_RULE_HANDLE, wide, sizeof(wide));
}

/* How many words of the list it took. */
static int put_one(struct batch *b, const int *step)
{
	int i;

	switch (*step) {
	case NFT_TABLE:
		put_table(b, 0);
		return 1;
	case NFT_OWN:
		put_table(b, NFT_TABLE_F_OWNER);
		return 1;
	case NFT_CHAIN:
	case NFT_INGRESS:
		put_chain(b, *step == NFT_INGRESS);
		return 1;
	case NFT_RULE:
		for (i = 0; i < step[1]; i++)
			put_rule(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, "c");
		return 2;
	case NFT_REPLACE:
		put_replacement(b, step[1]);
		return 2;
	case NFT_FLUSH:
		put_rule(b, NFT_MSG_DELRULE, 0, "c");
		return 1;
	case NFT_DROP:
		put_text(b, put_step(b, NFT_MSG_DELTABLE, 0), NFTA_TABLE_NAME, "t");
		return 1;
	case NFT_NONSENSE:
		put_rule(b, NFT_MSG_NEWRULE, NLM_F_CREATE, "nowhere");
		return 1;
	}
	abort();
}

int nft_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);

	return fd < 0 ? -errno : fd;
}

/* All is said by when it is sent. */
static long first_error(int fd)
{
	char data[8192];
	struct nlmsghdr *head = (void *)data;
	struct nlmsgerr *said;
	long err = 0;

	while (recv(fd, data, sizeof(data), MSG_DONTWAIT) > 0) {
		said = NLMSG_DATA(head);
		if (head->nlmsg_type == NLMSG_ERROR && !err)
			err = said->error;
	}
	return err;
}

long nft_do(int fd, int family, const int *steps)
{
	struct batch *b = calloc(1, sizeof(*b));
	long err;

	if (!b)
		abort();
	put_message(b, NFNL_MSG_BATCH_BEGIN, 0, NFNL_SUBSYS_NFTABLES);
	b->family = family;
	while (*steps != NFT_END && *steps != NFT_UNFINISHED)
		steps += put_one(b, steps);
	if (*steps == NFT_END)
		put_message(b, NFNL_MSG_BATCH_END, 0, NFNL_SUBSYS_NFTABLES);
	err = send(fd, b->data, b->len, 0) < 0 ? -errno : first_error(fd);
	free(b);
	return err;
}
