// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "ubstore.h"
#include "ubtable.h"

#define LINE	"----------------------------------------------------------------"
#define COLUMNS	"-------------+-%s--------------+---------------+-----+-----+------"
#define MORE	"-------"	/* what a column for held_since adds to them */

#define NO_RES	UB_NR		/* no resource: just a number */

static bool is_pages(unsigned int res)
{
	const char *name = ub_name(res);
	size_t len = name ? strlen(name) : 0;

	return len > 5 && !strcmp(name + len - 5, "pages");
}

/* About three digits and a unit, which is a blank for what needs none */
char *ubtable_number(char buf[UBTABLE_TEXT], unsigned int res, uint64_t value)
{
	static const char units[] = " KMGTPEZ";
	const char *unit = units;
	double v = value;

	if (!value || ub_unlimited(value))
		return strcpy(buf, "- ");
	if (is_pages(res))
		v *= sysconf(_SC_PAGESIZE);
	for (; v >= 1024; v /= 1024)
		unit++;
	if (v < 100)
		snprintf(buf, UBTABLE_TEXT, "%.3g%c", v, *unit);
	else
		snprintf(buf, UBTABLE_TEXT, "%d%c", (int)v, *unit);
	return buf;
}

char *ubtable_percent(char buf[UBTABLE_TEXT], uint64_t value, uint64_t of)
{
	double percent = of ? 100.0 * value / of : 0;

	if (!of || ub_unlimited(of) || percent < 0.1)
		return strcpy(buf, "- ");
	if (percent < 1)
		snprintf(buf, UBTABLE_TEXT, "%.1f%%", percent);
	else
		snprintf(buf, UBTABLE_TEXT, "%d%%", percent < INT_MAX ? (int)percent : INT_MAX);
	return buf;
}

enum ubtable_weight ubtable_weight(const struct ubtable *table, const struct ub_res *res)
{
	uint64_t barrier = res->barrier ?: res->limit;

	if (res->failcnt || res->held > barrier)
		return WEIGHT_FAILED;
	if (!barrier || ub_unlimited(barrier))
		return WEIGHT_NONE;
	if (res->held < barrier * table->near_held &&
	    res->maxheld < barrier * table->near_maxheld)
		return WEIGHT_NONE;
	return WEIGHT_NEAR;
}

/* A row as it is to be shown */
struct row {
	struct ub_res res;	/* failcnt: since the last time, if that is wanted */
	int64_t more;		/* held, than the last time */
};

static int cannot_store(int error)
{
	return vz_err(VZ_FAILED, "Error: cannot remember what was there: %s", strerror(-error));
}

/* What has changed since the last time, which this is from now on. */
static int compare(const struct ubtable *table, unsigned int id, const char *name, struct row *row)
{
	uint64_t held = row->res.held, failcnt = row->res.failcnt, last;
	int ret = 0;

	if (table->failed_since) {
		/* A lower one was another beancounter: it began anew. */
		if (!store_get(table->store, id, name, "failcnt", &last) && last <= failcnt)
			row->res.failcnt -= last;
		ret = store_put(table->store, id, name, "failcnt", failcnt);
	}
	if (table->held_since && !ret) {
		if (!store_get(table->store, id, name, "held", &last))
			row->more = held - last;
		ret = store_put(table->store, id, name, "held", held);
	}
	return ret ? cannot_store(ret) : 0;
}

static bool is_shown(const struct ubtable *table, const struct row *row)
{
	enum ubtable_weight weight = ubtable_weight(table, &row->res);

	if (row->more || weight == WEIGHT_FAILED)
		return true;
	if (table->quiet)
		return weight != WEIGHT_NONE;
	return table->verbose || !ub_unlimited(row->res.barrier);
}

static const char *color(const struct ubtable *table, const char *sequence)
{
	return table->color ? sequence : "";
}

static void print_header(struct ubtable *table, long id, FILE *out)
{
	const char *more = table->held_since ? MORE : "";
	char name[24] = "";

	if (id >= 0)
		snprintf(name, sizeof(name), "%ld", id);
	fprintf(out, "%s%s" LINE "%s\n", table->printed ? "\n" : "", color(table, "\033[1;32m"),
		more);
	fprintf(out, "CT %-10s| HELD%s Bar%% Lim%%| MAXH Bar%% Lim%%| BAR | LIM |%cFAIL\n", name,
		table->held_since ? "  +/-  " : "", table->failed_since ? '+' : ' ');
	fprintf(out, COLUMNS "%s\n", more, color(table, "\033[0;39m"));
	table->printed = true;
}

static void print_more(unsigned int res, int64_t more, FILE *out)
{
	uint64_t amount = more < 0 ? -(uint64_t)more : (uint64_t)more;
	char number[UBTABLE_TEXT], text[UBTABLE_TEXT + 1] = "";

	if (more)
		snprintf(text, sizeof(text), "%c%s", more < 0 ? '-' : '+',
			 ubtable_number(number, res, amount));
	fprintf(out, "%7s", text);
}

static void print_row(const struct ubtable *table, unsigned int i, const struct row *row,
		      FILE *out)
{
	static const char *const colors[] = {
		[WEIGHT_NONE] = "", [WEIGHT_NEAR] = "\033[1;33m", [WEIGHT_FAILED] = "\033[1;31m",
	};
	const struct ub_res *res = &row->res;
	char a[UBTABLE_TEXT], b[UBTABLE_TEXT], c[UBTABLE_TEXT];

	fprintf(out, "%s%13s|%5s", color(table, colors[ubtable_weight(table, res)]), ub_name(i),
		ubtable_number(a, i, res->held));
	if (table->held_since)
		print_more(i, row->more, out);
	fprintf(out, " %4s %4s|%5s", ubtable_percent(a, res->held, res->barrier),
		ubtable_percent(b, res->held, res->limit), ubtable_number(c, i, res->maxheld));
	fprintf(out, " %4s %4s", ubtable_percent(a, res->maxheld, res->barrier),
		ubtable_percent(b, res->maxheld, res->limit));
	fprintf(out, "|%5s|%5s| %5s%s\n", ubtable_number(a, i, res->barrier),
		ubtable_number(b, i, res->limit), ubtable_number(c, NO_RES, res->failcnt),
		color(table, "\033[0;39m"));
}

int ubtable_print(struct ubtable *table, const struct ub_rows *rows, FILE *out)
{
	bool header = false;

	if (rows->id < 0 && (table->failed_since || table->held_since))
		return vz_err(VZ_FAILED, "Error: cannot compare: the file does not say whose beancounter this is");
	for (unsigned int i = 0; i < UB_NR; i++) {
		struct row row = { .res = rows->res[i] };

		if (!(rows->known & (1u << i)))
			continue;
		if (compare(table, rows->id, ub_name(i), &row))
			return VZ_FAILED;
		if (!is_shown(table, &row))
			continue;
		if (!header)
			print_header(table, rows->id, out);
		header = true;
		print_row(table, i, &row, out);
	}
	return 0;
}

void ubtable_end(const struct ubtable *table, FILE *out)
{
	if (table->printed)
		fprintf(out, LINE "%s\n", table->held_since ? MORE : "");
}
