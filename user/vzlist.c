// SPDX-License-Identifier: GPL-2.0
/* vzlist: a table of containers. */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/field.h"
#include "lib/log.h"
#include "lib/names.h"
#include "lib/net.h"
#include "lib/run.h"

#define MAX_FIELDS	256

#define DEFAULT_FIELDS	"ctid,numproc,status,ip,hostname"
#define NAME_FIELDS	"smart_name,numproc,status,ip,hostname"

static struct {
	bool all, stopped, no_header, no_trim, json, by_name;
	const char *fields;
	const char *sort;
	const char *hostname, *name, *description;	/* patterns */
} opt;

static struct field columns[MAX_FIELDS];
static unsigned int nr_columns;

static struct field sort_field;
static int sort_sign = 1;

static struct row **rows;
static size_t nr_rows;

static struct row *find_row(unsigned int id)
{
	for (size_t i = 0; i < nr_rows; i++)
		if (rows[i]->ct.id == id)
			return rows[i];
	return NULL;
}

static struct row *add_row(unsigned int id)
{
	struct row **more = reallocarray(rows, nr_rows + 1, sizeof(*rows));
	struct row *row = calloc(1, sizeof(*row));

	if (more)
		rows = more;
	if (!more || !row) {
		free(row);
		return NULL;
	}
	rows[nr_rows++] = row;
	ct_load(&row->ct, id);
	return row;
}

static int on_conf(unsigned int id, void *arg)
{
	(void)arg;
	if (!find_row(id))
		add_row(id);
	return 0;
}

static int on_beancounter(const struct ub_state *state, void *arg)
{
	struct row *row = find_row(state->id);

	(void)arg;
	if (!state->id || (state->dying && !row))
		return 0;
	if (!row)
		row = add_row(state->id);	/* it outlived its configuration */
	if (!row)
		return -ENOMEM;
	row->ub = malloc(sizeof(*state));
	if (row->ub)
		*row->ub = *state;
	return 0;
}

static void on_cpu(const struct ub_cpu *cpu, void *arg)
{
	struct row *row = find_row(cpu->id);

	(void)arg;
	if (!row || row->cpu)
		return;
	row->cpu = malloc(sizeof(*cpu));
	if (row->cpu)
		*row->cpu = *cpu;
}

/* Without the module nothing runs, which is what the list then shows. */
static void ask_kernel(void)
{
	struct ubnl *nl = ubnl_open();

	if (nl && ubnl_ub_dump(nl, on_beancounter, NULL) < 0)
		vz_log(-1, "Warning: cannot read the beancounters: %s", ubnl_error(nl));
	if (nl && ubnl_cpu_dump(nl, on_cpu, NULL) < 0)
		vz_log(-1, "Warning: cannot read the times of CPUs: %s", ubnl_error(nl));
	ubnl_close(nl);

	for (size_t i = 0; i < nr_rows; i++) {
		rows[i]->running = ct_running(&rows[i]->ct, NULL) > 0;
		if (rows[i]->running)
			rows[i]->addresses = net_given(rows[i]->ct.id);
	}
}

static bool matches(const char *pattern, const char *text)
{
	return !pattern || (text && !fnmatch(pattern, text, 0));
}

static bool is_wanted(const struct row *row, const unsigned int *ids, size_t nr_ids)
{
	bool named = !nr_ids;

	for (size_t i = 0; i < nr_ids; i++)
		named = named || ids[i] == row->ct.id;
	if (!named)
		return false;
	if (!row->running && !(opt.all || opt.stopped || nr_ids))
		return false;
	if (row->running && opt.stopped)
		return false;
	/* A configuration alone is no container. */
	if (!row->running && !ct_has_private(&row->ct))
		return false;
	return matches(opt.hostname, conf_get(&row->ct.conf, "HOSTNAME")) &&
	       matches(opt.name, conf_get(&row->ct.conf, "NAME")) &&
	       matches(opt.description, conf_get(&row->ct.conf, "DESCRIPTION"));
}

static void keep_wanted(const unsigned int *ids, size_t nr_ids)
{
	size_t kept = 0;

	for (size_t i = 0; i < nr_rows; i++)
		if (is_wanted(rows[i], ids, nr_ids))
			rows[kept++] = rows[i];
	nr_rows = kept;
}

static int compare(const void *a, const void *b)
{
	const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
	int ret = field_compare(&sort_field, x, y);

	if (!ret)
		ret = x->ct.id < y->ct.id ? -1 : 1;
	return sort_sign * ret;
}

static void print_table(void)
{
	for (unsigned int c = 0; c < nr_columns && !opt.no_header; c++)
		field_print_header(&columns[c], c + 1 == nr_columns, stdout);
	for (size_t i = 0; i < nr_rows; i++)
		for (unsigned int c = 0; c < nr_columns; c++)
			field_print(&columns[c], rows[i], c + 1 == nr_columns, !opt.no_trim,
				    stdout);
}

static void print_json(void)
{
	printf("[");
	for (size_t i = 0; i < nr_rows; i++) {
		printf("%s\n  {\n", i ? "," : "");
		for (unsigned int c = 0; c < nr_columns; c++) {
			field_print_json(&columns[c], rows[i], stdout);
			printf("%s\n", c + 1 < nr_columns ? "," : "");
		}
		printf("  }");
	}
	printf("%s]\n", nr_rows ? "\n" : "");
}

static int add_column(const char *name)
{
	struct field field;

	if (field_find(name, &field) || nr_columns == MAX_FIELDS) {
		fprintf(stderr, "Unknown field: %s\n", name);
		return -1;
	}
	if (opt.json && field.suffix) {
		fprintf(stderr, "Field `%s' is not available in JSON output\n", name);
		return -1;
	}
	columns[nr_columns++] = field;
	return 0;
}

static int choose_columns(void)
{
	struct field field;
	char *list, *name, *rest;
	int ret = 0;

	if (opt.json && !opt.fields) {
		for (unsigned int i = 0; field_nth(i, &field); i++)
			if (!field.suffix && !field_is_alias(&field))
				columns[nr_columns++] = field;
		return 0;
	}
	list = strdup(opt.fields ?: (opt.by_name ? NAME_FIELDS : DEFAULT_FIELDS));
	if (!list)
		return -1;
	for (name = strtok_r(list, ",", &rest); name && !ret; name = strtok_r(NULL, ",", &rest))
		ret = add_column(name);
	free(list);
	return ret;
}

static int choose_order(void)
{
	const char *name = opt.sort ?: "ctid";

	if (*name == '-') {
		sort_sign = -1;
		name++;
	}
	if (!field_find(name, &sort_field))
		return 0;
	fprintf(stderr, "Invalid sort field name: %s\n", name);
	return -1;
}

static void list_fields(void)
{
	struct field field;

	for (unsigned int i = 0; field_nth(i, &field); i++)
		field_print_name(&field, stdout);
}

static void usage(FILE *out)
{
	fputs("Usage: vzlist [-a|-S] [-n] [-H] [-t] [-j] [-o FIELD[,FIELD]...|-1] [-s [-]FIELD]\n"
	      "              [-h PATTERN] [-N PATTERN] [-d PATTERN] [CTID|NAME]...\n"
	      "       vzlist -L|--list\n\n"
	      "  -a, --all            all containers, not only running ones\n"
	      "  -S, --stopped        only those that do not run\n"
	      "  -n, --name           names in place of numbers\n"
	      "  -H, --no-header      no first line\n"
	      "  -t, --no-trim        long values in full\n"
	      "  -j, --json           as JSON\n"
	      "  -o, --output FIELDS  these columns\n"
	      "  -1                   the same as -H -o ctid\n"
	      "  -s, --sort FIELD     sort by a column, with - in reverse\n"
	      "  -h, --hostname       whose hostname matches\n"
	      "  -N, --name_filter    whose name matches\n"
	      "  -d, --description    whose description matches\n"
	      "  -L, --list           the columns that there are\n", out);
}

static void set_option(int c)
{
	static const struct {
		char c;
		bool *flag;
		const char **text;
	} options[] = {
		{ 'a', &opt.all, NULL },
		{ 'S', &opt.stopped, NULL },
		{ 'n', &opt.by_name, NULL },
		{ 'H', &opt.no_header, NULL },
		{ 't', &opt.no_trim, NULL },
		{ 'j', &opt.json, NULL },
		{ 'o', NULL, &opt.fields },
		{ 's', NULL, &opt.sort },
		{ 'h', NULL, &opt.hostname },
		{ 'N', NULL, &opt.name },
		{ 'd', NULL, &opt.description },
		{ '1', &opt.no_header, NULL },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		if (options[i].c != c)
			continue;
		if (options[i].flag)
			*options[i].flag = true;
		else
			*options[i].text = optarg;
	}
	if (c == '1')
		opt.fields = "ctid";
}

/* Returns the exit code, or -1 to go on. */
static int parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "stopped", no_argument, NULL, 'S' },
		{ "name", no_argument, NULL, 'n' },
		{ "no-header", no_argument, NULL, 'H' },
		{ "no-trim", no_argument, NULL, 't' },
		{ "json", no_argument, NULL, 'j' },
		{ "output", required_argument, NULL, 'o' },
		{ "sort", required_argument, NULL, 's' },
		{ "hostname", required_argument, NULL, 'h' },
		{ "name_filter", required_argument, NULL, 'N' },
		{ "description", required_argument, NULL, 'd' },
		{ "list", no_argument, NULL, 'L' },
		{ "help", no_argument, NULL, 'u' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "aSnHtjo:s:h:N:d:L1", options, NULL)) != -1) {
		if (c == 'L' || c == 'u') {
			if (c == 'L')
				list_fields();
			else
				usage(stdout);
			return 0;
		}
		if (c == '?') {
			usage(stderr);
			return 1;
		}
		set_option(c);
	}
	return -1;
}

static int parse_ids(char **args, size_t nr, unsigned int *ids)
{
	for (size_t i = 0; i < nr; i++) {
		if (name_lookup(args[i], &ids[i])) {
			fprintf(stderr, "CT ID %s is invalid.\n", args[i]);
			return -1;
		}
	}
	return 0;
}

static int list(char **args, size_t nr_args)
{
	unsigned int *ids = calloc(nr_args + 1, sizeof(*ids));

	if (!ids || parse_ids(args, nr_args, ids))
		return 1;
	each_conf(on_conf, NULL);
	ask_kernel();
	keep_wanted(ids, nr_args);
	free(ids);

	if (nr_rows)
		qsort(rows, nr_rows, sizeof(*rows), compare);
	if (opt.json) {
		print_json();
		return 0;
	}
	if (!nr_rows) {
		fprintf(stderr, "Container(s) not found\n");
		return nr_args ? 1 : 0;
	}
	print_table();
	return 0;
}

int main(int argc, char **argv)
{
	int ret = parse(argc, argv);

	if (ret >= 0)
		return ret;
	if (geteuid()) {
		fprintf(stderr, "This program can only be run under root.\n");
		return 1;
	}
	if (!conf_global() || choose_columns() || choose_order())
		return 1;
	return list(argv + optind, argc - optind);
}
