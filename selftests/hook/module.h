/* SPDX-License-Identifier: GPL-2.0 */
/* Loading and unloading, and what is left to see of it. */
#ifndef SELFTESTS_HOOK_MODULE_H
#define SELFTESTS_HOOK_MODULE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "ub.h"

/* Half a minute is not always enough for some loads and unloads. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 1800

static inline int load(const char *parameters)
{
	char command[2048];

	ub_forget_socket();
	snprintf(command, sizeof(command), "modprobe stockvz %s 2>/dev/null",
		 parameters);
	return system(command);
}

static inline bool loadable(void)
{
	return !geteuid() && !system("modprobe -D stockvz >/dev/null 2>&1");
}

static inline int unload(void)
{
	ub_forget_socket();
	return system("rmmod stockvz 2>/dev/null");
}

#define NEEDS_MODULE() do {						\
	if (!loadable())						\
		SKIP(_exit(KSFT_SKIP), "needs root and the module");	\
} while (0)

/* Hold functions as a livepatch does: comma-separated. */
static inline int hold(const char *functions)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "modprobe stockvz_holder hold=%s 2>/dev/null", functions);
	return system(command);
}

static inline int let_go(void)
{
	return system("rmmod stockvz_holder 2>/dev/null");
}

/* Does a line with all three words stand in the file? */
static inline bool stands(const char *file, const char *a, const char *b,
			  const char *c)
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

/* The last reference may be waiting for a grace period. */
static inline int unload_soon(void)
{
	int tries = 100;

	while (unload() && --tries)
		usleep(50000);
	return tries ? 0 : -1;
}

static inline void check_unload(struct __test_metadata *_metadata)
{
	EXPECT_EQ(0, unload_soon());
	EXPECT_NE(0, access("/proc/stockvz", F_OK));
	EXPECT_NE(0, access("/proc/user_beancounters", F_OK));
	EXPECT_NE(0, access("/proc/bc", F_OK));
	EXPECT_NE(0, access("/proc/fs/stockvz", F_OK));
	EXPECT_FALSE(stands("/proc/slabinfo", "stockvz", "", ""));
	EXPECT_FALSE(stands("/proc/filesystems", "stockvz", "", ""));
}

#endif
