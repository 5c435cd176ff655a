// SPDX-License-Identifier: GPL-2.0
/*
 * physpages, swappages, oomguarpages and vmguarpages say what the memory controller
 * counts for the cgroup; limits of the first two are the controller's.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define PAGE 4096L
/* What a CPU takes from the controller at a time. */
#define BATCH 64
#define SLACK (2 * BATCH)

#define MAXHELD(box, res) (ub_row((box)->id, STOCKVZ_RES_##res).maxheld)

static void *mapping;
static size_t mapped;

static long touch(long pages, long b)
{
	mapped = pages * PAGE;
	mapping = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mapping == MAP_FAILED)
		return -errno;
	madvise(mapping, mapped, MADV_NOHUGEPAGE);
	memset(mapping, 1, mapped);
	return 0;
}

static long untouch(long a, long b)
{
	return sys(munmap(mapping, mapped));
}

static long lock_pages(long a, long b)
{
	return sys(mlock(mapping, mapped));
}

/* 0, or the signal that ended it. */
static long touch_in_child(long pages, long seconds)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(-touch(pages, 0));
	if (pid < 0)
		return -errno;
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

#define CACHED "/vz/memcg_test"
#define CACHED_2 "/vz/memcg_test2"

static long write_file(long pages, long second)
{
	static char page[PAGE];
	int fd = open(second ? CACHED_2 : CACHED, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	long err = fd < 0 ? -errno : 0;

	while (!err && pages--) {
		if (write(fd, page, sizeof(page)) != sizeof(page))
			err = -errno;
		/* What is not on the disk yet cannot be dropped, and that may be slow. */
		if (!(pages % 256))
			fdatasync(fd);
	}
	close(fd);
	return err;
}

static long pages_of(struct box *box, const char *file)
{
	return cg_read(box->cgroup, file, "") / PAGE;
}

static bool needs_memory(struct box *box)
{
	return cg_read(box->cgroup, "memory.current", "") < 0;
}

TEST_F(ub, physpages_is_what_the_controller_says)
{
	struct box *a = &self->a;
	long before;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	/* A task that has not run yet holds nothing. */
	ASSERT_EQ(0, IN(a, touch, 1));
	ASSERT_EQ(0, IN(a, untouch));
	EXPECT_TRUE(EVENTUALLY(pages_of(a, "memory.current") == (long)HELD(a, PHYSPAGES)));
	before = HELD(a, PHYSPAGES);
	EXPECT_LT(0, before);
	ASSERT_EQ(0, IN(a, touch, 2000));
	EXPECT_TRUE(EVENTUALLY(pages_of(a, "memory.current") == (long)HELD(a, PHYSPAGES)));
	EXPECT_LE(before + 2000 - SLACK, (long)HELD(a, PHYSPAGES));
	EXPECT_GE(before + 2000 + SLACK + 64, (long)HELD(a, PHYSPAGES));
	ASSERT_EQ(0, IN(a, untouch));
	EXPECT_GE(before + SLACK + 64, (long)HELD(a, PHYSPAGES));
	EXPECT_LE(before + 2000 - SLACK, (long)MAXHELD(a, PHYSPAGES));
	EXPECT_EQ(0, FAILCNT(a, PHYSPAGES));
}

/* The barrier means nothing, the limit is memory.max. */
TEST_F(ub, physpages_limit_kills)
{
	struct box *a = &self->a;
	unsigned long failures;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_PHYSPAGES, 0, 3000));
	EXPECT_EQ(3000, pages_of(a, "memory.max"));
	EXPECT_EQ(0, ub_set(a->id, STOCKVZ_RES_SWAPPAGES, 0, 0));
	EXPECT_EQ(0, pages_of(a, "memory.swap.max"));
	EXPECT_EQ(0, IN(a, touch_in_child, 1500));
	EXPECT_EQ(0, FAILCNT(a, PHYSPAGES));
	EXPECT_EQ(SIGKILL, IN(a, touch_in_child, 4000));
	failures = FAILCNT(a, PHYSPAGES);
	EXPECT_LT(0, failures);
	EXPECT_GE(3000, MAXHELD(a, PHYSPAGES));
	/* There is room again. */
	EXPECT_EQ(0, IN(a, touch_in_child, 1500));
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_PHYSPAGES, 0, 6000));
	EXPECT_EQ(0, IN(a, touch_in_child, 4000));
	EXPECT_EQ(failures, FAILCNT(a, PHYSPAGES));
}

/* Page cache goes when room is needed: not a failure. */
TEST_F(ub, page_cache_gives_way)
{
	struct box *a = &self->a;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_PHYSPAGES, 0, 4000));
	EXPECT_EQ(0, IN(a, write_file, 6000));
	EXPECT_EQ(0, IN(a, touch_in_child, 2000));
	EXPECT_EQ(0, FAILCNT(a, PHYSPAGES));
	EXPECT_GE(4000, MAXHELD(a, PHYSPAGES));
	unlink(CACHED);
}

#define SWAPFILE "/vz/swapfile"
#define SWAP_PAGES 8192

/* What mkswap writes. */
static int swap_on(void)
{
	static char page[PAGE];
	unsigned int *header = (void *)(page + 1024);
	int i, err, fd = open(SWAPFILE, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		return -errno;
	header[0] = 1;
	header[1] = SWAP_PAGES - 1;
	memcpy(page + PAGE - 10, "SWAPSPACE2", 10);
	for (i = 0; i < SWAP_PAGES; i++) {
		if (write(fd, page, PAGE) != PAGE)
			break;
		memset(page, 0, PAGE);
	}
	fsync(fd);
	close(fd);
	err = i == SWAP_PAGES ? swapon(SWAPFILE, 0) : -1;
	return err ? -errno : 0;
}

static void swap_off(void)
{
	swapoff(SWAPFILE);
	unlink(SWAPFILE);
}

FIXTURE(swap) {
	struct laws laws;
	struct box a;
};

FIXTURE_SETUP(swap)
{
	int err = swap_on();

	if (err)
		SKIP(return, "no swap: %d", err);
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
}

FIXTURE_TEARDOWN(swap)
{
	if (self->a.id) {
		box_close(_metadata, &self->a);
		laws_end(_metadata, &self->laws);
	}
	swap_off();
}

TEST_F(swap, swappages_is_what_the_controller_says)
{
	struct box *a = &self->a;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	EXPECT_EQ(0, HELD(a, SWAPPAGES));
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_PHYSPAGES, 0, 3000));
	ASSERT_EQ(0, IN(a, touch, 4000));
	EXPECT_LE(1000, HELD(a, SWAPPAGES));
	EXPECT_EQ(pages_of(a, "memory.swap.current"), (long)HELD(a, SWAPPAGES));
	/* Together they are what was touched, wherever it is now. */
	EXPECT_LE(4000 - SLACK, (long)HELD(a, OOMGUARPAGES));
	EXPECT_EQ(0, FAILCNT(a, SWAPPAGES));
	ASSERT_EQ(0, IN(a, untouch));
	EXPECT_TRUE(EVENTUALLY(HELD(a, SWAPPAGES) < 500));
	EXPECT_LE(1000, MAXHELD(a, SWAPPAGES));
}

TEST_F(swap, swappages_limit)
{
	struct box *a = &self->a;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_PHYSPAGES, 0, 3000));
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_SWAPPAGES, 0, 200));
	EXPECT_EQ(200, pages_of(a, "memory.swap.max"));
	EXPECT_EQ(SIGKILL, IN(a, touch_in_child, 5000));
	/* Newer kernels do not even try what they know will fail. */
	EXPECT_LT(0, FAILCNT(a, PHYSPAGES));
	EXPECT_GE(200, MAXHELD(a, SWAPPAGES));
	EXPECT_LE(100, MAXHELD(a, SWAPPAGES));
}

/* Anonymous and locked memory, not page cache. */
TEST_F(ub, oomguarpages_is_what_cannot_be_dropped)
{
	struct box *a = &self->a;
	long before, cached;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	before = HELD(a, OOMGUARPAGES);
	ASSERT_EQ(0, IN(a, write_file, 2000));
	cached = HELD(a, PHYSPAGES);
	EXPECT_GE(before + SLACK, (long)HELD(a, OOMGUARPAGES));
	ASSERT_EQ(0, IN(a, touch, 1000));
	EXPECT_LE(before + 1000 - SLACK, (long)HELD(a, OOMGUARPAGES));
	EXPECT_GE(before + 1000 + SLACK, (long)HELD(a, OOMGUARPAGES));
	EXPECT_LE(cached + 1000 - SLACK, (long)HELD(a, PHYSPAGES));
	ASSERT_EQ(0, IN(a, lock_pages));
	EXPECT_LE(before + 1000 - SLACK, (long)HELD(a, OOMGUARPAGES));
	EXPECT_GE(before + 1000 + SLACK, (long)HELD(a, OOMGUARPAGES));
	ASSERT_EQ(0, IN(a, untouch));
	EXPECT_TRUE(EVENTUALLY((long)HELD(a, OOMGUARPAGES) <= before + SLACK));
	EXPECT_EQ(0, HELD(a, VMGUARPAGES));
	EXPECT_EQ(0, FAILCNT(a, OOMGUARPAGES));
	unlink(CACHED);
}

/* The limit goes along, and the cgroup that is left is as it was. */
TEST_F(ub, limits_follow_the_cgroup)
{
	struct box *a = &self->a;
	unsigned long failures;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	ASSERT_EQ(0, cg_make(BOX_B_CGROUP));
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_PHYSPAGES, 0, 3000));
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_SWAPPAGES, 0, 50));
	EXPECT_EQ(SIGKILL, IN(a, touch_in_child, 4000));
	failures = FAILCNT(a, PHYSPAGES);
	EXPECT_LT(0, failures);
	ASSERT_EQ(0, ub_attach(a->id, BOX_B_CGROUP));
	EXPECT_EQ(-1, cg_read(a->cgroup, "memory.max", ""));
	EXPECT_EQ(-1, cg_read(a->cgroup, "memory.swap.max", ""));
	EXPECT_EQ(3000 * PAGE, cg_read(BOX_B_CGROUP, "memory.max", ""));
	EXPECT_EQ(50 * PAGE, cg_read(BOX_B_CGROUP, "memory.swap.max", ""));
	/* What was counted stays counted; what is held is the new one's. */
	EXPECT_EQ(failures, FAILCNT(a, PHYSPAGES));
	EXPECT_EQ(0, HELD(a, PHYSPAGES));
	EXPECT_LT(2000, MAXHELD(a, PHYSPAGES));
	ASSERT_EQ(0, ub_attach(a->id, a->cgroup));
	EXPECT_EQ(-1, cg_read(BOX_B_CGROUP, "memory.max", ""));
	EXPECT_EQ(failures, FAILCNT(a, PHYSPAGES));
	EXPECT_LT(0, HELD(a, PHYSPAGES));
	EXPECT_EQ(0, cg_remove(BOX_B_CGROUP));
}

/* A cgroup without anybody. */
FIXTURE(bare) {
	struct laws laws;
	struct box a;
};

FIXTURE_SETUP(bare)
{
	laws_begin(_metadata, &self->laws);
	box_make(_metadata, &self->a, BOX_A);
}

FIXTURE_TEARDOWN(bare)
{
	box_close(_metadata, &self->a);
	laws_end(_metadata, &self->laws);
}

TEST_F(bare, any_limit_can_be_set)
{
	struct box *a = &self->a;
	/* The largest number of pages that is a number of bytes. */
	unsigned long most = UB_MAX / PAGE;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	LIMIT(a, PHYSPAGES, 0);
	EXPECT_EQ(0, cg_read(a->cgroup, "memory.max", ""));
	LIMIT(a, PHYSPAGES, most);
	EXPECT_EQ(-1, cg_read(a->cgroup, "memory.max", ""));
	LIMIT(a, PHYSPAGES, 1);
	EXPECT_EQ(PAGE, cg_read(a->cgroup, "memory.max", ""));
	LIMIT(a, PHYSPAGES, most + 1);
	EXPECT_EQ(-1, cg_read(a->cgroup, "memory.max", ""));
	LIMIT(a, PHYSPAGES, 1);
	LIMIT(a, PHYSPAGES, UB_MAX / 2 + 1);
	EXPECT_EQ(-1, cg_read(a->cgroup, "memory.max", ""));
	LIMIT(a, PHYSPAGES, UB_MAX - 1);
	EXPECT_EQ(-1, cg_read(a->cgroup, "memory.max", ""));
	EXPECT_EQ(UB_MAX - 1, ub_row(a->id, STOCKVZ_RES_PHYSPAGES).limit);
	EXPECT_EQ(0, HELD(a, PHYSPAGES));
}

/* As somebody else has set it, so it stays while we have no limit. */
TEST_F(bare, what_is_not_ours_stays)
{
	struct box *a = &self->a;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	ASSERT_EQ(0, cg_write(a->cgroup, "memory.max", "409600000"));
	LIMIT(a, NUMPROC, 10);
	LIMIT(a, PHYSPAGES, UB_MAX);
	EXPECT_EQ(409600000, cg_read(a->cgroup, "memory.max", ""));
	ASSERT_EQ(0, ub_attach(a->id, "/system.slice"));
	EXPECT_EQ(409600000, cg_read(a->cgroup, "memory.max", ""));
	ASSERT_EQ(0, ub_attach(a->id, a->cgroup));
}

TEST_F(bare, deleted)
{
	struct box *a = &self->a;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	LIMIT(a, PHYSPAGES, 5000);
	EXPECT_EQ(5000, pages_of(a, "memory.max"));
	ASSERT_EQ(0, ub_del(a->id));
	EXPECT_EQ(-1, cg_read(a->cgroup, "memory.max", ""));
	ASSERT_EQ(0, ub_new(a->id, a->cgroup));
	EXPECT_EQ(-1, cg_read(a->cgroup, "memory.max", ""));
}

#define LOW(cgroup) cg_read(cgroup, "memory.low", "")

#define GUARANTEE(box, pages)						\
	ASSERT_EQ(0, ub_set((box)->id, STOCKVZ_RES_VMGUARPAGES, pages, UB_MAX))

/* The barrier of vmguarpages goes to memory.low, and never to memory.min. */
TEST_F(bare, guarantee)
{
	struct box *a = &self->a;
	long most = sysconf(_SC_PHYS_PAGES) / 4 * 3;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	EXPECT_EQ(0, LOW(a->cgroup));
	GUARANTEE(a, 2000);
	EXPECT_EQ(2000 * PAGE, LOW(a->cgroup));
	/* The host is to live, too. */
	GUARANTEE(a, UB_MAX);
	EXPECT_EQ(most * PAGE, LOW(a->cgroup));
	GUARANTEE(a, most);
	EXPECT_EQ(most * PAGE, LOW(a->cgroup));
	EXPECT_EQ(0, cg_read(a->cgroup, "memory.min", ""));
	/* The guarantee of others is none of memory.low's business. */
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_OOMGUARPAGES, 3000, UB_MAX));
	EXPECT_EQ(most * PAGE, LOW(a->cgroup));
	GUARANTEE(a, 0);
	EXPECT_EQ(0, LOW(a->cgroup));
}

TEST_F(bare, guarantee_follows_the_cgroup)
{
	struct box *a = &self->a;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	ASSERT_EQ(0, cg_make(BOX_B_CGROUP));
	ASSERT_EQ(0, cg_write(BOX_B_CGROUP, "memory.low", "8192"));
	GUARANTEE(a, 2000);
	ASSERT_EQ(0, ub_attach(a->id, BOX_B_CGROUP));
	EXPECT_EQ(0, LOW(a->cgroup));
	EXPECT_EQ(2000 * PAGE, LOW(BOX_B_CGROUP));
	ASSERT_EQ(0, ub_attach(a->id, a->cgroup));
	EXPECT_EQ(0, LOW(BOX_B_CGROUP));
	/* Who promises nothing leaves alone what somebody else has promised. */
	GUARANTEE(a, 0);
	ASSERT_EQ(0, cg_write(BOX_B_CGROUP, "memory.low", "8192"));
	ASSERT_EQ(0, ub_attach(a->id, BOX_B_CGROUP));
	ASSERT_EQ(0, ub_attach(a->id, a->cgroup));
	EXPECT_EQ(8192, LOW(BOX_B_CGROUP));
	GUARANTEE(a, 2000);
	ASSERT_EQ(0, ub_del(a->id));
	EXPECT_EQ(0, LOW(a->cgroup));
	ASSERT_EQ(0, ub_new(a->id, a->cgroup));
	EXPECT_EQ(0, cg_remove(BOX_B_CGROUP));
}

/* The directory goes, and another of the same name is not the same. */
TEST_F(bare, cgroup_is_gone)
{
	struct box *a = &self->a;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	LIMIT(a, PHYSPAGES, 5000);
	ASSERT_EQ(0, cg_remove(a->cgroup));
	EXPECT_EQ(0, HELD(a, PHYSPAGES));
	EXPECT_EQ(0, FAILCNT(a, PHYSPAGES));
	LIMIT(a, PHYSPAGES, 6000);
	ASSERT_EQ(0, cg_make(a->cgroup));
	LIMIT(a, PHYSPAGES, 7000);
	EXPECT_EQ(-1, cg_read(a->cgroup, "memory.max", ""));
	ASSERT_EQ(0, ub_attach(a->id, a->cgroup));
	EXPECT_EQ(7000, pages_of(a, "memory.max"));
}

#define PARENT "/ubtest"

static long cache_of(const char *cgroup)
{
	return cg_read(cgroup, "memory.stat", "file") / PAGE;
}

/*
 * Two in a cgroup that is too small for both: the one takes more and more, and the
 * other keeps what it was promised.
 */
TEST_F(two, guarantee_is_kept)
{
	struct box *a = &self->a, *b = &self->b;
	long before, after;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	ASSERT_EQ(0, cg_make(PARENT));
	ASSERT_EQ(0, cg_write(PARENT, "cgroup.subtree_control", "+memory"));
	ASSERT_EQ(0, cg_write(PARENT, "memory.max", "32M"));
	box_move(_metadata, a, PARENT "/a");
	box_move(_metadata, b, PARENT "/b");
	GUARANTEE(a, 6000);
	ASSERT_EQ(0, IN(a, write_file, 4000, 0));
	before = cache_of(PARENT "/a");
	EXPECT_LE(3900, before);
	EXPECT_EQ(0, IN(b, write_file, 16000, 1));
	after = cache_of(PARENT "/a");
	TH_LOG("of %ld pages of cache %ld are left, and %ld of who has no guarantee",
	       before, after, cache_of(PARENT "/b"));
	EXPECT_LE(before * 9 / 10, after);
	unlink(CACHED);
	unlink(CACHED_2);
	box_return(_metadata, a, PARENT "/a");
	box_return(_metadata, b, PARENT "/b");
	EXPECT_EQ(0, cg_remove(PARENT));
}

/* Its parent does not hand the controller on. */
TEST_F(ub, no_memory_controller)
{
	struct box *a = &self->a;
	char child[64];

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	snprintf(child, sizeof(child), "%s/child", a->cgroup);
	ASSERT_EQ(0, cg_make(child));
	ASSERT_EQ(0, ub_attach(a->id, child));
	EXPECT_EQ(0, HELD(a, PHYSPAGES));
	EXPECT_EQ(0, HELD(a, OOMGUARPAGES));
	EXPECT_EQ(0, ub_limit(a->id, STOCKVZ_RES_PHYSPAGES, 5000));
	EXPECT_EQ(5000, ub_row(a->id, STOCKVZ_RES_PHYSPAGES).limit);
	EXPECT_EQ(-1, cg_read(a->cgroup, "memory.max", ""));
	/* A limit that was only stored is one when there is a controller. */
	ASSERT_EQ(0, ub_attach(a->id, a->cgroup));
	EXPECT_EQ(5000, pages_of(a, "memory.max"));
	EXPECT_EQ(0, cg_remove(child));
}

/* The host's row is what the others leave over. */
TEST_F(ub, host)
{
	struct box *a = &self->a;
	long before;

	if (needs_memory(a))
		SKIP(return, "no memory controller");
	before = ub_row(0, STOCKVZ_RES_PHYSPAGES).held;
	EXPECT_LT(0, before);
	ASSERT_EQ(0, IN(a, touch, 20000));
	EXPECT_GT(before + 10000, (long)ub_row(0, STOCKVZ_RES_PHYSPAGES).held);
	ASSERT_EQ(0, IN(a, untouch));
}

/* The options of the hierarchy are not ours to change. */
TEST(mounting_changes_no_option)
{
	char line[512];
	bool found = false;
	FILE *f = fopen("/proc/mounts", "re");

	if (access("/proc/stockvz", R_OK))
		SKIP(fclose(f); return, "needs the module");
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, " cgroup2 ") && strstr(line, "nsdelegate") &&
		    strstr(line, "memory_recursiveprot"))
			found = true;
	fclose(f);
	EXPECT_TRUE(found);
}

/*
 * A guarantee of address space. The kernel's overcommit test, which 2.6.32 skipped
 * for whoever was below vmguarpages, cannot be skipped without its sums going wrong.
 * With the default policy it only refuses what the whole machine could not hold, so
 * the promise stands; with strict accounting it does not.
 */
static int overcommit(const char *policy)
{
	int fd = open("/proc/sys/vm/overcommit_memory", O_WRONLY);
	int err = write(fd, policy, 1) == 1 ? 0 : -errno;

	close(fd);
	return err;
}

static long map_only(long pages, long b)
{
	mapped = pages * PAGE;
	mapping = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return mapping == MAP_FAILED ? -errno : 0;
}

TEST_F(ub, oracle_30_vmguarpages)
{
	struct box *a = &self->a;
	/* A quarter less than the machine has. */
	long pages = sysconf(_SC_PHYS_PAGES) * 3 / 4;

	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_VMGUARPAGES, 2 * pages, UB_MAX));
	EXPECT_EQ(0, IN(a, map_only, pages));
	EXPECT_EQ(0, IN(a, untouch));
	ASSERT_EQ(0, overcommit("2"));
	EXPECT_EQ(-ENOMEM, IN(a, map_only, pages));
	ASSERT_EQ(0, overcommit("0"));
	EXPECT_EQ(0, HELD(a, VMGUARPAGES));
	EXPECT_EQ(0, FAILCNT(a, VMGUARPAGES));
}

TEST_HARNESS_MAIN
