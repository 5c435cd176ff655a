// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink family under messages that nobody sane would send. There are two
 * beancounters and their addresses that no message may change, and numbers that
 * are fair game.
 *
 *  - broken: a right request that is made wrong in one way; each is refused, and
 *    says why;
 *  - wild: whatever a generator makes of it; it may do what it likes to what is
 *    fair game;
 *  - stranger: right requests, of someone without the privilege;
 *  - dumps that nobody reads to their end.
 *
 * STOCKVZ_OPS says how many messages altogether (default 20000), STOCKVZ_SEED
 * repeats a run: the messages are the same then, to the byte.
 */
#include <arpa/inet.h>
#include <sched.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "env.h"
#include "fixture.h"
#include "net.h"
#include "text.h"

/* No two of these differ in so few bits that a flip or two turns one into the other. */
#define KEPT_A 1900001U
#define KEPT_B 1931295U
#define GAME 524288U
#define GAMES 16
#define NOBODY 786432U
#define KEPT_CG "/ubfuzzkept"
#define GAME_CG "/ubfuzzgame"
#define MESSAGE 16384
#define MOST 256
#define COMMANDS (STOCKVZ_CMD_MAX + 1)

static uint64_t dice;

static uint64_t next(void)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return dice;
}

static unsigned int below(unsigned int n)
{
	return (next() >> 20) % n;
}

#define ONE_OF(array) ((array)[below(ARRAY_SIZE(array))])

/* The namespace that has the addresses, one without any, and what is no namespace. */
static int kept_ns, game_ns, no_ns;

/*
 * Messages
 */

struct message {
	union {
		struct nlmsghdr head;
		unsigned char bytes[MESSAGE];
	};
	struct nlattr *attr[8];	/* where they begin */
	unsigned int attrs;
	unsigned int size;	/* what is sent: nlmsg_len may lie */
};

/**
 * struct wish - what a request asks for
 * @rows: how many resources come with limits
 * @no_index: the last of them does not say which resource
 * @index: which the last one is
 * @value: barrier and limit of each
 * @no_address: leave family and address out
 */
struct wish {
	int cmd;
	bool dump;
	unsigned int id;
	unsigned int rows;
	bool no_index;
	unsigned int index;
	uint64_t value;
	const char *cgroup;
	bool no_address;
	uint16_t family;
	unsigned char address[20];
	unsigned int address_size;
	unsigned int fd;
};

/* What a command takes. */
enum { ID = 1, ROWS = 2, CGROUP = 4, ADDRESS = 8, FD = 16, DUMP = 32, BOTH = 64 };

static const unsigned int takes[COMMANDS] = {
	[STOCKVZ_CMD_INFO_GET]		= 0,
	[STOCKVZ_CMD_UB_NEW]		= ID | ROWS | CGROUP,
	[STOCKVZ_CMD_UB_DEL]		= ID,
	[STOCKVZ_CMD_UB_GET]		= ID | BOTH,
	[STOCKVZ_CMD_UB_SET]		= ID | ROWS,
	[STOCKVZ_CMD_UB_ATTACH]		= ID | CGROUP,
	[STOCKVZ_CMD_REFUSALS_GET]	= ID | DUMP,
	[STOCKVZ_CMD_IP_ADD]		= ID | ADDRESS | FD,
	[STOCKVZ_CMD_IP_DEL]		= ID | ADDRESS,
	[STOCKVZ_CMD_IP_GET]		= DUMP,
};

static const int commands[] = {
	STOCKVZ_CMD_INFO_GET, STOCKVZ_CMD_UB_NEW, STOCKVZ_CMD_UB_DEL, STOCKVZ_CMD_UB_GET,
	STOCKVZ_CMD_UB_SET, STOCKVZ_CMD_UB_ATTACH, STOCKVZ_CMD_REFUSALS_GET,
	STOCKVZ_CMD_IP_ADD, STOCKVZ_CMD_IP_DEL, STOCKVZ_CMD_IP_GET,
};

static struct nlattr *put(struct message *m, int type, const void *data, unsigned int size)
{
	struct nlattr *attr = (void *)(m->bytes + m->size);

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + size;
	memcpy(attr + 1, data, size);
	m->size += NLA_ALIGN(attr->nla_len);
	return attr;
}

static void note(struct message *m, struct nlattr *attr)
{
	m->attr[m->attrs++] = attr;
}

static void put_row(struct message *m, const struct wish *w, bool last)
{
	struct nlattr *nest = put(m, STOCKVZ_A_UB_RESOURCE | NLA_F_NESTED, "", 0);
	uint32_t index = last ? w->index : below(UB_NR);

	if (!last || !w->no_index)
		put(m, STOCKVZ_A_RES_INDEX, &index, sizeof(index));
	put(m, STOCKVZ_A_RES_BARRIER, &w->value, sizeof(w->value));
	put(m, STOCKVZ_A_RES_LIMIT, &w->value, sizeof(w->value));
	nest->nla_len = m->bytes + m->size - (unsigned char *)nest;
	note(m, nest);
}

/* The number last: where anything before it is damaged, it is missing. */
static void compose(struct message *m, const struct wish *w)
{
	unsigned int what = takes[w->cmd], i;
	struct genlmsghdr *g = (void *)(m->bytes + NLMSG_HDRLEN);

	memset(m, 0, sizeof(*m));
	m->size = NLMSG_HDRLEN + GENL_HDRLEN;
	m->head.nlmsg_type = ub_family();
	m->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (w->dump ? NLM_F_DUMP : 0);
	g->cmd = w->cmd;
	g->version = STOCKVZ_FAMILY_VERSION;
	for (i = 0; (what & ROWS) && i < w->rows; i++)
		put_row(m, w, i == w->rows - 1);
	if ((what & CGROUP) && w->cgroup)
		note(m, put(m, STOCKVZ_A_UB_CGROUP, w->cgroup, strlen(w->cgroup) + 1));
	if ((what & ADDRESS) && !w->no_address) {
		note(m, put(m, STOCKVZ_A_IP_FAMILY, &w->family, sizeof(w->family)));
		note(m, put(m, STOCKVZ_A_IP_ADDRESS, w->address, w->address_size));
	}
	if (what & FD)
		note(m, put(m, STOCKVZ_A_IP_NETNS_FD, &w->fd, sizeof(w->fd)));
	/* The number has the same place in each set of attributes. */
	if ((what & ID) && !(w->dump && w->cmd == STOCKVZ_CMD_UB_GET))
		note(m, put(m, STOCKVZ_A_UB_ID, &w->id, sizeof(w->id)));
	m->head.nlmsg_len = m->size;
}

static void set_address(struct wish *w, const char *text)
{
	union address a = address_of(text, 0);

	w->family = a.sa.sa_family;
	w->address_size = w->family == AF_INET ? 4 : 16;
	if (w->family == AF_INET)
		memcpy(w->address, &a.in.sin_addr, 4);
	else
		memcpy(w->address, &a.in6.sin6_addr, 16);
}

/* A request that may well be granted, about one of these numbers. */
static struct wish right_wish(const unsigned int *ids, unsigned int n)
{
	static const char *const addresses[] = { "10.66.1.1", "10.66.1.2", "fd66::1:1" };
	struct wish w = {
		.cmd = ONE_OF(commands),
		.id = ids[below(n)],
		.rows = below(4),
		.index = below(UB_NR),
		.value = next() >> (1 + below(63)),
		.cgroup = below(2) ? GAME_CG : NULL,
		.fd = game_ns,
	};

	set_address(&w, ONE_OF(addresses));
	if (w.cmd == STOCKVZ_CMD_UB_ATTACH)
		w.cgroup = GAME_CG;
	w.no_address = w.cmd == STOCKVZ_CMD_IP_DEL && !below(4);
	w.dump = (takes[w.cmd] & DUMP) || ((takes[w.cmd] & BOTH) && below(2));
	return w;
}

/*
 * Sockets, and what comes back
 */

struct answer {
	bool any;
	int err;
	char why[128];
};

static int open_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), on = 1;

	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	return fd;
}

static void read_error(const struct nlmsghdr *nlh, struct answer *a)
{
	const struct nlmsgerr *e = NLMSG_DATA(nlh);
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1] = {};

	a->any = true;
	a->err = e->error;
	a->why[0] = 0;
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	nla_parse(tb, NLMSGERR_ATTR_MAX, (struct nlattr *)(e + 1),
		  nlh->nlmsg_len - NLMSG_LENGTH(sizeof(*e)), NULL);
	if (tb[NLMSGERR_ATTR_MSG])
		snprintf(a->why, sizeof(a->why), "%s", nla_get_string(tb[NLMSGERR_ATTR_MSG]));
}

/* An answer has been queued by the time that the message is sent. */
static struct answer hear(int fd)
{
	static char buf[65536] __attribute__((aligned(8)));
	struct answer a = {};
	const struct nlmsghdr *nlh;
	unsigned int len;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		len = n;
		for (nlh = (void *)buf; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
			if (nlh->nlmsg_type == NLMSG_ERROR)
				read_error(nlh, &a);
			else if (nlh->nlmsg_type == NLMSG_DONE)
				a.any = true;
		}
	}
	return a;
}

static struct answer say(int fd, const struct message *m)
{
	if (send(fd, m->bytes, m->size, 0) != (ssize_t)m->size)
		return (struct answer){ .any = true, .err = -EIO };
	return hear(fd);
}

static void show(const struct message *m, const struct answer *a)
{
	char hex[3 * 160 + 1] = "";
	unsigned int i;

	for (i = 0; i < m->size && i < 160; i++)
		sprintf(hex + 3 * i, "%02x ", m->bytes[i]);
	fprintf(stderr, "# %s %d \"%s\" for %u bytes: %s\n", a->any ? "answer" : "no answer",
		a->err, a->why, m->size, hex);
}

/*
 * What may not change
 */

struct place {
	unsigned int id;
	unsigned int len;
	unsigned char bytes[16];
};

struct world {
	struct ub_state kept[2];
	struct place place[16];
	unsigned int places;
};

/* What the kernel counts for a cgroup goes its own ways. */
static void forget_moving(struct ub_state *state)
{
	unsigned int res;

	for (res = 0; res < UB_NR; res++)
		if (is_the_kernels(res))
			memset(&state->row[res], 0, sizeof(state->row[res]));
}

static void on_address(struct nlmsghdr *nlh, void *arg)
{
	struct genlmsghdr *g = nlmsg_data(nlh);
	struct nlattr *tb[STOCKVZ_A_IP_MAX + 1];
	struct world *w = arg;
	struct place *p = &w->place[w->places];

	if (nla_parse(tb, STOCKVZ_A_IP_MAX, genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0), NULL))
		return;
	p->id = nla_get_u32(tb[STOCKVZ_A_IP_ID]);
	if ((p->id != KEPT_A && p->id != KEPT_B) || w->places == ARRAY_SIZE(w->place) - 1)
		return;
	p->len = nla_len(tb[STOCKVZ_A_IP_ADDRESS]);
	memcpy(p->bytes, nla_data(tb[STOCKVZ_A_IP_ADDRESS]), p->len);
	w->places++;
}

static int compare_places(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct place));
}

static int look(struct world *w)
{
	int err;

	memset(w, 0, sizeof(*w));
	err = ub_get(KEPT_A, &w->kept[0]) ?: ub_get(KEPT_B, &w->kept[1]);
	if (!err)
		err = ub_talk(ub_msg(STOCKVZ_CMD_IP_GET, NLM_F_DUMP), on_address, w);
	forget_moving(&w->kept[0]);
	forget_moving(&w->kept[1]);
	qsort(w->place, w->places, sizeof(w->place[0]), compare_places);
	memset(&w->place[w->places], 0, sizeof(w->place[0]));
	return err;
}

static bool same(const struct world *before)
{
	struct world now;

	return !look(&now) && !memcmp(before, &now, sizeof(now));
}

FIXTURE(fuzz)
{
	struct laws laws;
	struct worker worker;
	struct world before;
	unsigned long ops;
	int fd;
};

static int new_netns(void)
{
	int fd;

	if (netns_enter(HOST) || unshare(CLONE_NEWNET))
		return -1;
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	netns_leave();
	return fd;
}

/* Numbers change on their way, too: all that were not there before go. */
static unsigned int there[MOST];
static int nr_there;

static bool was_there(unsigned int id)
{
	int i;

	for (i = 0; i < nr_there; i++)
		if (there[i] == id)
			return true;
	return id == KEPT_A || id == KEPT_B;
}

static void sweep_game(void)
{
	static struct ub_state states[MOST];
	int i, n;

	do {
		n = ub_dump(states, MOST);
		for (i = 0; i < n && i < MOST; i++)
			if (!was_there(states[i].id))
				ub_del(states[i].id);
	} while (n > MOST);
	cg_remove(GAME_CG);
}

static void look_around(void)
{
	static struct ub_state states[MOST];
	int i, n = ub_dump(states, MOST);

	for (i = 0; i < n && i < MOST; i++)
		there[i] = states[i].id;
	nr_there = i;
}

FIXTURE_SETUP(fuzz)
{
	uint64_t seed = env_number("STOCKVZ_SEED", getpid());

	laws_begin(_metadata, &self->laws);
	self->ops = env_number("STOCKVZ_OPS", repeats(20000));
	TH_LOG("STOCKVZ_SEED=%lu", seed);
	dice = (seed + 1) * 0x9e3779b97f4a7c15;
	box_sweep(KEPT_A, KEPT_CG);
	box_sweep(KEPT_B, GAME_CG);
	look_around();
	kept_ns = new_netns();
	game_ns = new_netns();
	no_ns = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, kept_ns);
	ASSERT_LE(0, game_ns);
	ASSERT_EQ(0, cg_make(KEPT_CG));
	ASSERT_EQ(0, cg_make(GAME_CG));
	ASSERT_EQ(0, ub_new(KEPT_A, KEPT_CG));
	ASSERT_EQ(0, ub_new(KEPT_B, NULL));
	ASSERT_EQ(0, ub_set(KEPT_B, STOCKVZ_RES_NUMPROC, 7, 11));
	ASSERT_EQ(0, worker_start(&self->worker, KEPT_CG));
	ASSERT_EQ(0, ip_add(KEPT_A, "10.66.0.1", kept_ns));
	ASSERT_EQ(0, ip_add(KEPT_A, "fd66::1", kept_ns));
	ASSERT_EQ(0, look(&self->before));
	ASSERT_EQ(2, self->before.places);
	ASSERT_EQ(1, self->before.kept[0].row[STOCKVZ_RES_NUMPROC].held);
	self->fd = open_socket();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(fuzz)
{
	close(self->fd);
	sweep_game();
	EXPECT_TRUE(same(&self->before));
	EXPECT_EQ(2, ip_count(0));
	worker_stop(&self->worker);
	EXPECT_TRUE(EVENTUALLY(empty(KEPT_A)));
	EXPECT_EQ(0, ub_del(KEPT_A));
	EXPECT_EQ(0, ub_del(KEPT_B));
	EXPECT_EQ(0, ip_count(0));
	EXPECT_TRUE(EVENTUALLY(!cg_remove(KEPT_CG)));
	close(kept_ns);
	close(game_ns);
	close(no_ns);
	laws_end(_metadata, &self->laws);
}

/*
 * Broken: wrong in one way
 */

static const unsigned int known[] = { KEPT_A, KEPT_B, GAME };

/* What the caller asks for is nonsense. */
static bool bad_wish(struct wish *w)
{
	static const unsigned int no_ids[] = { 2147483645U, 0x80000000U, -1U, -2U };
	static const char *const no_groups[] = {
		"", "/ubfuzznone", "/../ubfuzzgame", "/ubfuzzgame/../..",
		"//", "/ubfuzzkept/none", "/cgroup.procs",
	};
	static const char *const no_addresses[] = {
		"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255",
		"::", "::1", "ff02::1", "::ffff:10.66.1.1", "10.66.0.1", "fd66::1",
	};
	static const uint16_t families[] = { 0, 1, AF_PACKET, AF_BRIDGE, 0xffff };
	static const unsigned int sizes[] = { 0, 1, 3, 5, 8, 15, 17, 20 };
	unsigned int what = takes[w->cmd];

	switch (below(9)) {
	case 0:
		w->id = ONE_OF(no_ids);
		return what & ID && !(w->dump && w->cmd == STOCKVZ_CMD_UB_GET);
	case 1:
		w->id = NOBODY;
		return w->cmd != STOCKVZ_CMD_UB_NEW && what & ID && !w->dump &&
		       !(w->cmd == STOCKVZ_CMD_IP_DEL && w->no_address);
	case 2:
		w->id = 0;
		return w->cmd == STOCKVZ_CMD_UB_NEW || w->cmd == STOCKVZ_CMD_UB_DEL ||
		       w->cmd == STOCKVZ_CMD_UB_ATTACH || w->cmd == STOCKVZ_CMD_IP_ADD;
	case 3:
		w->rows += !w->rows;
		w->value |= 1UL << 63;
		return what & ROWS;
	case 4:
		w->rows += !w->rows;
		w->no_index = below(2);
		w->index = UB_NR + (next() >> (33 + below(30)));
		return what & ROWS;
	case 5:
		w->cgroup = ONE_OF(no_groups);
		return what & CGROUP;
	case 6:
		if (w->cmd == STOCKVZ_CMD_IP_DEL && w->id == KEPT_A)
			w->id = KEPT_B;
		set_address(w, ONE_OF(no_addresses));
		return what & ADDRESS && !w->no_address;
	case 7:
		if (below(2))
			w->family = ONE_OF(families);
		else
			w->address_size = ONE_OF(sizes);
		return what & ADDRESS && !w->no_address;
	default:
		w->fd = below(2) ? (unsigned int)no_ns : 1000000 + below(1000);
		return what & FD;
	}
}

/* The message does not hold what it should. Some attribute is there. */
static bool bad_attribute(struct message *m)
{
	struct nlattr *attr = m->attr[below(m->attrs)];
	struct genlmsghdr *g = (void *)(m->bytes + NLMSG_HDRLEN);
	bool text = (attr->nla_type & NLA_TYPE_MASK) == STOCKVZ_A_UB_CGROUP &&
		    attr->nla_len > 2 * NLA_HDRLEN;
	unsigned int by = 1 + below(8);

	switch (below(4)) {
	case 0:
		/* Without a number it asks for all. */
		if (g->cmd == STOCKVZ_CMD_REFUSALS_GET)
			return false;
		m->size -= 1 + below(m->size - NLMSG_HDRLEN - GENL_HDRLEN);
		m->head.nlmsg_len = m->size;
		return true;
	case 1:
		/* A text may have its padding for itself. */
		if (text)
			by = -by;
		attr->nla_len += text || below(2) ? by : -by;
		return true;
	case 2:
		attr->nla_type = below(2) ? 0 : 100 + below(NLA_TYPE_MASK - 100);
		return true;
	default:
		attr->nla_type ^= NLA_F_NESTED;
		return true;
	}
}

static bool bad_head(struct message *m)
{
	static const unsigned short odd[] = { 0x2, 0x10, 0x20, 0x400, 0x800, 0x1000, 0x8000 };
	static const int none[] = {
		0, STOCKVZ_CMD_REFUSAL_NTF, STOCKVZ_CMD_CT_NTF, COMMANDS, 100, 255,
	};
	struct genlmsghdr *g = (void *)(m->bytes + NLMSG_HDRLEN);

	switch (below(5)) {
	case 0:
		g->reserved = 1 + below(0xffff);
		return true;
	case 1:
		m->head.nlmsg_flags |= ONE_OF(odd);
		return true;
	case 2:
		g->cmd = ONE_OF(none);
		return true;
	case 3:
		/* Larger than any family's. */
		m->head.nlmsg_type = 0x4000 + below(0x4000);
		return true;
	default:
		m->head.nlmsg_flags ^= NLM_F_DUMP;
		return !(takes[g->cmd] & BOTH);
	}
}

/* Of each kind alike; what cannot be is thrown again. */
static void make_broken(struct message *m)
{
	struct wish w;
	bool bad = false;

	while (!bad) {
		w = right_wish(known, ARRAY_SIZE(known));
		switch (below(3)) {
		case 0:
			bad = bad_wish(&w);
			compose(m, &w);
			break;
		case 1:
			compose(m, &w);
			bad = m->attrs && bad_attribute(m);
			break;
		default:
			compose(m, &w);
			bad = bad_head(m);
		}
	}
}

/* genetlink itself refuses these, and says no more than the errno. */
static bool needs_no_words(int err)
{
	return err == -EOPNOTSUPP || err == -ENOENT;
}

TEST_F_TIMEOUT(fuzz, broken_requests_are_refused, 3000)
{
	static struct message m;
	unsigned long i, granted = 0, silent = 0, errnos = 0;
	struct answer a;

	for (i = 0; i < self->ops * 2 / 5 && granted + silent < 10; i++) {
		make_broken(&m);
		a = say(self->fd, &m);
		if (!a.any || a.err >= 0) {
			granted++;
			show(&m, &a);
		} else if (!a.why[0] && !needs_no_words(a.err)) {
			silent++;
			show(&m, &a);
		}
		errnos |= 1UL << (-a.err % 64);
		if (i % 1000 == 0)
			ASSERT_TRUE(same(&self->before)) TH_LOG("after message %lu", i);
	}
	EXPECT_EQ(0, granted);
	EXPECT_EQ(0, silent);
	/* Otherwise nothing was tried. */
	EXPECT_LE(5, __builtin_popcountl(errnos));
	TH_LOG("%lu messages", i);
}

/*
 * Wild: anything
 */

static void flip(struct message *m)
{
	static const unsigned char odd[] = { 0, 1, 4, 0x7f, 0x80, 0xff };
	unsigned int room = m->size - NLMSG_HDRLEN;
	unsigned int at = NLMSG_HDRLEN + below(room);

	switch (below(5)) {
	case 0:
		m->bytes[at] ^= 1 << below(8);
		break;
	case 1:
		m->bytes[at] = ONE_OF(odd);
		break;
	case 2:
		m->head.nlmsg_flags = NLM_F_REQUEST | next();
		break;
	case 3:
		m->head.nlmsg_len = below(2) ? below(2 * m->size) : next();
		break;
	default:
		m->size += below(64);
	}
}

static void make_wild(struct message *m)
{
	static const unsigned int ids[] = { GAME, GAME + 1, GAME + 2 };
	struct wish w = right_wish(ids, ARRAY_SIZE(ids));
	unsigned int i;

	if (!below(4))
		bad_wish(&w);
	if (w.id == KEPT_A || w.id == KEPT_B)
		w.id = GAME;
	compose(m, &w);
	if (!below(8))
		for (i = NLMSG_HDRLEN + 4; i < m->size; i++)
			m->bytes[i] = next() >> 32;
	for (i = below(4); i; i--)
		flip(m);
}

static bool is_defined(int err)
{
	static const int errnos[] = {
		0, EPERM, ENOENT, ESRCH, EBADF, EACCES, EBUSY, EEXIST, ENOTDIR, EINVAL, ERANGE,
		ENAMETOOLONG, EOPNOTSUPP, EAFNOSUPPORT, EADDRINUSE, EADDRNOTAVAIL, EMSGSIZE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errnos); i++)
		if (err == -errnos[i])
			return true;
	return false;
}

TEST_F_TIMEOUT(fuzz, wild_messages_change_nothing_else, 3000)
{
	static struct message m;
	unsigned long i, odd = 0, granted = 0;
	struct answer a;

	for (i = 0; i < self->ops * 2 / 5 && odd < 10; i++) {
		make_wild(&m);
		a = say(self->fd, &m);
		if (a.any && !is_defined(a.err)) {
			odd++;
			show(&m, &a);
		}
		granted += a.any && !a.err;
		if (i % 1000 == 0)
			ASSERT_TRUE(same(&self->before)) TH_LOG("after message %lu", i);
		/* A dump that nobody reads: the next on that socket would find it busy. */
		if (i % 64 == 0) {
			close(self->fd);
			self->fd = open_socket();
		}
	}
	EXPECT_EQ(0, odd);
	/* Otherwise nothing was tried. */
	EXPECT_LT(i / 50, granted);
	EXPECT_LT(i / 50, i - granted);
	TH_LOG("%lu messages, %lu granted", i, granted);
}

/*
 * Strangers: each has a child of the test to himself
 */

#define UNPRIVILEGED 65534

enum stranger {
	NOBODY_AT_ALL,		/* another user */
	NOBODYS_SOCKET,		/* root, by a socket that another user has opened */
	ROOTS_SOCKET,		/* another user, by a socket that root has opened */
	USERNS_ROOT,		/* root of a user namespace, in the host's network */
	USERNS_ROOTS_SOCKET,	/* and by a socket of the host's root */
	CONTAINER_ROOT,		/* root of a container: with a network of its own */
	CONTAINER_HOST,		/* the host's root, in a container's network */
	STRANGERS,
};

/* Become him. Returns his socket. */
static int become(enum stranger who)
{
	int fd = -1;

	switch (who) {
	case NOBODY_AT_ALL:
		return setresuid(UNPRIVILEGED, UNPRIVILEGED, UNPRIVILEGED) ? -1 : open_socket();
	case NOBODYS_SOCKET:
		if (seteuid(UNPRIVILEGED))
			return -1;
		fd = open_socket();
		return seteuid(0) ? -1 : fd;
	case ROOTS_SOCKET:
		fd = open_socket();
		return seteuid(UNPRIVILEGED) ? -1 : fd;
	case USERNS_ROOT:
		return unshare(CLONE_NEWUSER) ? -1 : open_socket();
	case USERNS_ROOTS_SOCKET:
		fd = open_socket();
		return unshare(CLONE_NEWUSER) ? -1 : fd;
	case CONTAINER_ROOT:
		return unshare(CLONE_NEWUSER | CLONE_NEWNET) ? -1 : open_socket();
	default:
		return unshare(CLONE_NEWNET) ? -1 : open_socket();
	}
}

/* What he gets for a right request */
static int due(enum stranger who, const struct wish *w)
{
	if (who == CONTAINER_ROOT || who == CONTAINER_HOST)
		return -ENOENT;
	return w->cmd == STOCKVZ_CMD_INFO_GET ? 0 : -EPERM;
}

static int try_as(enum stranger who, unsigned long ops)
{
	static struct message m;
	int wrong = 0, fd, err;
	struct answer a;

	/* What is found out by root is known here. */
	ub_family();
	fd = become(who);
	if (fd < 0)
		return 100;
	for (; ops && wrong < 10; ops--) {
		struct wish w = right_wish(known, ARRAY_SIZE(known));

		err = due(who, &w);
		if (!below(4)) {
			make_broken(&m);
			err = 1;
		} else {
			compose(&m, &w);
		}
		a = say(fd, &m);
		if (a.any && (err == 1 ? a.err < 0 : a.err == err))
			continue;
		wrong++;
		show(&m, &a);
	}
	return wrong;
}

TEST_F_TIMEOUT(fuzz, strangers_are_refused, 3000)
{
	enum stranger who;
	int status;
	pid_t pid;

	for (who = 0; who < STRANGERS; who++) {
		next();
		pid = fork();
		if (!pid)
			_exit(try_as(who, self->ops / 5 / STRANGERS));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status) TH_LOG("stranger %d", who);
		EXPECT_TRUE(same(&self->before)) TH_LOG("stranger %d", who);
	}
}

/*
 * Dumps that are begun
 */

static void begin_dump(void)
{
	static const int cmds[] = {
		STOCKVZ_CMD_UB_GET, STOCKVZ_CMD_REFUSALS_GET, STOCKVZ_CMD_IP_GET,
	};
	struct wish w = { .cmd = ONE_OF(cmds), .dump = true, .id = KEPT_A };
	int size = 1 << below(14), fd = open_socket();
	static struct message m;
	unsigned int reads;
	char buf[8192];

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	compose(&m, &w);
	send(fd, m.bytes, m.size, 0);
	/* A second one, while the first is under way */
	if (below(2))
		send(fd, m.bytes, m.size, 0);
	for (reads = below(4); reads; reads--) {
		recv(fd, buf, 1 + below(sizeof(buf)), MSG_DONTWAIT);
		if (below(2))
			ub_del(GAME + below(GAMES));
		else
			ub_new(GAME + below(GAMES), NULL);
	}
	close(fd);
}

static long users(void)
{
	return number_in("/sys/module/stockvz/refcnt");
}

TEST_F_TIMEOUT(fuzz, dumps_that_nobody_reads, 3000)
{
	long before = users();
	unsigned long i;
	char text[32];

	/* So many that a dump has several parts. */
	for (i = 0; i < GAMES; i++)
		ASSERT_EQ(0, ub_new(GAME + i, NULL));
	for (i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "10.66.2.%lu", i + 1);
		ASSERT_EQ(0, ip_add(GAME, text, game_ns));
	}
	for (i = 0; i < self->ops / 5; i++)
		begin_dump();
	EXPECT_TRUE(same(&self->before));
	sweep_game();
	/* Each one under way holds the module. */
	EXPECT_LE(0, before);
	EXPECT_TRUE(EVENTUALLY(users() == before));
}

TEST_HARNESS_MAIN
