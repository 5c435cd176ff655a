// SPDX-License-Identifier: GPL-2.0
/* vzcpucheck: are more shares of the processors given away than there are? */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/flags.h"
#include "lib/host.h"
#include "lib/log.h"
#include "lib/names.h"
#include "lib/run.h"
#include "lib/share.h"

#define WRONG_USE	2

static bool verbose;

struct total {
	uint64_t power;
	uint64_t units;
};

static void usage(FILE *out)
{
	fputs("Usage: vzcpucheck [-v]\n\n"
	      "  -v  the units of each container, and what these guarantee\n", out);
}

static void add(struct total *total, const struct ct *ct)
{
	unsigned int units = ct->id ? share_units(&ct->conf) : share_host_units();

	total->units += units;
	if (verbose)
		printf("%u\t\t%u\t\t%.2f%%\n", ct->id, units,
		       total->power ? 100.0 * units / total->power : 0.0);
}

static int on_conf(unsigned int id, void *arg)
{
	static struct ct ct;

	if (!ct_load(&ct, id) && ct_running(&ct, NULL) > 0)
		add(arg, &ct);
	ct_free(&ct);
	return 0;
}

static int check(struct total *total)
{
	static struct ct host;
	int ret = ct_load(&host, 0);

	if (ret)
		return VZ_FAILED;
	if (verbose)
		printf("VEID\t\tCPUUNITS\tGUARANTEE\n-----------------------------------------\n");
	add(total, &host);
	ct_free(&host);
	ret = each_conf(on_conf, total);
	if (ret)
		return vz_err(VZ_FAILED, "Error: cannot read %s/conf: %s", vz_confdir(),
			      strerror(-ret));

	printf("Current CPU utilization: %llu\n", (unsigned long long)total->units);
	printf("Power of the node: %llu\n", (unsigned long long)total->power);
	if (total->units > total->power)
		puts("Warning: hardware node is overcommitted");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct flag flags[] = { { 'v', &verbose }, { } };
	int ret = parse_flags(argc, argv, flags, 0, WRONG_USE, usage);
	struct total total = { 0 };
	struct host host;

	if (ret >= 0)
		return ret;
	if (host_cpus(&host))
		return VZ_FAILED;
	total.power = host_power(&host);
	return check(&total);
}
