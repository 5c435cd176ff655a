// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <seccomp.h>
#include <stddef.h>

#include "seccomp.h"

/*
 * What asks for a capability that no container has needs no place here: the
 * kernel says no before it does anything else. These go further.
 * open_by_handle_at() does so for root of a user namespace on newer kernels: it
 * names files by number, across whatever file system the container's root is
 * part of. How far the others get is for the host's sysctls to say, which were
 * not set with containers in mind.
 */
static const int refused[] = {
	SCMP_SYS(open_by_handle_at), SCMP_SYS(bpf), SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
};

/*
 * Programs of another kind than the machine's own (x32) find no system call at
 * all; those of its 32 bit predecessor run, with the same ones refused. Set-uid
 * programs of the container keep working: it is root of its user namespace who
 * asks, and needs no promise to be let off them.
 */
static int fill(scmp_filter_ctx filter)
{
	int err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));

	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
#ifdef __x86_64__
	if (!err)
		err = seccomp_arch_add(filter, SCMP_ARCH_X86);
#endif
	for (size_t i = 0; !err && i < sizeof(refused) / sizeof(*refused); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	return err;
}

int seccomp_apply(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int err = -ENOMEM;

	if (filter)
		err = fill(filter);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}
