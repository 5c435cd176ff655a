// SPDX-License-Identifier: GPL-2.0
/*
 * Out of memory: the beancounter that exceeds its guarantee most pays. The whole
 * machine's is asked for by sysrq, which takes the kernel the same way; once it is
 * brought about in earnest.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define PAGE 4096L
#define MIB (256L)	/* in pages */

/* A child of the worker that holds so many pages until it is killed. */
static pid_t hog;

static long grow(long pages)
{
	char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	memset(p, 1, pages * PAGE);
	return 0;
}

static long start_hog(long pages, long adj)
{
	char byte, text[16];
	int ready[2], fd;

	if (pipe(ready))
		return -errno;
	hog = fork();
	if (!hog) {
		/* Given back one by one: huge pages are on their way to the very last. */
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
		fd = open("/proc/self/oom_score_adj", O_WRONLY);
		snprintf(text, sizeof(text), "%ld", adj);
		if (write(fd, text, strlen(text)) < 0)
			_exit(1);
		if (grow(pages))
			_exit(1);
		if (write(ready[1], "", 1) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	byte = read(ready[0], &byte, 1) == 1;
	close(ready[0]);
	return byte && hog > 0 ? 0 : -ENOMEM;
}

/* 1: it was killed; 0: it lives. */
static long hog_died(long a, long b)
{
	return waitpid(hog, NULL, WNOHANG) == hog;
}

static long stop_hog(long a, long b)
{
	kill(hog, SIGKILL);
	waitpid(hog, NULL, 0);
	return 0;
}

static int sysrq(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY);
	int err = write(fd, "f", 1) == 1 ? 0 : -errno;

	close(fd);
	return err;
}

/* Not every kernel that is built for tests has one. */
static bool needs_sysrq(void)
{
	return access("/proc/sysrq-trigger", W_OK);
}

#define GUARANTEE(box, pages)						\
	ASSERT_EQ(0, ub_set((box)->id, STOCKVZ_RES_OOMGUARPAGES, pages, UB_MAX))

static bool needs_memory(struct box *box)
{
	return cg_read(box->cgroup, "memory.current", "") < 0;
}

/* H before, F + 1, H not more than before. */
TEST_F(ub, oracle_31_oomguarpages)
{
	struct box *a = &self->a;
	unsigned long before;
	struct ub_event e;

	if (needs_memory(a) || needs_sysrq())
		SKIP(return, "no memory controller, or no sysrq");
	ASSERT_EQ(0, start_hog(100 * MIB, 0));
	ASSERT_EQ(0, IN(a, start_hog, 20 * MIB, 0));
	GUARANTEE(a, 5 * MIB);
	before = HELD(a, OOMGUARPAGES);
	EXPECT_LE(19 * MIB, (long)before);
	ub_events_drain();
	ASSERT_EQ(0, sysrq());
	/* The larger one is the host's. */
	EXPECT_TRUE(EVENTUALLY(IN(a, hog_died) == 1));
	EXPECT_EQ(0, hog_died(0, 0));
	EXPECT_EQ(1, FAILCNT(a, OOMGUARPAGES));
	EXPECT_GE(before, HELD(a, OOMGUARPAGES));
	EXPECT_EQ(0, FAILCNT(a, PHYSPAGES));
	ASSERT_EQ(0, ub_event_next(&e, PATIENCE_MS));
	EXPECT_EQ(a->id, e.id);
	EXPECT_EQ(STOCKVZ_RES_OOMGUARPAGES, (int)e.resource);
	EXPECT_LE(14 * MIB, (long)e.amount);
	EXPECT_EQ(5 * MIB, (long)e.barrier);
	stop_hog(0, 0);
}

TEST_F(two, who_exceeds_most_pays)
{
	struct box *a = &self->a, *b = &self->b;

	if (needs_memory(a) || needs_sysrq())
		SKIP(return, "no memory controller, or no sysrq");
	ASSERT_EQ(0, IN(a, start_hog, 30 * MIB, 0));
	ASSERT_EQ(0, IN(b, start_hog, 60 * MIB, 0));
	/* The larger one exceeds by less. */
	GUARANTEE(a, 5 * MIB);
	GUARANTEE(b, 50 * MIB);
	ASSERT_EQ(0, sysrq());
	EXPECT_TRUE(EVENTUALLY(IN(a, hog_died) == 1));
	EXPECT_EQ(0, IN(b, hog_died));
	EXPECT_EQ(1, FAILCNT(a, OOMGUARPAGES));
	EXPECT_EQ(0, FAILCNT(b, OOMGUARPAGES));
	/* The other way round. */
	ASSERT_EQ(0, IN(a, start_hog, 30 * MIB, 0));
	GUARANTEE(a, 25 * MIB);
	GUARANTEE(b, 10 * MIB);
	ASSERT_EQ(0, sysrq());
	EXPECT_TRUE(EVENTUALLY(IN(b, hog_died) == 1));
	EXPECT_EQ(0, IN(a, hog_died));
	EXPECT_EQ(1, FAILCNT(a, OOMGUARPAGES));
	EXPECT_EQ(1, FAILCNT(b, OOMGUARPAGES));
	EXPECT_EQ(0, IN(a, stop_hog));
}

/* Below their guarantees both: the largest task goes, whose it may be. */
TEST_F(two, nobody_exceeds)
{
	struct box *a = &self->a, *b = &self->b;

	if (needs_memory(a) || needs_sysrq())
		SKIP(return, "no memory controller, or no sysrq");
	ASSERT_EQ(0, IN(a, start_hog, 10 * MIB, 0));
	ASSERT_EQ(0, IN(b, start_hog, 20 * MIB, 0));
	GUARANTEE(a, 50 * MIB);
	GUARANTEE(b, 50 * MIB);
	ASSERT_EQ(0, start_hog(100 * MIB, 0));
	ASSERT_EQ(0, sysrq());
	EXPECT_TRUE(EVENTUALLY(hog_died(0, 0) == 1));
	EXPECT_EQ(0, IN(a, hog_died));
	EXPECT_EQ(0, IN(b, hog_died));
	EXPECT_EQ(0, FAILCNT(a, OOMGUARPAGES));
	EXPECT_EQ(0, FAILCNT(b, OOMGUARPAGES));
	ASSERT_EQ(0, sysrq());
	EXPECT_TRUE(EVENTUALLY(IN(b, hog_died) == 1));
	EXPECT_EQ(1, FAILCNT(b, OOMGUARPAGES));
	EXPECT_EQ(0, IN(a, stop_hog));
}

static long never_me(long a, long b)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);
	int err = write(fd, "-1000", 5) == 5 ? 0 : -errno;

	close(fd);
	return err;
}

/* Whom nothing can be taken from cannot pay: the machine goes on. */
TEST_F(two, payer_cannot_pay)
{
	struct box *a = &self->a, *b = &self->b;

	if (needs_memory(a) || needs_sysrq())
		SKIP(return, "no memory controller, or no sysrq");
	ASSERT_EQ(0, IN(a, never_me));
	ASSERT_EQ(0, IN(a, start_hog, 60 * MIB, -1000));
	GUARANTEE(a, 0);
	GUARANTEE(b, 50 * MIB);
	ASSERT_EQ(0, IN(b, start_hog, 40 * MIB, 0));
	ASSERT_EQ(0, start_hog(20 * MIB, 0));
	ASSERT_EQ(0, sysrq());
	EXPECT_TRUE(EVENTUALLY(IN(b, hog_died) == 1));
	EXPECT_EQ(0, IN(a, hog_died));
	EXPECT_EQ(0, hog_died(0, 0));
	EXPECT_EQ(0, FAILCNT(a, OOMGUARPAGES));
	EXPECT_EQ(1, FAILCNT(b, OOMGUARPAGES));
	stop_hog(0, 0);
	EXPECT_EQ(0, IN(a, stop_hog));
}

/* A container at its own limit kills in itself, whoever exceeds what. */
TEST_F(two, own_limit)
{
	struct box *a = &self->a, *b = &self->b;
	unsigned long failures;
	struct ub_event e;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	ASSERT_EQ(0, IN(a, start_hog, 20 * MIB, 0));
	GUARANTEE(a, 0);
	ASSERT_EQ(0, ub_set(b->id, STOCKVZ_RES_PHYSPAGES, 0, 10 * MIB));
	ASSERT_EQ(0, ub_set(b->id, STOCKVZ_RES_SWAPPAGES, 0, 0));
	ub_events_drain();
	EXPECT_EQ(-ENOMEM, IN(b, start_hog, 20 * MIB, 0));
	EXPECT_EQ(0, IN(a, hog_died));
	failures = FAILCNT(b, PHYSPAGES);
	EXPECT_LT(0, failures);
	EXPECT_EQ(0, FAILCNT(a, OOMGUARPAGES));
	EXPECT_EQ(0, FAILCNT(b, OOMGUARPAGES));
	ASSERT_EQ(0, ub_event_next(&e, PATIENCE_MS));
	EXPECT_EQ(b->id, e.id);
	EXPECT_EQ(STOCKVZ_RES_PHYSPAGES, (int)e.resource);
	EXPECT_EQ(STOCKVZ_BOUND_LIMIT, (int)e.bound);
	EXPECT_EQ(10 * MIB, (long)e.limit);
	EXPECT_EQ(0, IN(b, stop_hog));
	EXPECT_EQ(0, IN(a, stop_hog));
}

#define PARENT "/ubtest"

/*
 * Both in a cgroup that is too small for them, as an admin limits all containers
 * together: the one that exceeds dies, also if the other is larger and it was that
 * one's page that was one too many. A third elsewhere has nothing to do with it. The
 * kernel may take a victim for gone while as many as 10000 of its pages are on their way:
 * so it has more, and nobody needs these.
 */
TEST_F(two, too_small_for_both)
{
	struct box *a = &self->a, *b = &self->b;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	ASSERT_EQ(0, cg_make(PARENT));
	ASSERT_EQ(0, cg_write(PARENT, "cgroup.subtree_control", "+memory"));
	box_move(_metadata, a, PARENT "/a");
	box_move(_metadata, b, PARENT "/b");
	/* See in_earnest. */
	ASSERT_EQ(0, IN(a, never_me));
	ASSERT_EQ(0, IN(b, never_me));
	ASSERT_EQ(0, IN(a, start_hog, 60 * MIB, 0));
	GUARANTEE(a, 5 * MIB);
	GUARANTEE(b, 200 * MIB);
	ASSERT_EQ(0, cg_write(PARENT, "memory.max", "165M"));
	ASSERT_EQ(0, start_hog(150 * MIB, 0));
	EXPECT_EQ(0, IN(b, start_hog, 130 * MIB, 0));
	EXPECT_TRUE(EVENTUALLY(IN(a, hog_died) == 1));
	EXPECT_EQ(0, IN(b, hog_died));
	EXPECT_EQ(0, hog_died(0, 0));
	EXPECT_EQ(1, FAILCNT(a, OOMGUARPAGES));
	EXPECT_EQ(0, FAILCNT(b, OOMGUARPAGES));
	/* And once more, with nobody who exceeds: the larger one. */
	GUARANTEE(a, 100 * MIB);
	EXPECT_EQ(0, IN(b, stop_hog));
	ASSERT_EQ(0, IN(a, start_hog, 10 * MIB, 0));
	EXPECT_EQ(-ENOMEM, IN(b, start_hog, 170 * MIB, 0));
	EXPECT_EQ(0, IN(a, hog_died));
	EXPECT_EQ(1, FAILCNT(b, OOMGUARPAGES));
	stop_hog(0, 0);
	EXPECT_EQ(0, IN(a, stop_hog));
	EXPECT_EQ(0, IN(b, stop_hog));
	box_return(_metadata, a, PARENT "/a");
	box_return(_metadata, b, PARENT "/b");
	EXPECT_EQ(0, cg_remove(PARENT));
}

/* The test itself takes all there is, as the host. */
TEST_F(two, in_earnest)
{
	struct box *a = &self->a, *b = &self->b;
	bool died = false;
	pid_t eater;
	int i;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	/*
	 * A victim's last pages are still on their way when the kernel may look for
	 * the next one: that shall not be the worker.
	 */
	ASSERT_EQ(0, IN(a, never_me));
	ASSERT_EQ(0, IN(a, start_hog, 60 * MIB, 0));
	ASSERT_EQ(0, IN(b, start_hog, 90 * MIB, 0));
	GUARANTEE(a, 10 * MIB);
	GUARANTEE(b, 200 * MIB);
	eater = fork();
	if (!eater)
		for (;;)
			if (grow(MIB) || FAILCNT(a, OOMGUARPAGES))
				_exit(0);
	/* Where memory is filled slowly it takes its time. */
	for (i = 0; i < 8000 && !died; i++) {
		died = IN(a, hog_died) == 1;
		usleep(100000);
	}
	EXPECT_TRUE(died);
	waitpid(eater, NULL, 0);
	EXPECT_EQ(0, IN(b, hog_died));
	EXPECT_EQ(1, FAILCNT(a, OOMGUARPAGES));
	EXPECT_EQ(0, FAILCNT(b, OOMGUARPAGES));
	EXPECT_EQ(0, IN(b, stop_hog));
}

TEST_HARNESS_MAIN
