// SPDX-License-Identifier: GPL-2.0
/*
 * shmpages counts segments and shared anonymous mappings as a whole, from their
 * creation, and files on tmpfs and memfds page by page. Who created them pays,
 * until nothing has them any more. Each page counts in privvmpages as well.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "crowd.h"
#include "pages.h"
#include "tmpfs.h"

/* What a call adds, to both rows. */
#define EXPECT_ADDS(pages, box, call) do {				\
	long shm_ = HELD(box, SHMPAGES);				\
	long private_ = HELD(box, PRIVVMPAGES);				\
									\
	EXPECT_LE(0, (call));						\
	EXPECT_EQ((pages), (long)HELD(box, SHMPAGES) - shm_);		\
	EXPECT_EQ((pages), (long)HELD(box, PRIVVMPAGES) - private_);	\
} while (0)

/*
 * What reserves.
 */

TEST_F(ub, oracle_21_shared_anonymous)
{
	struct box *a = &self->a;
	long private = HELD(a, PRIVVMPAGES);

	EXPECT_ADDS(20, a, IN(a, map_shared, 0, 20));
	EXPECT_ADDS(0, a, IN(a, touch, 0, 20));
	/* As long as any of it is mapped, all of it is there. */
	EXPECT_ADDS(0, a, IN(a, unmap_part, 0, 10));
	EXPECT_ADDS(-20, a, IN(a, unmap, 0));
	LIMIT(a, SHMPAGES, 10);
	EXPECT_REFUSED_OF(11, a, SHMPAGES, ENOMEM, SYS_mmap,
			  IN(a, map_shared, 0, 11));
	EXPECT_EQ(private, (long)HELD(a, PRIVVMPAGES));
	EXPECT_ADDS(10, a, IN(a, map_shared, 0, 10));
	EXPECT_ADDS(-10, a, IN(a, unmap, 0));
	/* privvmpages is asked first. */
	LIMIT(a, PRIVVMPAGES, private + 5);
	EXPECT_REFUSED_OF(6, a, PRIVVMPAGES, ENOMEM, SYS_mmap,
			  IN(a, map_shared, 0, 6));
	EXPECT_EQ(0, HELD(a, SHMPAGES));
	EXPECT_ADDS(5, a, IN(a, map_shared, 0, 5));
}

static long fork_touching(long i, long pages)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(touch(i, pages));
	waitpid(pid, &status, 0);
	return status ? -ECHILD : 0;
}

TEST_F(ub, shared_by_a_child)
{
	struct box *a = &self->a;

	EXPECT_ADDS(20, a, IN(a, map_shared, 0, 20));
	EXPECT_ADDS(0, a, IN(a, fork_touching, 0, 20));
	EXPECT_ADDS(-20, a, IN(a, unmap, 0));
}

static long make_segment(long pages, long flags)
{
	return sys(shmget(IPC_PRIVATE, pages * PAGE - 1, 0666 | flags));
}

static long remove_segment(long id, long b)
{
	return sys(shmctl(id, IPC_RMID, NULL));
}

static long attach(long id, long pages)
{
	spot[0].at = shmat(id, place(0), 0);
	spot[0].pages = pages;
	return spot[0].at == (void *)-1 ? -errno : 0;
}

static long detach(long a, long b)
{
	return sys(shmdt(spot[0].at));
}

TEST_F(ub, oracle_27_segment)
{
	struct box *a = &self->a;
	long id = -1;

	EXPECT_ADDS(16, a, id = IN(a, make_segment, 16));
	EXPECT_ADDS(0, a, IN(a, attach, id, 16));
	EXPECT_ADDS(0, a, IN(a, touch, 0, 16));
	EXPECT_ADDS(0, a, IN(a, remove_segment, id));
	EXPECT_ADDS(-16, a, IN(a, detach));
}

TEST_F(ub, oracle_28_segment_over_the_barrier)
{
	struct box *a = &self->a;
	long id;

	LIMIT(a, SHMPAGES, 16);
	EXPECT_REFUSED_OF(17, a, SHMPAGES, ENOMEM, SYS_shmget,
			  IN(a, make_segment, 17));
	id = IN(a, make_segment, 16);
	ASSERT_LE(0, id);
	EXPECT_REFUSED(a, SHMPAGES, ENOMEM, SYS_shmget, IN(a, make_segment, 1));
	EXPECT_ADDS(-16, a, IN(a, remove_segment, id));
}

TEST_F(ub, segment_that_reserves_nothing)
{
	struct box *a = &self->a;
	long id = -1;

	EXPECT_ADDS(0, a, id = IN(a, make_segment, 16, SHM_NORESERVE));
	EXPECT_ADDS(0, a, IN(a, attach, id, 16));
	EXPECT_ADDS(5, a, IN(a, touch, 0, 5));
	EXPECT_ADDS(0, a, IN(a, touch, 0, 5));
	EXPECT_ADDS(0, a, IN(a, remove_segment, id));
	EXPECT_ADDS(-5, a, IN(a, detach));
}

/*
 * What does not.
 */

static int fd = -1;

static long create(long a, long b)
{
	fd = open(TMPFS "/file", O_RDWR | O_CREAT, 0666);
	return fd < 0 ? -errno : 0;
}

static long create_memfd(long a, long b)
{
	fd = syscall(SYS_memfd_create, "ub", 0);
	return fd < 0 ? -errno : 0;
}

static long close_it(long a, long b)
{
	return sys(close(fd));
}

static long remove_it(long a, long b)
{
	return sys(unlink(TMPFS "/file"));
}

/* What was written, or why nothing was. */
static long write_at(long page, long bytes)
{
	static char data[256 * 4096];

	memset(data, 1, sizeof(data));
	return sys(pwrite(fd, data, bytes, page * PAGE));
}

static long cut(long page, long b)
{
	return sys(ftruncate(fd, page * PAGE));
}

static long punch(long page, long pages)
{
	return sys(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			     page * PAGE, pages * PAGE));
}

static long allocate(long page, long pages)
{
	return sys(fallocate(fd, 0, page * PAGE, pages * PAGE));
}

static long map_it(long i, long pages)
{
	return map_spot(i, pages, RW, MAP_SHARED, fd);
}

/* The child dies of it, or not. */
static long fork_touch(long i, long page)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		*(volatile char *)(spot[i].at + page * PAGE) = 1;
		_exit(0);
	}
	if (pid < 0)
		return -errno;
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : 0;
}

TEST_F(ub, oracle_29_tmpfs)
{
	struct box *a = &self->a;

	tmpfs_make(_metadata);
	EXPECT_EQ(0, IN(a, create));
	EXPECT_ADDS(10, a, IN(a, write_at, 0, 9 * PAGE + 1));
	EXPECT_ADDS(0, a, IN(a, write_at, 0, 10 * PAGE));
	/* A hole is nothing. */
	EXPECT_ADDS(1, a, IN(a, write_at, 1000, 1));
	EXPECT_ADDS(-5, a, IN(a, punch, 0, 5));
	EXPECT_ADDS(-1, a, IN(a, cut, 1000));
	EXPECT_ADDS(-2, a, IN(a, cut, 8));
	EXPECT_EQ(11, ub_row(a->id, STOCKVZ_RES_SHMPAGES).maxheld);
	LIMIT(a, SHMPAGES, 4);
	EXPECT_ADDS(1, a, IN(a, write_at, 0, 1));
	EXPECT_REFUSED(a, SHMPAGES, ENOSPC, SYS_pwrite64,
		       IN(a, write_at, 1, 1));
	EXPECT_REFUSED(a, SHMPAGES, ENOSPC, SYS_pwrite64,
		       IN(a, write_at, 1, 1));
	EXPECT_REFUSED(a, SHMPAGES, ENOSPC, SYS_fallocate,
		       IN(a, allocate, 20, 1));
	EXPECT_ADDS(-1, a, IN(a, punch, 0, 1));
	EXPECT_ADDS(1, a, IN(a, write_at, 1, 1));
	/* What fits is written, and the rest is told by the next call. */
	LIMIT(a, SHMPAGES, 7);
	EXPECT_EQ(3 * PAGE, IN(a, write_at, 30, 10 * PAGE));
	EXPECT_EQ(7, HELD(a, SHMPAGES));
	/* Without a name, and open. */
	EXPECT_ADDS(0, a, IN(a, remove_it));
	EXPECT_ADDS(-7, a, IN(a, close_it));
	tmpfs_remove();
}

/* privvmpages can refuse a page, too, and once is once. */
TEST_F(ub, page_over_privvmpages)
{
	struct box *a = &self->a;

	tmpfs_make(_metadata);
	EXPECT_EQ(0, IN(a, create));
	EXPECT_ADDS(1, a, IN(a, write_at, 0, 1));
	LIMIT(a, PRIVVMPAGES, HELD(a, PRIVVMPAGES));
	EXPECT_REFUSED(a, PRIVVMPAGES, ENOSPC, SYS_pwrite64,
		       IN(a, write_at, 1, 1));
	EXPECT_EQ(1, HELD(a, SHMPAGES));
	EXPECT_EQ(0, FAILCNT(a, SHMPAGES));
	LIMIT(a, PRIVVMPAGES, UB_MAX);
	EXPECT_ADDS(1, a, IN(a, write_at, 1, 1));
	EXPECT_ADDS(0, a, IN(a, remove_it));
	EXPECT_ADDS(-2, a, IN(a, close_it));
	tmpfs_remove();
}

TEST_F(ub, fault_in_a_hole)
{
	struct box *a = &self->a;

	tmpfs_make(_metadata);
	EXPECT_EQ(0, IN(a, create));
	EXPECT_EQ(0, IN(a, cut, 100));
	EXPECT_ADDS(0, a, IN(a, map_it, 0, 100));
	EXPECT_ADDS(3, a, IN(a, touch, 0, 3));
	LIMIT(a, SHMPAGES, 4);
	EXPECT_EQ(0, IN(a, fork_touch, 0, 50));
	EXPECT_EQ(0, FAILCNT(a, SHMPAGES));
	EXPECT_EQ(-SIGBUS, IN(a, fork_touch, 0, 51));
	EXPECT_EQ(1, FAILCNT(a, SHMPAGES));
	EXPECT_EQ(4, HELD(a, SHMPAGES));
	/* The mapping keeps it. */
	EXPECT_ADDS(0, a, IN(a, remove_it));
	EXPECT_ADDS(0, a, IN(a, close_it));
	EXPECT_ADDS(-4, a, IN(a, unmap, 0));
	tmpfs_remove();
}

TEST_F(ub, memfd)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, create_memfd));
	EXPECT_EQ(0, IN(a, cut, 100));
	EXPECT_EQ(0, HELD(a, SHMPAGES));
	EXPECT_ADDS(7, a, IN(a, write_at, 50, 7 * PAGE));
	EXPECT_ADDS(-7, a, IN(a, close_it));
}

/*
 * Who pays.
 */

/* Created by one, filled by another. */
TEST_F(two, filled_by_another)
{
	struct box *a = &self->a, *b = &self->b;
	long of_b = HELD(b, PRIVVMPAGES);

	tmpfs_make(_metadata);
	LIMIT(b, SHMPAGES, 0);
	EXPECT_EQ(0, IN(a, create));
	EXPECT_EQ(0, IN(b, create));
	EXPECT_EQ(5 * PAGE, IN(b, write_at, 0, 5 * PAGE));
	EXPECT_EQ(5, HELD(a, SHMPAGES));
	EXPECT_EQ(0, HELD(b, SHMPAGES));
	EXPECT_EQ(of_b, (long)HELD(b, PRIVVMPAGES));
	EXPECT_EQ(0, FAILCNT(b, SHMPAGES));
	LIMIT(a, SHMPAGES, 5);
	EXPECT_EQ(-ENOSPC, IN(b, write_at, 5, 1));
	EXPECT_EQ(1, FAILCNT(a, SHMPAGES));
	EXPECT_EQ(0, FAILCNT(b, SHMPAGES));
	EXPECT_EQ(0, IN(a, close_it));
	EXPECT_EQ(0, IN(b, remove_it));
	EXPECT_EQ(5, HELD(a, SHMPAGES));
	EXPECT_EQ(0, IN(b, close_it));
	EXPECT_TRUE(EVENTUALLY(HELD(a, SHMPAGES) == 0));
	tmpfs_remove();
}

/* The row outlives the beancounter's name as long as the file does. */
TEST_F(ub, file_that_stays)
{
	struct box *a = &self->a;
	struct ub_state state;

	tmpfs_make(_metadata);
	EXPECT_EQ(0, IN(a, create));
	EXPECT_ADDS(5, a, IN(a, write_at, 0, 5 * PAGE));
	worker_stop(&a->worker);
	EXPECT_TRUE(EVENTUALLY(HELD(a, PRIVVMPAGES) == 5));
	EXPECT_EQ(5, HELD(a, SHMPAGES));
	ASSERT_EQ(0, ub_del(a->id));
	ASSERT_EQ(0, ub_get(a->id, &state));
	EXPECT_TRUE(state.dying);
	EXPECT_EQ(0, remove_it(0, 0));
	EXPECT_TRUE(EVENTUALLY(ub_get(a->id, &state) == -ENOENT));
	ASSERT_EQ(0, ub_new(a->id, NULL));
	tmpfs_remove();
}

/* Made by the host: it is the host's, whoever fills it. */
TEST_F(ub, file_of_the_host)
{
	struct box *a = &self->a;

	tmpfs_make(_metadata);
	ASSERT_EQ(0, create(0, 0));
	close_it(0, 0);
	EXPECT_EQ(0, IN(a, create));
	EXPECT_ADDS(0, a, IN(a, write_at, 0, 5 * PAGE));
	EXPECT_EQ(0, IN(a, close_it));
	EXPECT_EQ(0, remove_it(0, 0));
	tmpfs_remove();
}

/*
 * Swapped out it still counts, and when it is back no more than before.
 */

static long page_out(long i, long b)
{
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
	return sys(madvise(spot[i].at, spot[i].pages * PAGE, MADV_PAGEOUT));
}

#define SWAP "/vz/ub-swap"

/* As mkswap makes it: the smallest header that swapon takes. */
static bool swap_on(void)
{
	static char head[4096];
	unsigned int *info = (unsigned int *)(head + 1024);
	static char zero[4096];
	int i, f = open(SWAP, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (f < 0)
		return false;
	memset(head, 0, sizeof(head));
	info[0] = 1;
	info[1] = 1023;
	memcpy(head + 4086, "SWAPSPACE2", 10);
	if (write(f, head, sizeof(head)) != sizeof(head))
		return false;
	for (i = 1; i < 1024; i++)
		if (write(f, zero, sizeof(zero)) != sizeof(zero))
			return false;
	fsync(f);
	close(f);
	return !swapon(SWAP, 0);
}

static long swap_used(void)
{
	char line[256];
	long used = -1, n;
	FILE *f = fopen("/proc/swaps", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, SWAP " %*s %*d %ld", &n) == 1)
			used = n;
	if (f)
		fclose(f);
	return used;
}

TEST_F(ub, swapped_out)
{
	struct box *a = &self->a;

	tmpfs_make(_metadata);
	if (!swap_on()) {
		tmpfs_remove();
		SKIP(return, "no swap");
	}
	EXPECT_EQ(0, IN(a, create));
	EXPECT_EQ(0, IN(a, cut, 64));
	EXPECT_EQ(0, IN(a, map_it, 0, 64));
	EXPECT_ADDS(64, a, IN(a, touch, 0, 64));
	EXPECT_ADDS(0, a, IN(a, page_out, 0));
	EXPECT_TRUE(EVENTUALLY(swap_used() > 0));
	EXPECT_EQ(64, HELD(a, SHMPAGES));
	LIMIT(a, SHMPAGES, 64);
	EXPECT_ADDS(0, a, IN(a, touch, 0, 64));
	EXPECT_EQ(0, FAILCNT(a, SHMPAGES));
	EXPECT_ADDS(0, a, IN(a, page_out, 0));
	EXPECT_EQ(0, swapoff(SWAP));
	EXPECT_EQ(64, HELD(a, SHMPAGES));
	EXPECT_ADDS(-32, a, IN(a, cut, 32));
	EXPECT_EQ(0, IN(a, unmap, 0));
	EXPECT_EQ(0, IN(a, close_it));
	EXPECT_ADDS(-32, a, IN(a, remove_it));
	unlink(SWAP);
	tmpfs_remove();
}

/*
 * Files with nothing in them: nobody has to look at them again.
 */

#define EMPTY 20000

/* After a look at all of them. */
static long watched(const struct box *box)
{
	ub_row(box->id, STOCKVZ_RES_SHMPAGES);
	return ub_status("watched");
}

TEST_F(ub, many_empty_files)
{
	struct box *a = &self->a;
	long before = watched(a);

	tmpfs_make(_metadata);
	EXPECT_LT(0, before);
	EXPECT_EQ(0, IN(a, make_empty, 0, EMPTY));
	EXPECT_EQ(before, watched(a));
	EXPECT_EQ(0, IN(a, create));
	EXPECT_ADDS(1, a, IN(a, write_at, 0, 1));
	EXPECT_EQ(before + 1, watched(a));
	EXPECT_ADDS(-1, a, IN(a, cut, 0));
	EXPECT_EQ(before, watched(a));
	/* Refused, it is as empty as before. */
	LIMIT(a, SHMPAGES, 0);
	EXPECT_REFUSED(a, SHMPAGES, ENOSPC, SYS_pwrite64, IN(a, write_at, 0, 1));
	EXPECT_EQ(before, watched(a));
	LIMIT(a, SHMPAGES, UB_MAX);
	EXPECT_ADDS(1, a, IN(a, write_at, 0, 1));
	EXPECT_EQ(0, IN(a, close_it));
	EXPECT_ADDS(-1, a, IN(a, remove_it));
	EXPECT_EQ(0, IN(a, remove_files, 0, EMPTY));
	EXPECT_EQ(before, watched(a));
	tmpfs_remove();
}

/*
 * Files with a page each: who is refused looks at 4096 of them.
 */

#define AT_ONCE 4096

static long protect(long i, long prot)
{
	return sys(mprotect(spot[i].at, spot[i].pages * PAGE, prot));
}

/* Room that another process made unasked is found at once, whatever files there are. */
TEST_F(ub, address_spaces_before_files)
{
	struct box *a = &self->a;
	struct worker other;

	tmpfs_make(_metadata);
	ASSERT_EQ(0, worker_start(&other, a->cgroup));
	EXPECT_EQ(0, IN(a, make_full, 0, 3 * AT_ONCE / 2));
	worker_begin(&other, map_private, 0, 1000);
	EXPECT_EQ(0, worker_end(&other));
	LIMIT(a, PRIVVMPAGES, HELD(a, PRIVVMPAGES) + 100);
	worker_begin(&other, protect, 0, PROT_READ);
	EXPECT_EQ(0, worker_end(&other));
	EXPECT_EQ(0, IN(a, map_private, 0, 1000));
	EXPECT_EQ(0, FAILCNT(a, PRIVVMPAGES));
	EXPECT_EQ(0, IN(a, unmap, 0));
	EXPECT_EQ(0, IN(a, remove_files, 0, 3 * AT_ONCE / 2));
	worker_stop(&other);
	tmpfs_remove();
}

/* Pages that nobody has written to. */
static long read_holes(long pages, long b)
{
	volatile char c;
	long i, err = create(0, 0) ?: cut(pages, 0) ?: map_it(0, pages);

	for (i = 0; !err && i < pages; i++)
		c = spot[0].at[i * PAGE];
	(void)c;
	return err ?: unmap(0, 0) ?: close_it(0, 0);
}

#define HOLES 256L

static bool drop_caches(void)
{
	int f = open("/proc/sys/vm/drop_caches", O_WRONLY);
	bool done = f >= 0 && write(f, "1", 1) == 1;

	close(f);
	return done;
}

/* The kernel may drop them, and tells nobody. In which file it was is found in turn. */
TEST_F(ub, what_went_unseen_is_found_in_turn)
{
	struct box *a = &self->a;
	int tries = 0;
	long got;

	tmpfs_make(_metadata);
	EXPECT_EQ(0, IN(a, make_full, 0, AT_ONCE));
	EXPECT_EQ(0, IN(a, read_holes, HOLES));
	EXPECT_EQ(0, IN(a, make_full, AT_ONCE, AT_ONCE));
	LIMIT(a, SHMPAGES, 2 * AT_ONCE + HOLES);
	EXPECT_EQ(2 * AT_ONCE + HOLES, (long)HELD(a, SHMPAGES));
	EXPECT_TRUE(drop_caches());
	do
		got = IN(a, map_shared, 1, HOLES / 2);
	while (got == -ENOMEM && ++tries < 3);
	EXPECT_EQ(0, got) TH_LOG("after %d refusals", tries);
	EXPECT_EQ(0, IN(a, unmap, 1));
	EXPECT_EQ(0, IN(a, remove_it));
	EXPECT_EQ(0, IN(a, remove_files, 0, 2 * AT_ONCE));
	tmpfs_remove();
}

/*
 * Huge pages: the kernel splits and joins them with the file's own lock held.
 */

#define HUGE 512L

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static long collapse(long i, long pages)
{
	return sys(madvise(spot[i].at, pages * PAGE, MADV_COLLAPSE));
}

TEST_F(ub, huge_page_is_split)
{
	struct box *a = &self->a;
	long got;

	tmpfs_make(_metadata);
	ASSERT_EQ(0, mount("none", TMPFS, NULL, MS_REMOUNT, "huge=always"));
	EXPECT_EQ(0, IN(a, create));
	EXPECT_EQ(0, IN(a, cut, HUGE));
	EXPECT_EQ(1, IN(a, write_at, 0, 1));
	got = HELD(a, SHMPAGES);
	if (got == 1)
		TH_LOG("no huge page was to be had");
	/* What is left of it is small. */
	EXPECT_ADDS(got == 1 ? 0 : -HUGE / 2, a, IN(a, cut, HUGE / 2));
	EXPECT_EQ(0, IN(a, remove_it));
	EXPECT_EQ(0, IN(a, close_it));
	EXPECT_EQ(0, HELD(a, SHMPAGES));
	tmpfs_remove();
}

TEST_F(ub, pages_are_joined)
{
	struct box *a = &self->a;
	long got;

	EXPECT_ADDS(2 * HUGE, a, IN(a, map_shared, 0, 2 * HUGE));
	EXPECT_EQ(0, IN(a, touch, 0, 1));
	got = IN(a, collapse, 0, HUGE);
	if (got)
		TH_LOG("not joined: %ld", got);
	EXPECT_EQ(2 * HUGE, (long)HELD(a, SHMPAGES));
	EXPECT_ADDS(-2 * HUGE, a, IN(a, unmap, 0));
	/* One that reserves nothing. */
	EXPECT_EQ(0, IN(a, create_memfd));
	EXPECT_EQ(0, IN(a, cut, HUGE));
	EXPECT_EQ(0, IN(a, map_it, 0, HUGE));
	EXPECT_ADDS(3, a, IN(a, touch, 0, 3));
	got = IN(a, collapse, 0, HUGE);
	EXPECT_EQ(got ? 3 : HUGE, (long)HELD(a, SHMPAGES));
	EXPECT_EQ(0, IN(a, unmap, 0));
	EXPECT_EQ(0, IN(a, close_it));
	EXPECT_EQ(0, HELD(a, SHMPAGES));
}

/*
 * Crowds.
 */

#define SAME 200

/* All fault in the same pages of the same file, in the same order. */
static long touch_file(long pages, long b)
{
	if (create(0, 0) || map_it(0, pages))
		return -errno;
	touch(0, pages);
	unmap(0, 0);
	return close_it(0, 0);
}

TEST_F(ub, many_in_one_file)
{
	struct box *a = &self->a;
	struct crowd crowd;
	int round;

	tmpfs_make(_metadata);
	crowd_open(_metadata, &crowd, a, CROWD_MAX);
	EXPECT_EQ(0, IN(a, create));
	EXPECT_EQ(0, IN(a, cut, SAME));
	LIMIT(a, SHMPAGES, SAME);
	for (round = 0; round < 10; round++) {
		crowd_begin(&crowd, touch_file, SAME, 0);
		EXPECT_EQ(0, crowd_end(_metadata, &crowd));
		EXPECT_EQ(SAME, HELD(a, SHMPAGES));
		EXPECT_EQ(0, IN(a, punch, 0, SAME));
		EXPECT_EQ(0, HELD(a, SHMPAGES));
	}
	EXPECT_EQ(0, FAILCNT(a, SHMPAGES));
	EXPECT_EQ(SAME, ub_row(a->id, STOCKVZ_RES_SHMPAGES).maxheld);
	crowd_close(&crowd);
	EXPECT_EQ(0, IN(a, close_it));
	EXPECT_EQ(0, IN(a, remove_it));
	tmpfs_remove();
}

/* Each in a file of its own wants more than there is. */
static long write_own(long pages, long b)
{
	char path[64];
	long n, got = 0;

	snprintf(path, sizeof(path), TMPFS "/%d", getpid());
	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		return -errno;
	for (n = 0; n < pages; n++) {
		long done = write_at(n, 1);

		if (done != 1 && done != -ENOSPC)
			return done;
		got += done == 1;
	}
	close(fd);
	return got;
}

static long remove_own(long a, long b)
{
	char path[64];

	snprintf(path, sizeof(path), TMPFS "/%d", getpid());
	return sys(unlink(path));
}

TEST_F(ub, last_pages_go_to_somebody)
{
	struct box *a = &self->a;
	struct crowd crowd;
	struct ub_row row;

	tmpfs_make(_metadata);
	crowd_open(_metadata, &crowd, a, CROWD_MAX);
	LIMIT(a, SHMPAGES, 300);
	crowd_begin(&crowd, write_own, 60, 0);
	EXPECT_EQ(300, crowd_end(_metadata, &crowd));
	row = ub_row(a->id, STOCKVZ_RES_SHMPAGES);
	EXPECT_EQ(300, row.held);
	EXPECT_EQ(300, row.maxheld);
	EXPECT_EQ(CROWD_MAX * 60 - 300, (long)row.failcnt);
	crowd_begin(&crowd, remove_own, 0, 0);
	EXPECT_EQ(0, crowd_end(_metadata, &crowd));
	crowd_close(&crowd);
	EXPECT_EQ(0, HELD(a, SHMPAGES));
	tmpfs_remove();
}

/* Pages come and go in one file, by many hands. */
static long churn(long n, long seed)
{
	unsigned int r = seed;

	if (create(0, 0))
		return -errno;
	while (n--) {
		long page = rand_r(&r) % 50;

		if (rand_r(&r) % 3)
			write_at(page, 3 * PAGE);
		else
			punch(page, 5);
	}
	return close_it(0, 0);
}

static long blocks(long a, long b)
{
	struct stat st;

	return fstat(fd, &st) ? -errno : st.st_blocks * 512 / PAGE;
}

TEST_F(ub, many_hands)
{
	struct box *a = &self->a;
	struct crowd crowd;
	int i, round;

	tmpfs_make(_metadata);
	crowd_open(_metadata, &crowd, a, CROWD_MAX);
	EXPECT_EQ(0, IN(a, create));
	LIMIT(a, SHMPAGES, 30);
	for (round = 0; round < 4; round++) {
		for (i = 0; i < crowd.n; i++)
			worker_begin(&crowd.w[i], churn, 100, round * crowd.n + i);
		EXPECT_EQ(0, crowd_end(_metadata, &crowd));
		EXPECT_EQ(IN(a, blocks), (long)HELD(a, SHMPAGES));
		EXPECT_GE(30, HELD(a, SHMPAGES));
	}
	EXPECT_GE(30, ub_row(a->id, STOCKVZ_RES_SHMPAGES).maxheld);
	EXPECT_LT(0, FAILCNT(a, SHMPAGES));
	crowd_close(&crowd);
	EXPECT_EQ(0, IN(a, close_it));
	EXPECT_EQ(0, IN(a, remove_it));
	tmpfs_remove();
}

TEST_HARNESS_MAIN
