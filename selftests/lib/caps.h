/* SPDX-License-Identifier: GPL-2.0 */
/* Capabilities, of who runs this. */
#ifndef SELFTESTS_CAPS_H
#define SELFTESTS_CAPS_H

#include <linux/capability.h>
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

#endif
