/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MODEL_LINUX_COMPILER_H
#define MODEL_LINUX_COMPILER_H

/*
 * Called before every access to what threads share. Now and then it lets the
 * others run for a while, so that an interleaving of a few nanoseconds in a
 * million years comes up every few thousand operations.
 */
void model_interleave(void);

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

#define READ_ONCE(x) ({							\
	model_interleave();						\
	__atomic_load_n(&(x), __ATOMIC_RELAXED);			\
})

#define WRITE_ONCE(x, val) do {						\
	model_interleave();						\
	__atomic_store_n(&(x), val, __ATOMIC_RELAXED);			\
} while (0)

#endif
