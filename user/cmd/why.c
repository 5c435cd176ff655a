// SPDX-License-Identifier: GPL-2.0
/*
 * vzctl why: what was refused to a container, running or not, and the commands
 * that would let it through.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd.h"
#include "lib/json.h"
#include "lib/syscall.h"
#include "lib/ubnl.h"
#include "lib/why.h"

struct report {
	const struct ct *ct;
	bool json;
	struct why why;
	bool live;		/* there is a beancounter: */
	struct ub_state state;
};

static int parse(struct report *report, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		/* As vzlist has it */
		if (strcmp(argv[i], "-j") && strcmp(argv[i], "--json"))
			return vz_err(VZ_SYNTAX, "%s: unexpected argument: %s", argv[0], argv[i]);
		report->json = true;
	}
	return 0;
}

static int ask(struct report *report)
{
	unsigned int id = report->ct->id;
	struct ubnl *nl;
	int code, ret;

	nl = ubnl_open_or_tell(&code);
	if (!nl)
		return code;
	ret = ubnl_refusals(nl, id, why_add, &report->why);
	if (!ret) {
		ret = ubnl_ub_get(nl, id, &report->state);
		report->live = !ret;
		if (ret == -ENOENT)
			ret = 0;
	}
	if (ret)
		ret = vz_err(VZ_SYSTEM, "Error: cannot read what was refused: %s", ubnl_error(nl));
	ubnl_close(nl);
	return ret;
}

/* Barrier and limit that the next refusal would meet, as far as anybody knows */
static struct ub_res bounds_now(const struct report *report, unsigned int res)
{
	const struct ub_limits *conf = &report->ct->limits;
	const struct why *why = &report->why;
	struct ub_res now = { .barrier = UB_MAX, .limit = UB_MAX };

	if (report->live)
		return report->state.res[res];
	for (size_t i = 0; i < why->nr; i++) {
		if (why->refusal[i].resource != res)
			continue;
		now.barrier = why->refusal[i].barrier;
		now.limit = why->refusal[i].limit;
	}
	if (conf->set & (1u << res)) {
		now.barrier = conf->res[res].barrier;
		now.limit = conf->res[res].limit;
	}
	return now;
}

static const char *bound_text(char *buf, size_t size, uint64_t value)
{
	if (value == UB_MAX)
		snprintf(buf, size, "unlimited");
	else
		snprintf(buf, size, "%" PRIu64, value);
	return buf;
}

/* The command that cures a resource, or false when there is nothing to cure */
static bool cure(const struct report *report, unsigned int res, char *out, size_t size)
{
	struct ub_res now = bounds_now(report, res);
	uint64_t barrier, limit;
	char b[24], l[24];

	if (!why_cure(&report->why, res, now.held, &now, &barrier, &limit))
		return false;
	snprintf(out, size, "vzctl set %u --%s %s:%s --save", report->ct->id, ub_name(res),
		 bound_text(b, sizeof(b), barrier), bound_text(l, sizeof(l), limit));
	return true;
}

static void print_time(uint64_t ns)
{
	time_t seconds = ns / 1000000000;
	char text[32] = "";
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s", text);
}

/* A name that a container's process gave itself may not talk to our terminal. */
static void print_name(const char *name)
{
	for (; *name; name++)
		putchar(isprint((unsigned char)*name) ? *name : '?');
}

static void print_culprit(const struct ubnl_event *r)
{
	const char *call = syscall_name(r->arch, r->syscall);

	if (!r->pid) {
		printf(" for no process");
		return;
	}
	printf(" by ");
	print_name(r->comm);
	printf(" (pid %u)", r->pid);
	if (call)
		printf(" in %s", call);
	else if (r->syscall >= 0)
		printf(" in system call %d", r->syscall);
}

static void print_refusal(const struct ubnl_event *r)
{
	const char *unit = why_unit(r->resource);

	print_time(r->time);
	printf("  %s: ", ub_name(r->resource) ?: "?");
	if (r->bound == STOCKVZ_BOUND_MEMORY)
		printf("the host had no memory to count it: ");
	else if (r->bound == STOCKVZ_BOUND_BARRIER)
		printf("barrier %" PRIu64 "%s, ", r->barrier, unit);
	else
		printf("limit %" PRIu64 "%s, ", r->limit, unit);
	printf("held %" PRIu64 ", asked for %" PRIu64, r->held, r->amount);
	print_culprit(r);
	if (r->count > 1) {
		printf(", %" PRIu64 " times since ", r->count);
		print_time(r->first);
	}
	putchar('\n');
}

static void print(const struct report *report)
{
	bool first = true;
	char command[160];

	if (!report->why.nr)
		printf("Nothing that was refused to container %u is remembered.\n", report->ct->id);
	for (size_t i = 0; i < report->why.nr; i++)
		print_refusal(&report->why.refusal[i]);
	for (unsigned int res = 0; res < UB_NR; res++) {
		if (!cure(report, res, command, sizeof(command)))
			continue;
		if (first)
			printf("\nThis would let it through:\n");
		first = false;
		printf("%s\n", command);
	}
	if (report->why.nr && first)
		printf("\nThe limits of now would let it through.\n");
}

static void print_json_refusal(const struct ubnl_event *r)
{
	static const char *const bounds[] = { "barrier", "limit", "memory" };
	const char *bound = (unsigned int)r->bound < 3 ? bounds[r->bound] : NULL;

	printf("    {\n      \"time\": %.3f,\n      \"first\": %.3f,\n", r->time / 1e9,
	       r->first / 1e9);
	printf("      \"count\": %" PRIu64 ",\n      \"resource\": ", r->count);
	json_string(stdout, ub_name(r->resource));
	printf(",\n      \"bound\": ");
	json_string(stdout, bound);
	printf(",\n      \"barrier\": %" PRIu64 ",\n      \"limit\": %" PRIu64
	       ",\n      \"held\": %" PRIu64 ",\n      \"amount\": %" PRIu64,
	       r->barrier, r->limit, r->held, r->amount);
	printf(",\n      \"pid\": %u,\n      \"comm\": ", r->pid);
	json_string(stdout, r->comm);
	printf(",\n      \"syscall\": ");
	json_string(stdout, syscall_name(r->arch, r->syscall));
	printf("\n    }");
}

static void print_json(const struct report *report)
{
	const char *comma = "";
	char command[160];

	printf("{\n  \"ctid\": %u,\n  \"refusals\": [", report->ct->id);
	for (size_t i = 0; i < report->why.nr; i++) {
		printf("%s\n", i ? "," : "");
		print_json_refusal(&report->why.refusal[i]);
	}
	printf("%s],\n  \"commands\": [", report->why.nr ? "\n  " : "");
	for (unsigned int res = 0; res < UB_NR; res++) {
		if (!cure(report, res, command, sizeof(command)))
			continue;
		printf("%s\n    ", comma);
		json_string(stdout, command);
		comma = ",";
	}
	printf("%s]\n}\n", *comma ? "\n  " : "");
}

int cmd_why(struct ct *ct, int argc, char **argv)
{
	static struct report report;
	int ret;

	report.ct = ct;
	ret = parse(&report, argc, argv);
	if (!ret)
		ret = ask(&report);
	if (ret)
		return ret;
	if (report.json)
		print_json(&report);
	else
		print(&report);
	return VZ_OK;
}
