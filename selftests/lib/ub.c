// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "ub.h"

static struct nl_sock *requests;
static struct nl_sock *events;
static int family;
static char why[256];

const char *ub_why(void)
{
	return why;
}

static struct nl_sock *connect_genl(void)
{
	struct nl_sock *sk = nl_socket_alloc();
	int on = 1;

	if (!sk || genl_connect(sk)) {
		nl_socket_free(sk);
		return NULL;
	}
	setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, NETLINK_EXT_ACK, &on,
		   sizeof(on));
	setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, NETLINK_CAP_ACK, &on,
		   sizeof(on));
	/* Messages from here on are of our own reading: nothing is lost. */
	nl_socket_disable_seq_check(sk);
	return sk;
}

static int open_requests(void)
{
	if (requests)
		return 0;
	requests = connect_genl();
	if (!requests)
		return -ENOTCONN;
	family = genl_ctrl_resolve(requests, STOCKVZ_FAMILY_NAME);
	if (family >= 0)
		return 0;
	ub_forget_socket();
	return -ENOENT;
}

/* After a fork or another network namespace: the next request opens anew. */
void ub_forget_socket(void)
{
	nl_socket_free(requests);
	requests = NULL;
}

int ub_family(void)
{
	return open_requests() ? -1 : family;
}

static void read_why(struct nlmsghdr *nlh)
{
	struct nlmsgerr *e = nlmsg_data(nlh);
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1] = {};
	int skip = sizeof(*e);

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - sizeof(e->msg);
	nla_parse(tb, NLMSGERR_ATTR_MAX, (struct nlattr *)((char *)e + skip),
		  nlmsg_datalen(nlh) - skip, NULL);
	if (tb[NLMSGERR_ATTR_MSG])
		snprintf(why, sizeof(why), "%s",
			 nla_get_string(tb[NLMSGERR_ATTR_MSG]));
}

/* One message of an answer; true if it was the last, with *err. */
static bool take(struct nlmsghdr *nlh, int *err,
		 void (*reply)(struct nlmsghdr *nlh, void *arg), void *arg)
{
	switch (nlh->nlmsg_type) {
	case NLMSG_ERROR:
		*err = ((struct nlmsgerr *)nlmsg_data(nlh))->error;
		read_why(nlh);
		return true;
	case NLMSG_DONE:
		*err = *(int *)nlmsg_data(nlh);
		return true;
	}
	if (reply)
		reply(nlh, arg);
	return false;
}

static int receive(void (*reply)(struct nlmsghdr *nlh, void *arg), void *arg)
{
	struct sockaddr_nl from;
	unsigned char *buf;
	bool last = false;
	int err = 0;

	while (!last) {
		int len = nl_recv(requests, &from, &buf, NULL);
		struct nlmsghdr *nlh = (struct nlmsghdr *)buf;

		if (len <= 0)
			return -EIO;
		for (; !last && nlmsg_ok(nlh, len); nlh = nlmsg_next(nlh, &len))
			last = take(nlh, &err, reply, arg);
		free(buf);
	}
	return err;
}

struct nl_msg *ub_msg(int cmd, int flags)
{
	struct nl_msg *msg;

	if (open_requests())
		return NULL;
	msg = nlmsg_alloc_size(16384);
	genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0,
		    NLM_F_REQUEST | flags, cmd, STOCKVZ_FAMILY_VERSION);
	return msg;
}

/* Send a message, which is freed, and hear all of the answer. */
int ub_talk(struct nl_msg *msg, void (*reply)(struct nlmsghdr *nlh, void *arg),
	    void *arg)
{
	int err;

	why[0] = 0;
	if (!msg)
		return -ENOENT;
	if (!(nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP))
		nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK;
	nl_complete_msg(requests, msg);
	err = nl_send(requests, msg);
	nlmsg_free(msg);
	return err < 0 ? -EIO : receive(reply, arg);
}

static int talk_id(int cmd, unsigned int id, const char *cgroup)
{
	struct nl_msg *msg = ub_msg(cmd, 0);

	if (!msg)
		return -ENOENT;
	nla_put_u32(msg, STOCKVZ_A_UB_ID, id);
	if (cgroup)
		nla_put_string(msg, STOCKVZ_A_UB_CGROUP, cgroup);
	return ub_talk(msg, NULL, NULL);
}

int ub_new(unsigned int id, const char *cgroup)
{
	return talk_id(STOCKVZ_CMD_UB_NEW, id, cgroup);
}

int ub_del(unsigned int id)
{
	return talk_id(STOCKVZ_CMD_UB_DEL, id, NULL);
}

int ub_attach(unsigned int id, const char *cgroup)
{
	return talk_id(STOCKVZ_CMD_UB_ATTACH, id, cgroup);
}

int ub_set(unsigned int id, int res, unsigned long barrier, unsigned long limit)
{
	struct nl_msg *msg = ub_msg(STOCKVZ_CMD_UB_SET, 0);
	struct nlattr *nest;

	if (!msg)
		return -ENOENT;
	nla_put_u32(msg, STOCKVZ_A_UB_ID, id);
	nest = nla_nest_start(msg, STOCKVZ_A_UB_RESOURCE | NLA_F_NESTED);
	nla_put_u32(msg, STOCKVZ_A_RES_INDEX, res);
	nla_put_u64(msg, STOCKVZ_A_RES_BARRIER, barrier);
	nla_put_u64(msg, STOCKVZ_A_RES_LIMIT, limit);
	nla_nest_end(msg, nest);
	return ub_talk(msg, NULL, NULL);
}

/* Barrier and limit alike. */
int ub_limit(unsigned int id, int res, unsigned long value)
{
	return ub_set(id, res, value, value);
}

static void read_row(struct nlattr *nest, struct ub_state *state)
{
	struct nlattr *tb[STOCKVZ_A_RES_MAX + 1];
	struct ub_row *row;
	unsigned int res;

	if (nla_parse_nested(tb, STOCKVZ_A_RES_MAX, nest, NULL) ||
	    !tb[STOCKVZ_A_RES_INDEX] || !tb[STOCKVZ_A_RES_HELD] ||
	    !tb[STOCKVZ_A_RES_MAXHELD] || !tb[STOCKVZ_A_RES_BARRIER] ||
	    !tb[STOCKVZ_A_RES_LIMIT] || !tb[STOCKVZ_A_RES_FAILCNT])
		return;
	res = nla_get_u32(tb[STOCKVZ_A_RES_INDEX]);
	if (res >= UB_NR)
		return;
	row = &state->row[res];
	row->held = nla_get_u64(tb[STOCKVZ_A_RES_HELD]);
	row->maxheld = nla_get_u64(tb[STOCKVZ_A_RES_MAXHELD]);
	row->barrier = nla_get_u64(tb[STOCKVZ_A_RES_BARRIER]);
	row->limit = nla_get_u64(tb[STOCKVZ_A_RES_LIMIT]);
	row->failcnt = nla_get_u64(tb[STOCKVZ_A_RES_FAILCNT]);
	state->known |= 1U << res;
}

static void read_state(struct nlmsghdr *nlh, struct ub_state *state)
{
	struct genlmsghdr *g = nlmsg_data(nlh);
	struct nlattr *attr;
	int rest;

	memset(state, 0, sizeof(*state));
	nla_for_each_attr(attr, genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0),
			  rest) {
		switch (nla_type(attr)) {
		case STOCKVZ_A_UB_ID:
			state->id = nla_get_u32(attr);
			break;
		case STOCKVZ_A_UB_DYING:
			state->dying = true;
			break;
		case STOCKVZ_A_UB_CGROUP:
			if (!state->cgroups++)
				snprintf(state->cgroup, sizeof(state->cgroup),
					 "%s", nla_get_string(attr));
			break;
		case STOCKVZ_A_UB_RESOURCE:
			read_row(attr, state);
			break;
		}
	}
}

static void on_state(struct nlmsghdr *nlh, void *arg)
{
	read_state(nlh, arg);
}

int ub_get(unsigned int id, struct ub_state *state)
{
	struct nl_msg *msg = ub_msg(STOCKVZ_CMD_UB_GET, 0);

	if (!msg)
		return -ENOENT;
	nla_put_u32(msg, STOCKVZ_A_UB_ID, id);
	return ub_talk(msg, on_state, state);
}

struct collect {
	struct ub_state *states;
	int n;
	int max;
};

static void on_dumped(struct nlmsghdr *nlh, void *arg)
{
	struct collect *c = arg;

	if (c->n < c->max)
		read_state(nlh, &c->states[c->n]);
	c->n++;
}

/* How many there are, or a negative errno. */
int ub_dump(struct ub_state *states, int max)
{
	struct collect c = { .states = states, .max = max };
	int err = ub_talk(ub_msg(STOCKVZ_CMD_UB_GET, NLM_F_DUMP), on_dumped, &c);

	return err ?: c.n;
}

/* For use in the middle of an expression: a missing row is all ones. */
struct ub_row ub_row(unsigned int id, int res)
{
	struct ub_state state;

	memset(&state, 0, sizeof(state));
	if (ub_get(id, &state) || !(state.known & 1U << res))
		memset(&state.row[res], 0xff, sizeof(state.row[res]));
	return state.row[res];
}

static int join(const char *name)
{
	int group = genl_ctrl_resolve_grp(events, STOCKVZ_FAMILY_NAME, name);

	if (group < 0)
		return -ENOENT;
	return nl_socket_add_membership(events, group) ? -EPERM : 0;
}

/* One group alone, and room for so much. */
int ub_events_join(const char *group, int size)
{
	nl_socket_free(events);
	events = connect_genl();
	if (!events)
		return -ENOTCONN;
	nl_socket_set_buffer_size(events, size, 0);
	nl_socket_set_nonblocking(events);
	return join(group);
}

/* Refusals and ends of containers alike. */
int ub_events_open(void)
{
	return ub_events_join(STOCKVZ_MCGRP_EVENTS, 1 << 20) ?:
	       join(STOCKVZ_MCGRP_CONTAINERS);
}

static unsigned int u32_of(const struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static unsigned long u64_of(const struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

static void read_event(struct nlmsghdr *nlh, struct ub_event *e)
{
	struct genlmsghdr *g = nlmsg_data(nlh);
	struct nlattr *tb[STOCKVZ_A_EVENT_MAX + 1];
	int i;

	memset(e, 0, sizeof(*e));
	e->cmd = g->cmd;
	nla_parse(tb, STOCKVZ_A_EVENT_MAX, genlmsg_attrdata(g, 0),
		  genlmsg_attrlen(g, 0), NULL);
	for (i = 1; i <= STOCKVZ_A_EVENT_MAX; i++)
		if (tb[i])
			e->known |= 1U << i;
	e->id = u32_of(tb[STOCKVZ_A_EVENT_ID]);
	e->resource = u32_of(tb[STOCKVZ_A_EVENT_RESOURCE]);
	e->bound = u32_of(tb[STOCKVZ_A_EVENT_BOUND]);
	e->pid = u32_of(tb[STOCKVZ_A_EVENT_PID]);
	e->ct_event = u32_of(tb[STOCKVZ_A_EVENT_CT_EVENT]);
	e->syscall = u32_of(tb[STOCKVZ_A_EVENT_SYSCALL]);
	e->amount = u64_of(tb[STOCKVZ_A_EVENT_AMOUNT]);
	e->held = u64_of(tb[STOCKVZ_A_EVENT_HELD]);
	e->barrier = u64_of(tb[STOCKVZ_A_EVENT_BARRIER]);
	e->limit = u64_of(tb[STOCKVZ_A_EVENT_LIMIT]);
	e->time = u64_of(tb[STOCKVZ_A_EVENT_TIME]);
	e->dropped = u64_of(tb[STOCKVZ_A_EVENT_DROPPED]);
	e->arch = u32_of(tb[STOCKVZ_A_EVENT_ARCH]);
	e->count = u64_of(tb[STOCKVZ_A_EVENT_COUNT]);
	e->first = u64_of(tb[STOCKVZ_A_EVENT_FIRST_TIME]);
	if (tb[STOCKVZ_A_EVENT_COMM])
		snprintf(e->comm, sizeof(e->comm), "%s",
			 nla_get_string(tb[STOCKVZ_A_EVENT_COMM]));
}

/* 0, or -ETIME when nothing came. */
int ub_event_next(struct ub_event *event, int timeout_ms)
{
	struct pollfd p = { .fd = nl_socket_get_fd(events), .events = POLLIN };
	struct sockaddr_nl from;
	unsigned char *buf;
	int len;

	if (poll(&p, 1, timeout_ms) <= 0)
		return -ETIME;
	len = nl_recv(events, &from, &buf, NULL);
	if (len <= 0)
		return len == -NLE_NOMEM ? -ENOBUFS : -EIO;
	read_event((struct nlmsghdr *)buf, event);
	free(buf);
	return 0;
}

void ub_events_drain(void)
{
	struct ub_event e;

	while (ub_event_next(&e, 0) != -ETIME)
		;
}

struct remembered {
	struct ub_event *events;
	int n;
	int max;
};

static void on_remembered(struct nlmsghdr *nlh, void *arg)
{
	struct remembered *r = arg;

	if (r->n < r->max)
		read_event(nlh, &r->events[r->n]);
	r->n++;
}

int ub_refusals(long id, struct ub_event *list, int max)
{
	struct remembered r = { .events = list, .max = max };
	struct nl_msg *msg = ub_msg(STOCKVZ_CMD_REFUSALS_GET, NLM_F_DUMP);
	int err;

	if (!msg)
		return -ENOENT;
	if (id >= 0)
		nla_put_u32(msg, STOCKVZ_A_EVENT_ID, id);
	err = ub_talk(msg, on_remembered, &r);
	return err ?: r.n;
}

long ub_status(const char *name)
{
	size_t len = strlen(name);
	char line[256];
	long n = -1;
	FILE *f;

	f = fopen("/proc/stockvz", "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ' ')
			n = strtol(line + len, NULL, 10);
	if (f)
		fclose(f);
	return n;
}

static const char *const names[UB_NR] = {
	"kmemsize", "lockedpages", "privvmpages", "shmpages", "dummy",
	"numproc", "physpages", "vmguarpages", "oomguarpages", "numtcpsock",
	"numflock", "numpty", "numsiginfo", "tcpsndbuf", "tcprcvbuf",
	"othersockbuf", "dgramrcvbuf", "numothersock", "dcachesize", "numfile",
	"dummy", "dummy", "dummy", "numiptent", "swappages",
};

bool ub_counts(int res)
{
	char line[256], on[64];
	bool found = false;
	FILE *f;

	snprintf(on, sizeof(on), "%-14s on\n", names[res]);
	f = fopen("/proc/stockvz", "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = !strcmp(line, on);
	if (f)
		fclose(f);
	return found;
}
