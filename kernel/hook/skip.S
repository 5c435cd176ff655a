/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/linkage.h>
#include <asm-generic/errno.h>

/*
 * Where a refused call goes: it returns to its caller with an errno. The return
 * register is loaded here and not by hook_refuse(), since a BPF trampoline on
 * the same function runs in between and uses it. It may also call the stub
 * through a pointer, so there is an ENDBR, which SYM_FUNC_START gives.
 */
.macro SKIP name, value
SYM_FUNC_START(\name)
	mov $\value, %rax
	RET
SYM_FUNC_END(\name)
.endm

SKIP hook_skip_enomem, -ENOMEM
SKIP hook_skip_enfile, -ENFILE
SKIP hook_skip_enobufs, -ENOBUFS
SKIP hook_skip_enospc, -ENOSPC
SKIP hook_skip_enolck, -ENOLCK
SKIP hook_skip_eagain, -EAGAIN
SKIP hook_skip_false, 0
SKIP hook_skip_true, 1
SKIP hook_skip_proof, -EL2HLT
