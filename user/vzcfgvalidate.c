// SPDX-License-Identifier: GPL-2.0
/* vzcfgvalidate: do the limits of a configuration make sense together? */
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/conf.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "lib/names.h"
#include "lib/ubrules.h"

static struct {
	const char *file;
	bool repair, ask;
	const char *vswap;	/* NULL: as the file has it */
} opt;

static void usage(FILE *out)
{
	fputs("Usage: vzcfgvalidate [-r|-i] [-v yes|no] FILE\n\n"
	      "  -r         repair what can be repaired\n"
	      "  -i         ask before each repair\n"
	      "  -v yes|no  by the rules of vSwap or not, whatever the file looks like\n", out);
}

static bool is_agreed(void)
{
	char *line = NULL;
	size_t size = 0;
	bool yes;

	fflush(stdout);
	yes = getline(&line, &size, stdin) > 0 && (line[0] == 'y' || line[0] == 'Y');
	free(line);
	return yes && !vz_cancelled;
}

static bool is_to_be_cured(const struct finding *finding, const char *bounds)
{
	if (!finding->cure || finding->level == FINDING_ADVICE || vz_cancelled)
		return false;
	if (opt.ask) {
		printf("Set %s to %s? (y/n) ", rule_key(finding->param), bounds);
		return is_agreed();
	}
	if (opt.repair)
		vz_log(0, "Set %s to %s", rule_key(finding->param), bounds);
	return opt.repair;
}

/* Say it, and have it put right if that is wanted: then it is one of the changes. */
static bool tell(const struct finding *finding, void *changes)
{
	static const char *const levels[] = {
		[FINDING_ERROR] = "Error", [FINDING_WARNING] = "Warning",
		[FINDING_ADVICE] = "Recommendation",
	};
	const struct param *param = param_by_key(rule_key(finding->param));
	char bounds[64], value[64];

	vz_log(-1, "%s: %s: %s", levels[finding->level], param->key, finding->text);
	snprintf(bounds, sizeof(bounds), "%llu:%llu", (unsigned long long)finding->barrier,
		 (unsigned long long)finding->limit);
	if (param_parse(param, bounds, false, value, sizeof(value)) ||
	    !is_to_be_cured(finding, value))
		return false;
	return !conf_set(changes, param->key, value);
}

/* vz.conf and the file on top of it, as a container would have them */
static int read_files(struct conf *conf)
{
	char global[PATH_MAX];
	int ret;

	snprintf(global, sizeof(global), "%s/vz.conf", vz_confdir());
	ret = conf_read(conf, global);
	if (ret && ret != -ENOENT)
		return vz_err(VZ_FAILED, "Error: cannot read %s: %s", global, strerror(-ret));
	ret = conf_read(conf, opt.file);
	if (ret)
		return vz_err(VZ_FAILED, "Error: cannot read %s: %s", opt.file, strerror(-ret));
	return 0;
}

static int save(const struct conf *changes)
{
	int ret;

	if (!changes->nr || vz_cancelled)
		return 0;
	ret = conf_save(opt.file, changes);
	if (ret < 0)
		return vz_err(VZ_FAILED, "Error: cannot save %s: %s", opt.file, strerror(-ret));
	vz_log(0, "CT configuration saved to %s", opt.file);
	return 0;
}

static int check(struct ubrules *rules, struct conf *changes)
{
	struct host host = { 0 };
	unsigned int failed;

	if (opt.vswap)
		rules->vswap = !strcasecmp(opt.vswap, "yes");
	if (rules->vswap && host_memory(&host))
		return VZ_FAILED;
	failed = ubrules_check(rules, &host, tell, changes);
	if (save(changes))
		return VZ_FAILED;
	vz_log(failed ? -1 : 0, "Validation completed: %s", failed ? "failed" : "success");
	return failed ? VZ_INVALID : VZ_OK;
}

static int validate(void)
{
	struct conf conf = { 0 }, changes = { 0 };
	struct ubrules rules;
	int ret = read_files(&conf);

	if (!ret)
		ret = ubrules_read(&rules, &conf, opt.file) ? VZ_FAILED : check(&rules, &changes);
	conf_free(&changes);
	conf_free(&conf);
	return ret;
}

/* Is it the configuration of a container, where vzctl looks for it? */
static bool is_of_container(unsigned int *id)
{
	char path[PATH_MAX], real[PATH_MAX], confdir[PATH_MAX];

	snprintf(path, sizeof(path), "%s/conf", vz_confdir());
	if (!realpath(path, confdir) || !realpath(opt.file, real) ||
	    !is_conf_name(strrchr(real, '/') + 1, id))
		return false;
	return !strcmp(dirname(real), confdir);
}

/* vzctl is not to change what is being repaired, and the other way round. */
static int validate_alone(void)
{
	unsigned int id;
	int ret;

	if (!(opt.repair || opt.ask) || !is_of_container(&id))
		return validate();
	catch_cancel();
	if (!conf_global() || lock_ct(id))
		return VZ_FAILED;
	ret = validate();
	unlock_ct(id);
	return ret;
}

/* Returns the exit code, or -1 to go on. */
static int parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "riv:h", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			opt.repair = true;
			break;
		case 'i':
			opt.ask = true;
			break;
		case 'v':
			opt.vswap = optarg;
			break;
		case 'h':
			usage(stdout);
			return VZ_OK;
		default:
			usage(stderr);
			return VZ_FAILED;
		}
	}
	if (opt.vswap && strcasecmp(opt.vswap, "yes") && strcasecmp(opt.vswap, "no"))
		return vz_err(VZ_FAILED, "Bad parameter for -v: %s", opt.vswap);
	if (optind + 1 != argc || (opt.repair && opt.ask)) {
		usage(stderr);
		return VZ_FAILED;
	}
	opt.file = argv[optind];
	return -1;
}

int main(int argc, char **argv)
{
	int ret = parse(argc, argv);

	return ret >= 0 ? ret : validate_alone();
}
