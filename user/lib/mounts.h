/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is mounted where we are, one mount after the other. They may come and go meanwhile;
 * which comes first says nothing of what lies on what.
 */
#ifndef _VZ_MOUNTS_H
#define _VZ_MOUNTS_H

#include <stdbool.h>
#include <stdio.h>

struct mounts {
	FILE *file;
	char *line;
	size_t size;
	/* Of the last one that was read, in that line */
	unsigned long long id;
	unsigned long long peers;	/* the group that it propagates in; 0: in none */
	char *point, *type, *source;
};

/* 0 or -errno. mounts_close() afterwards, either way. */
int mounts_open(struct mounts *mounts);
bool mounts_next(struct mounts *mounts);
void mounts_close(struct mounts *mounts);

#endif /* _VZ_MOUNTS_H */
