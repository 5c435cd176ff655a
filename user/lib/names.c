// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ct.h"
#include "log.h"
#include "names.h"

static int link_path(char *buf, size_t size, const char *name)
{
	int len = snprintf(buf, size, "%s/names/%s", vz_confdir(), name);

	return len < (int)size ? 0 : -1;
}

static int parse_id(const char *text, const char *end, unsigned int *id)
{
	char *stop;
	unsigned long value;

	if (!isdigit((unsigned char)*text))
		return -1;
	errno = 0;
	value = strtoul(text, &stop, 10);
	if (stop != end || errno || value > CT_ID_MAX)
		return -1;
	*id = value;
	return 0;
}

bool is_conf_name(const char *file, unsigned int *id)
{
	const char *dot = strrchr(file, '.');

	return dot && !strcmp(dot, ".conf") && !parse_id(file, dot, id);
}

int each_conf(int (*cb)(unsigned int id, void *arg), void *arg)
{
	char path[PATH_MAX];
	struct dirent *entry;
	unsigned int id;
	int ret = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/conf", vz_confdir());
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (!ret && (entry = readdir(dir)))
		if (is_conf_name(entry->d_name, &id) && id)
			ret = cb(id, arg);
	closedir(dir);
	return ret;
}

/* Which container a link names: .../N.conf. The file need not be there. */
static int read_name_link(const char *name, unsigned int *id)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *base;
	ssize_t len;

	if (!*name || *name == '.' || strchr(name, '/') || link_path(path, sizeof(path), name))
		return -1;
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -1;
	target[len] = '\0';

	base = strrchr(target, '/');
	return is_conf_name(base ? base + 1 : target, id) ? 0 : -1;
}

/* A link counts only as long as the configuration agrees. */
static bool has_name(unsigned int id, const char *name)
{
	struct conf conf = { 0 };
	char path[PATH_MAX];
	const char *own;
	bool same;

	conf_path(path, sizeof(path), id);
	conf_read(&conf, path);
	own = conf_get(&conf, "NAME");
	same = own && !strcmp(own, name);
	conf_free(&conf);
	return same;
}

int name_lookup(const char *arg, unsigned int *id)
{
	if (!parse_id(arg, arg + strlen(arg), id))
		return 0;
	return read_name_link(arg, id) || !has_name(*id, arg) ? -1 : 0;
}

int name_to_id(const char *arg, unsigned int *id)
{
	if (!name_lookup(arg, id))
		return 0;
	if (!read_name_link(arg, id))
		return vz_err(VZ_BADVALUE, "Unable to find container by name %s", arg);
	return vz_err(VZ_BADVALUE, "Bad CT ID %s", arg);
}

int name_check(const char *name, unsigned int id)
{
	unsigned int other;

	if (!read_name_link(name, &other) && other != id && has_name(other, name))
		return vz_err(VZ_NAME, "Conflict: name %s already used by container %u",
			      name, other);
	return 0;
}

int name_link(const char *name, unsigned int id)
{
	char path[PATH_MAX], new[PATH_MAX], target[PATH_MAX];
	int ret = name_check(name, id);

	if (ret)
		return ret;
	snprintf(path, sizeof(path), "%s/names", vz_confdir());
	mkdir(path, 0755);
	conf_path(target, sizeof(target), id);
	if (link_path(path, sizeof(path), name))
		return vz_err(VZ_NAME, "Error: the name %s is too long", name);

	/* No name begins with a dot. */
	snprintf(new, sizeof(new), "%s/names/.%u", vz_confdir(), id);
	unlink(new);
	if (symlink(target, new) < 0 || rename(new, path) < 0)
		return vz_err(VZ_NAME, "Error: cannot link %s to %s: %s", path, target,
			      strerror(errno));
	return 0;
}

void name_unlink(const char *name, unsigned int id)
{
	char path[PATH_MAX];
	unsigned int owner;

	if (!read_name_link(name, &owner) && owner == id && !link_path(path, sizeof(path), name))
		unlink(path);
}
