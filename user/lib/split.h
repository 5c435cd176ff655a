/* SPDX-License-Identifier: GPL-2.0 */
/* The host divided evenly: limits for each of so many containers. */
#ifndef _VZ_SPLIT_H
#define _VZ_SPLIT_H

#include <stdbool.h>
#include <stdio.h>

#include "host.h"
#include "ubrules.h"

/* How generous the division could be: 0 leaves room everywhere, 3 none anywhere. */
#define SPLIT_LEVELS	4

struct split {
	struct host host;
	uint64_t disk;		/* bytes where private areas are; 0: not known */
	uint64_t inodes;
	unsigned int containers;
	bool vswap;

	/* What comes of it */
	struct ubrules rules;	/* right by ubrules_check() */
	unsigned int level;	/* of a division without vSwap */
};

/* 0, or VZ_FAILED with a message printed: so many do not fit. */
int split_host(struct split *split);

/* As a sample: 0 or -errno */
int split_print(const struct split *split, FILE *out);

#endif /* _VZ_SPLIT_H */
