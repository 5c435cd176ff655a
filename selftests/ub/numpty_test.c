// SPDX-License-Identifier: GPL-2.0
/*
 * numpty counts pseudo-terminals: one for each open /dev/ptmx, whoever has the
 * other side. Over the barrier the open says ENOMEM.
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "child.h"
#include "crowd.h"
#include "fds.h"
#include "text.h"

static long open_master(long a, long b)
{
	return keep(open("/dev/ptmx", O_RDWR | O_NOCTTY));
}

static long open_slave(long at, long b)
{
	char name[32];
	unsigned int n;

	if (ioctl(fds[at], TIOCGPTN, &n))
		return -errno;
	snprintf(name, sizeof(name), "/dev/pts/%u", n);
	n = 0;
	if (ioctl(fds[at], TIOCSPTLCK, &n))
		return -errno;
	return keep(open(name, O_RDWR | O_NOCTTY));
}

static long open_many(long n, long b)
{
	long err = 0;

	while (n-- && !err)
		err = open_master(0, 0);
	return err;
}

/* What the kernel has of them. */
static long ptys(void)
{
	return number_in("/proc/sys/kernel/pty/nr");
}

/* The terminals need a file system of theirs, in a new world too. */
static void have_devpts(void)
{
	struct stat st;

	mkdir("/dev/pts", 0755);
	if (stat("/dev/pts/ptmx", &st))
		mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=666");
	if (stat("/dev/ptmx", &st) && symlink("pts/ptmx", "/dev/ptmx"))
		perror("/dev/ptmx");
}

FIXTURE(pty) {
	struct laws laws;
	struct box a;
	long ptys;
};

FIXTURE_SETUP(pty)
{
	laws_begin(_metadata, &self->laws);
	have_devpts();
	box_open(_metadata, &self->a, BOX_A);
	self->ptys = ptys();
}

FIXTURE_TEARDOWN(pty)
{
	box_close(_metadata, &self->a);
	EXPECT_TRUE(EVENTUALLY(ptys() == self->ptys));
	laws_end(_metadata, &self->laws);
}

TEST_F(pty, oracle_38_ptmx)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, open_master));
	EXPECT_EQ(1, HELD(a, NUMPTY));
	LIMIT(a, NUMPTY, 1);
	EXPECT_REFUSED(a, NUMPTY, ENOMEM, SYS_openat, IN(a, open_master));
	EXPECT_EQ(self->ptys + 1, ptys());
	EXPECT_EQ(0, IN(a, open_slave, 0));
	EXPECT_EQ(1, HELD(a, NUMPTY));
	/* The master goes, the other side is still open. */
	EXPECT_EQ(0, IN(a, drop_at, 0));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPTY) == 0));
	EXPECT_EQ(0, IN(a, open_master));
	EXPECT_EQ(1, HELD(a, NUMPTY));
	EXPECT_EQ(0, IN(a, drop_at, 1));
	EXPECT_EQ(1, HELD(a, NUMPTY));
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_EQ(0, HELD(a, NUMPTY));
}

TEST_F(pty, slave_opened_again_and_again)
{
	struct box *a = &self->a;
	int i;

	EXPECT_EQ(0, IN(a, open_master));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(0, IN(a, open_slave, 0));
	for (i = 1; i < 6; i++)
		EXPECT_EQ(0, IN(a, drop_at, i));
	EXPECT_EQ(1, HELD(a, NUMPTY));
	EXPECT_EQ(0, IN(a, open_slave, 0));
	EXPECT_EQ(1, HELD(a, NUMPTY));
	EXPECT_EQ(0, IN(a, drop_at, 0));
	EXPECT_EQ(0, HELD(a, NUMPTY));
}

TEST_F(pty, fork_shares)
{
	struct box *a = &self->a;
	long pid;

	EXPECT_EQ(0, IN(a, open_many, 3));
	pid = IN(a, fork_pausing);
	ASSERT_LT(0, pid);
	EXPECT_EQ(3, HELD(a, NUMPTY));
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_EQ(3, HELD(a, NUMPTY));
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPTY) == 0));
}

TEST_F(pty, passed_from_one_to_the_other)
{
	struct box *a = &self->a;
	struct box b;

	box_open(_metadata, &b, BOX_B);
	LIMIT(&b, NUMPTY, 0);
	EXPECT_EQ(0, IN(a, open_master));
	EXPECT_EQ(0, IN(a, give, 0));
	EXPECT_EQ(0, IN(a, drop_all));
	box_pass(_metadata, a, &b);
	EXPECT_EQ(0, IN(&b, take));
	EXPECT_EQ(1, HELD(a, NUMPTY));
	EXPECT_EQ(0, HELD(&b, NUMPTY));
	EXPECT_REFUSED(&b, NUMPTY, ENOMEM, SYS_openat, IN(&b, open_master));
	EXPECT_EQ(0, IN(&b, drop_all));
	EXPECT_EQ(0, HELD(a, NUMPTY));
	EXPECT_EQ(0, HELD(&b, NUMPTY));
	box_close(_metadata, &b);
}

TEST_F(pty, of_the_host)
{
	struct box *a = &self->a;
	struct worker w;

	ASSERT_EQ(0, worker_start(&w, "/"));
	EXPECT_EQ(0, worker_do(&w, open_master, 0, 0));
	EXPECT_EQ(0, worker_do(&w, open_master, 0, 0));
	EXPECT_EQ(0, HELD(a, NUMPTY));
	LIMIT(a, NUMPTY, 1);
	ASSERT_EQ(0, cg_enter(a->cgroup, w.pid));
	EXPECT_EQ(0, worker_do(&w, open_master, 0, 0));
	EXPECT_EQ(1, HELD(a, NUMPTY));
	EXPECT_EQ(0, worker_do(&w, drop_at, 0, 0));
	EXPECT_EQ(1, HELD(a, NUMPTY));
	EXPECT_EQ(-ENOMEM, worker_do(&w, open_master, 0, 0));
	worker_stop(&w);
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPTY) == 0));
	EXPECT_EQ(1, FAILCNT(a, NUMPTY));
}

static long fork_that_opens(long n, long b)
{
	pid_t pid = fork();

	if (!pid) {
		if (open_many(n, 0) || open_slave(0, 0))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	return sys(waitpid(pid, NULL, 0)) == pid ? 0 : -ECHILD;
}

TEST_F(pty, killed_with_many_open)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, fork_that_opens, 50));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPTY) == 0));
	EXPECT_EQ(50, ub_row(a->id, STOCKVZ_RES_NUMPTY).maxheld);
}

/* A session's terminal, hung up under it. */
static long hang_up(long a, long b)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		setsid();
		if (open_master(0, 0) || open_slave(0, 0) ||
		    ioctl(fds[1], TIOCSCTTY, 0))
			_exit(1);
		signal(SIGHUP, SIG_IGN);
		syscall(SYS_vhangup);
		close(fds[0]);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

TEST_F(pty, hung_up)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, hang_up));
	EXPECT_EQ(1, ub_row(a->id, STOCKVZ_RES_NUMPTY).maxheld);
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPTY) == 0));
}

/* A file system of the container's own: the same terminals to us. */
static long mount_devpts(long a, long b)
{
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=666,newinstance"))
		return -errno;
	return 0;
}

static long open_private(long a, long b)
{
	return keep(open("/dev/pts/ptmx", O_RDWR | O_NOCTTY));
}

TEST_F(pty, private_devpts)
{
	struct box *a = &self->a;

	ASSERT_EQ(0, IN(a, mount_devpts));
	EXPECT_EQ(0, IN(a, open_private));
	EXPECT_EQ(0, IN(a, open_slave, 0));
	EXPECT_EQ(1, HELD(a, NUMPTY));
	LIMIT(a, NUMPTY, 1);
	EXPECT_REFUSED(a, NUMPTY, ENOMEM, SYS_openat, IN(a, open_private));
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_EQ(0, HELD(a, NUMPTY));
}

static long churn(long n, long b)
{
	long refused = 0;

	while (n--) {
		long err = open_master(0, 0);

		if (err && err != -ENOMEM)
			return err;
		refused += !!err;
		drop_all(0, 0);
	}
	return refused;
}

TEST_F(pty, crowd_at_the_barrier)
{
	crowd_churns(_metadata, &self->a, STOCKVZ_RES_NUMPTY, 2, churn, repeats(1000), 0);
}

static long open_until_refused(long a, long b)
{
	long n;

	for (n = 0; n < 150 && !open_master(0, 0); n++)
		;
	return n;
}

TEST_F(pty, crowd_that_shares)
{
	struct box *a = &self->a;
	struct crowd crowd;

	crowd_open(_metadata, &crowd, a, CROWD);
	LIMIT(a, NUMPTY, 101);
	crowd_begin(&crowd, open_until_refused, 0, 0);
	EXPECT_EQ(101, crowd_end(_metadata, &crowd));
	EXPECT_EQ(101, HELD(a, NUMPTY));
	EXPECT_EQ(101, ub_row(a->id, STOCKVZ_RES_NUMPTY).maxheld);
	EXPECT_EQ(CROWD, FAILCNT(a, NUMPTY));
	crowd_close(&crowd);
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMPTY) == 0));
}

TEST_HARNESS_MAIN
