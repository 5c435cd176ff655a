/* SPDX-License-Identifier: GPL-2.0 */
/* What start, stop and restart have in common. */
#ifndef _VZ_LIFE_H
#define _VZ_LIFE_H

#include <stdbool.h>

#include "lib/ct.h"

#define LIFE_START 0x01
#define LIFE_STOP 0x02

struct life {
	bool force;		/* start although it is disabled */
	bool wait;		/* until the system inside is up */
	bool skip_remount;
	bool fast;		/* kill */
	bool skip_umount;
};

/* The options that go with starting, stopping or both. 0 or exit code, printed. */
int life_options(struct life *life, unsigned int which, int argc, char **argv);

/* May it be started at all? 0 or exit code, printed. */
int life_may_start(const struct ct *ct, const struct life *life);
int life_start(struct ct *ct, const struct life *life);
int life_stop(struct ct *ct, const struct life *life);

#endif /* _VZ_LIFE_H */
