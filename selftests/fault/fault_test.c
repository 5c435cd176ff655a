// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation that the module makes fails once. A load that fails leaves
 * nothing, and one that does not has each feature on or says why; a request that
 * fails has changed nothing; a call that fails has charged nothing; and in the
 * end everything that was held is given back.
 */
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/rseq.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "fault.h"
#include "fixture.h"
#include "../hook/module.h"

/* Seconds, on a kernel that checks all that it does. */
#define LONG 3000

/* Nothing but the laws: a trace in the log is how the kernel tells of no memory. */
FIXTURE(fault) {
	struct laws laws;
};

FIXTURE_SETUP(fault)
{
	if (fault_open())
		SKIP(_exit(KSFT_SKIP), "needs a kernel with fault injection");
	laws_begin(_metadata, &self->laws);
}

/* Memory that was not to be had is no mistake of ours. */
FIXTURE_TEARDOWN(fault)
{
	EXPECT_TRUE(EVENTUALLY(ub_status("owned") == self->laws.owned));
	EXPECT_EQ(self->laws.healed, ub_status("healed"));
	EXPECT_EQ(self->laws.underflows, ub_status("underflows"));
	close(self->laws.kmsg);
}

static bool has(unsigned int id)
{
	struct ub_state state;

	ub_forget_socket();
	return !ub_get(id, &state);
}

static bool bound(unsigned int id)
{
	struct ub_state state = { 0 };

	ub_forget_socket();
	return !ub_get(id, &state) && state.cgroups;
}

/* What was answered may be lost on its way, and then there is no telling. */
static bool known(int err)
{
	ub_forget_socket();
	return err != -EIO;
}

TEST_F_TIMEOUT(fault, new_and_del, LONG)
{
	int err;

	ASSERT_EQ(0, cg_make(BOX_A_CGROUP));
	fault_each(n, err = ub_new(BOX_A, BOX_A_CGROUP)) {
		bool is = has(BOX_A);

		if (!n)
			EXPECT_EQ(0, err);
		if (known(err)) {
			EXPECT_EQ(!err, is)
				TH_LOG("%u: %d", n, err);
		}
		EXPECT_EQ(is, bound(BOX_A)) TH_LOG("%u: half made", n);
		if (is)
			EXPECT_EQ(0, ub_del(BOX_A));
		EXPECT_TRUE(EVENTUALLY(!has(BOX_A)));
	}
	EXPECT_EQ(0, cg_remove(BOX_A_CGROUP));
}

TEST_F_TIMEOUT(fault, attach_and_set, LONG)
{
	int err;

	ASSERT_EQ(0, cg_make(BOX_A_CGROUP));
	ASSERT_EQ(0, ub_new(BOX_A, NULL));
	fault_each(n, err = ub_attach(BOX_A, BOX_A_CGROUP)) {
		bool is = bound(BOX_A);

		if (known(err)) {
			EXPECT_EQ(!err, is)
				TH_LOG("%u: %d", n, err);
		}
		if (is) {
			ASSERT_EQ(0, ub_del(BOX_A));
			ASSERT_TRUE(EVENTUALLY(!has(BOX_A)));
			ASSERT_EQ(0, ub_new(BOX_A, NULL));
		}
	}
	fault_each(n, err = ub_limit(BOX_A, STOCKVZ_RES_NUMFILE, 1000 + n_)) {
		unsigned long limit;

		ub_forget_socket();
		limit = ub_row(BOX_A, STOCKVZ_RES_NUMFILE).limit;
		if (known(err)) {
			EXPECT_EQ(!err, limit == 1000 + n_)
				TH_LOG("%u: %d", n, err);
		}
	}
	fault_each(n, err = ub_del(BOX_A)) {
		ub_forget_socket();
		if (!has(BOX_A))
			ASSERT_EQ(0, ub_new(BOX_A, NULL));
	}
	if (has(BOX_A))
		EXPECT_EQ(0, ub_del(BOX_A));
	EXPECT_EQ(0, cg_remove(BOX_A_CGROUP));
}

TEST_F_TIMEOUT(fault, questions, LONG)
{
	static struct ub_state states[8];
	struct ub_state state;
	struct box a, b;
	int got;

	box_make(_metadata, &a, BOX_A);
	box_make(_metadata, &b, BOX_B);
	fault_each(n, got = ub_get(BOX_A, &state)) {
		ub_forget_socket();
		if (!got)
			EXPECT_EQ(BOX_A, state.id);
	}
	fault_each(n, got = ub_dump(states, 8)) {
		ub_forget_socket();
		if (got >= 0)
			EXPECT_EQ(3, got);
	}
	fault_each(n, got = ub_talk(ub_msg(STOCKVZ_CMD_INFO_GET, 0), NULL, NULL))
		ub_forget_socket();
	EXPECT_EQ(0, got);
	box_close(_metadata, &a);
	box_close(_metadata, &b);
}

static long read_file(const char *path)
{
	char text[16384];
	int fd = open(path, O_RDONLY);
	long sum = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, text, sizeof(text))) > 0)
		sum += n;
	n = n < 0 ? -errno : sum;
	close(fd);
	return n;
}

TEST_F_TIMEOUT(fault, files, LONG)
{
	struct box a;
	long got;

	box_make(_metadata, &a, BOX_A);
	fault_each(n, got = read_file("/proc/user_beancounters"))
		;
	EXPECT_LT(1000, got);
	fault_each(n, got = read_file("/proc/stockvz"))
		;
	EXPECT_LT(100, got);
	box_close(_metadata, &a);
}

TEST_F_TIMEOUT(fault, filesystem, LONG)
{
	const char *file = "/tmp/faulttest";
	int err;

	/* It is a file that is mounted, so on a file. */
	ASSERT_EQ(0, close(creat(file, 0600)));
	fault_each(n, err = sys(mount("none", file, "stockvz", 0, NULL))) {
		if (!err)
			EXPECT_EQ(0, umount(file));
	}
	EXPECT_EQ(0, err);
	unlink(file);
}

/*
 * Charges: a worker does it, with the n-th of its allocations failing. Each CPU
 * has some entries of the owner table at hand, which have to be used up first:
 * for files that are open meanwhile.
 */

#define AT_HAND 70

static int files[AT_HAND];

static void use_up(void)
{
	cpu_set_t one;
	int i;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	for (i = 0; i < AT_HAND; i++)
		files[i] = open("/dev/null", O_RDONLY);
}

static void put_back(void)
{
	int i;

	for (i = 0; i < AT_HAND; i++)
		close(files[i]);
}

static long with_file(void)
{
	int fd = open("/dev/null", O_RDONLY);

	return fd < 0 ? -errno : close(fd);
}

static long with_pipe(void)
{
	int fd[2];

	if (pipe(fd))
		return -errno;
	close(fd[0]);
	return close(fd[1]);
}

static long with_socket(int family, int type)
{
	int fd = socket(family, type, 0);

	return fd < 0 ? -errno : close(fd);
}

static long with_tcp(void)
{
	return with_socket(AF_INET, SOCK_STREAM);
}

static long with_udp(void)
{
	return with_socket(AF_INET6, SOCK_DGRAM);
}

static long with_pair(void)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		return -errno;
	close(fd[0]);
	return close(fd[1]);
}

static long with_child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	return 0;
}

static long with_memfd(void)
{
	int fd = memfd_create("fault", 0);

	return fd < 0 ? -errno : close(fd);
}

static long (*const things[])(void) = {
	with_file, with_pipe, with_tcp, with_udp, with_pair, with_child, with_memfd,
};

/*
 * On its way back to a task that was preempted the kernel writes down the CPU. After
 * a fork that takes a page, and who cannot have one is killed.
 */
static void forget_rseq(void)
{
	struct rseq *area = __builtin_thread_pointer() + __rseq_offset;

	if (__rseq_size)
		syscall(SYS_rseq, area, sizeof(*area), RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

/* 1: it failed; 0: there was nothing left to fail. */
static long fail_one(long thing, long n)
{
	bool failed;

	forget_rseq();
	use_up();
	fault_set(n);
	things[thing]();
	failed = fault_clear();
	put_back();
	return failed;
}

/* What is remembered of a row that was refused for want of memory; -1: of all rows. */
static unsigned long remembered(unsigned int id, int res)
{
	static struct ub_event list[64];
	int i, n = ub_refusals(id, list, ARRAY_SIZE(list));
	unsigned long sum = 0;

	for (i = 0; i < n; i++)
		if (list[i].bound == STOCKVZ_BOUND_MEMORY &&
		    (res < 0 || list[i].resource == (unsigned int)res))
			sum += list[i].count;
	return sum;
}

TEST_F_TIMEOUT(fault, charges, LONG)
{
	unsigned long i, n, nomem, before;
	struct box a;
	long failed;

	box_open(_metadata, &a, BOX_A);
	nomem = ub_status("nomem");
	before = remembered(a.id, -1);
	for (i = 0; i < ARRAY_SIZE(things); i++) {
		/* From now on it holds one file: the one that makes it fail. */
		IN(&a, fail_one, i, 0);
		for (n = 1; (failed = IN(&a, fail_one, i, n)) > 0; n++) {
			EXPECT_TRUE(EVENTUALLY(HELD(&a, NUMFILE) == 1))
				TH_LOG("thing %lu, allocation %lu: %lu", i, n,
				       HELD(&a, NUMFILE));
			EXPECT_TRUE(EVENTUALLY(HELD(&a, NUMPROC) == 1));
			EXPECT_TRUE(EVENTUALLY(!HELD(&a, NUMTCPSOCK)));
			EXPECT_TRUE(EVENTUALLY(!HELD(&a, NUMOTHERSOCK)));
		}
		ASSERT_EQ(0, failed);
		EXPECT_LT(1, n);
	}
	EXPECT_EQ(0, FAILCNT(&a, NUMFILE));
	EXPECT_EQ(0, FAILCNT(&a, NUMOTHERSOCK));
	/* Each is told of, whoever notes who paid; and else this tried nothing. */
	EXPECT_EQ(ub_status("nomem") - nomem, remembered(a.id, -1) - before);
	EXPECT_LT(0, remembered(a.id, STOCKVZ_RES_NUMFILE));
	EXPECT_LT(0, remembered(a.id, STOCKVZ_RES_SHMPAGES));
	box_close(_metadata, &a);
}

static long refused(long n, long b)
{
	long err;

	fault_set(n);
	err = sys(open("/dev/null", O_RDONLY));
	if (!fault_clear())
		return 1;
	return err;
}

/* A refusal is one, told of or not. */
TEST_F_TIMEOUT(fault, refusals, LONG)
{
	unsigned long n, failcnt;
	struct ub_event e;
	struct box a;
	long err;

	box_open(_metadata, &a, BOX_A);
	IN(&a, refused, 0);	/* opens fail-nth */
	LIMIT(&a, NUMFILE, HELD(&a, NUMFILE));
	ub_events_drain();
	for (n = 1; n < 100; n++) {
		long dropped = ub_status("events-dropped");

		failcnt = FAILCNT(&a, NUMFILE);
		err = IN(&a, refused, n);
		if (err == 1)
			break;
		if (err == -ENFILE) {
			EXPECT_EQ(failcnt + 1, FAILCNT(&a, NUMFILE));
			/* Told, or counted as not told. */
			EXPECT_TRUE(ub_event_next(&e, 1000) == 0 ||
				    ub_status("events-dropped") > dropped);
		} else {
			EXPECT_EQ(-ENOMEM, err);
			EXPECT_EQ(failcnt, FAILCNT(&a, NUMFILE));
		}
	}
	EXPECT_LT(2, n);
	ub_events_drain();
	box_close(_metadata, &a);
}

/*
 * Loading. Not through modprobe: it is this task's allocations that fail.
 */
FIXTURE(load) {
	int file;
};

FIXTURE_SETUP(load)
{
	struct utsname u;
	char path[512];

	if (fault_open() || access("/proc/stockvz", R_OK))
		SKIP(_exit(KSFT_SKIP),
		     "needs the module and a kernel with fault injection");
	uname(&u);
	snprintf(path, sizeof(path), "/lib/modules/%s/extra/stockvz.ko",
		 u.release);
	self->file = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->file) TH_LOG("%s: %m", path);
	check_unload(_metadata);
}

FIXTURE_TEARDOWN(load)
{
	close(self->file);
	EXPECT_EQ(0, load("require=all"));
}

static bool nothing_left(void)
{
	return access("/proc/stockvz", F_OK) &&
	       access("/proc/user_beancounters", F_OK) &&
	       access("/sys/module/stockvz", F_OK) &&
	       !stands("/proc/slabinfo", "stockvz", "", "") &&
	       !stands("/proc/filesystems", "stockvz", "", "");
}

/* Whatever is off is off for one of these, and nothing else. */
static bool excused(const char *line)
{
	return strstr(line, "out of memory") ||
	       strstr(line, "ftrace does not attach") ||
	       strstr(line, "no such function") ||
	       strstr(line, "no such tracepoint") ||
	       strstr(line, "prototype is not known") ||
	       strstr(line, "did not refuse the call that tries it");
}

/* How many features are off for want of a function; -1: without a good reason. */
static int features_off(void)
{
	FILE *f = fopen("/proc/stockvz", "re");
	char line[512];
	int off = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, " off: ") ||
		    strstr(line, "this version does not count it"))
			continue;
		if (!excused(line))
			return -1;
		off++;
	}
	if (!f)
		return -1;
	fclose(f);
	return off;
}

static int load_file(int fd, const char *parameters)
{
	return sys(syscall(SYS_finit_module, fd, parameters, 0));
}

struct tally {
	unsigned int failed;
	unsigned int partly;
	unsigned int whole;
};

/* Load once, with the n-th allocation failing; false if there are not so many. */
static bool load_nth(struct __test_metadata *_metadata, int fd, unsigned int n,
		     struct tally *t)
{
	bool failed;
	int err;

	fault_set(n);
	err = load_file(fd, "");
	failed = fault_clear();
	if (err) {
		t->failed++;
		EXPECT_TRUE(nothing_left())
			TH_LOG("%u: %d", n, err);
	} else {
		int off = features_off();

		EXPECT_LE(0, off)
			TH_LOG("%u: off for no reason", n);
		*(off ? &t->partly : &t->whole) += 1;
		check_unload(_metadata);
	}
	return failed;
}

/*
 * Before it calls us the kernel reads, copies and links the module: hundreds of
 * allocations that are not ours. The first that is: from there on we say what
 * went wrong.
 */
static unsigned int first_of_ours(struct __test_metadata *_metadata, int fd)
{
	int kmsg = log_open();
	unsigned int low = 1, high = 4096;
	struct tally t = { 0 };

	while (low < high) {
		unsigned int mid = (low + high) / 2, came = t.partly + t.whole;
		bool heard;

		lseek(kmsg, 0, SEEK_END);
		load_nth(_metadata, fd, mid, &t);
		heard = log_has(kmsg, "stockvz: cannot start");
		if (heard || came != t.partly + t.whole)
			high = mid;
		else
			low = mid + 1;
	}
	close(kmsg);
	return low;
}

/* Where STOCKVZ_ITERATIONS asks for fewer: other ones each time. */
TEST_F_TIMEOUT(load, leaves_nothing_or_says_why, LONG)
{
	unsigned int first = first_of_ours(_metadata, self->file);
	unsigned int step = 100 / repeats(100) ?: 1;
	unsigned int n = first + time(NULL) % step;
	struct tally t = { 0 };

	TH_LOG("from allocation %u on, each %u.", n, step);
	while (load_nth(_metadata, self->file, n, &t))
		n += step;
	TH_LOG("to %u: %u loads failed, %u lacked a feature, %u did not", n,
	       t.failed, t.partly, t.whole);
	EXPECT_LT(0, t.failed);
	EXPECT_LT(0, t.partly);
	EXPECT_LT(0, t.whole);
}

TEST_HARNESS_MAIN
