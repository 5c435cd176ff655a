/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Makes allocations of the kernel fail, each in turn: fault_each() does a thing
 * again and again, and the n-th time the n-th allocation that the calling task
 * makes over it fails, until there are fewer than n. The very first time none
 * does: what is there to be touched has been touched then.
 *
 *	fault_each(n, result = open("/proc/stockvz", O_RDONLY)) {
 *		... what must hold whatever has failed; n: 0 if nothing did
 *	}
 *
 * Needs a kernel with fault injection, such as that of "make check-debug".
 */
#ifndef SELFTESTS_FAULT_H
#define SELFTESTS_FAULT_H

#include <stdbool.h>

/* 0; -ENOSYS on a kernel that cannot. For this task and its children. */
int fault_open(void);

/* Let the n-th allocation of this task from now on fail. */
void fault_set(unsigned int n);

/* No more; has it failed? */
bool fault_clear(void);

#define fault_each(n, what)						\
	for (unsigned int n = 0, n_ = 0, last_ = 0; !last_ &&		\
	     (fault_set(n_), (void)(what), last_ = !fault_clear(),	\
	      n = last_ ? 0 : n_, (void)n, true); n_++)

#endif
