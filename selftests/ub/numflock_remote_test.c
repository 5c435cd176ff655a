// SPDX-License-Identifier: GPL-2.0
/*
 * numflock on a file whose locks a server keeps: what that has granted nobody can
 * take back, so it must not be asked for what does not fit. The server is a module,
 * which grants all that it is asked for, and counts.
 */
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "fixture.h"
#include "fds.h"
#include "locks.h"
#include "text.h"

#define SERVER "stockvz_server"

static long open_remote(long a, long b)
{
	return keep_at(open("/dev/" SERVER, O_RDWR));
}

/* How often it was asked; closing a file asks it as well. */
static long asked(void)
{
	return number_in("/sys/module/" SERVER "/parameters/asked");
}

#define EXPECT_NOT_ASKED(nr, call) do {					\
	long before_ = asked();						\
									\
	EXPECT_REFUSED(&self->a, NUMFLOCK, ENOLCK, nr, call);		\
	EXPECT_EQ(before_, asked());					\
} while (0)

FIXTURE(remote) {
	struct laws laws;
	struct box a;
};

FIXTURE_SETUP(remote)
{
	ASSERT_EQ(0, system("modprobe " SERVER));
	ASSERT_LE(0, asked());
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
	ASSERT_EQ(0, IN(&self->a, open_remote));
	ASSERT_EQ(1, IN(&self->a, open_remote));
}

FIXTURE_TEARDOWN(remote)
{
	EXPECT_EQ(0, IN(&self->a, drop_all));
	EXPECT_TRUE(EVENTUALLY(HELD(&self->a, NUMFLOCK) == 0));
	box_close(_metadata, &self->a);
	laws_end(_metadata, &self->laws);
	EXPECT_EQ(0, system("rmmod " SERVER));
}

/* What it has granted nobody could take back. */
TEST_F(remote, refused_before_the_server_is_asked)
{
	struct box *a = &self->a;
	long before;

	LIMIT(a, NUMFLOCK, 1);
	before = asked();
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_SH));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	EXPECT_EQ(before + 1, asked());
	EXPECT_NOT_ASKED(SYS_flock, IN(a, do_flock, 1, LOCK_SH));
	EXPECT_NOT_ASKED(SYS_fcntl, IN(a, posix, 1, WR(0, 10)));
	EXPECT_NOT_ASKED(SYS_fcntl, IN(a, posix_wait, 1, WR(0, 10)));
	EXPECT_NOT_ASKED(SYS_fcntl, IN(a, ofd, 1, RD(ALL)));
	EXPECT_EQ(0, IN(a, do_flock, 0, LOCK_UN));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, IN(a, posix, 1, WR(0, 10)));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
	/* Even what would only merge. */
	EXPECT_NOT_ASKED(SYS_fcntl, IN(a, posix, 1, WR(5, 10)));
	EXPECT_NOT_ASKED(SYS_flock, IN(a, do_flock, 0, LOCK_EX));
	LIMIT(a, NUMFLOCK, 2);
	EXPECT_EQ(0, IN(a, posix, 1, WR(5, 10)));
	EXPECT_EQ(1, HELD(a, NUMFLOCK));
}

TEST_F(remote, what_splits_is_not_refused)
{
	struct box *a = &self->a;

	LIMIT(a, NUMFLOCK, 1);
	EXPECT_EQ(0, IN(a, posix, 0, WR(0, 100)));
	EXPECT_EQ(0, IN(a, posix, 0, UN(40, 20)));
	EXPECT_EQ(2, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, FAILCNT(a, NUMFLOCK));
	LIMIT(a, NUMFLOCK, 3);
	EXPECT_EQ(0, IN(a, posix, 0, RD(10, 10)));
	EXPECT_EQ(4, HELD(a, NUMFLOCK));
	EXPECT_EQ(0, FAILCNT(a, NUMFLOCK));
	EXPECT_EQ(0, IN(a, posix, 0, UN(ALL)));
	EXPECT_EQ(0, HELD(a, NUMFLOCK));
}

TEST_F(remote, host_pays_nothing)
{
	long at = open_remote(0, 0);

	LIMIT(&self->a, NUMFLOCK, 0);
	ASSERT_LE(0, at);
	EXPECT_EQ(0, do_flock(at, LOCK_EX));
	EXPECT_EQ(0, posix(at, WR(ALL)));
	EXPECT_EQ(0, HELD(&self->a, NUMFLOCK));
	EXPECT_EQ(0, drop_all(0, 0));
}

TEST_HARNESS_MAIN
