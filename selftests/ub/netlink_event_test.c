// SPDX-License-Identifier: GPL-2.0
/*
 * Events: what is told of a refusal and of the end of a container, and to whom.
 */
#include <linux/reboot.h>
#include <sched.h>
#include <sys/reboot.h>

#include "netlink.h"

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

static long fork_in_vain(long n, long b)
{
	while (n--)
		if (fork_true(0, 0) != -ENOMEM)
			return -EEXIST;
	return 0;
}

/* A listener that only wants these does not drown in refusals. */
TEST_F(ub, ends_have_a_group_of_their_own)
{
	struct box *a = &self->a;
	struct ub_event e;

	ASSERT_EQ(0, ub_events_join(STOCKVZ_MCGRP_CONTAINERS, 1));
	LIMIT(a, NUMPROC, 1);
	EXPECT_EQ(0, IN(a, fork_in_vain, 200));
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

TEST_HARNESS_MAIN
