// SPDX-License-Identifier: GPL-2.0
/*
 * Refusals remembered: which, in what order, for how long, and whom they are
 * told.
 */
#include <linux/audit.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "fixture.h"

/* As the module has them. */
#define RECORDS 32
#define DEAD 256

static struct ub_event list[RECORDS + 1];

static int remembered(unsigned int id)
{
	return ub_refusals(id, list, ARRAY_SIZE(list));
}

/* The numbers of other tests may be remembered from before: each takes its own. */
static unsigned int fresh_id(void)
{
	static unsigned int next = 70000;
	unsigned int id = getpid() * 100 % 1000000 * 100 + next++;

	while (remembered(id) > 0)
		id++;
	return id;
}

static long open_null(long n, long b)
{
	int fd = 0, i;

	for (i = 0; i < n; i++) {
		fd = open("/dev/null", O_RDONLY);
		if (fd >= 0)
			close(fd);
	}
	return n && fd < 0 ? -errno : 0;
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

FIXTURE(history) {
	struct laws laws;
	struct box a;
};

FIXTURE_SETUP(history)
{
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, fresh_id());
	ASSERT_EQ(0, remembered(self->a.id));
}

FIXTURE_TEARDOWN(history)
{
	box_close(_metadata, &self->a);
	laws_end(_metadata, &self->laws);
}

TEST_F(history, tells_what_the_event_told)
{
	struct box *a = &self->a;
	struct ub_event e;

	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_NUMPROC, 1, 7));
	ub_events_drain();
	EXPECT_EQ(-ENOMEM, IN(a, fork_true));
	ASSERT_EQ(0, ub_event_next(&e, PATIENCE_MS));
	ASSERT_EQ(1, remembered(a->id));
	EXPECT_EQ(a->id, list[0].id);
	EXPECT_EQ(STOCKVZ_RES_NUMPROC, list[0].resource);
	EXPECT_EQ(STOCKVZ_BOUND_BARRIER, list[0].bound);
	EXPECT_EQ(1, list[0].amount);
	EXPECT_EQ(1, list[0].held);
	EXPECT_EQ(1, list[0].barrier);
	EXPECT_EQ(7, list[0].limit);
	EXPECT_EQ((unsigned int)a->worker.pid, list[0].pid);
	EXPECT_STREQ(WORKER_COMM, list[0].comm);
	EXPECT_EQ(e.syscall, list[0].syscall);
	EXPECT_LE(0, list[0].syscall);
	EXPECT_EQ(AUDIT_ARCH_X86_64, list[0].arch);
	EXPECT_EQ(1, list[0].count);
	EXPECT_EQ(e.time, list[0].time);
	EXPECT_EQ(e.time, list[0].first);
}

/* Ten thousand of the same are one, and push out none. */
TEST_F(history, repeats_are_counted)
{
	struct box *a = &self->a;

	LIMIT(a, NUMPROC, 1);
	EXPECT_EQ(-ENOMEM, IN(a, fork_true));
	LIMIT(a, NUMFILE, 0);
	EXPECT_EQ(-ENFILE, IN(a, open_null, 10000));
	ASSERT_EQ(2, remembered(a->id));
	EXPECT_EQ(STOCKVZ_RES_NUMPROC, list[0].resource);
	EXPECT_EQ(1, list[0].count);
	EXPECT_EQ(STOCKVZ_RES_NUMFILE, list[1].resource);
	EXPECT_EQ(10000, list[1].count);
	EXPECT_EQ(10000, FAILCNT(a, NUMFILE));
	EXPECT_LT(list[1].first, list[1].time);
	/* The one that happened again is the youngest. */
	EXPECT_EQ(-ENOMEM, IN(a, fork_true));
	ASSERT_EQ(2, remembered(a->id));
	EXPECT_EQ(STOCKVZ_RES_NUMPROC, list[1].resource);
	EXPECT_EQ(2, list[1].count);
}

/* Only what differs in what was asked or where it ended is another refusal. */
TEST_F(history, the_last_different_ones)
{
	struct box *a = &self->a;
	int i;

	LIMIT(a, NUMPROC, 1);
	EXPECT_EQ(-ENOMEM, IN(a, fork_true));
	for (i = 0; i < RECORDS + 3; i++) {
		ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_NUMFILE, 0, 1000 + i));
		EXPECT_EQ(-ENFILE, IN(a, open_null, 1));
	}
	ASSERT_EQ(RECORDS, remembered(a->id));
	for (i = 0; i < RECORDS; i++) {
		EXPECT_EQ(STOCKVZ_RES_NUMFILE, list[i].resource);
		EXPECT_EQ(1000 + 3 + i, (int)list[i].limit);
		EXPECT_EQ(1, list[i].count);
	}
}

TEST_F(history, survives_its_beancounter)
{
	struct box *a = &self->a;
	unsigned int id = a->id;
	struct ub_state state;

	LIMIT(a, NUMFILE, 0);
	EXPECT_EQ(-ENFILE, IN(a, open_null, 3));
	LIMIT(a, NUMFILE, UB_MAX);
	worker_stop(&a->worker);
	ASSERT_EQ(0, ub_del(id));
	ASSERT_TRUE(EVENTUALLY(ub_get(id, &state) == -ENOENT));
	ASSERT_EQ(1, remembered(id));
	EXPECT_EQ(3, list[0].count);
	/* And when it comes back it has not forgotten. */
	ASSERT_EQ(0, ub_new(id, a->cgroup));
	EXPECT_EQ(1, remembered(id));
	ASSERT_EQ(0, worker_start(&a->worker, a->cgroup));
	LIMIT(a, NUMFILE, 0);
	EXPECT_EQ(-ENFILE, IN(a, open_null, 1));
	EXPECT_EQ(2, remembered(id));
}

/* The oldest of the dead go first, and the living never. */
TEST_F(history, so_many_of_the_dead)
{
	unsigned int base = fresh_id() + 1000000, i;
	struct box *a = &self->a;
	struct ub_state state;

	LIMIT(a, NUMFILE, 0);
	EXPECT_EQ(-ENFILE, IN(a, open_null, 1));
	ASSERT_EQ(0, cg_make("/ubdead"));
	for (i = 0; i <= DEAD; i++) {
		ASSERT_EQ(0, ub_new(base + i, "/ubdead"));
		ASSERT_EQ(0, ub_limit(base + i, STOCKVZ_RES_NUMPROC, 0));
		EXPECT_EQ(-ENOMEM, fork_into("/ubdead"));
		ASSERT_EQ(0, ub_del(base + i));
		ASSERT_TRUE(EVENTUALLY(ub_get(base + i, &state) == -ENOENT));
	}
	EXPECT_EQ(0, remembered(base));
	for (i = 1; i <= DEAD; i++)
		EXPECT_EQ(1, remembered(base + i));
	EXPECT_EQ(1, remembered(a->id));
	/* Who was refused nothing takes nobody's place. */
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, ub_new(base + 2000 + i, NULL));
		ASSERT_EQ(0, ub_del(base + 2000 + i));
	}
	EXPECT_EQ(1, remembered(base + 1));
	/* Nor does one that had a place already and dies once more. */
	ASSERT_EQ(0, ub_new(base + DEAD, NULL));
	ASSERT_EQ(0, ub_del(base + DEAD));
	EXPECT_EQ(1, remembered(base + 1));
	EXPECT_EQ(0, cg_remove("/ubdead"));
}

/* All of them, by number, each once. */
TEST_F(history, dump_of_all)
{
	static struct ub_event all[400 * RECORDS];
	unsigned int base = fresh_id() + 3000000, i;
	int n, found = 0;

	ASSERT_EQ(0, cg_make("/ubdump"));
	for (i = 0; i < 40; i++) {
		ASSERT_EQ(0, ub_new(base + i * 7 % 40, "/ubdump"));
		ASSERT_EQ(0, ub_limit(base + i * 7 % 40, STOCKVZ_RES_NUMPROC, 0));
		EXPECT_EQ(-ENOMEM, fork_into("/ubdump"));
		ASSERT_EQ(0, ub_del(base + i * 7 % 40));
	}
	n = ub_refusals(-1, all, ARRAY_SIZE(all));
	ASSERT_LE(40, n);
	ASSERT_GE((int)ARRAY_SIZE(all), n);
	for (i = 0; i < (unsigned int)n; i++) {
		if (i)
			EXPECT_LE(all[i - 1].id, all[i].id);
		found += all[i].id >= base && all[i].id < base + 40;
	}
	EXPECT_EQ(40, found);
	EXPECT_EQ(0, cg_remove("/ubdump"));
}

/* Refused on every CPU at once: none is lost and none counted twice. */
TEST_F(history, all_at_once)
{
	struct box *a = &self->a;
	unsigned long count = 0;
	struct worker w[3];
	int i, n;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, worker_start(&w[i], a->cgroup));
	LIMIT(a, NUMFILE, 0);
	for (i = 0; i < 3; i++)
		worker_begin(&w[i], open_null, 5000, 0);
	do {
		n = remembered(a->id);
		ASSERT_LE(0, n);
		ASSERT_GE(RECORDS, n);
		for (i = 0; i < n; i++)
			EXPECT_EQ(STOCKVZ_RES_NUMFILE, list[i].resource);
	} while (FAILCNT(a, NUMFILE) < 15000);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-ENFILE, worker_end(&w[i]));
		worker_stop(&w[i]);
	}
	n = remembered(a->id);
	EXPECT_EQ(3, n);
	for (i = 0; i < n; i++)
		count += list[i].count;
	EXPECT_EQ(15000, count);
	LIMIT(a, NUMFILE, UB_MAX);
}

static long as_nobody(long a, long b)
{
	if (setgid(65534) || setuid(65534))
		return -errno;
	ub_forget_socket();
	return ub_refusals(a, list, ARRAY_SIZE(list));
}

static long in_userns(long a, long b)
{
	if (unshare(CLONE_NEWUSER))
		return -errno;
	ub_forget_socket();
	return ub_refusals(a, list, ARRAY_SIZE(list));
}

static long in_netns(long a, long b)
{
	if (unshare(CLONE_NEWNET))
		return -errno;
	ub_forget_socket();
	return ub_refusals(a, list, ARRAY_SIZE(list));
}

static long asked_by(worker_fn fn, long id)
{
	struct worker w;
	long ret;

	if (worker_start(&w, ""))
		return -ESRCH;
	ret = worker_do(&w, fn, id, 0);
	worker_stop(&w);
	return ret;
}

TEST_F(history, privilege)
{
	struct box *a = &self->a;

	LIMIT(a, NUMPROC, 1);
	EXPECT_EQ(-ENOMEM, IN(a, fork_true));
	EXPECT_EQ(-EPERM, asked_by(as_nobody, a->id));
	EXPECT_EQ(-EPERM, asked_by(in_userns, a->id));
	EXPECT_EQ(-ENOENT, asked_by(in_netns, a->id));
	EXPECT_EQ(1, remembered(a->id));
}

TEST_F(history, malformed)
{
	struct nl_msg *msg = ub_msg(STOCKVZ_CMD_REFUSALS_GET, 0);

	EXPECT_GT(0, ub_talk(msg, NULL, NULL));
	EXPECT_GT(0, ub_refusals(4000000000L, list, 1));
	msg = ub_msg(STOCKVZ_CMD_REFUSALS_GET, NLM_F_DUMP);
	nla_put(msg, STOCKVZ_A_EVENT_ID, 2, "ab");
	EXPECT_GT(0, ub_talk(msg, NULL, NULL));
	msg = ub_msg(STOCKVZ_CMD_REFUSALS_GET, NLM_F_DUMP);
	nla_put_u32(msg, STOCKVZ_A_EVENT_PID, 2);
	EXPECT_GT(0, ub_talk(msg, NULL, NULL));
	EXPECT_EQ(0, ub_refusals(2147483644, list, 1));
}

TEST_HARNESS_MAIN
