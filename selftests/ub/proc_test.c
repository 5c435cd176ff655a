// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/user_beancounters: every byte of it, who may read it and who sees what.
 * And /proc/stockvz.
 */
#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "caps.h"

#define TABLE "/proc/user_beancounters"
#define LINE 130
#define ROWS 24

static const char *const names[ROWS] = {
	"kmemsize", "lockedpages", "privvmpages", "shmpages", "dummy",
	"numproc", "physpages", "vmguarpages", "oomguarpages", "numtcpsock",
	"numflock", "numpty", "numsiginfo", "tcpsndbuf", "tcprcvbuf",
	"othersockbuf", "dgramrcvbuf", "numothersock", "dcachesize", "numfile",
	"dummy", "dummy", "dummy", "numiptent",
};

/* What stands above the rows. */
static const char *const heading[] = {
	"Version: 2.5\n",
	"       uid  resource                     held              maxheld              barrier                limit              failcnt\n",
};

#define HEAD (13 + LINE)
#define BLOCK (ROWS * LINE)

/* In a worker; its shared memory takes the text. */
static long read_table(long chunk, long b)
{
	return text_in(TABLE, worker_shared, WORKER_SHARED, chunk ?: 65536);
}

/* A row as it has to look; the uid on the first only. */
static void print_row(char *line, const struct ub_state *state, int res)
{
	const struct ub_row *row = &state->row[res];
	char uid[16] = "";

	if (!res)
		sprintf(uid, "%u:", state->id);
	sprintf(line, "%10s  %-12s %20lu %20lu %20lu %20lu %20lu\n", uid,
		names[res], row->held, row->maxheld, row->barrier, row->limit,
		row->failcnt);
}

static void blank_block(char *text)
{
	int res;

	for (res = 0; res < ROWS; res++)
		row_blank(text + res * LINE, res);
}

static void check_block(struct __test_metadata *_metadata, const char *text,
			const struct ub_state *state)
{
	char want[256], seen[LINE + 1];
	int res;

	for (res = 0; res < ROWS; res++) {
		print_row(want, state, res);
		ASSERT_EQ(LINE, strlen(want));
		snprintf(seen, sizeof(seen), "%s", text + res * LINE);
		row_blank(want, res);
		row_blank(seen, res);
		EXPECT_STREQ(want, seen);
	}
}

/* Whole blocks of well-formed rows, the host's last; how many. */
static int check_shape(struct __test_metadata *_metadata, const char *text)
{
	size_t len = strlen(text);
	unsigned int blocks, i, res;
	const char *line;

	ASSERT_LE(HEAD, len);
	EXPECT_EQ(0, strncmp(text, heading[0], 13));
	EXPECT_EQ(0, strncmp(text + 13, heading[1], LINE));
	EXPECT_EQ(0, (len - HEAD) % BLOCK);
	blocks = (len - HEAD) / BLOCK;
	for (i = 0; i < blocks; i++) {
		line = text + HEAD + i * BLOCK;
		if (blocks > 1) {
			EXPECT_EQ(i == blocks - 1,
				  !strncmp(line, "        0:", 10));
		}
		for (res = 0; res < ROWS; res++) {
			line = text + HEAD + i * BLOCK + res * LINE;
			EXPECT_EQ('\n', line[LINE - 1]);
			EXPECT_EQ(!res, line[9] == ':');
			EXPECT_EQ(0, strncmp(line + 12, names[res],
					     strlen(names[res])));
			EXPECT_NE(' ', line[LINE - 2]);
		}
	}
	return blocks;
}

static char *block_of(char *text, unsigned int id)
{
	char uid[16], *at;

	sprintf(uid, "%9u:", id);
	at = strstr(text, uid);
	return at && at[-1] == '\n' ? at : NULL;
}

static char host_text[1 << 20];

static long read_host(void)
{
	return text_in(TABLE, host_text, sizeof(host_text), 65536);
}

/* The example of the reference, to the byte. */
static const char *const example[] = {
	"      101:  kmemsize                     1234                 2345             11055923             11377049                    0\n",
	"            lockedpages                     0                    0                 2048                 2048                    0\n",
};

TEST(format_is_what_it_was)
{
	struct ub_state state = { .id = 101 };
	char line[256];

	state.row[0] = (struct ub_row){ 1234, 2345, 11055923, 11377049, 0 };
	state.row[1] = (struct ub_row){ 0, 0, 2048, 2048, 0 };
	print_row(line, &state, 0);
	EXPECT_STREQ(example[0], line);
	print_row(line, &state, 1);
	EXPECT_STREQ(example[1], line);
	EXPECT_EQ(13, strlen(heading[0]));
	EXPECT_EQ(LINE, strlen(heading[1]));
}

TEST_F(ub, oracle_55_host_sees_the_numbers)
{
	struct box *a = &self->a;
	struct ub_state state;
	char *block;

	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_NUMPROC, 1, 7));
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_NUMFILE, 12345, UB_MAX));
	EXPECT_EQ(-ENOMEM, fork_into(a->cgroup));
	ASSERT_LT(0, read_host());
	EXPECT_EQ(2, check_shape(_metadata, host_text));
	block = block_of(host_text, a->id);
	ASSERT_NE(NULL, block);
	EXPECT_EQ(host_text + HEAD, block);
	ASSERT_EQ(0, ub_get(a->id, &state));
	check_block(_metadata, block, &state);
	EXPECT_EQ(1, state.row[STOCKVZ_RES_NUMPROC].failcnt);
	/* Numbers that mean no limit are numbers. */
	EXPECT_NE(NULL, strstr(block, " 9223372036854775807 "));
}

/* getluid(), for whoever can read. */
TEST_F(ub, oracle_12_a_task_finds_its_number)
{
	struct box *a = &self->a;

	ASSERT_EQ(HEAD + BLOCK, IN(a, read_table));
	EXPECT_EQ(a->id, strtoul((char *)a->worker.shared + HEAD, NULL, 10));
}

TEST_F(ub, oracle_60_no_limit_is_a_number)
{
	char *block, want[80];
	int res;

	ASSERT_LT(0, read_host());
	block = block_of(host_text, self->a.id);
	ASSERT_NE(NULL, block);
	sprintf(want, "%20s %20s %20d\n", "9223372036854775807",
		"9223372036854775807", 0);
	for (res = 0; res < ROWS; res++) {
		if (res == STOCKVZ_RES_VMGUARPAGES || res == STOCKVZ_RES_OOMGUARPAGES)
			continue;
		EXPECT_EQ(0, strncmp(want, block + res * LINE + LINE - strlen(want),
				     strlen(want)));
	}
}

TEST_F(ub, oracle_56_inside_sees_itself_only)
{
	struct box *a = &self->a;
	char *text = a->worker.shared;
	struct ub_state state;

	LIMIT(a, NUMFILE, 10);
	ASSERT_EQ(HEAD + BLOCK, IN(a, read_table));
	EXPECT_EQ(1, check_shape(_metadata, text));
	ASSERT_EQ(0, ub_get(a->id, &state));
	/* The table is a file, too, and was open. */
	EXPECT_EQ(0, state.row[STOCKVZ_RES_NUMFILE].held);
	state.row[STOCKVZ_RES_NUMFILE].held = 1;
	check_block(_metadata, text + HEAD, &state);
	LIMIT(a, NUMFILE, 0);
	EXPECT_EQ(-ENFILE, IN(a, read_table));
}

TEST_F(ub, read_bit_by_bit)
{
	static const size_t chunks[] = { 1, 7, 129, 130, 131, 4095, 4096 };
	struct box *a = &self->a;
	static char whole[8192];
	unsigned int i;

	ASSERT_EQ(HEAD + BLOCK, IN(a, read_table, 0));
	memcpy(whole, a->worker.shared, sizeof(whole));
	blank_block(whole + HEAD);
	for (i = 0; i < ARRAY_SIZE(chunks); i++) {
		EXPECT_EQ(HEAD + BLOCK, IN(a, read_table, chunks[i]));
		blank_block((char *)a->worker.shared + HEAD);
		EXPECT_STREQ(whole, a->worker.shared);
	}
}

TEST_F(ub, seek)
{
	char line[LINE + 1] = "";
	int fd = open(TABLE, O_RDONLY);

	ASSERT_LE(0, fd);
	EXPECT_EQ(LINE, pread(fd, line, LINE, 13));
	EXPECT_STREQ(heading[1], line);
	EXPECT_EQ(LINE, pread(fd, line, LINE, HEAD));
	EXPECT_EQ(0, strncmp(line, "      101:  kmemsize    ", 24));
	EXPECT_EQ(LINE, pread(fd, line, LINE, HEAD + 5 * LINE));
	EXPECT_EQ(0, strncmp(line, "            numproc     ", 24));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(LINE, read(fd, line, LINE));
	EXPECT_EQ(0, strncmp(line, heading[0], 13));
	close(fd);
}

/* More than fits a page or two, newest first. */
TEST_F(two, oracle_56_order)
{
	int i, n = 40;
	char *text;

	for (i = 0; i < n; i++)
		ASSERT_EQ(0, ub_new(2000 + i * 7 % n, NULL));
	ASSERT_EQ(HEAD + (n + 3) * BLOCK, read_host());
	EXPECT_EQ(n + 3, check_shape(_metadata, host_text));
	for (i = 0; i < n; i++) {
		text = host_text + HEAD + (n - 1 - i) * BLOCK;
		EXPECT_EQ(text, block_of(host_text, 2000 + i * 7 % n));
	}
	EXPECT_EQ(host_text + HEAD + n * BLOCK, block_of(host_text, BOX_B));
	EXPECT_EQ(host_text + HEAD + (n + 1) * BLOCK,
		  block_of(host_text, BOX_A));
	EXPECT_EQ(host_text + HEAD + (n + 2) * BLOCK, block_of(host_text, 0));
	for (i = 0; i < n; i++)
		EXPECT_EQ(0, ub_del(2000 + i));
}

/* Fields that are full. */
TEST(largest_number)
{
	struct laws laws;
	char *block;

	laws_begin(_metadata, &laws);
	ASSERT_EQ(0, ub_new(2147483644, NULL));
	ASSERT_LT(0, read_host());
	/* One digit more than the column has: the line grows, nothing is cut. */
	block = strstr(host_text, "\n2147483644:  kmemsize ");
	EXPECT_NE(NULL, block);
	EXPECT_EQ(0, ub_del(2147483644));
	laws_end(_metadata, &laws);
}

/* All threads that /proc shows. */
static long count_tasks(void)
{
	struct dirent *d, *t;
	char path[300];
	DIR *proc, *task;
	long n = 0;

	proc = opendir("/proc");
	while ((d = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%s/task", d->d_name);
		task = d->d_name[0] <= '9' ? opendir(path) : NULL;
		while (task && (t = readdir(task)))
			n += t->d_name[0] != '.';
		if (task)
			closedir(task);
	}
	closedir(proc);
	return n;
}

/* The five numbers of a row. */
static void read_row(const char *line, struct ub_row *row)
{
	char *at;

	row->held = strtoul(line + 24, &at, 10);
	row->maxheld = strtoul(at, &at, 10);
	row->barrier = strtoul(at, &at, 10);
	row->limit = strtoul(at, &at, 10);
	row->failcnt = strtoul(at, &at, 10);
}

TEST_F(ub, host_row)
{
	struct ub_state state;
	char *block;
	long tasks;
	int res;

	/* The kernel's own count of files is exact to some dozens only. */
	for (res = 0; res < 300; res++)
		open("/dev/null", O_RDONLY);
	ASSERT_LT(0, read_host());
	block = block_of(host_text, 0);
	ASSERT_NE(NULL, block);
	memset(&state, 0, sizeof(state));
	for (res = 0; res < ROWS; res++)
		read_row(block + res * LINE, &state.row[res]);
	check_block(_metadata, block, &state);
	for (res = 0; res < ROWS; res++) {
		EXPECT_EQ(UB_MAX, state.row[res].barrier);
		EXPECT_EQ(UB_MAX, state.row[res].limit);
		EXPECT_EQ(0, state.row[res].failcnt);
		EXPECT_LE(state.row[res].held, state.row[res].maxheld);
	}
	/* All but the worker. Kernel threads come and go. */
	tasks = count_tasks() - 1;
	EXPECT_LE(tasks - 10, (long)state.row[STOCKVZ_RES_NUMPROC].held);
	EXPECT_GE(tasks + 10, (long)state.row[STOCKVZ_RES_NUMPROC].held);
	EXPECT_LE(200, state.row[STOCKVZ_RES_NUMFILE].held);
	EXPECT_LT(0, state.row[STOCKVZ_RES_NUMOTHERSOCK].held);
}

static long open_table(long a, long b)
{
	return sys(open(TABLE, O_RDONLY));
}

/* What one may see is decided when it is opened, and travels with the file. */
TEST_F(two, view_of_an_open_file)
{
	struct box *a = &self->a, *b = &self->b;
	static char text[65536];
	struct ub_state state;
	long fd, len;

	ASSERT_EQ(0, cg_enter(b->cgroup, a->worker.pid));
	ASSERT_EQ(HEAD + BLOCK, IN(a, read_table));
	EXPECT_NE(NULL, block_of(a->worker.shared, BOX_B));
	fd = IN(a, open_table);
	ASSERT_LE(0, fd);
	/* Moving on does not show it more. */
	ASSERT_EQ(0, cg_enter("", a->worker.pid));
	snprintf(text, sizeof(text), "/proc/%d/fd/%ld", a->worker.pid, fd);
	fd = syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, a->worker.pid, 0),
		     fd, 0);
	ASSERT_LE(0, fd);
	worker_stop(&b->worker);
	len = pread(fd, text, sizeof(text) - 1, 0);
	EXPECT_EQ(HEAD + BLOCK, len);
	text[len < 0 ? 0 : len] = 0;
	EXPECT_NE(NULL, block_of(text, BOX_B));
	/* Even what was deleted since. */
	worker_stop(&a->worker);
	ASSERT_EQ(0, ub_del(b->id));
	EXPECT_EQ(0, ub_get(b->id, &state));
	EXPECT_EQ(HEAD + BLOCK, pread(fd, text, sizeof(text) - 1, 0));
	close(fd);
	EXPECT_TRUE(EVENTUALLY(ub_get(b->id, &state) == -ENOENT));
	ASSERT_EQ(0, ub_new(b->id, b->cgroup));
	/* And one from outside sees all. */
	ASSERT_EQ(0, worker_start(&a->worker, ""));
	EXPECT_EQ(HEAD + 3 * BLOCK, IN(a, read_table));
}

TEST_F(ub, deleted_and_still_there)
{
	struct box *a = &self->a;
	struct ub_state state;
	char *block;

	ASSERT_EQ(0, ub_del(a->id));
	ASSERT_LT(0, read_host());
	block = block_of(host_text, a->id);
	ASSERT_NE(NULL, block);
	ASSERT_EQ(0, ub_get(a->id, &state));
	EXPECT_TRUE(state.dying);
	check_block(_metadata, block, &state);
	worker_stop(&a->worker);
	EXPECT_TRUE(EVENTUALLY(ub_get(a->id, &state) == -ENOENT));
	ASSERT_LT(0, read_host());
	EXPECT_EQ(NULL, block_of(host_text, a->id));
	ASSERT_EQ(0, ub_new(a->id, a->cgroup));
}

/*
 * Who may read it.
 */

/* In a worker, which is different from then on. */
static long open_with_caps(long mask, long uid)
{
	keep_caps(mask | CAP(SETUID));
	if (uid && syscall(SYS_setresuid, uid, uid, uid))
		return -errno;
	return open_table(0, 0);
}

static long open_as(struct box *box, unsigned long mask, long uid)
{
	struct worker w;
	long fd;

	if (worker_start(&w, box ? box->cgroup : ""))
		return -ESRCH;
	fd = worker_do(&w, open_with_caps, mask, uid);
	worker_stop(&w);
	return fd < 0 ? fd : 0;
}

TEST_F(ub, oracle_57_permissions)
{
	struct box *where[] = { NULL, &self->a };
	struct stat st;
	int i;

	ASSERT_EQ(0, stat(TABLE, &st));
	EXPECT_EQ(S_IFREG | 0400, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_gid);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, open_as(where[i], CAP_ALL, 0));
		EXPECT_EQ(0, open_as(where[i], CAP(DAC_OVERRIDE) |
					       CAP(DAC_READ_SEARCH), 0));
		EXPECT_EQ(-EACCES, open_as(where[i], CAP_ALL & ~CAP(DAC_OVERRIDE), 0));
		EXPECT_EQ(-EACCES, open_as(where[i], CAP_ALL & ~CAP(DAC_READ_SEARCH), 0));
		EXPECT_EQ(-EACCES, open_as(where[i], 0, 0));
		EXPECT_EQ(-EACCES, open_as(where[i], CAP_ALL, 65534));
	}
	i = open(TABLE, O_WRONLY);
	EXPECT_GT(0, write(i, "0", 1));
	close(i);
}

/*
 * Where the host's root is nobody: the same file, on a filesystem of ours.
 */

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

static long enter_userns(long a, long b)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return -errno;
	write_text("/proc/self/setgroups", "deny");
	write_text("/proc/self/uid_map", "0 0 1");
	write_text("/proc/self/gid_map", "0 0 1");
	if (setresuid(0, 0, 0) || setresgid(0, 0, 0))
		return -errno;
	return 0;
}

static long mount_table(long a, long b)
{
	return sys(mount("stockvz", TABLE, "stockvz", 0, NULL));
}

static long stat_table(long a, long b)
{
	struct stat st;

	if (stat(TABLE, &st))
		return -errno;
	return st.st_uid || st.st_gid ? -EINVAL : (long)st.st_mode;
}

TEST_F(two, user_namespace)
{
	struct box *a = &self->a;
	struct worker w;

	EXPECT_EQ(0, IN(a, enter_userns));
	/* Of the host's file it is not the owner with all capabilities. */
	EXPECT_EQ(-EACCES, IN(a, read_table));
	EXPECT_EQ(0, IN(a, mount_table));
	EXPECT_EQ(S_IFREG | 0400, IN(a, stat_table));
	EXPECT_EQ(HEAD + BLOCK, IN(a, read_table));
	EXPECT_EQ(1, check_shape(_metadata, a->worker.shared));
	EXPECT_NE(NULL, block_of(a->worker.shared, BOX_A));

	/* Anybody can have a user namespace: that alone shows nothing. */
	ASSERT_EQ(0, worker_start(&w, ""));
	EXPECT_EQ(0, worker_do(&w, enter_userns, 0, 0));
	EXPECT_EQ(-EACCES, worker_do(&w, read_table, 0, 0));
	worker_do(&w, mount_table, 0, 0);
	EXPECT_EQ(-EACCES, worker_do(&w, read_table, 0, 0));
	worker_stop(&w);
}

/*
 * Read while beancounters come and go: never half of one.
 */
TEST_F(ub, read_in_a_crowd)
{
	int i, status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		ub_forget_socket();
		for (i = 0; i < 2000; i++) {
			ub_new(2000 + i % 50, NULL);
			ub_del(2000 + (i + 25) % 50);
		}
		for (i = 0; i < 50; i++)
			ub_del(2000 + i);
		_exit(0);
	}
	while (!waitpid(pid, &status, WNOHANG)) {
		ASSERT_LT(0, read_host());
		EXPECT_LE(2, check_shape(_metadata, host_text));
		EXPECT_NE(NULL, block_of(host_text, BOX_A));
		EXPECT_NE(NULL, block_of(host_text, 0));
	}
	EXPECT_EQ(HEAD + 2 * BLOCK, read_host());
}

/*
 * /proc/stockvz
 */

TEST_F(ub, proc_stockvz)
{
	static const char *const on[] = {
		"numproc", "numfile", "numtcpsock", "numothersock",
	};
	static char text[16384];
	struct stat st;
	char want[64];
	unsigned int i;

	ASSERT_EQ(0, stat("/proc/stockvz", &st));
	EXPECT_EQ(S_IFREG | 0400, st.st_mode);
	ASSERT_LT(0, text_in("/proc/stockvz", text, sizeof(text), 65536));
	for (i = 0; i < ARRAY_SIZE(on); i++) {
		snprintf(want, sizeof(want), "\n%-14s on\n", on[i]);
		EXPECT_NE(NULL, strstr(text, want)) TH_LOG("%s", on[i]);
	}
	EXPECT_EQ(0, ub_status("underflows"));
	EXPECT_EQ(0, ub_status("healed"));
	EXPECT_EQ(1, ub_status("owned") - self->laws.owned);
}

TEST_HARNESS_MAIN
