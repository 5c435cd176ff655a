/* SPDX-License-Identifier: GPL-2.0 */
/* How processor time is shared out. */
#ifndef _VZ_CPU_H
#define _VZ_CPU_H

#include "ct.h"

/* The share of a container, relative to the others; of the host with id 0. */
unsigned int cpu_units(const struct ct *ct);

#endif /* _VZ_CPU_H */
