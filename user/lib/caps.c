// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/capability.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "caps.h"

/* Newer than the headers of some distributions. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

/*
 * In a user namespace a capability is good for what belongs to the namespace
 * only, and the kernel asks for these in the initial one: they would open
 * nothing. They go all the same, so that programs see that they cannot, and so
 * that a check which the kernel one day gets wrong finds nothing to say yes to.
 *
 * What stays is what an init needs: mounts (SYS_ADMIN), its own network
 * (NET_ADMIN, NET_RAW), reboot(2) in its own pid namespace (SYS_BOOT).
 */
static const int dropped[] = {
	CAP_SYS_MODULE,
	CAP_SYS_RAWIO,
	CAP_SYS_TIME,
	CAP_SYS_PACCT,
	CAP_MAC_ADMIN,
	CAP_MAC_OVERRIDE,
	CAP_SYSLOG,
	CAP_WAKE_ALARM,
	CAP_BLOCK_SUSPEND,
	CAP_AUDIT_CONTROL,
	CAP_AUDIT_READ,
	CAP_PERFMON,
	CAP_BPF,
};

int caps_drop(void)
{
	for (size_t i = 0; i < sizeof(dropped) / sizeof(*dropped); i++)
		/* EINVAL: one that this kernel does not know yet */
		if (prctl(PR_CAPBSET_DROP, dropped[i], 0, 0, 0) && errno != EINVAL)
			return -errno;
	return 0;
}
