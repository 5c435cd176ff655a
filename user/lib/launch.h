/* SPDX-License-Identifier: GPL-2.0 */
/* From an empty cgroup to a running init. */
#ifndef _VZ_LAUNCH_H
#define _VZ_LAUNCH_H

#include "ct.h"

/*
 * Start the init of a mounted container in its cgroup. 0 once its program runs,
 * or exit code, message printed, and the process gone.
 */
int launch(struct ct *ct, int cgroup);

/* Wait until the system inside says that it is up. 0 or -errno. */
int launch_wait(struct ct *ct);

#endif /* _VZ_LAUNCH_H */
