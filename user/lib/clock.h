/* SPDX-License-Identifier: GPL-2.0 */
/* Time-outs, which are not to depend on what somebody sets the clock to. */
#ifndef _VZ_CLOCK_H
#define _VZ_CLOCK_H

#include <time.h>

/* Milliseconds since some moment in the past */
static inline long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

#endif /* _VZ_CLOCK_H */
