/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Beancounters by number, requests to put together by hand, and what the module
 * says of itself.
 *
 * Include once, in the file that has the tests.
 */
#ifndef SELFTESTS_NETLINK_H
#define SELFTESTS_NETLINK_H

#include <sys/wait.h>
#include <unistd.h>

#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "fixture.h"

/* Beancounters with neither task nor cgroup to begin with. */
#define ID 501
#define CG "/ubnetlink"
#define LAST_ID 2147483644U

static const int numproc = STOCKVZ_RES_NUMPROC;
static const int numfile = STOCKVZ_RES_NUMFILE;

FIXTURE(nl) {
	struct laws laws;
};

FIXTURE_SETUP(nl)
{
	laws_begin(_metadata, &self->laws);
	box_sweep(ID, CG);
	box_sweep(ID + 1, CG "2");
	ASSERT_EQ(0, cg_make(CG));
}

FIXTURE_TEARDOWN(nl)
{
	ub_forget_socket();
	box_sweep(ID, CG);
	box_sweep(ID + 1, CG "2");
	laws_end(_metadata, &self->laws);
}

/* Each refusal has an errno and a reason that people can read. */
#define EXPECT_ERROR(err, call) do {					\
	EXPECT_EQ(-(err), (call));					\
	EXPECT_LT(3, strlen(ub_why()));					\
} while (0)

static inline bool exists(unsigned int id)
{
	struct ub_state state;

	return !ub_get(id, &state);
}

/*
 * Requests that are put together by hand.
 */

static inline struct nl_msg *request(int cmd, unsigned int id)
{
	struct nl_msg *msg = ub_msg(cmd, 0);

	nla_put_u32(msg, STOCKVZ_A_UB_ID, id);
	return msg;
}

/* A barrier or limit of -1 is left out. */
static inline void add(struct nl_msg *msg, int res, unsigned long barrier,
		       unsigned long limit)
{
	struct nlattr *nest;

	nest = nla_nest_start(msg, STOCKVZ_A_UB_RESOURCE | NLA_F_NESTED);
	if (res >= 0)
		nla_put_u32(msg, STOCKVZ_A_RES_INDEX, res);
	if (barrier != -1UL)
		nla_put_u64(msg, STOCKVZ_A_RES_BARRIER, barrier);
	if (limit != -1UL)
		nla_put_u64(msg, STOCKVZ_A_RES_LIMIT, limit);
	nla_nest_end(msg, nest);
}

static inline int talk(struct nl_msg *msg)
{
	return ub_talk(msg, NULL, NULL);
}

/*
 * info-get
 */

#define FEATURES 64

struct info {
	int abi;
	char version[64];
	char kernel[128];
	bool dropped;
	unsigned int features;
	struct {
		char name[32];
		int state;
		char reason[160];
	} feature[FEATURES];
};

static inline void on_feature(struct nlattr *nest, struct info *info)
{
	struct nlattr *tb[STOCKVZ_A_FEATURE_MAX + 1];
	unsigned int i = info->features++;

	nla_parse_nested(tb, STOCKVZ_A_FEATURE_MAX, nest, NULL);
	if (i >= FEATURES || !tb[STOCKVZ_A_FEATURE_NAME] ||
	    !tb[STOCKVZ_A_FEATURE_STATE])
		return;
	snprintf(info->feature[i].name, sizeof(info->feature[i].name), "%s",
		 nla_get_string(tb[STOCKVZ_A_FEATURE_NAME]));
	info->feature[i].state = nla_get_u32(tb[STOCKVZ_A_FEATURE_STATE]);
	if (tb[STOCKVZ_A_FEATURE_REASON])
		snprintf(info->feature[i].reason,
			 sizeof(info->feature[i].reason), "%s",
			 nla_get_string(tb[STOCKVZ_A_FEATURE_REASON]));
}

static inline void on_info(struct nlmsghdr *nlh, void *arg)
{
	struct genlmsghdr *g = nlmsg_data(nlh);
	struct info *info = arg;
	struct nlattr *attr;
	int rest;

	nla_for_each_attr(attr, genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0),
			  rest) {
		switch (nla_type(attr)) {
		case STOCKVZ_A_INFO_ABI:
			info->abi = nla_get_u32(attr);
			break;
		case STOCKVZ_A_INFO_VERSION:
			snprintf(info->version, sizeof(info->version), "%s",
				 nla_get_string(attr));
			break;
		case STOCKVZ_A_INFO_KERNEL:
			snprintf(info->kernel, sizeof(info->kernel), "%s",
				 nla_get_string(attr));
			break;
		case STOCKVZ_A_INFO_EVENTS_DROPPED:
			info->dropped = true;
			break;
		case STOCKVZ_A_INFO_FEATURE:
			on_feature(attr, info);
			break;
		}
	}
}

static inline int get_info(struct info *info)
{
	memset(info, 0, sizeof(*info));
	return ub_talk(ub_msg(STOCKVZ_CMD_INFO_GET, 0), on_info, info);
}

static inline long fork_true(long a, long b)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (pid < 0)
		return -errno;
	return waitpid(pid, NULL, 0) == pid ? 0 : -ECHILD;
}

#endif
