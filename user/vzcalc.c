// SPDX-License-Identifier: GPL-2.0
/* vzcalc: what part of the host one container uses, was promised, and may use at most. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/ct.h"
#include "lib/flags.h"
#include "lib/log.h"
#include "lib/names.h"
#include "lib/ubrules.h"
#include "lib/ubtext.h"
#include "lib/usage.h"

#define NONE	-1.0		/* there is no such figure */
#define NR(a)	(sizeof(a) / sizeof(*(a)))

/* Parts of the host */
struct line {
	const char *name;
	double current, promised, max;
};

static bool verbose;

static void usage(FILE *out)
{
	fputs("Usage: vzcalc [-v] CTID|NAME\n\n"
	      "  -v  each kind of memory, and processes, by itself\n", out);
}

static const char *percent(double part, char buf[32])
{
	if (part < 0)
		return "n/a";
	snprintf(buf, 32, "%.2f", part * 100);
	return buf;
}

static void print_line(const struct line *line)
{
	char current[32], promised[32], max[32];

	printf("%-10s %10s %10s %10s\n", line->name, percent(line->current, current),
	       percent(line->promised, promised), percent(line->max, max));
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static void print_lines(const struct line *lines, size_t nr)
{
	struct line memory = { "Memory", NONE, NONE, NONE };

	puts("Resource     Current(%)  Promised(%)  Max(%)");
	for (size_t i = 0; i < nr; i++) {
		if (verbose)
			print_line(&lines[i]);
		memory.current = larger(memory.current, lines[i].current);
		memory.promised = larger(memory.promised, lines[i].promised);
		memory.max = larger(memory.max, lines[i].max);
	}
	if (verbose)
		puts("--------------------------------------------");
	print_line(&memory);
}

/* What has to stand in the configuration, or there is nothing to compute with */
static int check_limits(const struct ct *ct)
{
	static const unsigned int needed[] = {
		STOCKVZ_RES_NUMPROC, STOCKVZ_RES_VMGUARPAGES, STOCKVZ_RES_KMEMSIZE,
		STOCKVZ_RES_TCPSNDBUF, STOCKVZ_RES_TCPRCVBUF, STOCKVZ_RES_OTHERSOCKBUF,
		STOCKVZ_RES_DGRAMRCVBUF, STOCKVZ_RES_PRIVVMPAGES,
	};
	int ret = 0;

	for (size_t i = 0; i < NR(needed); i++) {
		const char *key = rule_key(needed[i]);
		const char *value = conf_get(&ct->conf, key);

		if (!value || !*value)
			ret = vz_err(VZ_FAILED, "Error: parameter %s not found", key);
		else if (!(ct->limits.set & (1u << needed[i])))
			ret = VZ_FAILED;	/* it makes no sense: that has been said */
	}
	return ret;
}

static void calculate(const struct ct *ct, const struct ub_rows *rows, const struct host *host)
{
	struct usage whole = usage_whole(host);
	struct usage bytes = usage_committed(&ct->limits);
	struct usage committed = usage_parts(&bytes, &whole);
	struct usage held = { NONE, NONE, NONE, NONE, NONE };
	double processes = NONE;

	if (rows) {
		bytes = usage_held(rows->res);
		held = usage_parts(&bytes, &whole);
		processes = (double)rows->res[STOCKVZ_RES_NUMPROC].held / host->threads;
	}
	print_lines((struct line[]){
		{ "Low Mem", held.low, committed.low, committed.low },
		{ "Total RAM", held.ram, NONE, NONE },
		{ "Mem + Swap", held.mem_swap, committed.mem_swap, NONE },
		{ "Alloc. Mem", held.alloc, committed.alloc, committed.alloc_limit },
		{ "Num. Proc", processes, NONE,
		  (double)ct->limits.res[STOCKVZ_RES_NUMPROC].barrier / host->threads },
	}, 5);
}

/* What it holds: 0, -ENOENT when it has no beancounter, or VZ_FAILED, printed. */
static int read_held(unsigned int id, struct ub_rows *rows)
{
	const char *path;
	FILE *file = ub_text_open(&path);
	int ret;

	if (!file)
		return ub_text_error(path, -errno);
	ret = ub_text_find(file, id, rows);
	fclose(file);
	return ret && ret != -ENOENT ? ub_text_error(path, ret) : ret;
}

static int report(const struct ct *ct)
{
	struct host host = { 0 };
	struct ub_rows rows;
	int ret;

	if (!ct->has_conf)
		return vz_err(VZ_FAILED, "Container configuration file: %s not found",
			      ct->conf_file);
	if (check_limits(ct) || host_memory(&host) || host_threads(&host))
		return VZ_FAILED;
	ret = read_held(ct->id, &rows);
	if (ret == VZ_FAILED)
		return ret;
	calculate(ct, ret ? NULL : &rows, &host);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct flag flags[] = { { 'v', &verbose }, { } };
	static struct ct ct;
	int ret = parse_flags(argc, argv, flags, 1, VZ_FAILED, usage);
	unsigned int id;

	if (ret >= 0)
		return ret;
	if (name_lookup(argv[optind], &id))
		return vz_err(VZ_FAILED, "Invalid CT ID: %s", argv[optind]);
	if (ct_load(&ct, id))
		return VZ_FAILED;
	ret = report(&ct);
	ct_free(&ct);
	return ret;
}
