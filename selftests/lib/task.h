/* SPDX-License-Identifier: GPL-2.0 */
/* What a test asks of the kernel about itself, and gives up of what it may. */
#ifndef SELFTESTS_TASK_H
#define SELFTESTS_TASK_H

#include <linux/capability.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAP(name) (1UL << CAP_##name)
#define CAP_ALL ((1UL << 40) - 1)

/* These capabilities and no others, from now on. */
static inline void keep_caps(unsigned long mask)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = mask, .permitted = mask },
		{ .effective = mask >> 32, .permitted = mask >> 32 },
	};

	syscall(SYS_capset, &head, data);
}

/* The number that a file begins with; -1 if there is none. */
static inline long number_in(const char *path)
{
	FILE *f = fopen(path, "re");
	long n = -1;

	if (f) {
		if (fscanf(f, "%ld", &n) != 1)
			n = -1;
		fclose(f);
	}
	return n;
}

#endif
