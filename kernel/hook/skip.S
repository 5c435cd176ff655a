/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/linkage.h>

/*
 * Where a refused call goes: it returns to its caller with what hook_refuse()
 * put in the return register. Not a C function, which might touch it.
 */
SYM_FUNC_START(hook_skip)
	RET
SYM_FUNC_END(hook_skip)
