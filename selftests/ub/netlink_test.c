// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink family: what each command does, whom it refuses, and that a
 * refused request says why and changes nothing.
 */
#include <linux/capability.h>
#include <linux/reboot.h>
#include <sched.h>
#include <signal.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
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

static bool exists(unsigned int id)
{
	struct ub_state state;

	return !ub_get(id, &state);
}

/*
 * Requests that are put together by hand.
 */

static struct nl_msg *request(int cmd, unsigned int id)
{
	struct nl_msg *msg = ub_msg(cmd, 0);

	nla_put_u32(msg, STOCKVZ_A_UB_ID, id);
	return msg;
}

/* A barrier or limit of -1 is left out. */
static void add(struct nl_msg *msg, int res, unsigned long barrier,
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

static int talk(struct nl_msg *msg)
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

static void on_feature(struct nlattr *nest, struct info *info)
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

static void on_info(struct nlmsghdr *nlh, void *arg)
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

static int get_info(struct info *info)
{
	memset(info, 0, sizeof(*info));
	return ub_talk(ub_msg(STOCKVZ_CMD_INFO_GET, 0), on_info, info);
}

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
	EXPECT_EQ(2, info.abi);
	EXPECT_EQ(2, STOCKVZ_ABI);
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

TEST_F(nl, fresh_beancounter)
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
TEST_F(nl, set_that_is_refused)
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

static long fork_true(long a, long b)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (pid < 0)
		return -errno;
	return waitpid(pid, NULL, 0) == pid ? 0 : -ECHILD;
}

TEST_F(ub, set_touches_no_count)
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

/*
 * Privilege
 */

static void keep_caps(unsigned long mask)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = mask, .permitted = mask },
		{ .effective = mask >> 32, .permitted = mask >> 32 },
	};

	syscall(SYS_capset, &head, data);
}

/* What a child exits with. */
static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		ub_forget_socket();
		_exit(fn());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* 0 if everything is refused with EPERM, or which was not. */
static int all_refused(void)
{
	static struct ub_state state;
	struct nl_msg *msg;
	struct info info;

	if (ub_new(ID + 1, NULL) != -EPERM)
		return 1;
	if (ub_del(ID) != -EPERM)
		return 2;
	if (ub_set(ID, numproc, 1, 1) != -EPERM)
		return 3;
	if (ub_attach(ID, CG) != -EPERM)
		return 4;
	if (ub_get(ID, &state) != -EPERM)
		return 5;
	if (ub_dump(&state, 1) != -EPERM)
		return 6;
	if (ub_events_open() != -EPERM)
		return 7;
	/* That is asked before all else. */
	if (ub_set(ID + 7, numproc, 1, 1) != -EPERM)
		return 8;
	msg = ub_msg(STOCKVZ_CMD_UB_DEL, 0);
	if (talk(msg) != -EPERM)
		return 9;
	/* To know what works needs no privilege. */
	if (get_info(&info) || info.abi != STOCKVZ_ABI)
		return 10;
	return 0;
}

static int as_nobody(void)
{
	if (setgid(65534) || setuid(65534))
		return 99;
	return all_refused();
}

static int without_sys_admin(void)
{
	keep_caps(~(1UL << CAP_SYS_ADMIN) & ((1UL << 40) - 1));
	return all_refused();
}

static int with_sys_admin_only(void)
{
	keep_caps(1UL << CAP_SYS_ADMIN);
	return ub_set(ID, numproc, 33, 44) ? 1 : 0;
}

/* A socket opened with privilege, and used without. */
static int socket_of_root(void)
{
	struct ub_state state;

	if (ub_get(ID, &state))
		return 99;
	keep_caps(0);
	return all_refused();
}

static int in_userns(void)
{
	if (unshare(CLONE_NEWUSER))
		return 99;
	return all_refused();
}

static int in_netns(void)
{
	struct ub_state state;
	struct info info;

	if (unshare(CLONE_NEWNET))
		return 99;
	if (ub_get(ID, &state) != -ENOENT)
		return 1;
	if (get_info(&info) != -ENOENT)
		return 2;
	return ub_events_open() == -ENOENT ? 0 : 3;
}

TEST_F(nl, privilege)
{
	struct ub_state state;

	ASSERT_EQ(0, ub_new(ID, NULL));
	EXPECT_EQ(0, in_child(as_nobody));
	EXPECT_EQ(0, in_child(without_sys_admin));
	EXPECT_EQ(0, in_child(socket_of_root));
	EXPECT_EQ(0, in_child(in_userns));
	EXPECT_EQ(0, in_child(in_netns));
	EXPECT_FALSE(exists(ID + 1));
	ASSERT_EQ(0, ub_get(ID, &state));
	EXPECT_EQ(0, state.cgroups);
	EXPECT_EQ(UB_MAX, state.row[numproc].barrier);
	EXPECT_EQ(0, in_child(with_sys_admin_only));
	EXPECT_EQ(33, ub_row(ID, numproc).barrier);
	EXPECT_EQ(44, ub_row(ID, numproc).limit);
}

/*
 * Nonsense
 */

TEST_F(nl, unknown_command)
{
	EXPECT_EQ(-EOPNOTSUPP, talk(ub_msg(0, 0)));
	EXPECT_EQ(-EOPNOTSUPP, talk(ub_msg(STOCKVZ_CMD_REFUSAL_NTF, 0)));
	EXPECT_EQ(-EOPNOTSUPP, talk(ub_msg(STOCKVZ_CMD_MAX + 1, 0)));
	EXPECT_EQ(-EOPNOTSUPP, talk(ub_msg(255, 0)));
	EXPECT_EQ(-EOPNOTSUPP, talk(ub_msg(STOCKVZ_CMD_UB_NEW, NLM_F_DUMP)));
}

TEST_F(nl, malformed)
{
	struct nl_msg *msg;
	struct nlattr *nest;
	int cmd, len;

	ASSERT_EQ(0, ub_new(ID, NULL));
	for (cmd = STOCKVZ_CMD_UB_DEL; cmd <= STOCKVZ_CMD_UB_ATTACH; cmd++) {
		/* No number, and numbers of other sizes. */
		EXPECT_ERROR(EINVAL, talk(ub_msg(cmd, 0)));
		for (len = 0; len < 12; len++) {
			if (len == 4)
				continue;
			msg = ub_msg(cmd, 0);
			nla_put(msg, STOCKVZ_A_UB_ID, len, "\1\2\3\4\5\6\7\0\1\2\3");
			EXPECT_GT(0, talk(msg));
		}
		/* What the command does not take, and what nobody knows. */
		msg = request(cmd, ID);
		nla_put_u32(msg, STOCKVZ_A_UB_DYING, 1);
		EXPECT_ERROR(EINVAL, talk(msg));
		msg = request(cmd, ID);
		nla_put_u32(msg, 200, 1);
		EXPECT_ERROR(EINVAL, talk(msg));
		/* An attribute that is longer than the message. */
		msg = request(cmd, ID);
		((struct nlattr *)nlmsg_attrdata(nlmsg_hdr(msg), GENL_HDRLEN))->nla_len = 400;
		EXPECT_GT(0, talk(msg));
		/* A rest that is no attribute. */
		msg = request(cmd, ID);
		nlmsg_append(msg, "\1\2", 2, 0);
		EXPECT_GT(0, talk(msg));
	}
	/* Resources that are none. */
	msg = request(STOCKVZ_CMD_UB_SET, ID);
	nla_put_u32(msg, STOCKVZ_A_UB_RESOURCE | NLA_F_NESTED, 1);
	EXPECT_GT(0, talk(msg));
	msg = request(STOCKVZ_CMD_UB_SET, ID);
	nest = nla_nest_start(msg, STOCKVZ_A_UB_RESOURCE | NLA_F_NESTED);
	nla_put_u32(msg, STOCKVZ_A_RES_INDEX, numproc);
	nla_put_u32(msg, STOCKVZ_A_RES_BARRIER, 5);
	nla_nest_end(msg, nest);
	EXPECT_GT(0, talk(msg));
	msg = request(STOCKVZ_CMD_UB_SET, ID);
	nest = nla_nest_start(msg, STOCKVZ_A_UB_RESOURCE | NLA_F_NESTED);
	nla_put_u16(msg, STOCKVZ_A_RES_INDEX, numproc);
	nla_put_u64(msg, STOCKVZ_A_RES_BARRIER, 5);
	nla_nest_end(msg, nest);
	EXPECT_GT(0, talk(msg));
	EXPECT_EQ(UB_MAX, ub_row(ID, numproc).barrier);
	EXPECT_TRUE(exists(ID));
}

static unsigned long rnd;

static unsigned int random_below(unsigned int n)
{
	rnd ^= rnd << 13;
	rnd ^= rnd >> 7;
	rnd ^= rnd << 17;
	return (rnd >> 20) % n;
}

static void put_random(struct nl_msg *msg, int depth)
{
	static const int sizes[] = { 0, 1, 2, 4, 4, 4, 8, 8, 8, 40 };
	unsigned int n = random_below(5);

	while (n--) {
		unsigned int size = sizes[random_below(ARRAY_SIZE(sizes))];
		int type = random_below(8);
		unsigned long value[8] = { random_below(4) ? random_below(40) : rnd };
		struct nlattr *nest;

		if (!depth || random_below(3)) {
			nla_put(msg, type, size, value);
			continue;
		}
		nest = nla_nest_start(msg, type | (random_below(4) ? NLA_F_NESTED : 0));
		put_random(msg, depth - 1);
		nla_nest_end(msg, nest);
	}
}

static struct nl_msg *random_message(void)
{
	struct nl_msg *msg = ub_msg(1 + random_below(STOCKVZ_CMD_UB_ATTACH), 0);
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	char *byte;

	if (random_below(4))
		nla_put_u32(msg, STOCKVZ_A_UB_ID, ID + random_below(3));
	if (!random_below(6))
		nla_put_string(msg, STOCKVZ_A_UB_CGROUP, CG);
	put_random(msg, 2);
	/* Bits that fall over, and an end that is missing. */
	if (!random_below(4) && nlmsg_attrlen(nlh, GENL_HDRLEN) > 0) {
		byte = (char *)nlmsg_attrdata(nlh, GENL_HDRLEN);
		byte[random_below(nlmsg_attrlen(nlh, GENL_HDRLEN))] ^=
			1 << random_below(8);
	}
	if (!random_below(8))
		nlh->nlmsg_len -= random_below(nlmsg_attrlen(nlh, 0) + 1);
	return msg;
}

TEST_F_TIMEOUT(nl, random_messages, 120)
{
	static struct ub_state states[64];
	unsigned int accepted = 0;
	int i, n;

	rnd = time(NULL) | 1;
	TH_LOG("seed %lu", rnd);
	for (i = 0; i < 20000; i++)
		accepted += !talk(random_message());
	EXPECT_LT(0, accepted);
	n = ub_dump(states, 64);
	ASSERT_LE(1, n);
	ASSERT_GE(64, n);
	for (i = 0; i < n - 1; i++)
		EXPECT_EQ(0, ub_del(states[i].id));
}

/*
 * Events
 */

#define BIT(n) (1U << (n))

TEST_F(ub, event_attributes)
{
	struct box *a = &self->a;
	struct ub_event e;

	LIMIT(a, NUMPROC, 1);
	ub_events_drain();
	EXPECT_EQ(-ENOMEM, IN(a, fork_true));
	ASSERT_EQ(0, ub_event_next(&e, PATIENCE_MS));
	EXPECT_EQ(BIT(STOCKVZ_A_EVENT_ID) | BIT(STOCKVZ_A_EVENT_RESOURCE) |
		  BIT(STOCKVZ_A_EVENT_BOUND) | BIT(STOCKVZ_A_EVENT_AMOUNT) |
		  BIT(STOCKVZ_A_EVENT_HELD) | BIT(STOCKVZ_A_EVENT_BARRIER) |
		  BIT(STOCKVZ_A_EVENT_LIMIT) | BIT(STOCKVZ_A_EVENT_PID) |
		  BIT(STOCKVZ_A_EVENT_COMM) | BIT(STOCKVZ_A_EVENT_SYSCALL) |
		  BIT(STOCKVZ_A_EVENT_ARCH) |
		  BIT(STOCKVZ_A_EVENT_TIME) | BIT(STOCKVZ_A_EVENT_DROPPED),
		  e.known & ~BIT(STOCKVZ_A_EVENT_PAD));
	/* One refusal, one event. */
	EXPECT_EQ(-ETIME, ub_event_next(&e, 200));
	/* A success is none. */
	LIMIT(a, NUMPROC, 2);
	EXPECT_EQ(0, IN(a, fork_true));
	EXPECT_EQ(-ETIME, ub_event_next(&e, 200));
}

/* As the host numbers them, whatever the task believes to be. */
static long fork_refused_in_pidns(long a, long b)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (unshare(CLONE_NEWPID))
			_exit(1);
		pid = fork();
		if (!pid) {
			/* Number 1 here. */
			pid = fork();
			_exit(pid < 0 && errno == ENOMEM ? 42 : 2);
		}
		waitpid(pid, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

TEST_F(ub, event_tells_the_pid_of_the_host)
{
	struct box *a = &self->a;
	struct ub_event e;

	LIMIT(a, NUMPROC, 3);
	ub_events_drain();
	EXPECT_EQ(42, IN(a, fork_refused_in_pidns));
	do {
		ASSERT_EQ(0, ub_event_next(&e, PATIENCE_MS));
	} while (e.cmd != STOCKVZ_CMD_REFUSAL_NTF);
	EXPECT_LT(1, e.pid);
	EXPECT_STREQ(WORKER_COMM, e.comm);
}

/* An init: ends in the way it is told, or asks for what a container may ask. */
static long run_init(long how, long b)
{
	pid_t pid = fork();

	if (!pid) {
		if (unshare(CLONE_NEWPID))
			_exit(1);
		pid = fork();
		if (!pid) {
			if (how)
				reboot(how);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		_exit(0);
	}
	return sys(waitpid(pid, NULL, 0)) == pid ? 0 : -ECHILD;
}

TEST_F(ub, end_of_an_init)
{
	static const struct {
		long how;
		unsigned int event;
	} ends[] = {
		{ 0, STOCKVZ_CT_EVENT_HALT },
		{ LINUX_REBOOT_CMD_HALT, STOCKVZ_CT_EVENT_HALT },
		{ LINUX_REBOOT_CMD_POWER_OFF, STOCKVZ_CT_EVENT_HALT },
		{ LINUX_REBOOT_CMD_RESTART, STOCKVZ_CT_EVENT_REBOOT },
	};
	struct box *a = &self->a;
	struct ub_event e;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		ub_events_drain();
		EXPECT_EQ(0, IN(a, run_init, ends[i].how));
		ASSERT_EQ(0, ub_event_next(&e, PATIENCE_MS));
		EXPECT_EQ(STOCKVZ_CMD_CT_NTF, e.cmd);
		EXPECT_EQ(a->id, e.id);
		EXPECT_EQ(ends[i].event, e.ct_event);
		EXPECT_EQ(BIT(STOCKVZ_A_EVENT_ID) | BIT(STOCKVZ_A_EVENT_TIME) |
			  BIT(STOCKVZ_A_EVENT_DROPPED) |
			  BIT(STOCKVZ_A_EVENT_CT_EVENT),
			  e.known & ~BIT(STOCKVZ_A_EVENT_PAD));
		EXPECT_EQ(-ETIME, ub_event_next(&e, 100));
	}
}

/* A listener that only wants these does not drown in refusals. */
TEST_F(ub, ends_have_a_group_of_their_own)
{
	struct box *a = &self->a;
	struct ub_event e;
	int i;

	ASSERT_EQ(0, ub_events_join(STOCKVZ_MCGRP_CONTAINERS, 1));
	LIMIT(a, NUMPROC, 1);
	for (i = 0; i < 1000; i++)
		EXPECT_EQ(-ENOMEM, IN(a, fork_true));
	LIMIT(a, NUMPROC, UB_MAX);
	EXPECT_EQ(-ETIME, ub_event_next(&e, 100));
	EXPECT_EQ(0, IN(a, run_init, 0));
	ASSERT_EQ(0, ub_event_next(&e, PATIENCE_MS));
	EXPECT_EQ(STOCKVZ_CMD_CT_NTF, e.cmd);

	ASSERT_EQ(0, ub_events_join(STOCKVZ_MCGRP_EVENTS, 1 << 20));
	EXPECT_EQ(0, IN(a, run_init, 0));
	EXPECT_EQ(-ETIME, ub_event_next(&e, 300));
}

/* One of the host's is nobody's container. */
TEST_F(ub, end_of_an_init_of_the_host)
{
	struct ub_event e;

	ub_events_drain();
	EXPECT_EQ(0, run_init(0, 0));
	EXPECT_EQ(-ETIME, ub_event_next(&e, 300));
}

/*
 * Life and death
 */

TEST_F(nl, module_stays_while_a_beancounter_lives)
{
	ASSERT_EQ(0, ub_new(ID, NULL));
	EXPECT_EQ(-1, syscall(SYS_delete_module, "stockvz", O_NONBLOCK));
	EXPECT_TRUE(errno == EBUSY || errno == EWOULDBLOCK);
	EXPECT_TRUE(exists(ID));
}

static int new_and_delete(void)
{
	int i;

	for (i = 0; i < 300; i++) {
		int err = ub_new(ID, i % 3 ? NULL : CG);

		if (err && err != -EEXIST && err != -EBUSY)
			return 1;
		err = ub_del(ID);
		if (err && err != -ENOENT)
			return 2;
	}
	return 0;
}

/* Two at once, while a third looks on. */
TEST_F_TIMEOUT(nl, race_for_one_number, 120)
{
	struct ub_state states[4];
	pid_t pid[2];
	int i, n, status;

	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			ub_forget_socket();
			_exit(new_and_delete());
		}
	}
	while (waitpid(pid[0], &status, WNOHANG) == 0) {
		n = ub_dump(states, 4);
		EXPECT_LE(1, n);
		EXPECT_GE(3, n);
		ub_get(ID, &states[0]);
	}
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(pid[1], waitpid(pid[1], &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_TRUE(EVENTUALLY(!exists(ID)));
	EXPECT_EQ(1, ub_dump(states, 1));
}

static long open_and_fork(long ms, long b)
{
	struct timespec now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000;
	do {
		pid_t pid = fork();

		if (!pid) {
			open("/dev/null", O_RDONLY);
			_exit(0);
		}
		if (pid < 0)
			return -errno;
		close(open("/dev/null", O_RDONLY));
		waitpid(pid, NULL, 0);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec);
	return 0;
}

/*
 * Named and unnamed while its tasks are busy. Two CPUs remember who pays; what
 * they remember must be right at every moment.
 */
TEST_F_TIMEOUT(ub, deleted_and_made_again_under_load, 120)
{
	struct box *a = &self->a;
	struct worker w[3];
	int i, n;

	/* These are the host's own, and only what they do is charged. */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, worker_start(&w[i], ""));
		ASSERT_EQ(0, cg_enter(a->cgroup, w[i].pid));
	}
	worker_stop(&a->worker);
	for (i = 0; i < 3; i++)
		worker_begin(&w[i], open_and_fork, 5000, 0);
	for (n = 0; n < 200; n++) {
		ASSERT_EQ(0, ub_del(a->id));
		usleep(n % 7 * 500);
		ASSERT_EQ(0, ub_new(a->id, a->cgroup));
		usleep(n % 5 * 1000);
	}
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, worker_end(&w[i]));
		worker_stop(&w[i]);
	}
	EXPECT_TRUE(EVENTUALLY(empty(a->id)));
}

/* The same with two cgroups that take turns. */
TEST_F_TIMEOUT(ub, moved_between_cgroups_under_load, 120)
{
	static const char *const turn[] = { BOX_A_CGROUP "/1", BOX_A_CGROUP "/2" };
	struct box *a = &self->a;
	struct worker w[4];
	int i, n;

	worker_stop(&a->worker);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, cg_make(turn[i]));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, worker_start(&w[i], ""));
		ASSERT_EQ(0, cg_enter(turn[i % 2], w[i].pid));
		worker_begin(&w[i], open_and_fork, 5000, 0);
	}
	for (n = 0; n < 200; n++) {
		EXPECT_EQ(0, ub_attach(a->id, turn[n % 2]));
		usleep(n % 7 * 1000);
	}
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, worker_end(&w[i]));
		worker_stop(&w[i]);
	}
	EXPECT_TRUE(EVENTUALLY(empty(a->id)));
	EXPECT_LT(0, ub_row(a->id, numproc).maxheld);
	EXPECT_GE(4, ub_row(a->id, numproc).maxheld);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, cg_remove(turn[i]));
}

TEST_HARNESS_MAIN
