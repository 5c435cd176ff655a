/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the process at hand, the test or a worker, has open and will close. One
 * is told from the others by where it is in fds.
 */
#ifndef SELFTESTS_FDS_H
#define SELFTESTS_FDS_H

#define FDS_MAX 1024

extern int fds[FDS_MAX];
extern int nr_fds;

/* What a system call returned. Where it is, or -errno. */
long keep_at(long fd);
/* The same for those who do not ask where: 0 or -errno. */
long keep(long fd);

/* For a worker. The last one; all; or any one, whose place is left empty. */
long drop_one(long a, long b);
long drop_all(long a, long b);
long drop_at(long at, long b);

/* Through the worker's channel. Who gives still has it; who takes says where it is. */
long give(long at, long b);
long take(long a, long b);

/* Of a socket, one of SK_MEMINFO_*. */
long meminfo(long at, long what);

#endif
