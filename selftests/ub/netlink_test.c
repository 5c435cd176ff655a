// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink family: what each command does, and that a refused request says
 * why and changes nothing.
 */
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "netlink.h"

static int state_of(const struct info *info, const char *feature)
{
	unsigned int i;

	for (i = 0; i < info->features && i < FEATURES; i++)
		if (!strcmp(info->feature[i].name, feature))
			return info->feature[i].state;
	return -1;
}

TEST_F(nl, info)
{
	static const char *const on[] = {
		"numproc", "numfile", "numtcpsock", "numothersock", "ct-events",
	};
	char version[64] = "";
	struct utsname uts;
	struct info info;
	unsigned int i;
	FILE *f;

	ASSERT_EQ(0, get_info(&info));
	/* To raise it must be a decision: not one that is made here. */
	EXPECT_EQ(3, info.abi);
	EXPECT_EQ(3, STOCKVZ_ABI);
	uname(&uts);
	EXPECT_STREQ(uts.release, info.kernel);
	f = fopen("/sys/module/stockvz/version", "re");
	ASSERT_NE(NULL, f);
	EXPECT_EQ(1, fscanf(f, "%63s", version));
	fclose(f);
	EXPECT_STREQ(version, info.version);
	EXPECT_TRUE(info.dropped);
	for (i = 0; i < ARRAY_SIZE(on); i++)
		EXPECT_EQ(STOCKVZ_STATE_ON, state_of(&info, on[i]));
	/* What is on needs no excuse, what is not has one. */
	for (i = 0; i < info.features; i++) {
		EXPECT_EQ(info.feature[i].state == STOCKVZ_STATE_ON,
			  !info.feature[i].reason[0])
			TH_LOG("%s", info.feature[i].name);
	}
}

/*
 * ub-new, ub-del, ub-get
 */

TEST_F(nl, oracle_01_fresh_beancounter)
{
	unsigned long pages = sysconf(_SC_PHYS_PAGES), barrier;
	struct ub_state state;
	unsigned int res;

	EXPECT_EQ(0, ub_new(ID, NULL));
	ASSERT_EQ(0, ub_get(ID, &state));
	EXPECT_EQ((unsigned int)ID, state.id);
	EXPECT_FALSE(state.dying);
	EXPECT_EQ(0, state.cgroups);
	EXPECT_EQ((1U << UB_NR) - 1, state.known);
	for (res = 0; res < UB_NR; res++) {
		struct ub_row *row = &state.row[res];

		EXPECT_EQ(0, row->held);
		EXPECT_EQ(0, row->maxheld);
		EXPECT_EQ(0, row->failcnt);
		EXPECT_EQ(UB_MAX, row->limit);
		if (res != STOCKVZ_RES_VMGUARPAGES &&
		    res != STOCKVZ_RES_OOMGUARPAGES) {
			EXPECT_EQ(UB_MAX, row->barrier);
		}
	}
	EXPECT_EQ(0, state.row[STOCKVZ_RES_VMGUARPAGES].barrier);
	/* Three quarters of what there is. */
	barrier = state.row[STOCKVZ_RES_OOMGUARPAGES].barrier;
	EXPECT_LE(pages / 100 * 70, barrier);
	EXPECT_GE(pages / 100 * 80, barrier);
	EXPECT_EQ(0, ub_del(ID));
	EXPECT_FALSE(exists(ID));
}

static void on_new(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[STOCKVZ_A_UB_MAX + 1];
	struct genlmsghdr *g = nlmsg_data(nlh);

	nla_parse(tb, STOCKVZ_A_UB_MAX, genlmsg_attrdata(g, 0),
		  genlmsg_attrlen(g, 0), NULL);
	if (tb[STOCKVZ_A_UB_ID])
		*(unsigned int *)arg = nla_get_u32(tb[STOCKVZ_A_UB_ID]);
}

TEST_F(nl, new_with_limits_and_cgroup)
{
	struct nl_msg *msg = request(STOCKVZ_CMD_UB_NEW, ID);
	struct ub_state state;
	unsigned int id = 0;

	add(msg, numproc, 10, 20);
	add(msg, numfile, 30, -1UL);
	add(msg, STOCKVZ_RES_SWAPPAGES, -1UL, 40);
	nla_put_string(msg, STOCKVZ_A_UB_CGROUP, CG);
	EXPECT_EQ(0, ub_talk(msg, on_new, &id));
	EXPECT_EQ((unsigned int)ID, id);
	ASSERT_EQ(0, ub_get(ID, &state));
	EXPECT_EQ(1, state.cgroups);
	EXPECT_STREQ(CG, state.cgroup);
	EXPECT_EQ(10, state.row[numproc].barrier);
	EXPECT_EQ(20, state.row[numproc].limit);
	EXPECT_EQ(30, state.row[numfile].barrier);
	EXPECT_EQ(UB_MAX, state.row[numfile].limit);
	EXPECT_EQ(UB_MAX, state.row[STOCKVZ_RES_SWAPPAGES].barrier);
	EXPECT_EQ(40, state.row[STOCKVZ_RES_SWAPPAGES].limit);
}

TEST_F(nl, numbers_of_beancounters)
{
	box_sweep(LAST_ID, "/none");
	EXPECT_EQ(0, ub_new(LAST_ID, NULL));
	EXPECT_EQ(0, ub_del(LAST_ID));
	EXPECT_ERROR(ERANGE, ub_new(LAST_ID + 1, NULL));
	EXPECT_ERROR(ERANGE, ub_new(-1U, NULL));
	EXPECT_ERROR(EINVAL, ub_new(0, NULL));
	EXPECT_ERROR(ENOENT, ub_del(ID));
	EXPECT_EQ(0, ub_new(ID, NULL));
	EXPECT_ERROR(EEXIST, ub_new(ID, NULL));
	EXPECT_ERROR(EEXIST, ub_new(ID, CG));
	EXPECT_EQ(0, ub_del(ID));
	EXPECT_ERROR(ENOENT, ub_del(ID));
	/* Nothing was left behind: the cgroup is free. */
	EXPECT_EQ(0, ub_new(ID, CG));
}

/* Nobody deletes the host, limits it or gives it a cgroup. */
TEST_F(nl, host)
{
	struct ub_state state;
	unsigned int res;

	EXPECT_GT(0, ub_del(0));
	EXPECT_LT(3, strlen(ub_why()));
	EXPECT_GT(0, ub_set(0, numproc, 1, 1));
	EXPECT_LT(3, strlen(ub_why()));
	EXPECT_GT(0, ub_attach(0, CG));
	EXPECT_LT(3, strlen(ub_why()));
	ASSERT_EQ(0, ub_get(0, &state));
	EXPECT_EQ(0, state.id);
	EXPECT_FALSE(state.dying);
	EXPECT_EQ((1U << UB_NR) - 1, state.known);
	for (res = 0; res < UB_NR; res++) {
		EXPECT_EQ(UB_MAX, state.row[res].limit);
		EXPECT_EQ(0, state.row[res].failcnt);
	}
	EXPECT_LT(1, state.row[numproc].held);
	EXPECT_LT(1, state.row[numfile].held);
	EXPECT_LE(state.row[numproc].held, state.row[numproc].maxheld);
}

static long open_many(long n, long b)
{
	while (n--)
		if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
			return -errno;
	return 0;
}

/*
 * What a beancounter holds is not the host's. The kernel's own total is exact
 * to some dozens of files only.
 */
TEST_F(ub, host_without_the_others)
{
	struct box *a = &self->a;
	long before = ub_row(0, numfile).held, after;

	EXPECT_EQ(0, IN(a, open_many, 900));
	EXPECT_EQ(900, HELD(a, NUMFILE));
	after = ub_row(0, numfile).held;
	EXPECT_LE(before - 150, after);
	EXPECT_GE(before + 150, after);
	EXPECT_EQ(0, open_many(900, 0));
	after = ub_row(0, numfile).held;
	EXPECT_LE(before + 750, after);
	EXPECT_GE(before + 1050, after);
}

TEST_F(nl, cgroups_that_cannot_be_bound)
{
	char name[4200];

	EXPECT_ERROR(ENOENT, ub_new(ID, "/no/such/cgroup"));
	EXPECT_FALSE(exists(ID));
	EXPECT_ERROR(EINVAL, ub_new(ID, "/"));
	EXPECT_FALSE(exists(ID));
	EXPECT_GT(0, ub_new(ID, ""));
	EXPECT_FALSE(exists(ID));
	memset(name, 'x', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = 0;
	EXPECT_GT(0, ub_new(ID, name));
	EXPECT_LT(3, strlen(ub_why()));
	name[300] = 0;
	EXPECT_GT(0, ub_new(ID, name));
	EXPECT_FALSE(exists(ID));

	EXPECT_EQ(0, ub_new(ID, CG));
	EXPECT_ERROR(EBUSY, ub_new(ID + 1, CG));
	EXPECT_FALSE(exists(ID + 1));
	EXPECT_EQ(0, ub_new(ID + 1, NULL));
	EXPECT_ERROR(EBUSY, ub_attach(ID + 1, CG));
	EXPECT_ERROR(EBUSY, ub_attach(ID, CG));
	EXPECT_ERROR(ENOENT, ub_attach(ID + 1, "/no/such/cgroup"));
	EXPECT_ERROR(EINVAL, ub_attach(ID + 1, "/"));
	EXPECT_ERROR(ENOENT, ub_attach(ID + 2, CG));
	EXPECT_ERROR(EINVAL, talk(request(STOCKVZ_CMD_UB_ATTACH, ID + 1)));
	EXPECT_EQ(0, ub_del(ID));
	EXPECT_EQ(0, ub_attach(ID + 1, CG));
}

/* A name that does not end is not read on into whatever follows it. */
TEST_F(nl, cgroup_without_its_end)
{
	struct nl_msg *msg = ub_msg(STOCKVZ_CMD_UB_NEW, 0);
	char name[] = "/ubname";	/* 8 bytes with its end: no padding */
	int err;

	ASSERT_EQ(8, sizeof(name));
	cg_make(name);
	name[7] = '/';
	nla_put(msg, STOCKVZ_A_UB_CGROUP, 8, name);
	nla_put_u32(msg, STOCKVZ_A_UB_ID, ID);
	err = talk(msg);
	/* As the name that was meant, or not at all. */
	EXPECT_NE(-ENOENT, err);
	name[7] = 0;
	box_sweep(ID, name);
}

static int start_and_end_in(const char *cgroup)
{
	pid_t pid = fork_into(cgroup);

	if (!pid)
		_exit(0);
	return pid > 0 && waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

/* A cgroup that is gone frees its name, and nothing else. */
TEST_F(nl, cgroup_made_anew)
{
	struct ub_state state;

	EXPECT_EQ(0, ub_new(ID, CG));
	EXPECT_EQ(0, cg_remove(CG));
	EXPECT_EQ(0, cg_make(CG));
	EXPECT_EQ(0, start_and_end_in(CG));
	EXPECT_EQ(0, ub_row(ID, numproc).maxheld);
	EXPECT_EQ(0, ub_attach(ID, CG));
	EXPECT_EQ(0, start_and_end_in(CG));
	EXPECT_EQ(1, ub_row(ID, numproc).maxheld);
	EXPECT_EQ(0, ub_get(ID, &state));
}

/* There is one at a time: the next takes the place of the one before. */
TEST_F(nl, another_cgroup)
{
	struct ub_state state;
	char name[256] = CG;
	int i;

	EXPECT_EQ(0, ub_new(ID, CG));
	EXPECT_EQ(0, cg_make(CG "2"));
	EXPECT_EQ(0, ub_attach(ID, CG "2"));
	ASSERT_EQ(0, ub_get(ID, &state));
	EXPECT_EQ(1, state.cgroups);
	EXPECT_STREQ(CG "2", state.cgroup);
	EXPECT_EQ(0, start_and_end_in(CG));
	EXPECT_EQ(0, ub_row(ID, numproc).maxheld);
	EXPECT_EQ(0, start_and_end_in(CG "2"));
	EXPECT_EQ(1, ub_row(ID, numproc).maxheld);
	/* The first is free for others. */
	EXPECT_EQ(0, ub_new(ID + 1, CG));
	/* A refused one leaves what was. */
	EXPECT_ERROR(EBUSY, ub_attach(ID, CG));
	EXPECT_ERROR(ENOENT, ub_attach(ID, "/no/such/cgroup"));
	ASSERT_EQ(0, ub_get(ID, &state));
	EXPECT_STREQ(CG "2", state.cgroup);
	EXPECT_EQ(0, cg_remove(CG "2"));
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), CG "/%d", i);
		ASSERT_EQ(0, cg_make(name));
		EXPECT_EQ(0, ub_attach(ID, name));
	}
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), CG "/%d", i);
		EXPECT_EQ(0, start_and_end_in(name));
		EXPECT_EQ(0, cg_remove(name));
	}
	/* Those that were bound for a while are their parent's again. */
	EXPECT_EQ(1, ub_row(ID + 1, numproc).maxheld);
	EXPECT_EQ(1, ub_row(ID, numproc).maxheld);
}

TEST_F(nl, one_very_long_cgroup)
{
	char name[3000] = CG;
	struct ub_state state[3];
	int depth, end[12];

	for (depth = 0; depth < 12; depth++) {
		end[depth] = strlen(name);
		sprintf(name + end[depth], "/%0200d", depth);
		ASSERT_EQ(0, cg_make(name));
	}
	EXPECT_EQ(0, ub_new(ID, name));
	EXPECT_EQ(0, ub_get(ID, &state[0]));
	EXPECT_EQ(2, ub_dump(state, 3));
	EXPECT_EQ(ID, (int)state[0].id);
	while (depth--) {
		EXPECT_EQ(0, cg_remove(name));
		name[end[depth]] = 0;
	}
}

/*
 * ub-set
 */

TEST_F(nl, set)
{
	struct ub_row row;
	struct nl_msg *msg;

	ASSERT_EQ(0, ub_new(ID, NULL));
	/* Neither is compared with the other. */
	EXPECT_EQ(0, ub_set(ID, numproc, 10, 5));
	EXPECT_EQ(0, ub_set(ID, numproc, UB_MAX, 0));
	row = ub_row(ID, numproc);
	EXPECT_EQ(UB_MAX, row.barrier);
	EXPECT_EQ(0, row.limit);
	/* What is not named stays. */
	msg = request(STOCKVZ_CMD_UB_SET, ID);
	add(msg, numproc, 7, -1UL);
	EXPECT_EQ(0, talk(msg));
	msg = request(STOCKVZ_CMD_UB_SET, ID);
	add(msg, numfile, -1UL, 8);
	add(msg, STOCKVZ_RES_NUMTCPSOCK, 1, 2);
	add(msg, STOCKVZ_RES_SWAPPAGES, 3, 4);
	EXPECT_EQ(0, talk(msg));
	row = ub_row(ID, numproc);
	EXPECT_EQ(7, row.barrier);
	EXPECT_EQ(0, row.limit);
	row = ub_row(ID, numfile);
	EXPECT_EQ(UB_MAX, row.barrier);
	EXPECT_EQ(8, row.limit);
	row = ub_row(ID, STOCKVZ_RES_NUMTCPSOCK);
	EXPECT_EQ(1, row.barrier);
	EXPECT_EQ(2, row.limit);
	row = ub_row(ID, STOCKVZ_RES_SWAPPAGES);
	EXPECT_EQ(3, row.barrier);
	EXPECT_EQ(4, row.limit);
	/* Nothing at all is no mistake. */
	EXPECT_EQ(0, talk(request(STOCKVZ_CMD_UB_SET, ID)));
}

/* Errnos of setublimit; and the good part of a bad request is not done. */
TEST_F(nl, oracle_07_set_that_is_refused)
{
	struct ub_row row;
	struct nl_msg *msg;

	EXPECT_ERROR(ENOENT, ub_set(ID, numproc, 1, 1));
	EXPECT_FALSE(exists(ID));
	ASSERT_EQ(0, ub_new(ID, NULL));
	EXPECT_ERROR(EINVAL, ub_set(ID, UB_NR, 1, 1));
	EXPECT_ERROR(EINVAL, ub_set(ID, 31, 1, 1));
	EXPECT_ERROR(EINVAL, ub_set(ID, 32, 1, 1));
	EXPECT_ERROR(EINVAL, ub_set(ID, -1, 1, 1));
	EXPECT_ERROR(EINVAL, ub_set(ID, numproc, UB_MAX + 1, 1));
	EXPECT_ERROR(EINVAL, ub_set(ID, numproc, 1, UB_MAX + 1));
	EXPECT_ERROR(EINVAL, ub_set(ID, numproc, -2UL, -2UL));
	EXPECT_ERROR(EINVAL, talk(ub_msg(STOCKVZ_CMD_UB_SET, 0)));
	row = ub_row(ID, numproc);
	EXPECT_EQ(UB_MAX, row.barrier);
	EXPECT_EQ(UB_MAX, row.limit);

	msg = request(STOCKVZ_CMD_UB_SET, ID);
	add(msg, numproc, 1, 1);
	add(msg, numfile, 1, UB_MAX + 1);
	EXPECT_ERROR(EINVAL, talk(msg));
	msg = request(STOCKVZ_CMD_UB_SET, ID);
	add(msg, numproc, 1, 1);
	add(msg, -1, 1, 1);
	EXPECT_ERROR(EINVAL, talk(msg));
	row = ub_row(ID, numproc);
	EXPECT_EQ(UB_MAX, row.barrier);
	EXPECT_EQ(UB_MAX, row.limit);

	msg = request(STOCKVZ_CMD_UB_NEW, ID + 1);
	add(msg, numproc, 1, 1);
	add(msg, UB_NR, 1, 1);
	EXPECT_ERROR(EINVAL, talk(msg));
	EXPECT_FALSE(exists(ID + 1));
}

TEST_F(ub, oracle_08_set_touches_no_count)
{
	struct box *a = &self->a;
	struct ub_row row;

	EXPECT_EQ(0, IN(a, fork_true));
	LIMIT(a, NUMPROC, 1);
	EXPECT_EQ(-ENOMEM, IN(a, fork_true));
	LIMIT(a, NUMPROC, 77);
	LIMIT(a, NUMPROC, 0);
	row = ub_row(a->id, numproc);
	EXPECT_EQ(1, row.held);
	EXPECT_EQ(2, row.maxheld);
	EXPECT_EQ(1, row.failcnt);
}

/*
 * dump
 */

#define HERD 150

TEST_F(nl, dump_newest_first)
{
	static struct ub_state states[HERD + 1];
	int i;

	for (i = 0; i < HERD; i++) {
		/* Not in the order of their numbers. */
		ASSERT_EQ(0, ub_new(1000 + i * 7 % HERD, NULL));
	}
	EXPECT_EQ(HERD + 1, ub_dump(states, HERD + 1));
	for (i = 0; i < HERD; i++) {
		EXPECT_EQ(1000 + (HERD - 1 - i) * 7 % HERD, (int)states[i].id);
		EXPECT_EQ((1U << UB_NR) - 1, states[i].known);
	}
	EXPECT_EQ(0, states[HERD].id);
	for (i = 0; i < HERD; i++)
		EXPECT_EQ(0, ub_del(1000 + i));
	EXPECT_EQ(1, ub_dump(states, 1));
}

TEST_HARNESS_MAIN
