// SPDX-License-Identifier: GPL-2.0
/* vzub: beancounters of cgroups that are no container's, such as a service's. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/options.h"
#include "lib/cgroup.h"
#include "lib/log.h"
#include "lib/names.h"
#include "lib/ubnl.h"

struct job {
	unsigned int id;
	char cgroup[PATH_MAX];		/* "" when the command names none */
	struct ub_limits limits;
	struct ubnl *nl;
};

struct command {
	const char *name;
	int (*fn)(struct job *job);
	int least, most;		/* of its words: a number, a cgroup */
	bool limits;			/* and parameters after these */
};

static int create(struct job *job)
{
	return ubnl_ub_new(job->nl, job->id, &job->limits, job->cgroup);
}

static int set(struct job *job)
{
	return ubnl_ub_set(job->nl, job->id, &job->limits);
}

static int attach(struct job *job)
{
	return ubnl_ub_attach(job->nl, job->id, job->cgroup);
}

static int destroy(struct job *job)
{
	return ubnl_ub_del(job->nl, job->id);
}

static int print(const struct ub_state *state, void *arg)
{
	(void)arg;
	if (state->id)
		printf("%10u %s\n", state->id,
		       state->dying ? "(destroyed)" : *state->cgroup ? state->cgroup : "-");
	return 0;
}

static int list(struct job *job)
{
	return ubnl_ub_dump(job->nl, print, NULL);
}

static const struct command commands[] = {
	{ "create", create, 2, 2, true },
	{ "set", set, 1, 1, true },
	{ "attach", attach, 2, 2, false },
	{ "destroy", destroy, 1, 2, false },
	{ "list", list, 0, 0, false },
	{ }
};

static void usage(FILE *out)
{
	fputs("Usage: vzub [--quiet] [--verbose] create ID CGROUP [--PARAMETER VALUE]...\n"
	      "       vzub set ID --PARAMETER VALUE...\n"
	      "       vzub attach ID CGROUP\n"
	      "       vzub destroy ID [CGROUP]\n"
	      "       vzub list\n"
	      "       vzub --help | --version\n\n"
	      "CGROUP is a path from the root of cgroup v2, or below /sys/fs/cgroup.\n"
	      "The parameters are the beancounters of vzctl(8).\n", out);
}

/* A cgroup tells whose the beancounter is; where there is none, the number's configuration. */
static bool is_container(unsigned int id, const struct ub_state *state)
{
	char conf[PATH_MAX];

	if (*state->cgroup)
		return cg_is_ours(state->cgroup);
	conf_path(conf, sizeof(conf), id);
	return !access(conf, F_OK);
}

/* What is a container's is vzctl's to change, and what goes is to be what was meant. */
static int check(const struct command *command, const struct job *job)
{
	struct ub_state state = { 0 };
	int ret = ubnl_ub_get(job->nl, job->id, &state);

	if (ret && ret != -ENOENT)
		return vz_err(VZ_SYSTEM, "Error: cannot read beancounter %u: %s", job->id,
			      ubnl_error(job->nl));
	if (is_container(job->id, &state))
		return vz_err(VZ_BADVALUE, "Error: %u is a container: use vzctl", job->id);
	if (cg_is_ours(job->cgroup))
		return vz_err(VZ_BADVALUE, "Error: %s is for containers", job->cgroup);
	if (command->fn == destroy && *job->cgroup && strcmp(job->cgroup, state.cgroup))
		return vz_err(VZ_BADVALUE, "Error: beancounter %u is not on %s", job->id,
			      job->cgroup);
	return 0;
}

static int run(const struct command *command, struct job *job)
{
	int ret = job->id ? check(command, job) : 0;

	if (ret)
		return ret;
	if (command->fn(job))
		return vz_err(VZ_SETUBC, "Unable to %s: %s", command->name, ubnl_error(job->nl));
	ubnl_warn_note(job->nl);
	ubnl_warn_idle(job->nl, &job->limits);
	return 0;
}

static int read_limits(int argc, char **argv, struct ub_limits *limits)
{
	const struct ct none = { 0 };
	struct conf given = { 0 };
	int ret = parse_options(&none, argc, argv, PARAM_UB, NULL, NULL, NULL, &given);

	for (size_t i = 0; i < given.nr && !ret; i++)
		param_limit(param_by_key(given.vars[i].key), given.vars[i].value, limits);
	conf_free(&given);
	return ret;
}

/* What stands between the command's name and its parameters */
static int count_words(const struct command *command, int argc, char **argv)
{
	int words = 0;

	while (words < command->most && words + 1 < argc && *argv[words + 1] != '-')
		words++;
	return words;
}

static int parse(const struct command *command, int argc, char **argv, struct job *job)
{
	int words = count_words(command, argc, argv), ret;

	if (words < command->least)
		return vz_err(VZ_SYNTAX, "Error: %s needs a number%s", *argv,
			      command->least > 1 ? " and a cgroup" : "");
	if (words > 0 && (name_lookup(argv[1], &job->id) || !job->id))
		return vz_err(VZ_BADVALUE, "Bad number of a beancounter: %s", argv[1]);
	if (words > 1 && cg_given(argv[2], job->cgroup, sizeof(job->cgroup)))
		return vz_err(VZ_BADVALUE, "Bad path of a cgroup: %s", argv[2]);
	if (words > 0)
		log_ctid(job->id);
	/* The command's name stands where its parameters begin. */
	argv[words] = argv[0];
	argc -= words;
	argv += words;
	if (!command->limits)
		return no_options(argc, argv);
	ret = read_limits(argc, argv, &job->limits);
	if (!ret && command->fn == set && !job->limits.set)
		ret = vz_err(VZ_SYNTAX, "Error: %s needs a parameter", *argv);
	return ret;
}

static const struct command *find(const char *name)
{
	for (const struct command *command = commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

static int dispatch(int argc, char **argv)
{
	const struct command *command = find(*argv);
	static struct job job;
	int ret;

	if (!command)
		return vz_err(VZ_SYNTAX, "Bad command: %s", *argv);
	if (geteuid())
		return vz_err(VZ_PERM, "This program can only be run under root.");
	if (!conf_global())
		return VZ_NOGLOBALCONF;
	log_open("vzub", conf_global());

	ret = parse(command, argc, argv, &job);
	if (ret)
		return ret;
	job.nl = ubnl_open_or_tell(&ret);
	if (!job.nl)
		return ret;
	ret = run(command, &job);
	ubnl_close(job.nl);
	return ret;
}

int main(int argc, char **argv)
{
	for (argc--, argv++; argc && !strncmp(*argv, "--", 2); argc--, argv++) {
		if (!strcmp(*argv, "--quiet")) {
			log_quiet();
		} else if (!strcmp(*argv, "--verbose")) {
			log_verbose();
		} else if (!strcmp(*argv, "--version")) {
			printf("vzub of stockvz %s\n", STOCKVZ_VERSION);
			return VZ_OK;
		} else if (!strcmp(*argv, "--help")) {
			usage(stdout);
			return VZ_OK;
		} else {
			return vz_err(VZ_SYNTAX, "Bad option: %s", *argv);
		}
	}
	if (argc)
		return dispatch(argc, argv);
	usage(stderr);
	return VZ_SYNTAX;
}
