// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dist.h"
#include "files.h"
#include "log.h"

static void dist_path(char *buf, size_t size, const char *name)
{
	snprintf(buf, size, "%s/dists/%s", vz_confdir(), name);
}

static bool dist_conf_exists(const char *name, char *path, size_t size)
{
	char file[NAME_MAX + 8];

	snprintf(file, sizeof(file), "%s.conf", name);
	dist_path(path, size, file);
	return !access(path, R_OK);
}

/* debian-12-x86_64, debian-12, debian: the first that is known */
static bool find_dist_conf(const char *ostemplate, char *path, size_t size)
{
	const char *base = strrchr(ostemplate, '/');
	char name[NAME_MAX + 1];
	char *dash;

	snprintf(name, sizeof(name), "%s", base ? base + 1 : ostemplate);
	while (*name) {
		if (dist_conf_exists(name, path, size))
			return true;
		dash = strrchr(name, '-');
		if (!dash)
			break;
		*dash = '\0';
	}
	return false;
}

bool dist_is_known(const char *ostemplate)
{
	char path[PATH_MAX];

	return find_dist_conf(ostemplate, path, sizeof(path));
}

static int read_dist_conf(const struct ct *ct, struct conf *dist)
{
	char path[PATH_MAX];
	int ret;

	if (!find_dist_conf(ct->ostemplate, path, sizeof(path))) {
		vz_log(-1, "Warning: distribution of %s is not known, using default",
		       *ct->ostemplate ? ct->ostemplate : "a container without OSTEMPLATE");
		dist_path(path, sizeof(path), "default");
	}
	ret = conf_read(dist, path);
	if (ret)
		return vz_err(VZ_NODISTCONF, "Error: cannot read %s: %s", path, strerror(-ret));
	return 0;
}

int dist_script(const struct ct *ct, const char *action, char **text)
{
	char path[PATH_MAX], functions[PATH_MAX];
	struct conf dist = { 0 };
	char *script, *common;
	const char *name;
	int ret;

	*text = NULL;
	ret = read_dist_conf(ct, &dist);
	name = conf_get(&dist, action);
	if (ret || !name || !*name) {
		conf_free(&dist);
		return ret;
	}
	snprintf(path, sizeof(path), "%s/dists/scripts/%s", vz_confdir(), name);
	dist_path(functions, sizeof(functions), "scripts/functions");
	conf_free(&dist);

	script = read_text(path);
	common = read_text(functions);
	if (!script)
		ret = vz_err(VZ_NODISTSCRIPT, "Error: cannot read %s: %s", path, strerror(errno));
	else if (asprintf(text, "%s\n%s\n", common ?: "", script) < 0)
		ret = vz_err(VZ_SYSTEM, "Error: out of memory");
	free(script);
	free(common);
	return ret;
}
