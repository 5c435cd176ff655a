/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Locks on files. Files are told from one another by a number; what is open is
 * told by where it is in fds. Functions of two numbers are for a worker, and
 * return 0 or -errno unless they say otherwise.
 */
#ifndef SELFTESTS_LOCKS_H
#define SELFTESTS_LOCKS_H

#include <fcntl.h>
#include <stdbool.h>

const char *lock_file(long file);

/* Return where it is in fds. For a lease nobody may have it open for writing. */
long open_file(long file, long b);
long open_to_read(long file, long b);

long do_flock(long at, long op);

/* A range of a file and what to do with it, in one number. */
#define RANGE(...) RANGE_(__VA_ARGS__)
#define RANGE_(type, start, len) \
	((long)(type) | (long)(start) << 8 | (long)(len) << 32)
#define RD(...) RANGE(F_RDLCK, __VA_ARGS__)
#define WR(...) RANGE(F_WRLCK, __VA_ARGS__)
#define UN(...) RANGE(F_UNLCK, __VA_ARGS__)
#define ALL 0, 0

long posix(long at, long range);
long posix_wait(long at, long range);
long ofd(long at, long range);

/* SIGUSR1 makes whoever waits for a lock give up. */
long catch_signals(long a, long b);

/* What the kernel shows of a file's locks, and whether somebody waits for one. */
long locks_of(long file);
bool is_waited_for(long file);

#endif
