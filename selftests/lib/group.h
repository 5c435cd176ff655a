/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Groups beside each other: a cgroup and a beancounter each, their shares, and who is busy
 * in them. Include once, in the file that has the tests.
 */
#ifndef SELFTESTS_GROUP_H
#define SELFTESTS_GROUP_H

#include <sys/prctl.h>
#include <sys/wait.h>

#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "clock.h"
#include "fixture.h"

#define PARENT "/fairtest"
#define FIRST_ID 201
#define MAX_TASKS 16

struct group {
	unsigned int id;
	char cgroup[32];
	pid_t task[MAX_TASKS];
	int tasks;
	long usage;	/* in microseconds, when it was last looked at */
};

static inline double now(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1e9;
}

/*
 * What is wanted, over netlink
 */

static inline struct nl_msg *set_msg(unsigned int id)
{
	struct nl_msg *msg = ub_msg(STOCKVZ_CMD_UB_SET, 0);

	nla_put_u32(msg, STOCKVZ_A_UB_ID, id);
	return msg;
}

static inline int set(unsigned int id, int attr, unsigned int value)
{
	struct nl_msg *msg = set_msg(id);

	nla_put_u32(msg, attr, value);
	return ub_talk(msg, NULL, NULL);
}

static inline int set_text(unsigned int id, int attr, const char *text)
{
	struct nl_msg *msg = set_msg(id);

	nla_put_string(msg, attr, text);
	return ub_talk(msg, NULL, NULL);
}

#define SET(group, ATTR, value) set((group)->id, STOCKVZ_A_UB_##ATTR, value)
#define SET_TEXT(group, ATTR, text) set_text((group)->id, STOCKVZ_A_UB_##ATTR, text)

struct wanted {
	unsigned int units, limit, cpus;
	char cpumask[64], nodemask[64];
};

static inline void read_wanted(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[STOCKVZ_A_UB_MAX + 1];
	struct genlmsghdr *g = nlmsg_data(nlh);
	struct wanted *w = arg;

	nla_parse(tb, STOCKVZ_A_UB_MAX, genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0), NULL);
	if (tb[STOCKVZ_A_UB_CPUUNITS])
		w->units = nla_get_u32(tb[STOCKVZ_A_UB_CPUUNITS]);
	if (tb[STOCKVZ_A_UB_CPULIMIT])
		w->limit = nla_get_u32(tb[STOCKVZ_A_UB_CPULIMIT]);
	if (tb[STOCKVZ_A_UB_CPUS])
		w->cpus = nla_get_u32(tb[STOCKVZ_A_UB_CPUS]);
	if (tb[STOCKVZ_A_UB_CPUMASK])
		nla_strlcpy(w->cpumask, tb[STOCKVZ_A_UB_CPUMASK], sizeof(w->cpumask));
	if (tb[STOCKVZ_A_UB_NODEMASK])
		nla_strlcpy(w->nodemask, tb[STOCKVZ_A_UB_NODEMASK], sizeof(w->nodemask));
}

static inline struct wanted wanted(unsigned int id)
{
	struct nl_msg *msg = ub_msg(STOCKVZ_CMD_UB_GET, 0);
	struct wanted w = {};

	nla_put_u32(msg, STOCKVZ_A_UB_ID, id);
	ub_talk(msg, read_wanted, &w);
	return w;
}

/* One line of a file of a cgroup, without its end. */
static inline const char *line_of(const char *cgroup, const char *file)
{
	static char line[256];
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), CG_ROOT "%s/%s", cgroup, file);
	line[0] = 0;
	f = fopen(path, "re");
	if (!f)
		return "(no such file)";
	if (fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = 0;
	fclose(f);
	return line;
}

#define EXPECT_FILE(text, group, file) EXPECT_STREQ(text, line_of((group)->cgroup, file))

/*
 * Groups, and those who are busy in them
 */

static inline void begin_groups(struct __test_metadata *_metadata, struct group *g, int n)
{
	int i;

	cg_write("", "cgroup.subtree_control", "+cpu");
	cg_write("", "cgroup.subtree_control", "+cpuset");
	cg_make(PARENT);
	ASSERT_EQ(0, cg_write(PARENT, "cgroup.subtree_control", "+cpu +cpuset"));
	for (i = 0; i < n; i++) {
		memset(&g[i], 0, sizeof(g[i]));
		g[i].id = FIRST_ID + i;
		snprintf(g[i].cgroup, sizeof(g[i].cgroup), PARENT "/%u", g[i].id);
		box_sweep(g[i].id, g[i].cgroup);
		ASSERT_EQ(0, cg_make(g[i].cgroup));
		ASSERT_EQ(0, ub_new(g[i].id, g[i].cgroup)) TH_LOG("%s", ub_why());
	}
}

static inline void rest(struct group *g)
{
	while (g->tasks) {
		kill(g->task[--g->tasks], SIGKILL);
		waitpid(g->task[g->tasks], NULL, 0);
	}
}

static inline void end_groups(struct __test_metadata *_metadata, struct group *g, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		rest(&g[i]);
		EXPECT_TRUE(EVENTUALLY(empty(g[i].id)));
		EXPECT_EQ(0, ub_del(g[i].id));
		EXPECT_EQ(0, cg_remove(g[i].cgroup));
	}
	EXPECT_EQ(0, cg_remove(PARENT));
}

static inline void busy(struct __test_metadata *_metadata, struct group *g, int tasks)
{
	volatile unsigned long turns = 0;
	pid_t pid;

	while (tasks--) {
		pid = fork_into(g->cgroup);
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				turns++;
		}
		ASSERT_LT(0, pid);
		g->task[g->tasks++] = pid;
	}
}

#define GROUPS 4

FIXTURE(fair) {
	struct laws laws;
	struct group g[GROUPS];
};

FIXTURE_SETUP(fair)
{
	laws_begin(_metadata, &self->laws);
	begin_groups(_metadata, self->g, GROUPS);
}

FIXTURE_TEARDOWN(fair)
{
	end_groups(_metadata, self->g, GROUPS);
	laws_end(_metadata, &self->laws);
}

#endif
