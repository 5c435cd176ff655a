/* SPDX-License-Identifier: GPL-2.0 */
/* Beancounters as text: /proc/user_beancounters and /proc/bc, version 2.5. */
#ifndef _VZ_UBTEXT_H
#define _VZ_UBTEXT_H

#include <stdio.h>

#include "ubnl.h"

struct ub_rows {
	long id;		/* -1: the text does not say whose */
	uint32_t known;		/* bit n: there is a row for resource n */
	struct ub_res res[UB_NR];
};

/* The file that has the most: NULL and errno. *path becomes its name. */
FILE *ub_text_open(const char **path);

/*
 * cb is called for each beancounter, and returns non-zero to stop: that is what
 * the whole returns then. Otherwise 0, -EPROTO for a version that is not ours,
 * -EINVAL for what is no such text, or what reading said.
 */
int ub_text_read(FILE *file, int (*cb)(const struct ub_rows *rows, void *arg), void *arg);

/* Of one beancounter: 0, -ENOENT when there is none, or as above. */
int ub_text_find(FILE *file, unsigned int id, struct ub_rows *rows);

/* The file just read is what the error is about: VZ_FAILED, printed. */
int ub_text_error(const char *path, int error);

#endif /* _VZ_UBTEXT_H */
