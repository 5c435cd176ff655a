// SPDX-License-Identifier: GPL-2.0
/*
 * A container at the end of its memory: it is killed in at once, or lives off what it can
 * drop, and its neighbour goes on meanwhile as beside one that only computes. Of the disk,
 * which belongs to another machine's time, is only reported.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"
#include "clock.h"

#define PAGE 4096L
#define LIMIT_PAGES 3000L
/* For how long a rate is taken */
#define WINDOW_MS 1000L
/* Nobody is out of memory for longer than that before it is over. */
#define AT_ONCE_MS 1000L
/* So much a neighbour has left, in percent. */
#define UNDISTURBED 90

#define BIG_FILE "/vz/fair_mem_big"
#define SMALL_FILE "/vz/fair_mem_small"

static long now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

/* What a CPU does: rounds in a window. */
static long compute(long a, long b)
{
	long end = now_ms() + WINDOW_MS, rounds = 0;
	volatile unsigned int x = 1;
	int i;

	for (; now_ms() < end; rounds++)
		for (i = 0; i < 10000; i++)
			x = x * 1664525 + 1013904223;
	return rounds;
}

/* What a disk does: 64 KiB written and safe, in a window. */
static long store(long a, long b)
{
	static char block[65536];
	long end = now_ms() + WINDOW_MS, blocks = 0;
	int fd = open(SMALL_FILE, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		return -errno;
	for (; now_ms() < end; blocks++)
		if (pwrite(fd, block, sizeof(block), blocks % 64 * sizeof(block)) < 0 ||
		    fdatasync(fd))
			break;
	close(fd);
	unlink(SMALL_FILE);
	return blocks;
}

static void take(long pages)
{
	char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(1);
	madvise(p, pages * PAGE, MADV_NOHUGEPAGE);
	memset(p, 1, pages * PAGE);
	_exit(0);
}

/* How long it takes until who wants twice the limit is killed; -1 if it is not. */
static long killed_after(long a, long b)
{
	long start = now_ms();
	int status;
	pid_t pid = fork();

	if (!pid)
		take(2 * LIMIT_PAGES);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? now_ms() - start : -1;
}

static pid_t hog;

/* What anybody may do. */
static long start_computing(long a, long b)
{
	hog = fork();
	if (!hog)
		for (;;)
			compute(0, 0);
	return hog < 0 ? -errno : 0;
}

/* Runs against the limit again and again. */
static long start_dying(long a, long b)
{
	hog = fork();
	if (!hog)
		for (;;)
			killed_after(0, 0);
	return hog < 0 ? -errno : 0;
}

static long make_file(long pages, long b)
{
	static char block[65536];
	int fd = open(BIG_FILE, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	long left = pages * PAGE;

	for (; left > 0; left -= sizeof(block))
		if (write(fd, block, sizeof(block)) != sizeof(block))
			break;
	fdatasync(fd);
	/* Who wants a page first has to pay for it. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	return left > 0 ? -ENOSPC : 0;
}

/* Wants a file in memory that is twice the limit: each page drops another one. */
static long start_thrashing(long pages, long b)
{
	volatile char *p;
	long i;
	int fd;

	hog = fork();
	if (hog)
		return hog < 0 ? -errno : 0;
	fd = open(BIG_FILE, O_RDONLY);
	p = mmap(NULL, pages * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		_exit(1);
	for (i = 0;; i = (i + 1) % pages)
		(void)p[i * PAGE];
}

static long stop_hog(long a, long b)
{
	kill(hog, SIGKILL);
	return waitpid(hog, NULL, 0) == hog ? 0 : -errno;
}

static bool needs_memory(struct box *box)
{
	return cg_read(box->cgroup, "memory.current", "") < 0;
}

static void limit(struct __test_metadata *_metadata, struct box *box)
{
	ASSERT_EQ(0, ub_set(box->id, STOCKVZ_RES_PHYSPAGES, 0, LIMIT_PAGES));
	ASSERT_EQ(0, ub_set(box->id, STOCKVZ_RES_SWAPPAGES, 0, 0));
}

struct rates {
	long computed;
	long stored;
};

/* What B gets done while A does something. */
static struct rates beside(struct __test_metadata *_metadata, struct box *a, struct box *b,
			   worker_fn start, long arg)
{
	struct rates r;

	EXPECT_EQ(0, IN(a, start, arg));
	r.computed = IN(b, compute);
	r.stored = IN(b, store);
	EXPECT_LT(0, r.computed);
	EXPECT_LT(0, r.stored);
	EXPECT_EQ(0, IN(a, stop_hog));
	return r;
}

static void expect_undisturbed(struct __test_metadata *_metadata, struct rates with,
			       struct rates without)
{
	long computed = with.computed * 100 / without.computed;

	TH_LOG("the neighbour computes %ld%% (%ld of %ld), writes %ld%% (%ld of %ld)",
	       computed, with.computed, without.computed,
	       with.stored * 100 / without.stored, with.stored, without.stored);
	EXPECT_LE(UNDISTURBED, computed);
}

TEST_F(ub, killed_at_once)
{
	struct box *a = &self->a;
	unsigned long failures;
	long ms;
	int i;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	limit(_metadata, a);
	for (i = 0; i < 3; i++) {
		failures = FAILCNT(a, PHYSPAGES);
		ms = IN(a, killed_after);
		TH_LOG("killed after %ld ms", ms);
		EXPECT_LE(0, ms);
		EXPECT_GE(AT_ONCE_MS, ms);
		EXPECT_LT(failures, FAILCNT(a, PHYSPAGES));
		EXPECT_GE(LIMIT_PAGES, (long)ub_row(a->id, STOCKVZ_RES_PHYSPAGES).maxheld);
	}
}

TEST_F(two, neighbour_of_who_dies)
{
	struct box *a = &self->a, *b = &self->b;
	struct rates without;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	limit(_metadata, a);
	without = beside(_metadata, a, b, start_computing, 0);
	expect_undisturbed(_metadata, beside(_metadata, a, b, start_dying, 0), without);
	EXPECT_LT(0, FAILCNT(a, PHYSPAGES));
}

TEST_F(two, neighbour_of_who_thrashes)
{
	struct box *a = &self->a, *b = &self->b;
	struct rates without;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	ASSERT_EQ(0, IN(b, make_file, 2 * LIMIT_PAGES));
	limit(_metadata, a);
	without = beside(_metadata, a, b, start_computing, 0);
	expect_undisturbed(_metadata, beside(_metadata, a, b, start_thrashing, 2 * LIMIT_PAGES),
			   without);
	/* Whom dropping is enough for is not killed. */
	EXPECT_EQ(0, FAILCNT(a, PHYSPAGES));
	unlink(BIG_FILE);
}

TEST_HARNESS_MAIN
