// SPDX-License-Identifier: GPL-2.0
/*
 * numiptent is not counted yet, and says so: firewall rules live in modules that
 * come and go. See Documentation/beancounters/rules.md.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include "fixture.h"

/* Does /proc/stockvz say so of a resource? */
static bool is_off(const char *name)
{
	char line[256];
	bool off = false;
	FILE *f = fopen("/proc/stockvz", "re");

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			off = strstr(line, " off: ");
	fclose(f);
	return off;
}

/* The table of a new network namespace, as iptables would have it read. */
static long make_rule_table(long a, long b)
{
	/* IPT_SO_GET_INFO of "filter", which makes one if there is none. */
	struct {
		char name[32];
		unsigned int numbers[13];
	} info = { .name = "filter" };
	socklen_t len = sizeof(info);
	int s = socket(AF_INET, SOCK_RAW, 255);
	long err;

	if (s < 0)
		return -errno;
	err = sys(getsockopt(s, 0, 64, &info, &len));
	close(s);
	/* Where there are no iptables at all. */
	return err == -ENOPROTOOPT || err == -ENOENT ? 0 : err;
}

TEST_F(ub, oracle_52_iptables)
{
	struct box *a = &self->a;

	EXPECT_TRUE(is_off("numiptent"));
	LIMIT(a, NUMIPTENT, 0);
	EXPECT_EQ(0, IN(a, make_rule_table));
	EXPECT_EQ(0, HELD(a, NUMIPTENT));
	EXPECT_EQ(0, FAILCNT(a, NUMIPTENT));
}

TEST_HARNESS_MAIN
