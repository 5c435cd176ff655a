// SPDX-License-Identifier: GPL-2.0
#include <unistd.h>

#include "usage.h"

/* The part of low memory that containers may fill; the rest is the host's own. */
#define LOW_PART	0.4

#define R(name)		STOCKVZ_RES_##name

/* What is counted in bytes is memory of the kernel. */
static double kernel_held(const struct ub_res res[UB_NR])
{
	return (double)res[R(KMEMSIZE)].held + res[R(TCPSNDBUF)].held + res[R(TCPRCVBUF)].held +
	       res[R(OTHERSOCKBUF)].held + res[R(DGRAMRCVBUF)].held;
}

static double kernel_limit(const struct ub_limits *limits)
{
	return (double)limits->res[R(KMEMSIZE)].limit + limits->res[R(TCPSNDBUF)].limit +
	       limits->res[R(TCPRCVBUF)].limit + limits->res[R(OTHERSOCKBUF)].limit +
	       limits->res[R(DGRAMRCVBUF)].limit;
}

static double bytes(uint64_t pages)
{
	return (double)pages * sysconf(_SC_PAGESIZE);
}

struct usage usage_held(const struct ub_res res[UB_NR])
{
	double kernel = kernel_held(res);

	return (struct usage){
		.low = kernel,
		.ram = bytes(res[R(PHYSPAGES)].held),	/* memory of the kernel among it */
		.mem_swap = kernel + bytes(res[R(OOMGUARPAGES)].held),
		.alloc = kernel + bytes(res[R(PRIVVMPAGES)].held),
		.alloc_limit = kernel + bytes(res[R(PRIVVMPAGES)].held),
	};
}

struct usage usage_committed(const struct ub_limits *limits)
{
	double kernel = kernel_limit(limits);

	return (struct usage){
		.low = kernel,
		.ram = kernel + bytes(limits->res[R(PHYSPAGES)].barrier),
		.mem_swap = kernel + bytes(limits->res[R(OOMGUARPAGES)].barrier),
		.alloc = kernel + bytes(limits->res[R(VMGUARPAGES)].barrier),
		.alloc_limit = kernel + bytes(limits->res[R(PRIVVMPAGES)].limit),
	};
}

struct usage usage_whole(const struct host *host)
{
	double both = (double)host->ram + host->swap;

	return (struct usage){
		.low = LOW_PART * host->low,
		.ram = host->ram,
		.mem_swap = both,
		.alloc = both,
		.alloc_limit = both,
	};
}

struct usage usage_sum(const struct usage *a, const struct usage *b)
{
	return (struct usage){
		.low = a->low + b->low,
		.ram = a->ram + b->ram,
		.mem_swap = a->mem_swap + b->mem_swap,
		.alloc = a->alloc + b->alloc,
		.alloc_limit = a->alloc_limit + b->alloc_limit,
	};
}

struct usage usage_parts(const struct usage *a, const struct usage *b)
{
	return (struct usage){
		.low = a->low / b->low,
		.ram = a->ram / b->ram,
		.mem_swap = a->mem_swap / b->mem_swap,
		.alloc = a->alloc / b->alloc,
		.alloc_limit = a->alloc_limit / b->alloc_limit,
	};
}

struct ub_limits limits_of(const struct ub_res res[UB_NR], uint32_t known)
{
	struct ub_limits limits = { .set = known };

	for (unsigned int i = 0; i < UB_NR; i++) {
		limits.res[i].barrier = res[i].barrier;
		limits.res[i].limit = res[i].limit;
	}
	return limits;
}
