// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/stockvz.h>

#include "fd.h"
#include "log.h"
#include "param.h"
#include "share.h"

#define NODE_CPUS "/sys/devices/system/node/node%u/cpulist"

const struct share_param share_params[SHARE_NR] = {
	[SHARE_CPUUNITS] = { "CPUUNITS", STOCKVZ_A_UB_CPUUNITS, false, "1000", "CPU units" },
	[SHARE_CPULIMIT] = { "CPULIMIT", STOCKVZ_A_UB_CPULIMIT, false, "0", "CPU limit" },
	[SHARE_CPUS] = { "CPUS", STOCKVZ_A_UB_CPUS, false, "0", "CPUs" },
	[SHARE_CPUMASK] = { "CPUMASK", STOCKVZ_A_UB_CPUMASK, true, "all", "CPU mask" },
	[SHARE_NODEMASK] = { "NODEMASK", STOCKVZ_A_UB_NODEMASK, true, "all", "node mask" },
};

static bool is_in_list(const char *list, unsigned int number)
{
	unsigned int first, last;
	int len;

	for (; sscanf(list, "%u%n", &first, &len) == 1; list += len + 1) {
		last = first;
		list += len;
		len = 0;
		if (*list == '-' && sscanf(list, "-%u%n", &last, &len) != 1)
			return false;
		if (number >= first && number <= last)
			return true;
		if (list[len] != ',')
			return false;
	}
	return false;
}

/* The CPUs of the nodes: "auto". */
static int node_cpus(const char *nodes, char *out, size_t size)
{
	size_t used = 0;

	for (unsigned int node = 0; node < SHARE_TEXT; node++) {
		char path[64], cpus[SHARE_TEXT];

		snprintf(path, sizeof(path), NODE_CPUS, node);
		if ((strcmp(nodes, "all") && !is_in_list(nodes, node)) ||
		    file_read_at(AT_FDCWD, path, cpus, sizeof(cpus)) <= 0)
			continue;
		cpus[strcspn(cpus, "\n")] = 0;
		used += snprintf(out + used, size - used, "%s%s", used ? "," : "", cpus);
		if (used >= size)
			return -E2BIG;
	}
	return used ? 0 : -ENOENT;
}

static int read_list(struct share *share, int i, const char *text, const char *nodes)
{
	char *list = share->list[i];

	if (!*text || !strcmp(text, "all"))
		*list = '\0';
	else if (strcmp(text, "auto"))
		snprintf(list, SHARE_TEXT, "%s", text);
	else if (!nodes || !*nodes)
		return vz_err(VZ_BADVALUE, "Error: --cpumask auto needs --nodemask");
	else if (node_cpus(nodes, list, SHARE_TEXT))
		return vz_err(VZ_SETCPU, "Error: cannot tell the CPUs of nodes %s", nodes);
	return 0;
}

/* Has been checked when it was set. */
static void read_number(struct share *share, int i, const char *text)
{
	double value = strtod(text, NULL);

	share->number[i] = i == SHARE_CPULIMIT ? value * 100 + 0.5 : value;
}

static const char *wanted(const struct conf *conf, const struct conf *changes, const char *key)
{
	const char *value = changes ? conf_get(changes, key) : NULL;

	return value ?: conf_get(conf, key);
}

/* CPUs that are said to be those of the nodes are others with other nodes. */
static bool is_changed(const struct conf *changes, int i)
{
	return conf_get(changes, share_params[i].key) ||
	       (i == SHARE_CPUMASK && conf_get(changes, "NODEMASK"));
}

/*
 * In the form that is kept: what was too large is cut. What was wrong in a file has been
 * told of, and NULL is what is taken from there.
 */
static const char *checked(const char *key, const char *text, char out[SHARE_TEXT])
{
	const struct param *param = param_by_key(key);

	if (!text || !*text || param_parse(param, text, false, out, SHARE_TEXT) == -EINVAL)
		return NULL;
	return out;
}

int share_read(struct share *share, const struct conf *conf, const struct conf *changes)
{
	memset(share, 0, sizeof(*share));
	for (int i = 0; i < SHARE_NR; i++) {
		const struct share_param *p = &share_params[i];
		char kept[SHARE_TEXT];
		const char *text = checked(p->key, wanted(conf, changes, p->key), kept);
		int ret = 0;

		if (changes && !is_changed(changes, i))
			continue;
		if (!text)
			text = p->unset;
		if (p->is_list)
			ret = read_list(share, i, text, wanted(conf, changes, "NODEMASK"));
		else
			read_number(share, i, text);
		if (ret)
			return ret;
		share->set |= 1u << i;
	}
	return 0;
}

static unsigned int units_of(const char *text)
{
	char kept[SHARE_TEXT];

	text = checked("CPUUNITS", text, kept) ?: share_params[SHARE_CPUUNITS].unset;
	return strtoul(text, NULL, 10);
}

unsigned int share_units(const struct conf *conf)
{
	return units_of(conf_get(conf, "CPUUNITS"));
}

/* CPUUNITS of vz.conf is for containers: only the host's own file has the host's. */
unsigned int share_host_units(void)
{
	const struct conf *global = conf_global();
	struct conf own = { 0 };
	char path[PATH_MAX];
	const char *text;
	unsigned int units;

	conf_path(path, sizeof(path), 0);
	text = conf_read(&own, path) ? NULL : conf_get(&own, "CPUUNITS");
	if (!text && global)
		text = conf_get(global, "VE0CPUUNITS");
	units = units_of(text);
	conf_free(&own);
	return units;
}
