// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ct.h"
#include "log.h"

#define STOP_TIMEOUT	120
/* There are waits in milliseconds. */
#define STOP_TIMEOUT_MAX (INT_MAX / 1000)
#define NUMIPTENT_MIN	16

/*
 * What a configuration without vSwap has to set. The four dummies are no
 * resources, and swappages came with vSwap.
 */
#define CLASSIC_UBC	(0x1ffffffu & ~(1u << STOCKVZ_RES_DUMMY4 | 1u << STOCKVZ_RES_DUMMY20 | \
			 1u << STOCKVZ_RES_DUMMY21 | 1u << STOCKVZ_RES_DUMMY22 | \
			 1u << STOCKVZ_RES_SWAPPAGES))

const char *const ct_file_kinds[] = {
	"conf", "mount", "umount", "start", "stop", "premount", "postumount", NULL
};

/* Keys of these files that are no parameters of a container here */
static const char *const foreign[] = {
	"CONFIGFILE", "CONFIG_CUSTOMIZED", "DEF_OSTEMPLATE", "DUMPDIR", "ERROR_ON_ARPFAIL",
	"FORCE_ROUTE", "IP6TABLES", "IPTABLES_MODULES", "IPV6", "LOCKDIR", "LOGFILE", "LOGGING", "LOG_LEVEL",
	"MODULES_DISABLED", "NEIGHBOUR_DEVS", "NETDEV", "NETIF", "ORIGIN_SAMPLE", "PCI",
	"SKIP_ARPDETECT", "SKIP_SYSCTL_SETUP", "TEMPLATE", "VE0CPUUNITS", "VEID", "VERBOSE",
	"VETH", "VE_LAYOUT", "VE_PARALLEL", "VE_ROUTE_SRC_DEV", "VE_STOP_MODE", "VIRTUOZZO",
	"VZDIR", "VZFASTBOOT", "VZWDOG", NULL
};

static bool is_foreign(const char *key)
{
	for (const char *const *name = foreign; *name; name++)
		if (!strcmp(*name, key))
			return true;
	return false;
}

static void check_var(struct ct *ct, const struct conf_var *var, const char *file)
{
	const struct param *param = param_by_key(var->key);
	char out[PATH_MAX];
	int ret;

	if (!param && !is_foreign(var->key))
		vz_log(1, "Warning: %s: unknown parameter %s, ignored", file, var->key);
	if (!param || !var->value || !*var->value)
		return;

	ret = param_parse(param, var->value, false, out, sizeof(out));
	if (ret == -ERANGE) {
		vz_log(-1, "Warning: %s: too large value for %s=%s was truncated",
		       file, var->key, var->value);
	} else if (ret && (param->flags & PARAM_IDLE)) {
		vz_log(-1, "Warning: %s: bad value for %s: %s, ignored",
		       file, var->key, var->value);
	} else if (ret) {
		ct->broken = vz_err(VZ_BADCONF, "Error: %s: bad value for %s: %s",
				    file, var->key, var->value);
	}
}

/* Look at the values that came from the file which was read last. */
static void check_layer(struct ct *ct, const char *file)
{
	for (size_t i = 0; i < ct->conf.nr; i++)
		if (ct->conf.vars[i].layer == ct->conf.layer)
			check_var(ct, &ct->conf.vars[i], file);
}

static void copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ?: "");
}

/* VE_ROOT and VE_PRIVATE name the container by $VEID. */
static void expand_veid(char *to, size_t size, const char *from, unsigned int id)
{
	size_t used = 0;

	*to = '\0';
	while (from && *from && used < size) {
		size_t len = strcspn(from, "$");

		if (!strncmp(from, "$VEID", 5)) {
			used += snprintf(to + used, size - used, "%u", id);
			from += 5;
			continue;
		}
		if (!strncmp(from, "${VEID}", 7)) {
			used += snprintf(to + used, size - used, "%u", id);
			from += 7;
			continue;
		}
		len += !len;	/* any other dollar sign stands for itself */
		used += snprintf(to + used, size - used, "%.*s", (int)len, from);
		from += len;
	}
	if (used >= size)
		*to = '\0';
}

static bool has_limit(const struct ct *ct, unsigned int res)
{
	return ct->limits.set & (1u << res);
}

static void default_limit(struct ct *ct, unsigned int res, uint64_t barrier, uint64_t limit)
{
	if (has_limit(ct, res))
		return;
	ct->limits.set |= 1u << res;
	ct->limits.res[res].barrier = barrier;
	ct->limits.res[res].limit = limit;
}

bool ct_vswap(const struct ct *ct)
{
	return has_limit(ct, STOCKVZ_RES_PHYSPAGES) &&
	       !ub_unlimited(ct->limits.res[STOCKVZ_RES_PHYSPAGES].limit);
}

/* Address space: so many times what there is of RAM and swap, or any amount. */
static uint64_t overcommitted(const struct ct *ct, uint64_t both)
{
	const char *text = conf_get(&ct->conf, "VM_OVERCOMMIT");
	double pages = text ? both * strtod(text, NULL) : 0;

	return pages > 0 && pages < (double)UB_MAX ? (uint64_t)pages : UB_MAX;
}

/* So many percent of RAM, or all that there is. */
static uint64_t guaranteed(const struct ct *ct, uint64_t ram, uint64_t both)
{
	const char *text = conf_get(&ct->conf, "MEMGUARANTEE");

	return text && isdigit((unsigned char)*text) ?
	       (uint64_t)((__uint128_t)ram * strtoul(text, NULL, 10) / 100) : both;
}

static void derive_limit(struct ct *ct, unsigned int res, uint64_t barrier, uint64_t limit)
{
	if (!has_limit(ct, res))
		ct->derived |= 1u << res;
	default_limit(ct, res, barrier, limit);
}

/* A vSwap configuration names RAM and swap; the rest follows from these. */
static void derive_limits(struct ct *ct)
{
	uint64_t ram = ct->limits.res[STOCKVZ_RES_PHYSPAGES].limit;
	uint64_t swap = ct->limits.res[STOCKVZ_RES_SWAPPAGES].limit;
	uint64_t both = swap > UB_MAX - ram ? UB_MAX : ram + swap;
	uint64_t privvm = overcommitted(ct, both);

	derive_limit(ct, STOCKVZ_RES_LOCKEDPAGES, ram, ram);
	derive_limit(ct, STOCKVZ_RES_OOMGUARPAGES, ram, UB_MAX);
	derive_limit(ct, STOCKVZ_RES_VMGUARPAGES, guaranteed(ct, ram, both), UB_MAX);
	derive_limit(ct, STOCKVZ_RES_PRIVVMPAGES, privvm, privvm);
	for (unsigned int i = 0; i < UB_NR; i++)
		if ((CLASSIC_UBC & (1u << i)))
			default_limit(ct, i, UB_MAX, UB_MAX);
}

static void read_limits(struct ct *ct)
{
	struct ub_limit *iptent = &ct->limits.res[STOCKVZ_RES_NUMIPTENT];

	ct->limits = (struct ub_limits){ 0 };
	ct->derived = 0;
	for (const struct param *p = params; p->key; p++)
		if ((p->flags & PARAM_UB) && p->type != PARAM_RAM)
			param_limit(p, conf_get(&ct->conf, p->key), &ct->limits);
	iptent->barrier = iptent->barrier < NUMIPTENT_MIN ? NUMIPTENT_MIN : iptent->barrier;
	iptent->limit = iptent->limit < NUMIPTENT_MIN ? NUMIPTENT_MIN : iptent->limit;
	if (ct_vswap(ct) && has_limit(ct, STOCKVZ_RES_SWAPPAGES))
		derive_limits(ct);
}

/* What other limits follow from */
static bool is_origin(const char *key)
{
	static const char *const keys[] = {
		"PHYSPAGES", "SWAPPAGES", "VM_OVERCOMMIT", "MEMGUARANTEE", NULL
	};

	for (const char *const *origin = keys; *origin; origin++)
		if (!strcmp(*origin, key))
			return true;
	return false;
}

int ct_changed_limits(const struct ct *ct, const struct conf *changes, struct ub_limits *limits)
{
	struct ct after = { .id = ct->id };
	uint32_t named = 0, derived = 0;
	int ret = conf_copy(&after.conf, &ct->conf);

	for (size_t i = 0; i < changes->nr && !ret; i++) {
		const struct conf_var *var = &changes->vars[i];
		const struct param *param = param_by_key(var->key);
		int res = param ? param_resource(param) : -1;

		ret = conf_set(&after.conf, var->key, var->value);
		if (res >= 0)
			named |= 1u << res;
		if (is_origin(var->key))
			derived = UINT32_MAX;
	}
	read_limits(&after);
	*limits = after.limits;
	limits->set &= named | (after.derived & derived);
	conf_free(&after.conf);
	return ret < 0 ? vz_err(VZ_SYSTEM, "Error: out of memory") : 0;
}

static unsigned int number_or(const struct ct *ct, const char *key, unsigned int other)
{
	const char *text = conf_get(&ct->conf, key);
	char *end;
	unsigned long value;

	if (!text || !isdigit((unsigned char)*text))
		return other;
	value = strtoul(text, &end, 10);
	return *end || value > UINT_MAX ? other : value;
}

/* Each container has 65536 ids of the host to itself. */
static void read_uid_base(struct ct *ct)
{
	unsigned int base = CT_UIDS * (16 + ct->id % 30000);

	ct->uid_base = number_or(ct, "LOCAL_UID", base);
	if (number_or(ct, "LOCAL_GID", ct->uid_base) != ct->uid_base)
		ct->broken = vz_err(VZ_BADCONF, "Error: %s: LOCAL_GID differs from LOCAL_UID",
				    ct->conf_file);
}

int ct_refresh(struct ct *ct)
{
	const char *root = conf_get(&ct->conf, "VE_ROOT");
	const char *private = conf_get(&ct->conf, "VE_PRIVATE");
	unsigned int timeout = number_or(ct, "STOP_TIMEOUT", 0);

	copy_text(ct->name, sizeof(ct->name), conf_get(&ct->conf, "NAME"));
	copy_text(ct->hostname, sizeof(ct->hostname), conf_get(&ct->conf, "HOSTNAME"));
	copy_text(ct->ostemplate, sizeof(ct->ostemplate), conf_get(&ct->conf, "OSTEMPLATE"));
	expand_veid(ct->root, sizeof(ct->root), root, ct->id);
	expand_veid(ct->private, sizeof(ct->private), private, ct->id);
	ct->stop_timeout = timeout > STOP_TIMEOUT_MAX ? STOP_TIMEOUT_MAX : timeout ?: STOP_TIMEOUT;
	read_uid_base(ct);
	read_limits(ct);
	return 0;
}

int ct_add_file(struct ct *ct, const char *path)
{
	int ret = conf_read(&ct->conf, path);

	if (ret == -EINVAL)
		ct->broken = VZ_BADCONF;
	else if (ret)
		return ret;
	check_layer(ct, path);
	return 0;
}

int ct_load(struct ct *ct, unsigned int id)
{
	const struct conf *global = conf_global();
	int ret;

	memset(ct, 0, sizeof(*ct));
	ct->id = id;
	conf_path(ct->conf_file, sizeof(ct->conf_file), id);
	if (!global)
		return VZ_NOGLOBALCONF;
	if (conf_copy(&ct->conf, global) < 0)
		return vz_err(VZ_SYSTEM, "Error: out of memory");
	check_layer(ct, "vz.conf");

	ret = ct_add_file(ct, ct->conf_file);
	ct->has_conf = ret != -ENOENT;
	if (ret && ct->has_conf)
		return vz_err(VZ_SYSTEM, "Error: cannot read %s: %s", ct->conf_file,
			      strerror(-ret));
	return ct_refresh(ct);
}

void ct_free(struct ct *ct)
{
	conf_free(&ct->conf);
}

static const char *upper_name(unsigned int res, char *buf, size_t size)
{
	snprintf(buf, size, "%s", ub_name(res));
	for (char *c = buf; *c; c++)
		*c = toupper((unsigned char)*c);
	return buf;
}

int ct_check(const struct ct *ct)
{
	uint32_t wanted = ct_vswap(ct) ? 1u << STOCKVZ_RES_SWAPPAGES : CLASSIC_UBC;
	/* The host needs none. */
	uint32_t missing = ct->id ? wanted & ~ct->limits.set : 0;
	char name[32];

	if (ct->broken)
		return vz_err(ct->broken, "Error: %s has to be put right first", ct->conf_file);
	if (!missing)
		return VZ_OK;
	return vz_err(VZ_NOUBC, "Error: required UB parameter %s not set",
		      upper_name(__builtin_ctz(missing), name, sizeof(name)));
}

bool ct_has_private(const struct ct *ct)
{
	bool has = false;
	struct dirent *entry;
	DIR *dir;

	if (!*ct->private)
		return false;
	dir = opendir(ct->private);
	if (!dir)
		return false;
	while (!has && (entry = readdir(dir)))
		has = strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	closedir(dir);
	return has;
}
