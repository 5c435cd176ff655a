// SPDX-License-Identifier: GPL-2.0
/* vzmemcheck: what running containers use of the host's memory, and what they may use. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/flags.h"
#include "lib/log.h"
#include "lib/run.h"
#include "lib/ubtext.h"
#include "lib/usage.h"

#define RULE	"--------------------------------------------------------------------------"

static struct {
	bool verbose, absolute;
} opt;

struct total {
	struct usage whole;
	struct usage held;
	struct usage committed;
};

static void usage(FILE *out)
{
	fputs("Usage: vzmemcheck [-v] [-A]\n\n"
	      "  -v  each container in a line of its own\n"
	      "  -A  in megabytes, and what there is of each below; not in percent\n", out);
}

/* As it is to be shown: megabytes, or percent of what there is */
static double shown(double bytes, double whole)
{
	return opt.absolute ? bytes / (1 << 20) : 100 * bytes / whole;
}

static void print_row(const struct usage *held, const struct usage *committed,
		      const struct usage *whole)
{
	printf("%7.2f %7.2f %7.2f %7.2f %7.2f %7.2f %7.2f %7.2f\n",
	       shown(held->low, whole->low), shown(committed->low, whole->low),
	       shown(held->ram, whole->ram),
	       shown(held->mem_swap, whole->mem_swap), shown(committed->mem_swap, whole->mem_swap),
	       shown(held->alloc, whole->alloc), shown(committed->alloc, whole->alloc),
	       shown(committed->alloc_limit, whole->alloc_limit));
}

static void print_label(const char *label)
{
	if (opt.verbose)
		printf("%-10s ", label);
}

static void print_header(void)
{
	printf("Output values in %s\n", opt.absolute ? "Mbytes" : "%");
	print_label("CTID");
	printf(" LowMem  LowMem     RAM MemSwap MemSwap   Alloc   Alloc   Alloc\n");
	print_label("");
	printf("   util  commit    util    util  commit    util  commit   limit\n");
}

static bool is_running(long id)
{
	static struct ct ct;

	ct.id = id;
	return id > 0 && ct_running(&ct, NULL) > 0;
}

static int add(const struct ub_rows *rows, void *arg)
{
	struct ub_limits limits = limits_of(rows->res, rows->known);
	struct usage held = usage_held(rows->res);
	struct usage committed = usage_committed(&limits);
	struct total *total = arg;
	char id[24];

	if (!is_running(rows->id))
		return 0;
	snprintf(id, sizeof(id), "%ld", rows->id);
	print_label(id);
	if (opt.verbose)
		print_row(&held, &committed, &total->whole);
	total->held = usage_sum(&total->held, &held);
	total->committed = usage_sum(&total->committed, &committed);
	return 0;
}

static int check(FILE *file, const char *path, const struct host *host)
{
	struct total total = { .whole = usage_whole(host) };
	int ret;

	print_header();
	ret = ub_text_read(file, add, &total);
	if (ret)
		return ub_text_error(path, ret);
	if (opt.verbose)
		puts(RULE);
	print_label("Summary:");
	print_row(&total.held, &total.committed, &total.whole);
	if (opt.absolute) {
		print_label("");
		print_row(&total.whole, &total.whole, &total.whole);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct flag flags[] = {
		{ 'v', &opt.verbose }, { 'A', &opt.absolute }, { }
	};
	int ret = parse_flags(argc, argv, flags, 0, VZ_FAILED, usage);
	struct host host = { 0 };
	const char *path;
	FILE *file;

	if (ret >= 0)
		return ret;
	if (host_memory(&host))
		return VZ_FAILED;
	file = ub_text_open(&path);
	if (!file)
		return ub_text_error(path, -errno);
	ret = check(file, path, &host);
	fclose(file);
	return ret;
}
