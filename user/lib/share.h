/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A container's share of what the kernel has schedulers for, as its configuration has
 * it and as the module wants to hear it.
 */
#ifndef _VZ_SHARE_H
#define _VZ_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"

enum {
	SHARE_CPUUNITS,
	SHARE_CPULIMIT,		/* hundredths of a percent of one CPU */
	SHARE_CPUS,
	SHARE_CPUMASK,
	SHARE_NODEMASK,
	SHARE_NR
};

#define SHARE_TEXT	1024

struct share {
	uint32_t set;			/* bit n: there is a value of n */
	uint32_t number[SHARE_NR];
	char list[SHARE_NR][SHARE_TEXT];	/* of those that are lists; "" is all */
};

struct share_param {
	const char *key;
	int attr;		/* STOCKVZ_A_UB_* */
	bool is_list;
	const char *unset;	/* what a container has whose configuration says nothing */
	const char *what;	/* to tell of it */
};

extern const struct share_param share_params[SHARE_NR];

/* A container's units, as configured */
unsigned int share_units(const struct conf *conf);

/* The host's, as configured for whoever starts the first container */
unsigned int share_host_units(void);

/*
 * What the changes say; what they refer to may be in conf. Without changes, everything
 * that conf says, and what stands for the rest. 0 or exit code, message printed.
 */
int share_read(struct share *share, const struct conf *conf, const struct conf *changes);

#endif /* _VZ_SHARE_H */
