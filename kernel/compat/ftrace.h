/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STOCKVZ_COMPAT_FTRACE_H
#define STOCKVZ_COMPAT_FTRACE_H

#include <linux/ftrace.h>
#include <linux/module.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
/*
 * 6.2 made the registers that a traced function hands over reachable by
 * accessors. Before, on x86, they are the caller-saved part of pt_regs.
 */
static __always_inline unsigned long
ftrace_regs_get_argument(struct ftrace_regs *fregs, unsigned int n)
{
	switch (n) {
	case 0:
		return fregs->regs.di;
	case 1:
		return fregs->regs.si;
	case 2:
		return fregs->regs.dx;
	case 3:
		return fregs->regs.cx;
	case 4:
		return fregs->regs.r8;
	case 5:
		return fregs->regs.r9;
	}
	return 0;
}

static __always_inline void
ftrace_regs_set_instruction_pointer(struct ftrace_regs *fregs, unsigned long ip)
{
	ftrace_instruction_pointer_set(fregs, ip);
}
#endif

/*
 * Is this address in a function of ours? within_module() asks on newer kernels
 * for each of seven parts.
 */
static __always_inline bool compat_is_ours(unsigned long address)
{
#ifdef for_each_mod_mem_type
	return within_module_mem_type(address, THIS_MODULE, MOD_TEXT);
#else
	return within_module_core(address, THIS_MODULE);
#endif
}

#ifdef arch_ftrace_regs
#define compat_regs_of(fregs) (arch_ftrace_regs(fregs)->regs)
#else
#define compat_regs_of(fregs) ((fregs)->regs)
#endif

/* What the function that is being entered shall find as its first argument. */
static __always_inline void
compat_ftrace_set_argument_0(struct ftrace_regs *fregs, unsigned long value)
{
	compat_regs_of(fregs).di = value;
}

/* As its third. */
static __always_inline void
compat_ftrace_set_argument_2(struct ftrace_regs *fregs, unsigned long value)
{
	compat_regs_of(fregs).dx = value;
}

/* As its fourth. */
static __always_inline void
compat_ftrace_set_argument_3(struct ftrace_regs *fregs, unsigned long value)
{
	compat_regs_of(fregs).cx = value;
}

#endif
