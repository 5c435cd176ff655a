// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "seccomp.h"

/*
 * What asks for a capability that no container has needs no place here: the
 * kernel says no before it does anything else. These go further.
 * open_by_handle_at() does so for root of a user namespace on newer kernels: it
 * names files by number, across whatever file system the container's root is
 * part of. How far the others get is for the host's sysctls to say, which were
 * not set with containers in mind.
 */
static const uint32_t native[] = {
	SYS_open_by_handle_at, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd,
};

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define OTHER_ARCH AUDIT_ARCH_I386
/* x32 programs: the same machine with numbers of their own, from here on. */
#define NR_LIMIT 0x40000000
/* The same calls, of programs for i386. */
static const uint32_t other[] = { 342, 357, 336, 374 };
#else
#error "Which numbers do system calls have here?"
#endif

#define NR(array) (sizeof(array) / sizeof(*(array)))
#define FIELD(name) offsetof(struct seccomp_data, name)
#define ANSWER(err) (SECCOMP_RET_ERRNO | (err))

struct program {
	struct sock_filter insn[64];
	unsigned short len;
};

static void emit(struct program *p, struct sock_filter insn)
{
	p->insn[p->len++] = insn;
}

static void answer(struct program *p, uint32_t value)
{
	emit(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value));
}

/* With the number loaded: those on the list are refused, all others allowed. */
static void write_list(struct program *p, const uint32_t *list, size_t len)
{
	for (size_t i = 0; i < len; i++)
		emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, list[i],
						     len - i, 0));
	answer(p, SECCOMP_RET_ALLOW);
	answer(p, ANSWER(EPERM));
}

static void write_filter(struct program *p)
{
	emit(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(arch)));
	emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH,
					     NR(other) + 5, 0));
	emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OTHER_ARCH, 1, 0));
	answer(p, ANSWER(ENOSYS));
	emit(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(nr)));
	write_list(p, other, NR(other));
	emit(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(nr)));
	emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, NR_LIMIT, 0, 1));
	answer(p, ANSWER(ENOSYS));
	write_list(p, native, NR(native));
}

int seccomp_apply(void)
{
	struct program p = { .len = 0 };
	struct sock_fprog prog = { .filter = p.insn };

	write_filter(&p);
	prog.len = p.len;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) ? -errno : 0;
}
