// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/bc: what is in it, for whom, and for how long.
 */
#include <ctype.h>
#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "caps.h"

#define BC "/proc/bc"
#define LINE 130
#define HEAD (13 + LINE)
#define ROWS 21

static const struct {
	const char *name;
	int res;
} rows[ROWS] = {
	{ "kmemsize", STOCKVZ_RES_KMEMSIZE },
	{ "lockedpages", STOCKVZ_RES_LOCKEDPAGES },
	{ "privvmpages", STOCKVZ_RES_PRIVVMPAGES },
	{ "shmpages", STOCKVZ_RES_SHMPAGES },
	{ "numproc", STOCKVZ_RES_NUMPROC },
	{ "physpages", STOCKVZ_RES_PHYSPAGES },
	{ "vmguarpages", STOCKVZ_RES_VMGUARPAGES },
	{ "oomguarpages", STOCKVZ_RES_OOMGUARPAGES },
	{ "numtcpsock", STOCKVZ_RES_NUMTCPSOCK },
	{ "numflock", STOCKVZ_RES_NUMFLOCK },
	{ "numpty", STOCKVZ_RES_NUMPTY },
	{ "numsiginfo", STOCKVZ_RES_NUMSIGINFO },
	{ "tcpsndbuf", STOCKVZ_RES_TCPSNDBUF },
	{ "tcprcvbuf", STOCKVZ_RES_TCPRCVBUF },
	{ "othersockbuf", STOCKVZ_RES_OTHERSOCKBUF },
	{ "dgramrcvbuf", STOCKVZ_RES_DGRAMRCVBUF },
	{ "numothersock", STOCKVZ_RES_NUMOTHERSOCK },
	{ "dcachesize", STOCKVZ_RES_DCACHESIZE },
	{ "numfile", STOCKVZ_RES_NUMFILE },
	{ "numiptent", STOCKVZ_RES_NUMIPTENT },
	{ "swappages", STOCKVZ_RES_SWAPPAGES },
};

static char text[1 << 20];

/* The length, or a negative errno. */
static long read_path(const char *path)
{
	return text_in(path, text, sizeof(text), sizeof(text));
}

static const char *path_of(unsigned int id, const char *file)
{
	static char path[64];

	snprintf(path, sizeof(path), BC "/%u/%s", id, file);
	return path;
}

/* As it has to look. */
static void print_row(char *line, const struct ub_state *state, int i, bool uid)
{
	const struct ub_row *row = &state->row[rows[i].res];
	char id[16] = "";

	if (uid && !i)
		sprintf(id, "%u:", state->id);
	sprintf(line, "%10s  %-12s %20lu %20lu %20lu %20lu %20lu\n", id,
		rows[i].name, row->held, row->maxheld, row->barrier, row->limit,
		row->failcnt);
}

static void check_rows(struct __test_metadata *_metadata, const char *at,
		       const struct ub_state *state, bool uid)
{
	char want[256], seen[LINE + 1];
	int i;

	for (i = 0; i < ROWS; i++) {
		print_row(want, state, i, uid);
		snprintf(seen, sizeof(seen), "%s", at + i * LINE);
		row_blank(want, rows[i].res);
		row_blank(seen, rows[i].res);
		EXPECT_STREQ(want, seen);
	}
}

TEST_F(ub, oracle_59_resources_of_one)
{
	struct box *a = &self->a;
	struct ub_state state;

	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_NUMPROC, 1, 7));
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_SWAPPAGES, 0, 12345));
	EXPECT_EQ(-ENOMEM, fork_into(a->cgroup));
	EXPECT_EQ(ROWS * LINE, read_path(path_of(a->id, "resources")));
	ASSERT_EQ(0, ub_get(a->id, &state));
	check_rows(_metadata, text, &state, false);
	EXPECT_EQ(NULL, strstr(text, "dummy"));
	EXPECT_EQ(NULL, strstr(text, "Version"));
	EXPECT_NE(NULL, strstr(text, "\n            swappages "));
	EXPECT_LT(0, read_path(path_of(0, "resources")));
}

TEST_F(two, resources_of_all)
{
	struct ub_state state;

	ASSERT_EQ(HEAD + 3 * ROWS * LINE, read_path(BC "/resources"));
	EXPECT_EQ(0, strncmp(text, "Version: 2.5\n       uid  resource  ", 35));
	ASSERT_EQ(0, ub_get(BOX_B, &state));
	check_rows(_metadata, text + HEAD, &state, true);
	ASSERT_EQ(0, ub_get(BOX_A, &state));
	check_rows(_metadata, text + HEAD + ROWS * LINE, &state, true);
	EXPECT_EQ(0, strncmp(text + HEAD + 2 * ROWS * LINE,
			     "        0:  kmemsize ", 21));
}

/* Names in this order, each with a number, and nothing else. */
static void check_numbers(struct __test_metadata *_metadata,
			  const char *const *names)
{
	const char *at = text;
	char want[64];

	for (; *names; names++, at += 44) {
		sprintf(want, "\t%-20s ", *names);
		EXPECT_EQ(0, strncmp(want, at, strlen(want))) TH_LOG("%s", *names);
		EXPECT_EQ('\n', at[43]);
		EXPECT_TRUE(isdigit(at[42]));
	}
	EXPECT_EQ(0, *at);
}

TEST_F(ub, other_files)
{
	static const char *const vmaux[] = {
		"tmpfs_respages", "swapin", "swapout", "vswapin", "vswapout",
		"ram", "shadow", "swap_entries", "hugetlb", NULL
	};
	static const char *const ioacct[] = {
		"read", "write", "dirty", "cancel", "missed", "syncs_total",
		"fsyncs_total", "fdatasyncs_total", "range_syncs_total",
		"syncs_active", "fsyncs_active", "fdatasyncs_active",
		"range_syncs_active", "io_pbs", "fuse_requests", "fuse_bytes",
		NULL
	};
	unsigned int ids[] = { self->a.id, 0 }, i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		EXPECT_LT(0, read_path(path_of(ids[i], "vmaux")));
		check_numbers(_metadata, vmaux);
		EXPECT_LT(0, read_path(path_of(ids[i], "ioacct")));
		check_numbers(_metadata, ioacct);
		EXPECT_LT(0, read_path(path_of(ids[i], "ioprio")));
		EXPECT_STREQ("prio: 4\n", text);
	}
}

#define PAGES 64

static long fill_tmpfs(long pages, long b)
{
	int fd = syscall(SYS_memfd_create, "x", 0);
	char page[4096] = "x";
	int i;

	for (i = 0; i < pages; i++)
		if (write(fd, page, sizeof(page)) != sizeof(page))
			return -errno;
	return fd;
}

static long number_of(unsigned int id, const char *file, const char *name)
{
	char *at;

	if (read_path(path_of(id, file)) <= 0)
		return -1;
	at = strstr(text, name);
	return at ? strtol(at + 20, NULL, 10) : -1;
}

/* Numbers that the memory controller has. */
TEST_F(ub, vmaux_knows_tmpfs)
{
	struct box *a = &self->a;
	char path[64];

	snprintf(path, sizeof(path), CG_ROOT "%s/memory.stat", a->cgroup);
	cg_write("", "cgroup.subtree_control", "+memory");
	if (access(path, R_OK))
		SKIP(return, "no memory controller");
	ASSERT_LE(0, IN(a, fill_tmpfs, PAGES));
	/* The controller adds its CPUs up now and then. */
	EXPECT_TRUE(EVENTUALLY(number_of(a->id, "vmaux", "tmpfs_respages") >= PAGES));
}

TEST_F(ub, comes_and_goes)
{
	struct box *a = &self->a;
	struct stat st;
	int i;

	ASSERT_EQ(0, stat(BC, &st));
	EXPECT_EQ(S_IFDIR | 0500, st.st_mode);
	EXPECT_EQ(4, (int)st.st_nlink);
	for (i = 0; i < 40; i++) {
		ASSERT_EQ(0, ub_new(3000 + i, NULL));
		EXPECT_EQ(0, access(path_of(3000 + i, "resources"), R_OK));
	}
	ASSERT_EQ(0, stat(BC, &st));
	EXPECT_EQ(44, (int)st.st_nlink);
	for (i = 0; i < 40; i++)
		ASSERT_EQ(0, ub_del(3000 + i));
	EXPECT_TRUE(EVENTUALLY(!stat(BC, &st) && st.st_nlink == 4));
	EXPECT_EQ(-ENOENT, read_path(path_of(3000, "resources")));
	ASSERT_EQ(0, stat(path_of(a->id, ""), &st));
	EXPECT_EQ(S_IFDIR | 0500, st.st_mode);
	ASSERT_EQ(0, stat(path_of(a->id, "ioacct"), &st));
	EXPECT_EQ(S_IFREG | 0400, st.st_mode);
}

/* One that was deleted and holds something has its directory. */
TEST_F(ub, lingers)
{
	struct box *a = &self->a;

	ASSERT_EQ(0, ub_del(a->id));
	EXPECT_EQ(ROWS * LINE, read_path(path_of(a->id, "resources")));
	worker_stop(&a->worker);
	EXPECT_TRUE(EVENTUALLY(read_path(path_of(a->id, "resources")) == -ENOENT));
	ASSERT_EQ(0, ub_new(a->id, a->cgroup));
	EXPECT_EQ(ROWS * LINE, read_path(path_of(a->id, "resources")));
}

/* An open file is of the number, and keeps nothing alive. */
TEST_F(ub, open_file)
{
	struct box *a = &self->a;
	struct ub_state state;
	char byte;
	int fd;

	ASSERT_EQ(0, ub_new(3000, NULL));
	fd = open(path_of(3000, "resources"), O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, read(fd, &byte, 1));
	ASSERT_EQ(0, ub_del(3000));
	EXPECT_TRUE(EVENTUALLY(ub_get(3000, &state) == -ENOENT));
	EXPECT_TRUE(EVENTUALLY(pread(fd, &byte, 1, 0) < 0));
	close(fd);
	fd = open(path_of(a->id, "vmaux"), O_RDONLY);
	EXPECT_EQ(1, read(fd, &byte, 1));
	close(fd);
}

static const char *const readable[] = { BC "/resources", BC "/0/resources", BC "/0/vmaux" };

static long open_with_caps(long mask, long file)
{
	keep_caps(mask);
	return sys(open(readable[file], O_RDONLY)) < 0 ? -errno : 0;
}

static long open_as(const char *cgroup, unsigned long mask, int file)
{
	struct worker w;
	long ret;

	if (worker_start(&w, cgroup))
		return -ESRCH;
	ret = worker_do(&w, open_with_caps, mask, file);
	worker_stop(&w);
	return ret;
}

TEST_F(ub, permissions)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(readable); i++) {
		EXPECT_EQ(0, open_as("", CAP_ALL, i));
		EXPECT_EQ(0, open_as("", CAP(DAC_OVERRIDE) | CAP(DAC_READ_SEARCH), i));
		EXPECT_EQ(-EPERM, open_as("", CAP_ALL & ~CAP(DAC_OVERRIDE), i));
		EXPECT_EQ(-EPERM, open_as("", CAP_ALL & ~CAP(DAC_READ_SEARCH), i));
		/* Nor is it for a task that has a beancounter of its own. */
		EXPECT_EQ(-EPERM, open_as(self->a.cgroup, CAP_ALL, i));
	}
}

/* Bits: 1 found in the host's /proc, 2 found in its own, 4 listed there. */
static int look_around(void)
{
	struct dirent *entry;
	int seen = 0;
	DIR *dir;

	seen |= access(BC, F_OK) ? 0 : 1;
	if (mount("proc", "/proc", "proc", 0, NULL))
		return 64;
	seen |= access(BC, F_OK) && errno == ENOENT ? 0 : 2;
	seen |= access(BC "/0/resources", F_OK) && errno == ENOENT ? 0 : 2;
	dir = opendir("/proc");
	while (dir && (entry = readdir(dir)))
		if (!strcmp(entry->d_name, "bc"))
			seen |= 4;
	return seen;
}

static long in_pidns(long userns, long b)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (unshare((userns ? CLONE_NEWUSER : 0) | CLONE_NEWPID | CLONE_NEWNS) ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
			_exit(65);
		pid = fork();
		if (!pid)
			_exit(look_around());
		waitpid(pid, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

/*
 * The host sees it first, so that what it has looked up is remembered; and it is
 * still there after a container has not found it.
 */
TEST_F(ub, oracle_58_no_container_sees_it)
{
	int i;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, access(BC, F_OK));
		EXPECT_EQ(0, access(BC "/0", F_OK));
		EXPECT_EQ(1, IN(&self->a, in_pidns, 0));
		EXPECT_EQ(1, in_pidns(0, 0));
	}
	EXPECT_EQ(0, access(BC, F_OK));
}

/* Only this name in the root is found elsewhere. */
TEST(other_names_are_what_they_were)
{
	EXPECT_NE(0, access("/proc/fs/bc", F_OK));
	EXPECT_NE(0, access("/proc/bd", F_OK));
	EXPECT_NE(0, access("/proc/sys/bc", F_OK));
	EXPECT_NE(0, access(BC "/bc", F_OK));
	EXPECT_NE(0, access("/proc/net/bc", F_OK));
	EXPECT_NE(0, access("/proc/stockvz/bc", F_OK));
}

/* Read while they come and go. */
static int read_everything(void)
{
	struct dirent *entry;
	int n = 0, i;
	DIR *dir;

	for (i = 0; i < 60; i++) {
		dir = opendir(BC);
		while (dir && (entry = readdir(dir))) {
			if (!isdigit(entry->d_name[0]))
				continue;
			n += read_path(path_of(atoi(entry->d_name), "resources")) > 0;
			read_path(path_of(atoi(entry->d_name), "vmaux"));
		}
		closedir(dir);
	}
	return n > 0 ? 0 : 1;
}

TEST_F(ub, read_in_a_crowd)
{
	pid_t pid[2];
	int i, status;
	struct stat st;

	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(read_everything());
	}
	for (i = 0; !waitpid(pid[0], &status, WNOHANG); i++) {
		ub_new(3000 + i % 20, NULL);
		ub_del(3000 + (i + 10) % 20);
	}
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(pid[1], waitpid(pid[1], &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
	for (i = 0; i < 20; i++)
		ub_del(3000 + i);
	EXPECT_TRUE(EVENTUALLY(!stat(BC, &st) && st.st_nlink == 4));
}

TEST_HARNESS_MAIN
