// SPDX-License-Identifier: GPL-2.0
/*
 * Beancounters come and go: while others do the same, while their tasks are
 * busy, and while somebody wants to unload the module.
 */
#include <sched.h>
#include <sys/syscall.h>

#include "netlink.h"

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

	for (i = 0; i < repeats(300); i++) {
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
TEST_F(nl, race_for_one_number)
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
TEST_F(ub, deleted_and_made_again_under_load)
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
		worker_begin(&w[i], open_and_fork, repeats(5000), 0);
	for (n = 0; n < repeats(200); n++) {
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
TEST_F(ub, moved_between_cgroups_under_load)
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
		worker_begin(&w[i], open_and_fork, repeats(5000), 0);
	}
	for (n = 0; n < repeats(200); n++) {
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
