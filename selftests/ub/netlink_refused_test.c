// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink family: whom it refuses, and what it makes of nonsense.
 */
#include <sched.h>
#include <sys/syscall.h>

#include "netlink.h"
#include "caps.h"

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
	keep_caps(CAP_ALL & ~CAP(SYS_ADMIN));
	return all_refused();
}

static int new_is_refused(void)
{
	return ub_new(ID + 1, NULL) == -EPERM ? 0 : 1;
}

static int new_without_caps(void)
{
	keep_caps(0);
	return new_is_refused();
}

static int new_in_userns(void)
{
	return unshare(CLONE_NEWUSER) ? 99 : new_is_refused();
}

/* What setluid() did is ub-new's: whom it refuses, and that it makes one. */
TEST_F(nl, oracle_11_setluid_is_ub_new)
{
	EXPECT_ERROR(ERANGE, ub_new(-1U, NULL));
	EXPECT_EQ(0, in_child(new_without_caps));
	EXPECT_EQ(0, in_child(new_in_userns));
	EXPECT_FALSE(exists(ID + 1));
	EXPECT_EQ(0, ub_new(ID + 1, NULL));
	EXPECT_TRUE(exists(ID + 1));
	EXPECT_EQ(0, ub_del(ID + 1));
}

static int with_sys_admin_only(void)
{
	keep_caps(CAP(SYS_ADMIN));
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

TEST_F(nl, random_messages)
{
	static struct ub_state states[64];
	unsigned int accepted = 0;
	int i, n;

	rnd = time(NULL) | 1;
	TH_LOG("seed %lu", rnd);
	for (i = 0; i < repeats(20000); i++)
		accepted += !talk(random_message());
	EXPECT_LT(0, accepted);
	n = ub_dump(states, 64);
	ASSERT_LE(1, n);
	ASSERT_GE(64, n);
	for (i = 0; i < n - 1; i++)
		EXPECT_EQ(0, ub_del(states[i].id));
}

TEST_HARNESS_MAIN
