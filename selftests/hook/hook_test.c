// SPDX-License-Identifier: GPL-2.0
/*
 * Loading, with and without all that is needed, and unloading. A feature that
 * lacks one function is off as a whole, says so in three places, and counts
 * nothing; the others do not notice.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <linux/netfilter.h>

#include "kselftest_harness.h"

#include "cg.h"
#include "module.h"
#include "rules.h"
#include "ub.h"

#define CTID 103
#define CGROUP "/hooktest"
#define CYCLES 5

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

static void on_features(struct nlmsghdr *nlh, void *arg)
{
	struct genlmsghdr *g = nlmsg_data(nlh);
	struct nlattr *tb[STOCKVZ_A_FEATURE_MAX + 1];
	struct nlattr *attr;
	char *names = arg;
	int rest;

	nla_for_each_attr(attr, genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0),
			  rest) {
		if (nla_type(attr) != STOCKVZ_A_INFO_FEATURE ||
		    nla_parse_nested(tb, STOCKVZ_A_FEATURE_MAX, attr, NULL) ||
		    nla_get_u32(tb[STOCKVZ_A_FEATURE_STATE]) != STOCKVZ_STATE_OFF ||
		    !tb[STOCKVZ_A_FEATURE_REASON] ||
		    !strstr(nla_get_string(tb[STOCKVZ_A_FEATURE_REASON]), ": "))
			continue;
		strcat(names, nla_get_string(tb[STOCKVZ_A_FEATURE_NAME]));
		strcat(names, " ");
	}
}

/*
 * The features that are off for want of a function, each with a space behind
 * it, rather than because this version does not have them.
 */
static const char *all_off(void)
{
	static char names[4096];

	names[0] = 0;
	ub_talk(ub_msg(STOCKVZ_CMD_INFO_GET, 0), on_features, names);
	return names;
}

static void wake(int sig)
{
}

/* Send something to oneself, and do not read it. */
static void fill_buffers(int type)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	int server = socket(AF_INET, type, 0), client = socket(AF_INET, type, 0);
	struct pollfd arrival = { .fd = server, .events = POLLIN };

	if (bind(server, (void *)&address, len) ||
	    (type == SOCK_STREAM && listen(server, 1)) ||
	    getsockname(server, (void *)&address, &len) ||
	    connect(client, (void *)&address, len) ||
	    send(client, "hello", 5, 0) != 5)
		_exit(1);
	/* It arrives in an interrupt, or a connection to be taken does. */
	poll(&arrival, 1, 10000);
	close(client);
	close(server);
}

/* In a network namespace of its own, which goes with the task. */
static void make_rules(void)
{
	int fd;

	if (unshare(CLONE_NEWNET))
		_exit(1);
	fd = nft_open();
	nft_do(fd, NFPROTO_IPV4,
	       (int[]){ NFT_TABLE, NFT_CHAIN, NFT_RULE, 3, NFT_END });
	nft_do(fd, NFPROTO_IPV4, (int[]){ NFT_DROP, NFT_END });
	close(fd);
}

/* A task, a file, a socket of each kind, ...: all that is counted. */
static void use_everything(const char *cgroup)
{
	pid_t pid = fork();
	int fd;

	if (!pid) {
		if (cg_enter(cgroup, 0))
			_exit(1);
		if (!fork())
			_exit(0);
		wait(NULL);
		close(open("/dev/null", O_RDONLY));
		fd = open("/tmp/hook_test", O_RDONLY | O_CREAT, 0600);
		/* A file of tmpfs knows who pays for it as long as it is there. */
		unlink("/tmp/hook_test");
		flock(fd, LOCK_EX);
		close(fd);
		close(socket(AF_UNIX, SOCK_STREAM, 0));
		close(open("/dev/ptmx", O_RDWR | O_NOCTTY));
		signal(SIGUSR1, wake);
		raise(SIGUSR1);
		mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (!fork())
			_exit(mlock(cgroup, 1));
		wait(NULL);
		fill_buffers(SOCK_STREAM);
		fill_buffers(SOCK_DGRAM);
		make_rules();
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
		{ "kmemsize", STOCKVZ_RES_KMEMSIZE },
		{ "lockedpages", STOCKVZ_RES_LOCKEDPAGES },
		{ "privvmpages", STOCKVZ_RES_PRIVVMPAGES },
		{ "shmpages", STOCKVZ_RES_SHMPAGES },
		{ "numproc", STOCKVZ_RES_NUMPROC },
		{ "numfile", STOCKVZ_RES_NUMFILE },
		{ "numtcpsock", STOCKVZ_RES_NUMTCPSOCK },
		{ "numothersock", STOCKVZ_RES_NUMOTHERSOCK },
		{ "numflock", STOCKVZ_RES_NUMFLOCK },
		{ "numpty", STOCKVZ_RES_NUMPTY },
		{ "numsiginfo", STOCKVZ_RES_NUMSIGINFO },
		{ "tcpsndbuf", STOCKVZ_RES_TCPSNDBUF },
		{ "tcprcvbuf", STOCKVZ_RES_TCPRCVBUF },
		{ "othersockbuf", STOCKVZ_RES_OTHERSOCKBUF },
		{ "dgramrcvbuf", STOCKVZ_RES_DGRAMRCVBUF },
		{ "nftables", STOCKVZ_RES_NUMIPTENT },
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
	EXPECT_EQ(!strstr(off, "proc-bc"), !access("/proc/bc/0", F_OK));
	EXPECT_NE(0, unload()) TH_LOG("unloaded under a beancounter");
	EXPECT_EQ(0, ub_del(CTID));
	EXPECT_EQ(0, cg_remove(CGROUP));
}

/* These features, with a space between, are off: that is said in three places. */
static void check_off(struct __test_metadata *_metadata, const char *off,
		      const char *symbol, const char *why)
{
	char names[128], *rest = names, *name;

	snprintf(names, sizeof(names), "%s", off);
	while (*off && (name = strsep(&rest, " "))) {
		struct feature f = feature(name);

		EXPECT_EQ(STOCKVZ_STATE_OFF, f.state) TH_LOG("%s without %s", name, symbol);
		EXPECT_TRUE(strstr(f.reason, symbol) && strstr(f.reason, why))
			TH_LOG("netlink: %s: %s", name, f.reason);
		EXPECT_TRUE(stands("/proc/stockvz", name, symbol, why));
		EXPECT_TRUE(stands("/dev/kmsg", name, "is off:", why));
		EXPECT_NE(NULL, strstr(all_off(), name));
	}
}

/* And no other is. */
static void check_only(struct __test_metadata *_metadata, const char *off)
{
	size_t len = *off ? strlen(off) + 1 : 0;

	EXPECT_EQ(len, strlen(all_off())) TH_LOG("off: %s, not: %s", all_off(), off);
}

/*
 * Nobody has us, and whatever we may stand in is there. To come and go takes seconds: the
 * test before may have left us unloaded, and so does this one; the last test loads us.
 */
static void setup(struct __test_metadata *_metadata)
{
	NEEDS_MODULE();
	if (!access("/proc/stockvz", F_OK))
		check_unload(_metadata);
	ASSERT_EQ(0, system("modprobe -a x_tables nf_tables"));
}

FIXTURE(module) {
	int unused;
};

FIXTURE_SETUP(module)
{
	setup(_metadata);
}

FIXTURE_TEARDOWN(module)
{
}

#define TCPBUFS "tcpsndbuf tcprcvbuf"
#define SOCKBUFS "othersockbuf dgramrcvbuf"
#define ALL_SOCKETS "numtcpsock numothersock " TCPBUFS " " SOCKBUFS

/* What is off without a function, and of what that is one part of several. */
static const struct hidden {
	const char *symbol;
	const char *off;
	const char *part_of;
} hidden[] = {
#define HIDDEN(symbol_, off_) { .symbol = #symbol_, .off = off_ }
#define PART(symbol_, off_, of_) { .symbol = #symbol_, .off = off_, .part_of = of_ }
	HIDDEN(pids_can_fork, "numproc privvmpages lockedpages"),
	HIDDEN(pids_cancel_fork, "numproc"),
	HIDDEN(cgroup_release, "kmemsize numproc"),
	HIDDEN(free_task, "numproc"),
	HIDDEN(security_file_alloc, "numfile"),
	HIDDEN(security_file_free, "numfile"),
	HIDDEN(security_unix_stream_connect, "numothersock " SOCKBUFS),
	HIDDEN(security_socket_post_create, ALL_SOCKETS),
	HIDDEN(__inet_inherit_port, ALL_SOCKETS),
	HIDDEN(sk_destruct, ALL_SOCKETS),
	HIDDEN(tcp_check_oom, "numtcpsock"),
	HIDDEN(__udp_enqueue_schedule_skb, "dgramrcvbuf"),
	HIDDEN(__sock_queue_rcv_skb, "dgramrcvbuf"),
	HIDDEN(udp_rmem_release, "dgramrcvbuf"),
	HIDDEN(kfree_skb, "dgramrcvbuf"),
	HIDDEN(sock_rfree, TCPBUFS " dgramrcvbuf"),
	HIDDEN(tcp_stream_memory_free, TCPBUFS),
	HIDDEN(__sk_mem_schedule, TCPBUFS),
	HIDDEN(sk_stream_wait_memory, TCPBUFS),
	HIDDEN(tcp_connect, TCPBUFS),
	HIDDEN(tcp_try_rmem_schedule, TCPBUFS),
	HIDDEN(tcp_data_ready, TCPBUFS),
	HIDDEN(__sk_mem_reclaim, TCPBUFS),
	HIDDEN(sock_alloc_send_pskb, "othersockbuf"),
	HIDDEN(sock_wfree, "othersockbuf"),
	HIDDEN(security_file_lock, "numflock"),
	HIDDEN(locks_lock_inode_wait, "numflock"),
	HIDDEN(posix_lock_inode, "numflock"),
	HIDDEN(fasync_helper, "numflock"),
	HIDDEN(pty_close, "numpty"),
	HIDDEN(__sigqueue_alloc, "numsiginfo"),
	HIDDEN(signal_generate, "numsiginfo"),
	HIDDEN(alarm_timer_create, "numsiginfo"),
	HIDDEN(try_charge_memcg, "kmemsize"),
	HIDDEN(__mod_memcg_state, "kmemsize"),
	HIDDEN(cgroup_rmdir, "kmemsize cgroup-gone"),
	HIDDEN(out_of_memory, "oom-choice"),
	HIDDEN(oom_evaluate_task, "oom-choice"),
	HIDDEN(__oom_kill_process, "oom-choice"),
	HIDDEN(may_expand_vm, "privvmpages lockedpages"),
	HIDDEN(mmap_region, "privvmpages lockedpages"),
	HIDDEN(mprotect_fixup, "privvmpages"),
	HIDDEN(mlock_fixup, "lockedpages"),
	HIDDEN(userfaultfd_unmap_complete, "privvmpages lockedpages"),
	HIDDEN(begin_new_exec, "privvmpages lockedpages"),
	HIDDEN(exit_mmap, "privvmpages lockedpages"),
	HIDDEN(alloc_file_pseudo, "shmpages lockedpages"),
	HIDDEN(security_inode_init_security, "shmpages"),
	HIDDEN(shmem_add_to_page_cache, "shmpages"),
	HIDDEN(shmem_recalc_inode, "shmpages"),
	HIDDEN(shmem_evict_inode, "shmpages lockedpages"),
	HIDDEN(shmem_lock, "lockedpages"),
	HIDDEN(zap_pid_ns_processes, "ct-events"),
	HIDDEN(proc_lookup_de, "proc-bc"),
	PART(xt_free_table_info, "iptables", "numiptent"),
	PART(nf_tables_rule_destroy, "nftables", "numiptent"),
	PART(__nft_release_table, "nftables", "numiptent"),
	PART(__nft_release_basechain, "nftables", "numiptent"),
	PART(nft_trans_commit_list_add_tail, "nftables", "numiptent"),
	PART(nft_trans_alloc_gfp, "nftables", "numiptent"),
#undef HIDDEN
#undef PART
};

/* Have two lists of names one in common? */
static bool overlap(const char *a, const char *b)
{
	char names[128], *rest = names, *name;
	size_t len;

	snprintf(names, sizeof(names), "%s", a);
	while ((name = strsep(&rest, " "))) {
		const char *at = b;

		len = strlen(name);
		for (; (at = strstr(at, name)); at += len)
			if ((at == b || at[-1] == ' ') && (!at[len] || at[len] == ' '))
				return true;
	}
	return false;
}

/**
 * struct group - functions that are hidden at the same time
 * @with: which
 * @symbols: their names, with a comma between
 * @off: all that is off without them, with a space between
 * @part_of: what one of them is a part of: without all parts that is off as well
 */
struct group {
	bool with[ARRAY_SIZE(hidden)];
	char symbols[1024];
	char off[1024];
	const char *part_of;
};

/* As many of those left as have nothing to do with each other. */
static bool next_group(struct group *g, bool *done)
{
	size_t symbols = 0, off = 0;
	unsigned int i;

	memset(g, 0, sizeof(*g));
	for (i = 0; i < ARRAY_SIZE(hidden); i++) {
		if (done[i] || overlap(hidden[i].off, g->off) ||
		    (hidden[i].part_of && g->part_of))
			continue;
		done[i] = true;
		if (hidden[i].part_of)
			g->part_of = hidden[i].part_of;
		g->with[i] = true;
		symbols += sprintf(g->symbols + symbols, "%s%s", symbols ? "," : "",
				   hidden[i].symbol);
		off += sprintf(g->off + off, "%s%s", off ? " " : "", hidden[i].off);
	}
	return symbols;
}

TEST_F(module, hidden)
{
	bool done[ARRAY_SIZE(hidden)] = { 0 };
	char parameters[1100];
	struct group g;
	unsigned int i;

	while (next_group(&g, done)) {
		TH_LOG("without %s", g.symbols);
		snprintf(parameters, sizeof(parameters), "hide=%s", g.symbols);
		ASSERT_EQ(0, load(parameters));
		for (i = 0; i < ARRAY_SIZE(hidden); i++)
			if (g.with[i])
				check_off(_metadata, hidden[i].off, hidden[i].symbol, "hidden");
		check_only(_metadata, g.off);
		check_counted(_metadata, g.off);
		check_unload(_metadata);
	}
}

TEST_F(module, all_or_nothing)
{
	EXPECT_NE(0, load("hide=pty_close require=all"));
	EXPECT_NE(0, access("/proc/stockvz", F_OK));
	EXPECT_TRUE(stands("/dev/kmsg", "not loaded: require=all, and ", "pty_close", ""));
}

FIXTURE(whole) {
	int unused;
};

FIXTURE_SETUP(whole)
{
	setup(_metadata);
}

FIXTURE_TEARDOWN(whole)
{
}

TEST_F(whole, everything_is_on)
{
	ASSERT_EQ(0, load("require=all"));
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("lockedpages").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("privvmpages").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("shmpages").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("numproc").state);
	/* A mount of ours may not set options for the whole host. */
	EXPECT_TRUE(stands("/proc/mounts", "cgroup2", "nsdelegate",
			   "memory_recursiveprot"));
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("numfile").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("numtcpsock").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("numothersock").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("numflock").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("numpty").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("numsiginfo").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("tcpsndbuf").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("tcprcvbuf").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("othersockbuf").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("dgramrcvbuf").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("ct-events").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("kmemsize").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("cgroup-gone").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("oom-choice").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("numiptent").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("iptables").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("nftables").state);
	/* Read, not hooked. */
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("physpages").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("swappages").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("oomguarpages").state);
	EXPECT_EQ(STOCKVZ_STATE_DEGRADED, feature("vmguarpages").state);
	EXPECT_TRUE(stands("/proc/stockvz", "vmguarpages", "degraded:", ""));
	check_counted(_metadata, "");
	check_unload(_metadata);
}

/* What all containers are in has a weight by those that are there. */
static int containers_are_in(const char *cgroup)
{
	struct nl_msg *msg = ub_msg(STOCKVZ_CMD_UB_SET, 0);

	nla_put_u32(msg, STOCKVZ_A_UB_ID, 0);
	nla_put_string(msg, STOCKVZ_A_UB_CONTAINERS, cgroup);
	return ub_talk(msg, NULL, NULL);
}

static bool weighs(const char *cgroup, long weight)
{
	int tries = 200;

	while (cg_read(cgroup, "cpu.weight", "") != weight && --tries)
		usleep(50000);
	return tries;
}

/* That a cgroup is removed is heard of whatever else is off. */
TEST_F(whole, a_cgroup_goes_without_kmemsize)
{
	cg_write("", "cgroup.subtree_control", "+cpu");
	ASSERT_EQ(0, cg_make(CGROUP));
	ASSERT_EQ(0, cg_write(CGROUP, "cgroup.subtree_control", "+cpu"));
	ASSERT_EQ(0, cg_make(CGROUP "/stays"));
	ASSERT_EQ(0, cg_make(CGROUP "/goes"));
	ASSERT_EQ(0, load("hide=try_charge_memcg"));
	EXPECT_EQ(STOCKVZ_STATE_OFF, feature("kmemsize").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("cgroup-gone").state);
	ASSERT_EQ(0, containers_are_in(CGROUP));
	ASSERT_EQ(0, ub_new(CTID, CGROUP "/stays"));
	ASSERT_EQ(0, ub_new(CTID + 1, CGROUP "/goes"));
	EXPECT_EQ(200, cg_read(CGROUP, "cpu.weight", ""));
	EXPECT_EQ(0, cg_remove(CGROUP "/goes"));
	EXPECT_TRUE(weighs(CGROUP, 100));
	EXPECT_EQ(0, ub_del(CTID + 1));
	EXPECT_EQ(0, ub_del(CTID));
	check_unload(_metadata);
	EXPECT_EQ(0, cg_remove(CGROUP "/stays"));
	EXPECT_EQ(0, cg_remove(CGROUP));
}

#define CONTROL "/sys/fs/cgroup/cgroup.subtree_control"
#define V1 "/run/memory-v1"

/* Each version gets it when nothing of it is left in the other, not even what is removed. */
static bool mount_v1(void)
{
	bool mounted = false;
	int i;

	mkdir(V1, 0755);
	system("echo -memory >" CONTROL);
	for (i = 0; i < 50 && !mounted; i++) {
		usleep(100000);
		mounted = !mount("none", V1, "cgroup", 0, "memory");
	}
	return mounted && !mkdir(V1 "/some", 0755);
}

/* A mount ends its hierarchy only if nothing is left in it. */
static bool umount_v1(void)
{
	bool back = false;
	int i;

	rmdir(V1 "/some");
	for (i = 0; i < 100 && !back; i++) {
		umount(V1);
		usleep(100000);
		back = !system("echo +memory 2>/dev/null >" CONTROL);
		if (!back)
			mount("none", V1, "cgroup", 0, "memory");
	}
	rmdir(V1);
	return back;
}

/* Its cgroups are others than those that can be bound. */
TEST_F(whole, memory_controller_of_version_1)
{
	bool mounted = mount_v1();

	ASSERT_EQ(0, load(""));
	EXPECT_EQ(STOCKVZ_STATE_OFF, feature("kmemsize").state);
	EXPECT_TRUE(stands("/proc/stockvz", "kmemsize", "off:", "nothing here to try"));
	check_unload(_metadata);
	EXPECT_TRUE(umount_v1());
	if (!mounted)
		SKIP(return, "in use, or not in this kernel");
}

/* What is a part of something is off: the other parts are not. */
TEST_F(whole, one_firewall_of_two)
{
	ASSERT_EQ(0, load("hide=nft_trans_alloc_gfp"));
	EXPECT_EQ(STOCKVZ_STATE_DEGRADED, feature("numiptent").state);
	EXPECT_TRUE(stands("/proc/stockvz", "numiptent", "degraded:", "hidden"));
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("iptables").state);
	check_unload(_metadata);
	ASSERT_EQ(0, load("hide=nft_trans_alloc_gfp,xt_free_table_info"));
	EXPECT_EQ(STOCKVZ_STATE_OFF, feature("numiptent").state);
	check_unload(_metadata);
	/* There is nothing to require of what is not there. */
	ASSERT_EQ(0, system("rmmod nf_tables"));
	ASSERT_EQ(0, load("hide=nft_trans_alloc_gfp require=all"));
	EXPECT_EQ(STOCKVZ_STATE_WAITING, feature("nftables").state);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("numiptent").state);
	ASSERT_EQ(0, system("modprobe nf_tables"));
	EXPECT_EQ(STOCKVZ_STATE_OFF, feature("nftables").state);
	check_unload(_metadata);
}

TEST_F(whole, wrong_parameter)
{
	EXPECT_NE(0, load("require=some"));
	EXPECT_TRUE(stands("/dev/kmsg", "require=some", "", ""));
}

static int write_tracing(const char *value)
{
	int fd = open("/proc/sys/kernel/ftrace_enabled", O_WRONLY);
	int err = write(fd, value, 1) == 1 ? 0 : -errno;

	close(fd);
	return err;
}

/* A sysctl that switches tracing off must not switch limits off unseen. */
TEST_F(whole, tracing_cannot_be_switched_off)
{
	ASSERT_EQ(0, load(""));
	EXPECT_EQ(-EBUSY, write_tracing("0"));
	check_unload(_metadata);
}

/*
 * Tracing is off when we come: nothing that is traced can call us. That is why all is off,
 * and it stays so: what would be on when tracing is, would be on without the rest.
 */
FIXTURE(untraced) {
	int unused;
};

FIXTURE_SETUP(untraced)
{
	setup(_metadata);
	ASSERT_EQ(0, write_tracing("0"));
}

FIXTURE_TEARDOWN(untraced)
{
	EXPECT_EQ(0, write_tracing("1"));
	EXPECT_EQ(0, load("require=all"));
}

#define UNTRACED "kernel.ftrace_enabled was 0"

TEST_F(untraced, features_off)
{
	unsigned int i;

	ASSERT_EQ(0, load(""));
	for (i = 0; i < ARRAY_SIZE(hidden); i++)
		/* A tracepoint, which is something else. */
		if (strcmp(hidden[i].symbol, "cgroup_rmdir"))
			check_off(_metadata, hidden[i].off, "", UNTRACED);
	EXPECT_EQ(STOCKVZ_STATE_ON, feature("cgroup-gone").state);
	EXPECT_EQ(STOCKVZ_STATE_OFF, feature("numiptent").state);

	/* Not even what comes when it is on again. */
	EXPECT_EQ(0, system("rmmod nf_tables"));
	EXPECT_EQ(0, write_tracing("1"));
	EXPECT_EQ(0, system("modprobe nf_tables"));
	check_off(_metadata, "nftables", "", UNTRACED);
	check_unload(_metadata);
	ASSERT_EQ(0, load("require=all"));
	check_counted(_metadata, "");
	check_unload(_metadata);
}

TEST_F(untraced, require_all)
{
	EXPECT_NE(0, load("require=all"));
	EXPECT_NE(0, access("/proc/stockvz", F_OK));
	EXPECT_TRUE(stands("/dev/kmsg", "not loaded: require=all, and ", UNTRACED, ""));
}

/* A filter takes a name at a time. */
static void write_trace(struct __test_metadata *_metadata, const char *name,
			const char *text)
{
	char path[64];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/tracing/%s", name);
	fd = open(path, O_WRONLY | O_TRUNC);
	ASSERT_LE(0, fd);
	for (; *text && n >= 0; text += n)
		n = write(fd, text, strlen(text));
	EXPECT_LE(0, n);
	close(fd);
}

/* It puts an address of its own where a function returns to, where some hooks look. */
TEST_F(whole, beside_a_tracer_that_waits_for_returns)
{
	if (!stands("/sys/kernel/tracing/available_tracers", "function_graph", "", ""))
		SKIP(return, "not in this kernel");
	write_trace(_metadata, "set_ftrace_filter",
		    "try_charge_memcg may_expand_vm security_file_lock sock_alloc_send_pskb");
	write_trace(_metadata, "current_tracer", "function_graph");
	ASSERT_EQ(0, load("require=all"));
	check_counted(_metadata, "");
	write_trace(_metadata, "current_tracer", "nop");
	check_counted(_metadata, "");
	write_trace(_metadata, "current_tracer", "function_graph");
	check_counted(_metadata, "");
	check_unload(_metadata);
	write_trace(_metadata, "current_tracer", "nop");
	write_trace(_metadata, "set_ftrace_filter", "\n");
}

/* What is under way when hooks come and go is nobody's. */
TEST_F(whole, loaded_and_unloaded_under_load)
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

/*
 * Somebody holds a function, as a livepatch would: hooks of gates are kept out,
 * others are not. Gates that share an ops and those with one of their own; those that
 * are called directly go along with him (bpf_test.c).
 */
FIXTURE(held) {
	int unused;
};

FIXTURE_SETUP(held)
{
	setup(_metadata);
}

FIXTURE_TEARDOWN(held)
{
	let_go();
}

FIXTURE_VARIANT(held) {
	const char *functions;
	const char *symbol;
	const char *off;
};

#define HELD(name, functions_, symbol_, off_)				\
	FIXTURE_VARIANT_ADD(held, name) {				\
		.functions = functions_,				\
		.symbol = symbol_,					\
		.off = off_,						\
	}

#define FILES "security_file_alloc"
#define SOCKETS "security_socket_post_create"
#define CONNECT "security_unix_stream_connect"
#define COLD_GATES "pids_can_fork,__inet_inherit_port," CONNECT
#define FORK "numproc privvmpages lockedpages"

HELD(hot, FILES, FILES, "numfile");
HELD(hot_of_many, SOCKETS, SOCKETS, ALL_SOCKETS);
HELD(cold_first, "pids_can_fork", "pids_can_fork", FORK);
HELD(cold_last, CONNECT, CONNECT, "numothersock " SOCKBUFS);
HELD(cold_of_many, "__inet_inherit_port", "__inet_inherit_port", ALL_SOCKETS);
HELD(cold_all, COLD_GATES, "", FORK " " ALL_SOCKETS);
HELD(hot_and_cold, "pids_can_fork," FILES, "", FORK " numfile");
HELD(release, "security_file_free", "", "");
HELD(in_a_module, "nft_trans_alloc_gfp", "nft_trans_alloc_gfp", "nftables");

#define HOLDS "a livepatch or another tracer holds it"

TEST_F(held, features_off)
{
	bool gate = *variant->off;

	/* Whoever goes first leaves nothing to the other: we, who did not get all, ... */
	ASSERT_EQ(0, hold(variant->functions));
	EXPECT_EQ(gate, load("require=all direct=0") != 0);
	if (gate) {
		EXPECT_NE(0, access("/proc/stockvz", F_OK));
		EXPECT_TRUE(stands("/dev/kmsg", "not loaded: require=all, and ",
				   variant->symbol, HOLDS));
	} else {
		check_unload(_metadata);
	}

	/* ... and he. */
	ASSERT_EQ(0, load("direct=0"));
	check_off(_metadata, variant->off, variant->symbol, HOLDS);
	check_only(_metadata, variant->off);
	check_counted(_metadata, variant->off);
	EXPECT_EQ(0, let_go());
	check_off(_metadata, variant->off, variant->symbol, HOLDS);
	check_only(_metadata, variant->off);
	check_counted(_metadata, variant->off);
	check_unload(_metadata);

	ASSERT_EQ(0, load("require=all direct=0"));
	check_counted(_metadata, "");
	/* Now it is us who hold it. */
	EXPECT_EQ(gate, hold(variant->functions) != 0);
	let_go();
	check_counted(_metadata, "");
	check_unload(_metadata);
}

/* The last: what is run after us finds the module as we did. */
FIXTURE(after) {
	int unused;
};

FIXTURE_SETUP(after)
{
	setup(_metadata);
}

FIXTURE_TEARDOWN(after)
{
}

TEST_F(after, loaded_again)
{
	EXPECT_EQ(0, load("require=all"));
}

TEST_HARNESS_MAIN
