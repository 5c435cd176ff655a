/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STOCKVZ_COMPAT_FTRACE_H
#define STOCKVZ_COMPAT_FTRACE_H

#include <linux/ftrace.h>
#include <linux/version.h>

#include <asm/nospec-branch.h>

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
 * Have the functions in the filter of an ops call an address at their entry. Before
 * 6.4 that name was for one function without an ops.
 */
#ifdef CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
static inline int compat_ftrace_direct(struct ftrace_ops *ops, unsigned long address)
{
	return register_ftrace_direct_multi(ops, address);
}

static inline int compat_ftrace_direct_end(struct ftrace_ops *ops, unsigned long address)
{
	return unregister_ftrace_direct_multi(ops, address);
}
#else
static inline int compat_ftrace_direct(struct ftrace_ops *ops, unsigned long address)
{
	return register_ftrace_direct(ops, address);
}

static inline int compat_ftrace_direct_end(struct ftrace_ops *ops, unsigned long address)
{
	return unregister_ftrace_direct(ops, address, false);
}
#endif
#else
static inline int compat_ftrace_direct(struct ftrace_ops *ops, unsigned long address)
{
	return -EOPNOTSUPP;
}

static inline int compat_ftrace_direct_end(struct ftrace_ops *ops, unsigned long address)
{
	return -EOPNOTSUPP;
}
#endif

/*
 * For the assembler, where a function begins that is called by ftrace: retbleed=stuff counts
 * calls, since 6.2. Each that returns without having been counted is one too few, and the
 * CPU's own list of where to return to is refilled too late. Else it is one long nop.
 */
#ifndef CALL_DEPTH_ACCOUNT
#define CALL_DEPTH_ACCOUNT ""
#endif

#ifdef arch_ftrace_regs
#define compat_regs_of(fregs) (arch_ftrace_regs(fregs)->regs)
#else
#define compat_regs_of(fregs) ((fregs)->regs)
#endif

/* Where the function that is being entered goes on. */
static __always_inline unsigned long compat_ftrace_ip(struct ftrace_regs *fregs)
{
	return compat_regs_of(fregs).ip;
}

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

/* As its sixth. */
static __always_inline void
compat_ftrace_set_argument_5(struct ftrace_regs *fregs, unsigned long value)
{
	compat_regs_of(fregs).r9 = value;
}

#endif
