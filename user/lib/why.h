/* SPDX-License-Identifier: GPL-2.0 */
/* What was refused to a container, and what would have let it through. */
#ifndef _VZ_WHY_H
#define _VZ_WHY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ubnl.h"

#define WHY_MAX		32	/* as many as the module remembers */

struct why {
	size_t nr;
	struct ubnl_event refusal[WHY_MAX];
};

/* For the list of refusals */
void why_add(const struct ubnl_event *refusal, void *why);

/*
 * The lowest barrier and limit with which all that was refused of a resource
 * would have been granted, none lower than *now. held is what the container
 * holds now. false when *now is enough, or bounds were not the reason.
 */
bool why_cure(const struct why *why, unsigned int res, uint64_t held, const struct ub_res *now,
	      uint64_t *barrier, uint64_t *limit);

/* " pages" or " bytes", to stand behind a number; "" for things */
const char *why_unit(unsigned int res);

#endif /* _VZ_WHY_H */
