/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What kernel/ub/counter.c takes from the kernel, for user space. Every
 * operation is a call of the compiler's own atomics: fully ordered, as the
 * kernel's are wherever they return a value.
 */
#ifndef MODEL_LINUX_ATOMIC_H
#define MODEL_LINUX_ATOMIC_H

#include <linux/compiler.h>
#include <linux/types.h>

struct atomic_long {
	long counter;
};

#define atomic_long_t struct atomic_long

static inline long atomic_long_read(const atomic_long_t *v)
{
	return READ_ONCE(v->counter);
}

static inline void atomic_long_set(atomic_long_t *v, long i)
{
	WRITE_ONCE(v->counter, i);
}

static inline long atomic_long_add_return(long i, atomic_long_t *v)
{
	model_interleave();
	return __atomic_add_fetch(&v->counter, i, __ATOMIC_SEQ_CST);
}

static inline void atomic_long_add(long i, atomic_long_t *v)
{
	atomic_long_add_return(i, v);
}

static inline void atomic_long_sub(long i, atomic_long_t *v)
{
	atomic_long_add_return(-i, v);
}

static inline void atomic_long_inc(atomic_long_t *v)
{
	atomic_long_add_return(1, v);
}

static inline bool atomic_long_try_cmpxchg(atomic_long_t *v, long *old, long new)
{
	model_interleave();
	return __atomic_compare_exchange_n(&v->counter, old, new, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

#endif
