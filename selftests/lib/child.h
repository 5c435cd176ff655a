/* SPDX-License-Identifier: GPL-2.0 */
/* Children that a worker has, and what they share with it. */
#ifndef SELFTESTS_CHILD_H
#define SELFTESTS_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/* One that does nothing, for as long as its parent lives: its pid. */
long fork_pausing(long a, long b);
long reap(long pid, long b);
/* Is it sleep(1), with nothing left to do but that? */
bool is_asleep(pid_t pid);

#endif
