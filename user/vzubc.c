// SPDX-License-Identifier: GPL-2.0
/* vzubc: beancounters for people. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/names.h"
#include "lib/ubstore.h"
#include "lib/ubtable.h"

#define STORE		"/tmp/vzubc.store"
#define NEAR_HELD	0.5
#define NEAR_MAXHELD	0.8

enum {
	OPT_WATCH = 1000, OPT_WATCH_CHANGES, OPT_WATCH_NO_TITLE, OPT_WATCH_EVERY,
	OPT_QUIET, OPT_NEAR_HELD, OPT_NEAR_MAXHELD, OPT_VERBOSE,
	OPT_RELATIVE, OPT_CLEAR_FAILCNT, OPT_STORE,
	OPT_INCREMENTAL, OPT_CLEAR_HELD, OPT_COLOR, OPT_FILE, OPT_HELP,
};

static struct {
	bool watch, watch_changes, watch_no_title;
	const char *watch_every;
	const char *near_held, *near_maxheld;	/* NULL: the usual */
	bool clear_failcnt, clear_held;
	const char *store, *file;
} opt = { .store = STORE };

static struct ubtable table = { .store = -1 };

struct wanted {
	unsigned int id;
	bool seen;
};

static struct wanted *wanted;
static size_t nr_wanted;
static bool all = true;

static void usage(FILE *out)
{
	fputs("Usage: vzubc [OPTION]... [CTID|NAME]...\n\n"
	      "  -w, --watch        again and again, until it is interrupted\n"
	      "    -wd  -wt  -wn S  show what changes; no title; every S seconds\n"
	      "  -q, --quiet        only what has failed or is near to its barrier\n"
	      "    -qh PART         near, of what is held (0.5)\n"
	      "    -qm PART         near, of the most that was held (0.8)\n"
	      "  -v, --verbose      what is not limited, too\n"
	      "  -r, --relative     failures since the last time\n"
	      "  -i, --incremental  what is held more than the last time\n"
	      "    -rc  -ic         forget about the last time\n"
	      "    -rd DIR, -id DIR where it is remembered (" STORE ")\n"
	      "  -c, --color        what matters in color\n"
	      "  -f, --file FILE    read this, - is standard input\n", out);
}

static int parse_part(const char *text, double usual, double *out)
{
	char *end;

	*out = usual;
	if (!text)
		return 0;
	*out = strtod(text, &end);
	if (end == text || *end || !(*out >= 0))
		return vz_err(VZ_FAILED, "Bad part of a barrier: %s", text);
	return 0;
}

static int check_options(void)
{
	if (opt.watch && table.color)
		return vz_err(VZ_FAILED, "Error: --watch and --color do not go together");
	if (opt.watch && opt.file && !strcmp(opt.file, "-"))
		return vz_err(VZ_FAILED, "Error: standard input cannot be read again and again");
	if (table.quiet && table.verbose)
		return vz_err(VZ_FAILED, "Error: --quiet and --verbose do not go together");
	if ((opt.near_held || opt.near_maxheld) && !table.quiet && !table.color)
		return vz_err(VZ_FAILED, "Error: -qh and -qm need --quiet or --color");
	return parse_part(opt.near_held, NEAR_HELD, &table.near_held) ?:
	       parse_part(opt.near_maxheld, NEAR_MAXHELD, &table.near_maxheld);
}

static void set_option(int c)
{
	switch (c) {
	case OPT_WATCH_CHANGES:
		opt.watch_changes = true;
		break;
	case OPT_WATCH_NO_TITLE:
		opt.watch_no_title = true;
		break;
	case OPT_WATCH_EVERY:
		opt.watch_every = optarg;
		break;
	case OPT_QUIET:
		table.quiet = true;
		break;
	case OPT_NEAR_HELD:
		opt.near_held = optarg;
		break;
	case OPT_NEAR_MAXHELD:
		opt.near_maxheld = optarg;
		break;
	case OPT_VERBOSE:
		table.verbose = true;
		break;
	case OPT_RELATIVE:
		table.failed_since = true;
		break;
	case OPT_INCREMENTAL:
		table.held_since = true;
		break;
	case OPT_CLEAR_FAILCNT:
		opt.clear_failcnt = true;
		break;
	case OPT_CLEAR_HELD:
		opt.clear_held = true;
		break;
	case OPT_STORE:
		opt.store = optarg;
		break;
	case OPT_COLOR:
		table.color = true;
		break;
	case OPT_FILE:
		opt.file = optarg;
		break;
	}
	opt.watch |= c >= OPT_WATCH && c <= OPT_WATCH_EVERY;
}

/* Returns the exit code, or -1 to go on. */
static int parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "w", no_argument, NULL, OPT_WATCH },
		{ "watch", no_argument, NULL, OPT_WATCH },
		{ "wd", no_argument, NULL, OPT_WATCH_CHANGES },
		{ "wt", no_argument, NULL, OPT_WATCH_NO_TITLE },
		{ "wn", required_argument, NULL, OPT_WATCH_EVERY },
		{ "q", no_argument, NULL, OPT_QUIET },
		{ "quiet", no_argument, NULL, OPT_QUIET },
		{ "qh", required_argument, NULL, OPT_NEAR_HELD },
		{ "qm", required_argument, NULL, OPT_NEAR_MAXHELD },
		{ "v", no_argument, NULL, OPT_VERBOSE },
		{ "verbose", no_argument, NULL, OPT_VERBOSE },
		{ "r", no_argument, NULL, OPT_RELATIVE },
		{ "relative", no_argument, NULL, OPT_RELATIVE },
		{ "rc", no_argument, NULL, OPT_CLEAR_FAILCNT },
		{ "rd", required_argument, NULL, OPT_STORE },
		{ "i", no_argument, NULL, OPT_INCREMENTAL },
		{ "incremental", no_argument, NULL, OPT_INCREMENTAL },
		{ "ic", no_argument, NULL, OPT_CLEAR_HELD },
		{ "id", required_argument, NULL, OPT_STORE },
		{ "c", no_argument, NULL, OPT_COLOR },
		{ "color", no_argument, NULL, OPT_COLOR },
		{ "f", required_argument, NULL, OPT_FILE },
		{ "file", required_argument, NULL, OPT_FILE },
		{ "h", no_argument, NULL, OPT_HELP },
		{ "help", no_argument, NULL, OPT_HELP },
		{ }
	};
	int c;

	while ((c = getopt_long_only(argc, argv, "", options, NULL)) != -1) {
		if (c == OPT_HELP || c == '?') {
			usage(c == '?' ? stderr : stdout);
			return c == '?' ? VZ_FAILED : VZ_OK;
		}
		set_option(c);
	}
	return check_options() ? VZ_FAILED : -1;
}

#define WATCH_WORDS	32	/* more than there are options */

/* An option and what belongs to it, if it was given */
static void add(const char **argv, bool given, const char *option, const char *value)
{
	while (*argv)
		argv++;
	if (given) {
		argv[0] = option;
		argv[1] = value;
	}
}

/*
 * Ourselves under watch(1), without the options that are its own. It runs us
 * directly: a shell in between would take the arguments apart.
 */
static int watch(char **names, size_t nr)
{
	const char **argv = calloc(nr + WATCH_WORDS, sizeof(*argv));
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (!argv || len < 0)
		return vz_err(VZ_FAILED, "Error: cannot find myself: %s", strerror(errno));
	self[len] = '\0';

	add(argv, true, "watch", "-x");
	add(argv, opt.watch_changes, "-d", NULL);
	add(argv, opt.watch_no_title, "-t", NULL);
	add(argv, opt.watch_every, "-n", opt.watch_every);
	add(argv, true, "--", self);
	add(argv, true, "-rd", opt.store);
	add(argv, table.quiet, "-q", NULL);
	add(argv, table.verbose, "-v", NULL);
	add(argv, opt.near_held, "-qh", opt.near_held);
	add(argv, opt.near_maxheld, "-qm", opt.near_maxheld);
	add(argv, table.failed_since, "-r", NULL);
	add(argv, table.held_since, "-i", NULL);
	add(argv, opt.file, "-f", opt.file);
	add(argv, true, "--", NULL);
	for (size_t i = 0; i < nr; i++)
		add(argv, true, names[i], NULL);
	execvp("watch", (char **)argv);
	return vz_err(VZ_FAILED, "Error: cannot run watch: %s", strerror(errno));
}

/* One that there is not is no reason to show none of the others. */
static int choose(char **names, size_t nr)
{
	wanted = calloc(nr + 1, sizeof(*wanted));
	if (!wanted)
		return vz_err(VZ_FAILED, "Error: out of memory");
	all = !nr;
	for (size_t i = 0; i < nr; i++) {
		if (name_lookup(names[i], &wanted[nr_wanted].id))
			vz_log(-1, "Warning: there is no container %s", names[i]);
		else
			nr_wanted++;
	}
	return 0;
}

static bool is_wanted(long id)
{
	for (size_t i = 0; i < nr_wanted; i++) {
		if (wanted[i].id == id) {
			wanted[i].seen = true;
			return true;
		}
	}
	return all;
}

static int on_rows(const struct ub_rows *rows, void *arg)
{
	(void)arg;
	return is_wanted(rows->id) ? ubtable_print(&table, rows, stdout) : 0;
}

static int open_store(void)
{
	int ret = 0;

	if (!opt.clear_failcnt && !opt.clear_held && !table.failed_since && !table.held_since)
		return 0;
	table.store = store_open(opt.store);
	if (table.store < 0)
		return vz_err(VZ_FAILED, "Error: cannot use %s: %s", opt.store,
			      table.store == -EPERM ? "it has to be ours alone" :
						      strerror(-table.store));
	if (opt.clear_failcnt)
		ret = store_clear(table.store, "failcnt");
	if (opt.clear_held && !ret)
		ret = store_clear(table.store, "held");
	if (ret)
		return vz_err(VZ_FAILED, "Error: cannot clear %s: %s", opt.store, strerror(-ret));
	return 0;
}

static int show(void)
{
	const char *path = opt.file;
	FILE *file;
	int ret;

	if (!path)
		file = ub_text_open(&path);
	else
		file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	if (!file)
		return ub_text_error(path, -errno);
	ret = ub_text_read(file, on_rows, NULL);
	fclose(file);
	ubtable_end(&table, stdout);
	if (ret < 0)
		return ub_text_error(path, ret);
	for (size_t i = 0; i < nr_wanted && !ret; i++)
		if (!wanted[i].seen)
			vz_log(-1, "Warning: there is no beancounter %u", wanted[i].id);
	return ret;
}

int main(int argc, char **argv)
{
	int ret = parse(argc, argv);

	if (ret >= 0)
		return ret;
	if (open_store())
		return VZ_FAILED;
	if (opt.watch)
		return watch(argv + optind, argc - optind);
	return choose(argv + optind, argc - optind) ? VZ_FAILED : show();
}
