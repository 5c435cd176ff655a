// SPDX-License-Identifier: GPL-2.0
/*
 * A firewall for whatever is inside a container where no nft is:
 *
 *	firewall drop	a table of nf_tables that lets no packet of IPv4 out
 *	firewall accept	away with it
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TABLE "own"

struct batch {
	char bytes[1024] __attribute__((aligned(8)));
	size_t size;
	struct nlmsghdr *last;
};

static void *append(struct batch *b, const void *data, size_t size)
{
	void *at = memcpy(b->bytes + b->size, data, size);

	b->size += NLMSG_ALIGN(size);
	if (b->last)
		b->last->nlmsg_len = b->bytes + b->size - (char *)b->last;
	return at;
}

static void begin(struct batch *b, int type, int flags, int family, int subsystem)
{
	struct nlmsghdr head = {
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | flags,
	};
	struct nfgenmsg nf = { .nfgen_family = family, .res_id = htons(subsystem) };

	b->last = NULL;
	b->last = append(b, &head, sizeof(head));
	append(b, &nf, sizeof(nf));
}

static struct nlattr *put(struct batch *b, int type, const void *data, size_t size)
{
	struct nlattr head = { .nla_type = type, .nla_len = sizeof(head) + size };
	struct nlattr *attr = append(b, &head, sizeof(head));

	append(b, data, size);
	return attr;
}

static void put_u32(struct batch *b, int type, uint32_t value)
{
	value = htonl(value);
	put(b, type, &value, sizeof(value));
}

static void put_chain(struct batch *b)
{
	struct nlattr *hook;

	begin(b, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_ACK,
	      NFPROTO_IPV4, 0);
	put(b, NFTA_CHAIN_TABLE, TABLE, sizeof(TABLE));
	put(b, NFTA_CHAIN_NAME, "out", 4);
	put(b, NFTA_CHAIN_TYPE, "filter", 7);
	put_u32(b, NFTA_CHAIN_POLICY, NF_DROP);
	hook = put(b, NFTA_CHAIN_HOOK | NLA_F_NESTED, "", 0);
	put_u32(b, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
	put_u32(b, NFTA_HOOK_PRIORITY, 0);
	hook->nla_len = b->bytes + b->size - (char *)hook;
}

/* The first thing that went wrong, or 0 after so many that did not. */
static int hear(int fd, int answers)
{
	char buf[4096] __attribute__((aligned(8)));

	while (answers > 0) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		unsigned int len = n;
		const struct nlmsghdr *nlh;

		if (n <= 0)
			return errno;
		for (nlh = (void *)buf; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
			const struct nlmsgerr *e = NLMSG_DATA(nlh);

			if (nlh->nlmsg_type != NLMSG_ERROR)
				continue;
			if (e->error)
				return -e->error;
			answers--;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	const int table = NFNL_SUBSYS_NFTABLES << 8;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	int drop = argc == 2 && !strcmp(argv[1], "drop");
	struct batch b = { .size = 0 };
	int err;

	begin(&b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	begin(&b, table | (drop ? NFT_MSG_NEWTABLE : NFT_MSG_DELTABLE),
	      (drop ? NLM_F_CREATE : 0) | NLM_F_ACK, NFPROTO_IPV4, 0);
	put(&b, NFTA_TABLE_NAME, TABLE, sizeof(TABLE));
	if (drop)
		put_chain(&b);
	begin(&b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	err = fd < 0 || send(fd, b.bytes, b.size, 0) < 0 ? errno : hear(fd, drop ? 2 : 1);
	if (err)
		fprintf(stderr, "firewall: %s\n", strerror(err));
	return err != 0;
}
