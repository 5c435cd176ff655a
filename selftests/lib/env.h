/* SPDX-License-Identifier: GPL-2.0 */
/* What whoever runs a test asks of it: STOCKVZ_... in the environment. */
#ifndef SELFTESTS_ENV_H
#define SELFTESTS_ENV_H

#include <stdlib.h>

/* A number, decimal or 0x...; the other one where nobody asks for any */
static inline unsigned long env_number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

#endif
