/* SPDX-License-Identifier: GPL-2.0 */
/* What time it is, by whichever clock, in nanoseconds; -1 if there is no such clock. */
#ifndef SELFTESTS_CLOCK_H
#define SELFTESTS_CLOCK_H

#include <time.h>

static inline long clock_ns(clockid_t clock)
{
	struct timespec t;

	return clock_gettime(clock, &t) ? -1 : t.tv_sec * 1000000000L + t.tv_nsec;
}

#endif
