// SPDX-License-Identifier: GPL-2.0
/*
 * vzctl create: a private area out of a template, and a configuration out of a
 * sample. Whatever fails, what was made before it is unmade.
 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "lib/fd.h"
#include "lib/files.h"
#include "lib/lock.h"
#include "lib/names.h"
#include "lib/script.h"
#include "lib/template.h"
#include "options.h"

struct create {
	struct ct *ct;
	struct conf changes;	/* what the command line asks for */
	char sample[64];	/* "" when N.conf is there already */
	bool config_given;
	char from[PATH_MAX];	/* the file that becomes N.conf */
	char archive[PATH_MAX];
	char tmp[PATH_MAX];	/* private area while it is being filled */

	/* What has to be undone */
	bool made_root;
	bool made_private;
	bool made_conf;
	bool made_name;
};

static int set_layout(const char *value)
{
	if (!strcmp(value, "simfs"))
		return 0;
	if (!strcmp(value, "ploop") || !strncmp(value, "ploop:", 6))
		return vz_err(VZ_NOPLOOP, "Error: layout %s is not supported, use simfs", value);
	return vz_err(VZ_BADVALUE, "Bad parameter for --layout: %s", value);
}

static int own_option(const char *name, const char *value, void *arg)
{
	struct create *cr = arg;

	if (strcmp(name, "config"))
		return set_layout(value);
	if (!*value || *value == '.' || strchr(value, '/') || strlen(value) >= sizeof(cr->sample))
		return vz_err(VZ_BADVALUE, "Bad parameter for --config: %s", value);
	snprintf(cr->sample, sizeof(cr->sample), "%s", value);
	cr->config_given = true;
	return 0;
}

static int parse(struct create *cr, int argc, char **argv)
{
	static const struct own_option own[] = {
		{ "config", true }, { "layout", true }, { "ve_layout", true },
		{ "velayout", true }, { }
	};

	return parse_options(cr->ct, argc, argv, PARAM_CREATE, own, own_option, cr, &cr->changes);
}

/* The sample, or the N.conf that is there already */
static int choose_config(struct create *cr)
{
	const char *name = conf_get(&cr->ct->conf, "CONFIGFILE");

	if (cr->ct->has_conf) {
		if (cr->config_given)
			return vz_err(VZ_NOSAMPLE, "Error: %s exists, --config cannot be used",
				      cr->ct->conf_file);
		snprintf(cr->from, sizeof(cr->from), "%s", cr->ct->conf_file);
		return 0;
	}
	if (!cr->config_given)
		snprintf(cr->sample, sizeof(cr->sample), "%s", name ?: "");
	if (!*cr->sample)
		return vz_err(VZ_NOSAMPLE, "Error: neither --config nor CONFIGFILE names a sample");
	sample_path(cr->from, sizeof(cr->from), cr->sample);
	return 0;
}

/* vz.conf, then the sample, then the command line: as ct_load() will see it */
static int merge(struct create *cr)
{
	struct ct *ct = cr->ct;
	int ret = 0;

	if (!ct->has_conf)
		ret = ct_add_file(ct, cr->from);
	if (ret)
		return vz_err(VZ_NOSAMPLE, "Error: cannot read %s: %s", cr->from, strerror(-ret));
	ct->conf.layer++;
	for (size_t i = 0; i < cr->changes.nr; i++)
		if (conf_set(&ct->conf, cr->changes.vars[i].key, cr->changes.vars[i].value) < 0)
			return vz_err(VZ_SYSTEM, "Error: out of memory");
	return ct_refresh(ct);
}

static int check_areas(const struct ct *ct)
{
	const char *layout = conf_get(&ct->conf, "VE_LAYOUT");

	if (!*ct->root)
		return vz_err(VZ_NOROOT, "Error: VE_ROOT is not set");
	if (!*ct->private)
		return vz_err(VZ_NOPRIVATE, "Error: VE_PRIVATE is not set");
	if (*ct->root != '/' || *ct->private != '/')
		return vz_err(VZ_BADCONF, "Error: VE_ROOT and VE_PRIVATE have to begin with /");
	if (!strcmp(ct->root, ct->private))
		return vz_err(VZ_BADCONF, "Error: VE_ROOT and VE_PRIVATE are the same");
	if (layout && *layout && set_layout(layout))
		return VZ_NOPLOOP;
	return ct->broken;
}

static bool is_mount_point(const char *path)
{
	char copy[PATH_MAX];
	struct stat here, above;

	snprintf(copy, sizeof(copy), "%s", path);
	return !stat(path, &here) && !stat(dirname(copy), &above) && here.st_dev != above.st_dev;
}

static int check_private(const struct ct *ct)
{
	struct stat st;

	if (lstat(ct->private, &st) < 0)
		return errno == ENOENT ? 0 : vz_err(VZ_MKPRIVATE, "Error: cannot look at %s: %s",
						    ct->private, strerror(errno));
	if (!S_ISDIR(st.st_mode) || ct_has_private(ct))
		return vz_err(VZ_PRIVATEEXISTS, "Private area already exists in %s", ct->private);
	if (is_mount_point(ct->private))
		return vz_err(VZ_MKPRIVATE, "Error: %s is a mount point", ct->private);
	return 0;
}

/* The template's name, or what vz.conf has for those who name none */
static int choose_template(struct create *cr)
{
	struct ct *ct = cr->ct;
	const char *name = conf_get(&ct->conf, "DEF_OSTEMPLATE");
	char checked[sizeof(ct->ostemplate)];

	if (!*ct->ostemplate && name)
		snprintf(ct->ostemplate, sizeof(ct->ostemplate), "%s", name);
	if (!*ct->ostemplate)
		return vz_err(VZ_NOOSTEMPLATE, "Error: OS template is not specified");
	/* It becomes part of a path. */
	if (param_parse(param_by_key("OSTEMPLATE"), ct->ostemplate, true, checked,
			sizeof(checked)))
		return vz_err(VZ_BADCONF, "Error: bad OS template name: %s", ct->ostemplate);
	return template_find(&ct->conf, ct->ostemplate, cr->archive, sizeof(cr->archive));
}

/* Everything that can be known to fail before anything has been made */
static int check(struct create *cr)
{
	int ret = choose_config(cr);

	if (!ret)
		ret = merge(cr);
	if (!ret)
		ret = check_areas(cr->ct);
	if (!ret)
		ret = check_private(cr->ct);
	if (!ret && *cr->ct->name)
		ret = name_check(cr->ct->name, cr->ct->id);
	if (!ret)
		ret = choose_template(cr);
	return ret;
}

static int make_root(struct create *cr)
{
	struct stat st;
	int ret;

	if (!stat(cr->ct->root, &st))
		return 0;
	ret = make_dirs(cr->ct->root, 0755);
	if (ret)
		return vz_err(VZ_MKROOT, "Error: cannot make %s: %s", cr->ct->root,
			      strerror(-ret));
	cr->made_root = true;
	return 0;
}

/* Nobody but root gets to the programs in there: some of them are set-uid. */
static int make_tmp(struct create *cr)
{
	char copy[PATH_MAX];
	int ret;

	if (snprintf(cr->tmp, sizeof(cr->tmp), "%s.tmp", cr->ct->private) >= (int)sizeof(cr->tmp))
		return vz_err(VZ_MKPRIVATE, "Error: the path %s is too long", cr->ct->private);

	snprintf(copy, sizeof(copy), "%s", cr->ct->private);
	ret = make_dirs(dirname(copy), 0700);
	if (!ret)
		ret = remove_tree(cr->tmp);
	if (!ret && mkdir(cr->tmp, 0700) < 0)
		ret = -errno;
	if (ret)
		return vz_err(VZ_MKPRIVATE, "Error: cannot make %s: %s", cr->tmp,
			      ret < 0 ? strerror(-ret) : "the old one is in the way");
	return 0;
}

static int fill_private(struct create *cr)
{
	int ret = make_tmp(cr);

	if (ret)
		return ret;
	vz_log(0, "Creating container private area (%s)", cr->ct->ostemplate);
	ret = template_unpack(cr->archive, cr->tmp);
	if (!ret && vz_cancelled)
		ret = VZ_SYSTEM;
	if (!ret && (chmod(cr->tmp, 0755) < 0 || rename(cr->tmp, cr->ct->private) < 0))
		ret = vz_err(VZ_MKPRIVATE, "Error: cannot make %s: %s", cr->ct->private,
			     strerror(errno));
	if (ret)
		remove_tree(cr->tmp);
	cr->made_private = !ret;
	return ret;
}

/* A value that is kept as it was written: with $VEID in it */
static void keep(struct create *cr, const char *key)
{
	const char *value = conf_get(&cr->ct->conf, key);

	if (value)
		conf_set(&cr->changes, key, value);
}

static void remove_leftovers(const struct ct *ct)
{
	char path[PATH_MAX];

	for (const char *const *kind = ct_file_kinds; *kind; kind++) {
		snprintf(path, sizeof(path), "%s/conf/%u.%s.destroyed", vz_confdir(), ct->id,
			 *kind);
		unlink(path);
	}
}

static int save_conf(struct create *cr)
{
	struct ct *ct = cr->ct;
	int auto_fd lock = -1;
	int ret;

	keep(cr, "VE_ROOT");
	keep(cr, "VE_PRIVATE");
	conf_set(&cr->changes, "VE_LAYOUT", "simfs");
	conf_set(&cr->changes, "OSTEMPLATE", ct->ostemplate);
	if (*cr->sample)
		conf_set(&cr->changes, "ORIGIN_SAMPLE", cr->sample);
	/* There are programs that fall over when it is missing. */
	if (!*(conf_get(&ct->conf, "ONBOOT") ?: ""))
		conf_set(&cr->changes, "ONBOOT", "auto");

	ret = conf_save_as(ct->has_conf ? ct->conf_file : cr->from, ct->conf_file, &cr->changes);
	if (ret < 0)
		return vz_err(VZ_SAVECONF, "Error: cannot save %s: %s", ct->conf_file,
			      strerror(-ret));
	cr->made_conf = !ct->has_conf;
	remove_leftovers(ct);
	vz_log(0, "CT configuration saved to %s", ct->conf_file);

	if (!*ct->name)
		return 0;
	lock = lock_all();
	ret = name_link(ct->name, ct->id);
	cr->made_name = !ret;
	return ret;
}

static void undo(struct create *cr)
{
	if (cr->made_name)
		name_unlink(cr->ct->name, cr->ct->id);
	if (cr->made_conf)
		unlink(cr->ct->conf_file);
	if (cr->made_private)
		remove_tree(cr->ct->private);
	if (cr->made_root)
		rmdir(cr->ct->root);
}

static int create(struct create *cr)
{
	int ret = check(cr);

	if (ret)
		return ret;
	if (cr->ct->has_conf)
		vz_log(-1, "Warning: %s exists and is kept", cr->ct->conf_file);
	ret = make_root(cr);
	if (!ret)
		ret = fill_private(cr);
	if (!ret)
		ret = save_conf(cr);
	if (!ret)
		ret = script_run(cr->ct, "create", false);
	return ret;
}

int cmd_create(struct ct *ct, int argc, char **argv)
{
	static struct create cr;
	int ret;

	cr.ct = ct;
	ret = parse(&cr, argc, argv);
	if (ret)
		return ret;

	ret = create(&cr);
	if (ret) {
		undo(&cr);
		vz_log(-1, "Creation of container private area failed");
	} else {
		vz_log(0, "Container private area was created");
	}
	conf_free(&cr.changes);
	return ret;
}
