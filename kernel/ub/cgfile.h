/* SPDX-License-Identifier: GPL-2.0 */
/* The files of a cgroup: see cgfile.c. */
#ifndef STOCKVZ_UB_CGFILE_H
#define STOCKVZ_UB_CGFILE_H

#include <linux/cgroup.h>

bool cgfile_init(void);
void cgfile_exit(void);
int cgfile_write(struct cgroup *cgroup, const char *name, const char *text);
ssize_t cgfile_read(struct cgroup *cgroup, const char *name, char *text,
		    size_t size);

#endif
