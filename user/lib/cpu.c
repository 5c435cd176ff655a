// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "cpu.h"

#define DEFAULT_UNITS	1000

static unsigned int units(const char *value)
{
	int number = value ? atoi(value) : 0;

	return number > 0 ? number : DEFAULT_UNITS;
}

/* CPUUNITS of vz.conf is for containers: only its own file has the host's. */
static unsigned int host_units(const struct ct *host)
{
	const char *value = conf_get(&host->conf, "VE0CPUUNITS");
	struct conf own = { 0 };
	unsigned int ret;

	conf_read(&own, host->conf_file);
	ret = units(conf_get(&own, "CPUUNITS") ?: value);
	conf_free(&own);
	return ret;
}

/* As it is configured: what a start or "vzctl set --save" has put into force */
unsigned int cpu_units(const struct ct *ct)
{
	return ct->id ? units(conf_get(&ct->conf, "CPUUNITS")) : host_units(ct);
}
