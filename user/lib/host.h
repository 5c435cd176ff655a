/* SPDX-License-Identifier: GPL-2.0 */
/* What the host has to give. */
#ifndef _VZ_HOST_H
#define _VZ_HOST_H

#include <stdint.h>

struct host {
	uint64_t ram;		/* bytes */
	uint64_t swap;
	uint64_t low;		/* that the kernel can use for itself: on 64 bits, all of ram */
	uint64_t threads;	/* that there can be at once */
	double bogomips;	/* of all processors together */
};

/* Each fills in its part: 0, or VZ_FAILED with a message printed. */
int host_memory(struct host *host);
int host_threads(struct host *host);
int host_cpus(struct host *host);

/* The same out of the text of the file: 0, or -EINVAL when it does not say. */
int host_parse_memory(struct host *host, const char *meminfo);
int host_parse_cpus(struct host *host, const char *cpuinfo);

/* CPU units that the host has to share out */
uint64_t host_power(const struct host *host);

#endif /* _VZ_HOST_H */
