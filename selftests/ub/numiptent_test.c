// SPDX-License-Identifier: GPL-2.0
/*
 * numiptent counts firewall rules: the entries of iptables' tables, and each rule
 * of nftables. Over the limit, ENOMEM and nothing changes.
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/netfilter.h>

#include "fixture.h"
#include "rules.h"

/* What this is about goes to the limit. The event shall say so. */
#define RULES(box, value) \
	ASSERT_EQ(0, ub_set((box)->id, STOCKVZ_RES_NUMIPTENT, UB_MAX, value))

#define HELD_RULES(box) HELD(box, NUMIPTENT)

static int run(const char *command)
{
	return system(command) ? -1 : 0;
}

#define MODULES "iptable_filter nf_tables dummy"

static bool is_loaded(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return !access(path, F_OK);
}

/* What /proc/stockvz says of a feature begins so. */
static bool says(const char *name, const char *state)
{
	char line[256], want[64];
	bool said = false;
	FILE *f = fopen("/proc/stockvz", "re");

	snprintf(want, sizeof(want), "%-14s %s", name, state);
	while (f && !said && fgets(line, sizeof(line), f))
		said = !strncmp(line, want, strlen(want));
	if (f)
		fclose(f);
	return said;
}

/* In the worker. */

static long new_world(long a, long b)
{
	return sys(unshare(CLONE_NEWNET));
}

static long table(long a, long b)
{
	return xt_entries();
}

/* So many rules instead of the OLD. */
static long replace(long rules, long old)
{
	return xt_set(rules, old + XT_BASE);
}

static int nft = -1;

static long steps(const int *list)
{
	if (nft < 0)
		nft = nft_open();
	return nft_do(nft, NFPROTO_IPV4, list);
}

static long forget_nft(long a, long b)
{
	if (nft >= 0)
		close(nft);
	nft = -1;
	return 0;
}

static long nft_begin(long a, long b)
{
	forget_nft(0, 0);
	return steps((int[]){ NFT_TABLE, NFT_CHAIN, NFT_END });
}

static long nft_begin_own(long rules, long b)
{
	forget_nft(0, 0);
	return steps((int[]){ NFT_OWN, NFT_CHAIN, NFT_RULE, rules, NFT_END });
}

static long nft_add(long rules, long b)
{
	return steps((int[]){ NFT_RULE, rules, NFT_END });
}

static long nft_flush(long a, long b)
{
	return steps((int[]){ NFT_FLUSH, NFT_END });
}

/* As nft -f does. */
static long nft_reload(long rules, long b)
{
	return steps((int[]){ NFT_FLUSH, NFT_RULE, rules, NFT_END });
}

static long nft_reload_badly(long rules, long b)
{
	return steps((int[]){ NFT_FLUSH, NFT_RULE, rules, NFT_NONSENSE, NFT_END });
}

static long nft_replace(long handle, long b)
{
	return steps((int[]){ NFT_REPLACE, handle, NFT_END });
}

static long nft_give_up(long rules, long b)
{
	return steps((int[]){ NFT_RULE, rules, NFT_UNFINISHED });
}

/* Delete all, and then not. */
static long nft_spare(long a, long b)
{
	return steps((int[]){ NFT_FLUSH, NFT_UNFINISHED });
}

static long nft_replace_and_add(long handle, long rules)
{
	return steps((int[]){ NFT_REPLACE, handle, NFT_RULE, rules, NFT_END });
}

/* Of what is deleted, some was made by the same transaction. */
static long nft_add_and_reload(long more, long rules)
{
	return steps((int[]){ NFT_RULE, more, NFT_FLUSH, NFT_RULE, rules, NFT_END });
}

static long nft_nonsense(long rules, long b)
{
	return steps((int[]){ NFT_RULE, rules, NFT_NONSENSE, NFT_END });
}

static long nft_drop(long a, long b)
{
	return steps((int[]){ NFT_DROP, NFT_END });
}

static long nft_start_again(long rules, long b)
{
	return steps((int[]){ NFT_DROP, NFT_TABLE, NFT_CHAIN, NFT_RULE, rules,
			      NFT_END });
}

static long nft_ingress(long rules, long b)
{
	if (run("ip link add wire type dummy"))
		return -ENODEV;
	forget_nft(0, 0);
	nft = nft_open();
	return nft_do(nft, NFPROTO_NETDEV,
		      (int[]){ NFT_TABLE, NFT_INGRESS, NFT_RULE, rules, NFT_END });
}

static long device_goes(long a, long b)
{
	return run("ip link del wire");
}

static long nft_drop_netdev(long a, long b)
{
	return nft_do(nft, NFPROTO_NETDEV, (int[]){ NFT_DROP, NFT_END });
}

/* Add one at a time, in a world of its own, and say how many there were room for. */
static long add_many(int tries)
{
	int done = 0;

	if (new_world(0, 0) || nft_begin(0, 0))
		return -1;
	while (tries--)
		done += !nft_add(1, 0);
	return done;
}

/* Two tasks at once, which stay until both have been heard. */
static long add_twice(long tries, long b)
{
	int said[2], go[2], i, n, all = 0;

	if (pipe(said) || pipe(go))
		return -errno;
	for (i = 0; i < 2; i++) {
		if (fork())
			continue;
		close(go[1]);
		n = add_many(tries);
		if (write(said[1], &n, sizeof(n)) == sizeof(n) &&
		    read(go[0], &n, 1) == 0)
			_exit(0);
		_exit(1);
	}
	close(go[0]);
	for (i = 0; i < 2 && read(said[0], &n, sizeof(n)) == sizeof(n); i++)
		all += n;
	close(go[1]);
	close(said[0]);
	close(said[1]);
	while (wait(NULL) > 0)
		;
	return all;
}

/* Of another's namespace. */
static long join_world(long pid, long b)
{
	char path[32];
	int fd;
	long err;

	snprintf(path, sizeof(path), "/proc/%ld/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = sys(setns(fd, CLONE_NEWNET));
	close(fd);
	return err;
}

/* What the host does there, without moving. */
static long host_does(long pid, long (*fn)(long a, long b), long a, long b)
{
	int status;
	pid_t child = fork();

	if (!child)
		_exit(join_world(pid, 0) || fn(a, b));
	waitpid(child, &status, 0);
	return status;
}

FIXTURE(rules) {
	struct laws laws;
	struct box a;
	struct box b;
};

FIXTURE_SETUP(rules)
{
	laws_begin(_metadata, &self->laws);
	if (run("modprobe -a " MODULES))
		SKIP(_exit(KSFT_SKIP), "this kernel has no firewall");
	ASSERT_TRUE(says("numiptent", "on"));
	ASSERT_TRUE(says("iptables", "on"));
	ASSERT_TRUE(says("nftables", "on"));
	box_open(_metadata, &self->a, BOX_A);
	box_open(_metadata, &self->b, BOX_B);
	ASSERT_EQ(0, IN(&self->a, new_world));
}

FIXTURE_TEARDOWN(rules)
{
	box_close(_metadata, &self->a);
	box_close(_metadata, &self->b);
	laws_end(_metadata, &self->laws);
}

TEST_F(rules, oracle_52_iptables)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, HELD_RULES(a));
	EXPECT_EQ(XT_BASE, IN(a, table));
	EXPECT_EQ(XT_BASE, HELD_RULES(a));
	EXPECT_EQ(0, IN(a, replace, 1, 0));
	EXPECT_EQ(XT_BASE + 1, HELD_RULES(a));
	RULES(a, XT_BASE + 1);
	EXPECT_REFUSED(a, NUMIPTENT, ENOMEM, SYS_setsockopt,
		       IN(a, replace, 2, 1));
	EXPECT_EQ(XT_BASE + 1, IN(a, table));
	EXPECT_EQ(0, IN(a, replace, 0, 1));
	EXPECT_EQ(XT_BASE, HELD_RULES(a));
	EXPECT_EQ(0, IN(a, replace, 1, 0));
	EXPECT_EQ(XT_BASE + 1, HELD_RULES(a));
}

/* The difference counts, and not the new one beside the old. */
TEST_F(rules, replacement_that_fits)
{
	struct box *a = &self->a;
	int i;

	EXPECT_EQ(0, IN(a, replace, 50, 0));
	RULES(a, XT_BASE + 50);
	for (i = 0; i < 10; i++)
		EXPECT_EQ(0, IN(a, replace, 50, 50));
	EXPECT_EQ(XT_BASE + 50, HELD_RULES(a));
	EXPECT_EQ(XT_BASE + 50, ub_row(a->id, STOCKVZ_RES_NUMIPTENT).maxheld);
	EXPECT_EQ(0, FAILCNT(a, NUMIPTENT));
	EXPECT_REFUSED_OF(10, a, NUMIPTENT, ENOMEM, SYS_setsockopt,
			  IN(a, replace, 60, 50));
	EXPECT_EQ(0, IN(a, replace, 10, 50));
	EXPECT_EQ(XT_BASE + 10, HELD_RULES(a));
	/* The barrier binds nobody. */
	ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_NUMIPTENT, 0, 100));
	EXPECT_EQ(0, IN(a, replace, 11, 10));
	EXPECT_EQ(XT_BASE + 11, HELD_RULES(a));
}

/* Somebody else was faster, and it has to be read again. */
TEST_F(rules, replacement_of_what_is_not_there)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, replace, 5, 0));
	EXPECT_EQ(-EAGAIN, IN(a, replace, 9, 4));
	EXPECT_EQ(XT_BASE + 5, HELD_RULES(a));
	EXPECT_EQ(0, FAILCNT(a, NUMIPTENT));
	EXPECT_EQ(0, IN(a, replace, 4, 5));
	EXPECT_EQ(XT_BASE + 4, HELD_RULES(a));
}

/* A table cannot come into being. The kernel tries twice, so that is two failures. */
TEST_F(rules, table_that_does_not_fit)
{
	struct box *a = &self->a;

	RULES(a, XT_BASE - 1);
	EXPECT_EQ(-ENOMEM, IN(a, table));
	EXPECT_EQ(2, FAILCNT(a, NUMIPTENT));
	EXPECT_EQ(0, HELD_RULES(a));
	RULES(a, XT_BASE);
	EXPECT_EQ(XT_BASE, IN(a, table));
	EXPECT_EQ(XT_BASE, HELD_RULES(a));
}

TEST_F(rules, world_ends)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, replace, 7, 0));
	EXPECT_EQ(0, IN(a, nft_begin));
	EXPECT_EQ(0, IN(a, nft_add, 8));
	EXPECT_EQ(XT_BASE + 15, HELD_RULES(a));
	EXPECT_EQ(0, IN(a, new_world));
	EXPECT_EQ(0, IN(a, forget_nft));
	EXPECT_TRUE(EVENTUALLY(HELD_RULES(a) == 0));
}

/* Who makes the new table pays for all of it, and the other is paid back. */
TEST_F(rules, table_of_another)
{
	struct box *a = &self->a, *b = &self->b;

	EXPECT_EQ(0, IN(a, replace, 5, 0));
	EXPECT_EQ(0, IN(b, join_world, a->worker.pid));
	RULES(b, XT_BASE + 5);
	EXPECT_REFUSED_OF(XT_BASE + 6, b, NUMIPTENT, ENOMEM, SYS_setsockopt,
			  IN(b, replace, 6, 5));
	EXPECT_EQ(XT_BASE + 5, HELD_RULES(a));
	EXPECT_EQ(0, IN(b, replace, 4, 5));
	EXPECT_EQ(0, HELD_RULES(a));
	EXPECT_EQ(XT_BASE + 4, HELD_RULES(b));
	EXPECT_EQ(0, IN(a, replace, 6, 4));
	EXPECT_EQ(XT_BASE + 6, HELD_RULES(a));
	EXPECT_EQ(0, HELD_RULES(b));
	/* The host takes it over, and gives it back. */
	EXPECT_EQ(0, host_does(a->worker.pid, replace, 3, 6));
	EXPECT_EQ(0, HELD_RULES(a));
	EXPECT_EQ(0, IN(a, replace, 2, 3));
	EXPECT_EQ(XT_BASE + 2, HELD_RULES(a));
	EXPECT_EQ(0, IN(b, new_world));
}

TEST_F(rules, rules_of_nftables)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, nft_begin));
	EXPECT_EQ(0, HELD_RULES(a));
	EXPECT_EQ(0, IN(a, nft_add, 5));
	EXPECT_EQ(5, HELD_RULES(a));
	RULES(a, 6);
	EXPECT_EQ(0, IN(a, nft_add, 1));
	EXPECT_REFUSED(a, NUMIPTENT, ENOMEM, SYS_sendto, IN(a, nft_add, 1));
	EXPECT_EQ(0, IN(a, nft_flush));
	EXPECT_TRUE(EVENTUALLY(HELD_RULES(a) == 0));
	EXPECT_EQ(0, IN(a, nft_add, 6));
	EXPECT_EQ(6, HELD_RULES(a));
	EXPECT_EQ(0, IN(a, nft_drop));
	EXPECT_TRUE(EVENTUALLY(HELD_RULES(a) == 0));
}

/* One step too many undoes all of it. */
TEST_F(rules, transaction_does_not_fit)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, nft_begin));
	EXPECT_EQ(0, IN(a, nft_add, 2));
	RULES(a, 5);
	EXPECT_EQ(-ENOMEM, IN(a, nft_add, 4));
	EXPECT_EQ(1, FAILCNT(a, NUMIPTENT));
	EXPECT_EQ(2, HELD_RULES(a));
	EXPECT_EQ(0, IN(a, nft_add, 3));
	EXPECT_EQ(5, HELD_RULES(a));
}

TEST_F(rules, transaction_fails)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, nft_begin));
	EXPECT_EQ(0, IN(a, nft_add, 2));
	EXPECT_EQ(-ENOENT, IN(a, nft_nonsense, 3));
	EXPECT_EQ(2, HELD_RULES(a));
	EXPECT_EQ(0, IN(a, nft_give_up, 3));
	EXPECT_EQ(2, HELD_RULES(a));
	EXPECT_EQ(5, ub_row(a->id, STOCKVZ_RES_NUMIPTENT).maxheld);
	/* The old ones are still there, and still count. */
	EXPECT_EQ(-ENOENT, IN(a, nft_reload_badly, 3));
	EXPECT_EQ(2, HELD_RULES(a));
	RULES(a, 2);
	EXPECT_REFUSED(a, NUMIPTENT, ENOMEM, SYS_sendto, IN(a, nft_add, 1));
}

/* All at once, at the limit: what is deleted makes room for what is new. */
TEST_F(rules, reload)
{
	struct box *a = &self->a;
	int i;

	EXPECT_EQ(0, IN(a, nft_begin));
	EXPECT_EQ(0, IN(a, nft_add, 5));
	RULES(a, 5);
	for (i = 0; i < 10; i++)
		EXPECT_EQ(0, IN(a, nft_reload, 5));
	EXPECT_EQ(5, HELD_RULES(a));
	EXPECT_EQ(0, IN(a, nft_start_again, 5));
	EXPECT_EQ(5, HELD_RULES(a));
	EXPECT_REFUSED(a, NUMIPTENT, ENOMEM, SYS_sendto,
		       IN(a, nft_reload, 6));
	EXPECT_EQ(-ENOENT, IN(a, nft_reload_badly, 5));
	EXPECT_EQ(5, HELD_RULES(a));
	EXPECT_EQ(5, ub_row(a->id, STOCKVZ_RES_NUMIPTENT).maxheld);
	/* The chain had a handle, and each of the first five rules. */
	EXPECT_EQ(0, IN(a, nft_replace, 2));
	EXPECT_EQ(5, HELD_RULES(a));
	EXPECT_EQ(0, IN(a, nft_reload, 3));
	EXPECT_TRUE(EVENTUALLY(HELD_RULES(a) == 3));
	EXPECT_EQ(0, IN(a, nft_add, 2));
	EXPECT_EQ(-ENOMEM, IN(a, nft_add, 1));
}

/* What was deleted before is no room, nor what is deleted elsewhere. */
TEST_F(rules, no_room_twice)
{
	struct box *a = &self->a, *b = &self->b;

	EXPECT_EQ(0, IN(a, nft_begin));
	EXPECT_EQ(0, IN(a, nft_add, 4));
	EXPECT_EQ(-ENOENT, IN(a, nft_reload_badly, 2));
	EXPECT_EQ(0, IN(a, nft_add, 4));
	EXPECT_EQ(8, HELD_RULES(a));
	/* Another's rules make no room for ours. */
	EXPECT_EQ(0, IN(b, join_world, a->worker.pid));
	RULES(b, 3);
	EXPECT_EQ(-ENOMEM, IN(b, nft_reload, 4));
	EXPECT_EQ(8, HELD_RULES(a));
	EXPECT_EQ(0, IN(b, nft_reload, 3));
	EXPECT_TRUE(EVENTUALLY(HELD_RULES(a) == 0));
	EXPECT_EQ(3, HELD_RULES(b));
	EXPECT_EQ(0, IN(b, forget_nft));
	EXPECT_EQ(0, IN(a, nft_drop));
	EXPECT_TRUE(EVENTUALLY(HELD_RULES(b) == 0));
}

/* Rules that were to go and stay give nothing away, and hide none that go. */
TEST_F(rules, spared)
{
	struct box *a = &self->a;
	int i;

	EXPECT_EQ(0, IN(a, nft_begin));
	EXPECT_EQ(0, IN(a, nft_add, 4));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, IN(a, nft_spare));
	EXPECT_EQ(4, HELD_RULES(a));
	RULES(a, 5);
	/* The handle of the first: the chain had one too. */
	EXPECT_EQ(-ENOMEM, IN(a, nft_replace_and_add, 2, 2));
	EXPECT_EQ(1, FAILCNT(a, NUMIPTENT));
	EXPECT_EQ(4, HELD_RULES(a));
	EXPECT_EQ(0, IN(a, nft_replace_and_add, 2, 1));
	EXPECT_EQ(5, HELD_RULES(a));
	EXPECT_EQ(0, IN(a, nft_spare));
	EXPECT_EQ(0, IN(a, nft_reload, 5));
	EXPECT_EQ(5, HELD_RULES(a));
}

/* What comes and goes in one transaction makes no room, and hides none that does. */
TEST_F(rules, made_and_deleted_at_once)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, nft_begin));
	EXPECT_EQ(0, IN(a, nft_add, 2));
	RULES(a, 3);
	EXPECT_EQ(0, IN(a, nft_add_and_reload, 1, 2));
	EXPECT_TRUE(EVENTUALLY(HELD_RULES(a) == 2));
	EXPECT_EQ(-ENOMEM, IN(a, nft_add_and_reload, 1, 3));
	EXPECT_EQ(1, FAILCNT(a, NUMIPTENT));
	EXPECT_EQ(2, HELD_RULES(a));
}

TEST_F(rules, table_with_an_owner)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, nft_begin_own, 9));
	EXPECT_EQ(9, HELD_RULES(a));
	EXPECT_EQ(0, IN(a, forget_nft));
	EXPECT_TRUE(EVENTUALLY(HELD_RULES(a) == 0));
}

/* On some kernels its chain goes with it. */
TEST_F(rules, device_goes)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, nft_ingress, 6));
	EXPECT_EQ(6, HELD_RULES(a));
	EXPECT_EQ(0, IN(a, device_goes));
	EXPECT_EQ(0, IN(a, nft_drop_netdev));
	EXPECT_TRUE(EVENTUALLY(HELD_RULES(a) == 0));
}

TEST_F(rules, two_at_once)
{
	struct box *a = &self->a;

	RULES(a, 100);
	EXPECT_EQ(100, IN(a, add_twice, 80));
	EXPECT_EQ(60, FAILCNT(a, NUMIPTENT));
	EXPECT_TRUE(EVENTUALLY(HELD_RULES(a) == 0));
}

TEST_F(rules, host_pays_nothing)
{
	struct box *a = &self->a;

	RULES(a, 0);
	EXPECT_EQ(0, host_does(a->worker.pid, replace, 5, 0));
	EXPECT_EQ(0, host_does(a->worker.pid, nft_begin, 0, 0));
	EXPECT_EQ(0, host_does(a->worker.pid, nft_add, 5, 0));
	EXPECT_EQ(0, HELD_RULES(a));
	EXPECT_EQ(0, FAILCNT(a, NUMIPTENT));
	EXPECT_EQ(0, IN(a, nft_flush));
	EXPECT_EQ(0, HELD_RULES(a));
}

/* Modules that go, and come after us. */
TEST_F(rules, modules_come_and_go)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, run("rmmod iptable_filter ip_tables x_tables nf_tables"));
	EXPECT_TRUE(says("iptables", "waiting: the module x_tables is not loaded"));
	EXPECT_TRUE(says("nftables", "waiting: the module nf_tables is not loaded"));
	EXPECT_TRUE(says("numiptent", "on"));
	/* The kernel loads them for who asks, and that one pays. */
	RULES(a, 3);
	EXPECT_EQ(0, IN(a, nft_begin));
	EXPECT_TRUE(is_loaded("nf_tables"));
	EXPECT_TRUE(says("nftables", "on"));
	EXPECT_EQ(0, IN(a, nft_add, 3));
	EXPECT_EQ(-ENOMEM, IN(a, nft_add, 1));
	EXPECT_EQ(3, HELD_RULES(a));
	EXPECT_EQ(0, run("modprobe iptable_filter"));
	EXPECT_TRUE(says("iptables", "on"));
	EXPECT_EQ(-ENOMEM, IN(a, table));
	RULES(a, 3 + XT_BASE);
	EXPECT_EQ(XT_BASE, IN(a, table));
	EXPECT_EQ(3 + XT_BASE, HELD_RULES(a));
}

TEST_HARNESS_MAIN
