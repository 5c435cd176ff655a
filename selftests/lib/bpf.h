/* SPDX-License-Identifier: GPL-2.0 */
/*
 * BPF programs on a kernel function, without a library: instructions by hand,
 * the function's number from the kernel's own type information.
 */
#ifndef SELFTESTS_BPF_H
#define SELFTESTS_BPF_H

#include <linux/bpf.h>

/**
 * struct bpf_seen - what the program has seen
 * @calls: of the task it looks for
 * @result: of the last one; only BPF_TRACE_FEXIT is told
 * @pid: that task; 0 for none
 */
struct bpf_seen {
	__u64 calls;
	__s64 result;
	__u64 pid;
};

/**
 * struct bpf_spy - a program that stands on a function
 * @map: one struct bpf_seen
 * @prog: the program
 * @link: holds it on the function
 */
struct bpf_spy {
	int map;
	int prog;
	int link;
};

/**
 * bpf_spy() - put a program on a function
 * @spy: filled in
 * @type: BPF_TRACE_FENTRY, BPF_TRACE_FEXIT or BPF_MODIFY_RETURN
 * @function: its name
 * @args: how many arguments it takes
 * @verdict: what BPF_MODIFY_RETURN returns for the task it looks for: 0 lets the
 *	function run
 *
 * Return: 0 or a negative errno; then nothing is left.
 */
int bpf_spy(struct bpf_spy *spy, enum bpf_attach_type type,
	    const char *function, int args, int verdict);

/* Begin anew, and look for this task: see struct bpf_seen. */
void bpf_spy_watch(struct bpf_spy *spy, int pid);
struct bpf_seen bpf_spy_seen(const struct bpf_spy *spy);

/* A second time does no harm. */
void bpf_spy_end(struct bpf_spy *spy);

#endif
