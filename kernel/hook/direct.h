/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The short way from a function to a callback: the call at its entry leads here and
 * not into ftrace, which saves and restores more than is needed. It costs a third.
 *
 * On the stack there are, upwards: where to go on in the function, and where that
 * returns to. In struct pt_regs this is ip and what follows; below it room is made for
 * the rest. So a callback finds the arguments where ftrace has them for it, and when it
 * sets another instruction pointer, that is where we return to. Of fregs it has these
 * alone, of its other arguments at most parent_ip. A tracer that waits for a function to
 * return has put an address of its own there, which by way of ftrace is done behind our
 * back: see hook_caller().
 *
 * What is not an argument of the function need not be kept: its caller knows that it
 * may be lost, since with -pg gcc does not look at what a function leaves alone.
 *
 * We get here by the call that ftrace has written, or, where a tracer stands as well, by a
 * return out of ftrace: never through a pointer. So there is no ENDBR, nor what FineIBT asks
 * for; the address is taken to tell it to ftrace, which objtool has to be told.
 *
 * Whoever is preempted in here, or in the callback, is waited for when the ops is
 * unregistered: ftrace waits until every task has slept or been in user space, and every
 * CPU has switched tasks. Nobody sleeps in here.
 */
#ifndef STOCKVZ_HOOK_DIRECT_H
#define STOCKVZ_HOOK_DIRECT_H

#include <linux/build_bug.h>
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <linux/ptrace.h>
#include <linux/stddef.h>

#include "hook.h"

static_assert(offsetof(struct pt_regs, r9) == 64);
static_assert(offsetof(struct pt_regs, r8) == 72);
static_assert(offsetof(struct pt_regs, cx) == 88);
static_assert(offsetof(struct pt_regs, dx) == 96);
static_assert(offsetof(struct pt_regs, si) == 104);
static_assert(offsetof(struct pt_regs, di) == 112);
static_assert(offsetof(struct pt_regs, ip) == 128);

#define HOOK_TEXT_START "8"
#define HOOK_TEXT_LEN "16"

static_assert(offsetof(struct hook_text, start) == 8);
static_assert(offsetof(struct hook_text, len) == 16);

#define HOOK_SAVE_1 "	mov %rdi, 112(%rsp)\n"
#define HOOK_SAVE_2 HOOK_SAVE_1 "	mov %rsi, 104(%rsp)\n"
#define HOOK_SAVE_3 HOOK_SAVE_2 "	mov %rdx, 96(%rsp)\n"
#define HOOK_SAVE_4 HOOK_SAVE_3 "	mov %rcx, 88(%rsp)\n"
#define HOOK_SAVE_5 HOOK_SAVE_4 "	mov %r8, 72(%rsp)\n"
#define HOOK_SAVE_6 HOOK_SAVE_5 "	mov %r9, 64(%rsp)\n"

#define HOOK_LOAD_1 "	mov 112(%rsp), %rdi\n"
#define HOOK_LOAD_2 HOOK_LOAD_1 "	mov 104(%rsp), %rsi\n"
#define HOOK_LOAD_3 HOOK_LOAD_2 "	mov 96(%rsp), %rdx\n"
#define HOOK_LOAD_4 HOOK_LOAD_3 "	mov 88(%rsp), %rcx\n"
#define HOOK_LOAD_5 HOOK_LOAD_4 "	mov 72(%rsp), %r8\n"
#define HOOK_LOAD_6 HOOK_LOAD_5 "	mov 64(%rsp), %r9\n"

/* For the assembler, which cannot ask the compiler: stands in a function that is kept. */
#define HOOK_SET(symbol, value)						\
	({ asm volatile(".set " #symbol ", %c0" : : "i" (value)); })

#define HOOK_SET_OFFSET(symbol, type, member)				\
	HOOK_SET(symbol, offsetof(type, member))

/*
 * A direct way to NAME_hook() from a function of N arguments, or more if the
 * callback sets those.
 */
#define HOOK_DIRECT(name, n) __HOOK_DIRECT(name, n, "", "")

/*
 * The same where most calls are none of the callback's, and it takes less to find that out
 * than to keep the arguments: TEST jumps to 1 if the callback shall look, and to 2 if not,
 * as its end does. It may use rax, and change what the function gets.
 */
#define HOOK_DIRECT_TEST(name, n, test)					\
	__HOOK_DIRECT(name, n, HOOK_UNLESS(test), "")

#define HOOK_UNLESS(test) test "2:" ASM_RET "1:\n"

/* The same of callbacks that want parent_ip. */
#define HOOK_DIRECT_CALLER(name, n) __HOOK_DIRECT(name, n, "", HOOK_LOAD_PARENT)

#define HOOK_DIRECT_CALLER_TEST(name, n, test)				\
	__HOOK_DIRECT(name, n, HOOK_UNLESS(test), HOOK_LOAD_PARENT)

#define HOOK_LOAD_PARENT "	mov 136(%rsp), %rsi\n"

/* In a test: is this to prove the gate? */
#define HOOK_TEST_PROOF							\
	"	cmpq $0, hook_proof_task(%rip)\n"			\
	"	jne 1f\n"

#define __HOOK_DIRECT(name, n, unless, also)				\
	asm("	.pushsection .text\n"					\
	    "	.balign 16\n"						\
	    "	.type " #name "_entry, @function\n"			\
	    #name "_entry:\n"						\
	    ANNOTATE_NOENDBR						\
	    CALL_DEPTH_ACCOUNT						\
	    unless							\
	    "	sub $128, %rsp\n"					\
	    HOOK_SAVE_##n						\
	    also							\
	    "	mov %rsp, %rcx\n"					\
	    "	call " #name "_hook\n"					\
	    HOOK_LOAD_##n						\
	    "	add $128, %rsp\n"					\
	    ASM_RET							\
	    "	.size " #name "_entry, . - " #name "_entry\n"		\
	    "	.popsection\n");					\
									\
	void name##_entry(void);					\
									\
	static const struct hook_direct name##_direct = {		\
		.entry = name##_entry,					\
		.args = n,						\
	}

#endif
