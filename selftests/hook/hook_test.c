// SPDX-License-Identifier: GPL-2.0
/*
 * Loading, with and without all that is needed, and unloading. A feature that
 * lacks one function is off as a whole, says so in three places, and counts
 * nothing; the others do not notice.
 */
#include <errno.h>
#include <fcntl.h>
#include <netlink/msg.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "cg.h"
#include "ub.h"

#define CTID 103
#define CGROUP "/hooktest"
#define CYCLES 5

static int load(const char *parameters)
{
	char command[256];

	ub_forget_socket();
	snprintf(command, sizeof(command), "modprobe stockvz %s 2>/dev/null",
		 parameters);
	return system(command);
}

static int unload(void)
{
	ub_forget_socket();
	return system("rmmod stockvz 2>/dev/null");
}

/* Does a line with all three words stand in the file? */
static bool stands(const char *file, const char *a, const char *b, const char *c)
{
	int fd = open(file, O_RDONLY | O_NONBLOCK);
	bool found = false;
	char line[8192];
	ssize_t n;

	/* /dev/kmsg gives a record a read, /proc/stockvz all of its lines. */
	while (fd >= 0 && !found && (n = read(fd, line, sizeof(line) - 1)) > 0) {
		char *rest = line, *one;

		line[n] = 0;
		while (!found && (one = strsep(&rest, "\n")))
			found = strstr(one, a) && strstr(one, b) &&
				strstr(one, c);
	}
	if (fd >= 0)
		close(fd);
	return found;
}

struct feature {
	const char *name;
	int state;
	char reason[256];
};

static void on_info(struct nlmsghdr *nlh, void *arg)
{
	struct genlmsghdr *g = nlmsg_data(nlh);
	struct nlattr *tb[STOCKVZ_A_FEATURE_MAX + 1];
	struct feature *f = arg;
	struct nlattr *attr;
	int rest;

	nla_for_each_attr(attr, genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0),
			  rest) {
		if (nla_type(attr) != STOCKVZ_A_INFO_FEATURE ||
		    nla_parse_nested(tb, STOCKVZ_A_FEATURE_MAX, attr, NULL) ||
		    strcmp(nla_get_string(tb[STOCKVZ_A_FEATURE_NAME]), f->name))
			continue;
		f->state = nla_get_u32(tb[STOCKVZ_A_FEATURE_STATE]);
		if (tb[STOCKVZ_A_FEATURE_REASON])
			snprintf(f->reason, sizeof(f->reason), "%s",
				 nla_get_string(tb[STOCKVZ_A_FEATURE_REASON]));
	}
}

/* As info-get tells it. */
static struct feature feature(const char *name)
{
	struct feature f = { .name = name, .state = -1 };

	ub_talk(ub_msg(STOCKVZ_CMD_INFO_GET, 0), on_info, &f);
	return f;
}

/* A task, a file, a socket of each kind: all that is counted. */
static void use_everything(const char *cgroup)
{
	pid_t pid = fork();

	if (!pid) {
		if (cg_enter(cgroup, 0))
			_exit(1);
		if (!fork())
			_exit(0);
		wait(NULL);
		close(open("/dev/null", O_RDONLY));
		close(socket(AF_INET, SOCK_STREAM, 0));
		close(socket(AF_UNIX, SOCK_STREAM, 0));
		mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (!fork())
			_exit(mlock(cgroup, 1));
		wait(NULL);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* Each resource that is not named was counted, and each that is was not. */
static void check_counted(struct __test_metadata *_metadata, const char *off)
{
	static const struct {
		const char *name;
		int res;
	} counted[] = {
		{ "lockedpages", STOCKVZ_RES_LOCKEDPAGES },
		{ "privvmpages", STOCKVZ_RES_PRIVVMPAGES },
		{ "shmpages", STOCKVZ_RES_SHMPAGES },
		{ "numproc", STOCKVZ_RES_NUMPROC },
		{ "numfile", STOCKVZ_RES_NUMFILE },
		{ "numtcpsock", STOCKVZ_RES_NUMTCPSOCK },
		{ "numothersock", STOCKVZ_RES_NUMOTHERSOCK },
	};
	unsigned int i;

	ASSERT_EQ(0, cg_make(CGROUP));
	ASSERT_EQ(0, ub_new(CTID, CGROUP)) TH_LOG("%s", ub_why());
	use_everything(CGROUP);
	for (i = 0; i < ARRAY_SIZE(counted); i++) {
		unsigned long most = ub_row(CTID, counted[i].res).maxheld;

		EXPECT_EQ(!strstr(off, counted[i].name), !!most)
			TH_LOG("%s", counted[i].name);
	}
	EXPECT_NE(0, unload()) TH_LOG("unloaded under a beancounter");
	EXPECT_EQ(0, ub_del(CTID));
	EXPECT_EQ(0, cg_remove(CGROUP));
}

/* The last reference may be waiting for a grace period. */
static void check_unload(struct __test_metadata *_metadata)
{
	int tries = 100;

	while (unload() && --tries)
		usleep(50000);
	EXPECT_NE(0, tries);
	EXPECT_NE(0, access("/proc/stockvz", F_OK));
	EXPECT_NE(0, access("/proc/user_beancounters", F_OK));
	EXPECT_FALSE(stands("/proc/slabinfo", "stockvz", "", ""));
	EXPECT_FALSE(stands("/proc/filesystems", "stockvz", "", ""));
}

FIXTURE(module) {
	int unused;
};

FIXTURE_SETUP(module)
{
	if (geteuid() || access("/proc/stockvz", R_OK))
		SKIP(_exit(KSFT_SKIP), "needs root and the module");
	check_unload(_metadata);
}

FIXTURE_TEARDOWN(module)
{
	EXPECT_EQ(0, load(""));
}

FIXTURE_VARIANT(module) {
	const char *symbol;
	const char *off;
};

#define HIDDEN(symbol_, off_)						\
	FIXTURE_VARIANT_ADD(module, symbol_) {				\
		.symbol = #symbol_,					\
		.off = off_,						\
	}

HIDDEN(pids_can_fork, "numproc privvmpages lockedpages");
HIDDEN(pids_cancel_fork, "numproc");
HIDDEN(cgroup_release, "numproc");
HIDDEN(free_task, "numproc");
HIDDEN(security_file_alloc, "numfile");
HIDDEN(security_file_free, "numfile");
HIDDEN(security_unix_stream_connect, "numothersock");
HIDDEN(security_socket_post_create, "numtcpsock numothersock");
HIDDEN(__inet_inherit_port, "numtcpsock numothersock");
HIDDEN(sk_destruct, "numtcpsock numothersock");
HIDDEN(may_expand_vm, "privvmpages lockedpages");
HIDDEN(mmap_region, "privvmpages lockedpages");
HIDDEN(mprotect_fixup, "privvmpages");
HIDDEN(mlock_fixup, "lockedpages");
HIDDEN(userfaultfd_unmap_complete, "privvmpages lockedpages");
HIDDEN(begin_new_exec, "privvmpages lockedpages");
HIDDEN(exit_mmap, "privvmpages lockedpages");
HIDDEN(alloc_file_pseudo, "shmpages lockedpages");
HIDDEN(security_inode_init_security, "shmpages");
HIDDEN(shmem_add_to_page_cache, "shmpages");
HIDDEN(shmem_recalc_inode, "shmpages");
HIDDEN(shmem_evict_inode, "shmpages lockedpages");
HIDDEN(shmem_lock, "lockedpages");
HIDDEN(zap_pid_ns_processes, "ct-events");

TEST_F(module, hidden)
{
	char parameters[128], names[128], *rest = names, *name;

	snprintf(parameters, sizeof(parameters), "hide=%s", variant->symbol);
	ASSERT_EQ(0, load(parameters));
	snprintf(names, sizeof(names), "%s", variant->off);
	while ((name = strsep(&rest, " "))) {
		struct feature f = feature(name);

		EXPECT_EQ(STOCKVZ_STATE_OFF, f.state);
		EXPECT_NE(NULL, strstr(f.reason, variant->symbol))
			TH_LOG("netlink: %s", f.reason);
		EXPECT_TRUE(stands("/proc/stockvz", name, "off:",
				   variant->symbol));
		EXPECT_TRUE(stands("/dev/kmsg", name, "is off:",
				   variant->symbol));
	}
	check_counted(_metadata, variant->off);
	check_unload(_metadata);

	snprintf(parameters, sizeof(parameters), "hide=%s require=all",
		 variant->symbol);
	EXPECT_NE(0, load(parameters));
	EXPECT_NE(0, access("/proc/stockvz", F_OK));
	EXPECT_TRUE(stands("/dev/kmsg", "not loaded: require=all, and ",
			   variant->symbol, ""));
}

FIXTURE(whole) {
	int unused;
};

FIXTURE_SETUP(whole)
{
	if (geteuid() || access("/proc/stockvz", R_OK))
		SKIP(_exit(KSFT_SKIP), "needs root and the module");
	check_unload(_metadata);
}

FIXTURE_TEARDOWN(whole)
{
	EXPECT_EQ(0, load(""));
}

TEST_F(whole, everything_is_on)
{
	ASSERT_EQ(0, load("require=all"));
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("lockedpages").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("privvmpages").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("shmpages").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("numproc").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("numfile").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("numtcpsock").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("numothersock").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("ct-events").state);
	check_counted(_metadata, "");
	check_unload(_metadata);
}

TEST_F(whole, wrong_parameter)
{
	EXPECT_NE(0, load("require=some"));
	EXPECT_TRUE(stands("/dev/kmsg", "require=some", "", ""));
}

/* A sysctl that switches tracing off must not switch limits off unseen. */
TEST_F(whole, tracing_cannot_be_switched_off)
{
	int fd;

	ASSERT_EQ(0, load(""));
	fd = open("/proc/sys/kernel/ftrace_enabled", O_WRONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, write(fd, "0", 1));
	EXPECT_EQ(EBUSY, errno);
	close(fd);
	check_unload(_metadata);
}

/* What is under way when hooks come and go is nobody's. */
TEST_F_TIMEOUT(whole, loaded_and_unloaded_under_load, 120)
{
	pid_t busy[2];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(busy); i++) {
		busy[i] = fork();
		if (!busy[i])
			for (;;)
				use_everything("/");
	}
	for (i = 0; i < CYCLES; i++) {
		ASSERT_EQ(0, load("require=all"));
		check_unload(_metadata);
	}
	for (i = 0; i < ARRAY_SIZE(busy); i++) {
		kill(busy[i], SIGKILL);
		waitpid(busy[i], NULL, 0);
	}
}

TEST_HARNESS_MAIN
