// SPDX-License-Identifier: GPL-2.0
/* vzpkg: OS templates, what there is of them and how they are made. */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/dist.h"
#include "lib/files.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "lib/template.h"

static const char *cache_dir;

static void usage(FILE *out)
{
	fputs("Usage: vzpkg create cache [--cache DIR] TEMPLATE...\n"
	      "       vzpkg update cache [--cache DIR] TEMPLATE...\n"
	      "       vzpkg list [--cache DIR]\n"
	      "       vzpkg help\n\n"
	      "create makes a template that is not there yet, update makes it anew.\n"
	      "A template is called DISTRIBUTION-RELEASE-ARCHITECTURE: debian-12-x86_64.\n"
	      "DIR is $VZPKG_CACHE, or TEMPLATE/cache as vz.conf has it, unless given.\n", out);
}

/* Where the archives are. 0 or exit code, printed. */
static int find_cache_dir(char *buf, size_t size)
{
	const struct conf *global;
	const char *dir;

	if (!cache_dir)
		cache_dir = secure_getenv("VZPKG_CACHE");
	if (cache_dir && *cache_dir)
		return 0;

	global = conf_global();
	if (!global)
		return VZ_NOGLOBALCONF;
	dir = conf_get(global, "TEMPLATE");
	if (!dir || !*dir)
		return vz_err(VZ_NOTEMPLATEDIR, "Error: TEMPLATE is not set in vz.conf");
	snprintf(buf, size, "%s/cache", dir);
	cache_dir = buf;
	return 0;
}

static int is_template(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && template_name_len(entry->d_name) > 0;
}

static int list(void)
{
	struct dirent **entries;
	int nr = scandir(cache_dir, &entries, is_template, alphasort);

	if (nr < 0 && errno != ENOENT)
		return vz_err(VZ_SYSTEM, "Error: cannot read %s: %s", cache_dir, strerror(errno));
	for (int i = 0; i < nr; i++) {
		printf("%.*s\n", (int)template_name_len(entries[i]->d_name), entries[i]->d_name);
		free(entries[i]);
	}
	if (nr >= 0)
		free(entries);
	return VZ_OK;
}

/* The script makes a file that nobody takes for a template yet. */
static int run_script(const char *script, const char *name, const char *path, const char *tmp)
{
	char *argv[] = { "sh", "-c", (char *)script, "vzpkg", NULL };
	int ret;

	unlink(tmp);
	setenv("NAME", name, 1);
	setenv("OUTPUT", tmp, 1);
	ret = run_program(argv, -1);
	if (!ret && rename(tmp, path) < 0)
		ret = -errno;
	if (ret)
		unlink(tmp);
	return ret;
}

static int create(const char *name, bool update)
{
	char checked[256], path[PATH_MAX], tmp[PATH_MAX];
	static struct ct ct;
	char *script = NULL;
	int ret;

	if (param_parse(param_by_key("OSTEMPLATE"), name, true, checked, sizeof(checked)))
		return vz_err(VZ_BADVALUE, "Error: bad OS template name: %s", name);
	snprintf(path, sizeof(path), "%s/%s.tar.gz", cache_dir, name);
	snprintf(tmp, sizeof(tmp), "%s/.%s.%d.tar.gz", cache_dir, name, getpid());
	if (!update && !access(path, F_OK)) {
		vz_log(0, "OS template %s exists: %s", name, path);
		return VZ_OK;
	}

	snprintf(ct.ostemplate, sizeof(ct.ostemplate), "%s", name);
	ret = dist_is_known(name) ? dist_script(&ct, "CREATE_CACHE", &script) : 0;
	if (ret)
		return ret;
	if (!script)
		return vz_err(VZ_TEMPLATE, "Error: %s is not an OS template that can be made here",
			      name);
	vz_log(0, "Creating OS template cache (%s)", name);
	ret = make_dirs(cache_dir, 0755);
	if (!ret)
		ret = run_script(script, name, path, tmp);
	free(script);
	if (ret)
		return vz_err(VZ_SYSTEM, "Error: OS template %s was not created", name);
	vz_log(0, "OS template %s was created: %s", name, path);
	return VZ_OK;
}

static int create_all(char **names, int nr, bool update)
{
	int ret = VZ_OK;

	if (!nr)
		return vz_err(VZ_SYNTAX, "Error: OS template is not specified");
	catch_cancel();
	for (int i = 0; i < nr && !ret; i++)
		ret = create(names[i], update);
	return ret;
}

static int run(int argc, char **argv)
{
	static char dir[PATH_MAX];
	bool update = !strcmp(argv[0], "update");
	int ret;

	if (!strcmp(argv[0], "help")) {
		usage(stdout);
		return VZ_OK;
	}
	if (!strcmp(argv[0], "list")) {
		ret = find_cache_dir(dir, sizeof(dir));
		return ret ?: list();
	}
	if (!update && strcmp(argv[0], "create"))
		return vz_err(VZ_SYNTAX, "Bad command: %s", argv[0]);
	if (argc < 2 || strcmp(argv[1], "cache"))
		return vz_err(VZ_SYNTAX, "Bad command: %s %s", argv[0], argv[1] ?: "");
	ret = find_cache_dir(dir, sizeof(dir));
	return ret ?: create_all(argv + 2, argc - 2, update);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "cache", required_argument, NULL, 'c' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c;

	/* Ignored by the caller, it would hide how our children end. */
	signal(SIGCHLD, SIG_DFL);
	while ((c = getopt_long(argc, argv, "qh", options, NULL)) != -1) {
		if (c == 'c') {
			cache_dir = optarg;
		} else if (c == 'q') {
			log_quiet();
		} else if (c == 'h') {
			usage(stdout);
			return VZ_OK;
		} else {
			return VZ_SYNTAX;
		}
	}
	if (optind == argc) {
		usage(stderr);
		return VZ_SYNTAX;
	}
	return run(argc - optind, argv + optind);
}
