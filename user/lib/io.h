/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a container may have of the disks: its share of all (ioprio), and limits on the
 * one that its private area is on (iolimit, iopslimit). Mainline's controllers do it, by
 * files of the container's cgroup.
 */
#ifndef _VZ_IO_H
#define _VZ_IO_H

#include "conf.h"
#include "ct.h"

/*
 * Put into force what the configuration, or a set of changes, says of these; nothing of
 * what it does not say. What has no effect on this machine is warned of. 0 or exit code,
 * message printed.
 */
int io_set(const struct ct *ct, int cgroup, const struct conf *conf);

#endif /* _VZ_IO_H */
