// SPDX-License-Identifier: GPL-2.0
/*
 * venet: addresses, devices, namespaces and the module itself come and go, under
 * traffic too.
 */
#include <sys/wait.h>

#include "venet.h"

static bool drained(int server)
{
	char buf[16];

	while (recv(server, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	return true;
}

TEST_F(venet, addresses_come_and_go_under_traffic)
{
	int server, client, i;
	pid_t flood;

	server = udp_bound(self->a, A4, PORT);
	client = udp_bound(HOST, HOST4, 0);
	flood = fork();
	if (!flood) {
		for (;;)
			udp_send(client, A4, PORT, "x", 1);
	}
	for (i = 0; i < 20; i++) {
		EXPECT_TRUE(arrives(server, SOON_MS)) TH_LOG("round %d", i);
		ASSERT_EQ(0, ip_del(CT_A, A4));
		EXPECT_TRUE(EVENTUALLY(drained(server) && !arrives(server, 50)));
		ASSERT_EQ(0, ip_add(CT_A, A4, self->a));
	}
	kill(flood, SIGKILL);
	waitpid(flood, NULL, 0);
	close(server);
	close(client);
}

TEST_F(venet, made_anew_it_goes_on)
{
	EXPECT_EQ(0, sh("ip -n a link del venet0"));
	EXPECT_EQ(0, venet_up("a", A4, A6));
	EXPECT_TRUE(echo(self->a, A4, self->b, B4));
	EXPECT_EQ(0, sh("ip link del venet0"));
	EXPECT_EQ(0, host_up());
	EXPECT_EQ(0, sh("ip route add " A4 " dev venet0; ip route add " B4 " dev venet0"));
	EXPECT_TRUE(echo(self->a, A4, self->b, B4));
	EXPECT_EQ(5, ttl_of(self->a, A4, self->out, OUT4, 5));
}

/* Sends for ever, to both sides of the wall. */
static pid_t flood(int ns, const char *from, const char *to)
{
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	fd = udp_bound(ns, from, 0);
	for (;;)
		udp_send(fd, to, PORT, "flood", 5);
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

TEST_F_TIMEOUT(venet, namespaces_die_under_traffic, 3600)
{
	int rounds = many() ? 1000 : repeats(25);
	pid_t in = flood(HOST, HOST4, "10.77.0.3");
	int i;

	ASSERT_EQ(0, sh("ip route replace 10.77.0.3 dev venet0"));
	for (i = 0; i < rounds; i++) {
		int ns = netns_new("c");
		pid_t out;

		ASSERT_LE(0, ns);
		ASSERT_EQ(0, ub_new(9103, NULL));
		ASSERT_EQ(0, ip_add(9103, "10.77.0.3", ns));
		ASSERT_EQ(0, venet_up("c", "10.77.0.3", "fd77::3"));
		out = flood(ns, "10.77.0.3", i & 1 ? HOST4 : B4);
		usleep(10000);
		if (i % 3 == 0)
			ASSERT_EQ(0, sh("ip -n c link del venet0"));
		stop(out);
		netns_del("c", ns);
		/* The kernel takes its time, but no longer than that. */
		ASSERT_TRUE(EVENTUALLY(!ip_count(9103))) TH_LOG("round %d", i);
		ASSERT_EQ(0, ub_del(9103));
	}
	stop(in);
}

TEST_F(venet, the_module_goes_under_traffic)
{
	int rounds = many() ? 30 : 3;
	int i;

	/* Not while a container lives. */
	EXPECT_NE(0, sh_quiet("rmmod stockvz"));
	for (i = 0; i < rounds; i++) {
		pid_t in = flood(HOST, HOST4, A4), out = flood(self->a, A4, B4);

		usleep(20000);
		ASSERT_EQ(0, ub_del(CT_A));
		ASSERT_EQ(0, ub_del(CT_B));
		ub_forget_socket();
		EXPECT_TRUE(EVENTUALLY(!sh_quiet("rmmod stockvz"))) TH_LOG("round %d", i);
		stop(in);
		stop(out);
		EXPECT_NE(0, sh_quiet("ip link show venet0"));
		EXPECT_NE(0, sh_quiet("ip -n a link show venet0"));
		/* It does not come because somebody asks for a device of its kind. */
		EXPECT_NE(0, sh_quiet("ip link add venet0 type venet"));
		ASSERT_EQ(0, sh("modprobe stockvz"));
		ASSERT_EQ(0, host_up());
		ASSERT_EQ(0, ub_new(CT_A, NULL));
		ASSERT_EQ(0, ub_new(CT_B, NULL));
		ASSERT_EQ(0, ip_add(CT_A, A4, self->a));
		ASSERT_EQ(0, ip_add(CT_B, B4, self->b));
		ASSERT_EQ(0, venet_up("a", A4, A6));
		ASSERT_EQ(0, venet_up("b", B4, B6));
		EXPECT_TRUE(echo(self->a, A4, self->b, B4));
	}
}

TEST_HARNESS_MAIN
