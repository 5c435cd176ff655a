// SPDX-License-Identifier: GPL-2.0
/*
 * vzctl audit: what a running container holds, counted without the module, beside
 * what the module has charged.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "lib/audit/audit.h"
#include "lib/cgroup.h"
#include "lib/ubnl.h"
#include "options.h"

#define TRIES	10

struct look {
	struct ubnl *nl;
	struct ubnl_info info;
	struct ub_state before, after;
	struct audit audit;
};

static bool same(const struct look *look, unsigned int res)
{
	return look->before.res[res].held == look->after.res[res].held;
}

/* Nothing that was counted moved while it was. */
static bool is_quiet(const struct look *look)
{
	for (unsigned int res = 0; res < UB_NR; res++)
		if (look->audit.row[res].worth == AUDIT_EXACT && !same(look, res))
			return false;
	return true;
}

static int look_once(struct look *look, unsigned int id)
{
	int ret = ubnl_ub_get(look->nl, id, &look->before);

	if (ret == -ENOENT || (!ret && !*look->before.cgroup))
		return vz_err(VZ_NOTRUNNING, "Container is not running");
	if (ret)
		return vz_err(VZ_SYSTEM, "Error: cannot read the beancounter: %s",
			      ubnl_error(look->nl));
	ret = audit_look(&look->audit, cg_root(), look->before.cgroup);
	if (ret)
		return vz_err(VZ_SYSTEM, "Error: cannot look at the container: %s", strerror(-ret));
	if (ubnl_ub_get(look->nl, id, &look->after))
		return vz_err(VZ_NOTRUNNING, "Container is not running");
	return 0;
}

static bool is_on(const struct look *look, unsigned int res)
{
	const struct ubnl_feature *feature = ubnl_feature(&look->info, ub_name(res));

	return feature && feature->state != STOCKVZ_STATE_OFF;
}

/* Returns whether the row is wrong. */
static bool print_row(const struct look *look, unsigned int res)
{
	const struct audit_row *row = &look->audit.row[res];
	uint64_t held = look->after.res[res].held;
	const char *note = row->note;
	char difference[28] = "", found[24];

	if (!strcmp(ub_name(res), "dummy"))
		return false;
	if (!is_on(look, res)) {
		printf("%-12s %20s %20s  off on this kernel\n", ub_name(res), "-", "-");
		return false;
	}
	if (row->worth == AUDIT_NONE) {
		printf("%-12s %20" PRIu64 " %20s  %s\n", ub_name(res), held, "-",
		       *note ? note : "not looked at");
		return false;
	}
	if (!same(look, res))
		note = "it does not stand still";
	else if (row->held == held && row->worth == AUDIT_EXACT)
		note = "";
	if (row->held != held)
		snprintf(difference, sizeof(difference), "%+" PRId64 "%s",
			 (int64_t)(held - row->held), *note ? ": " : "");
	snprintf(found, sizeof(found), "%s%" PRIu64, row->worth == AUDIT_ABOUT ? "~" : "",
		 row->held);
	printf("%-12s %20" PRIu64 " %20s%s%s%s\n", ub_name(res), held, found,
	       *difference || *note ? "  " : "", difference, note);
	return row->worth == AUDIT_EXACT && row->held != held && same(look, res);
}

static int print(const struct look *look)
{
	unsigned int wrong = 0;

	printf("%-12s %20s %20s\n", "resource", "charged", "found");
	for (unsigned int res = 0; res < UB_NR; res++)
		wrong += print_row(look, res);
	if (!wrong)
		return VZ_OK;
	return vz_err(VZ_DIFFERS, "%u resource%s not what is charged", wrong,
		      wrong == 1 ? " is" : "s are");
}

int cmd_audit(struct ct *ct, int argc, char **argv)
{
	static struct look look;
	int ret = no_options(argc, argv);

	if (ret)
		return ret;
	look.nl = ubnl_open_or_tell(&ret);
	if (!look.nl)
		return ret;
	if (ubnl_info(look.nl, &look.info) < 0)
		ret = vz_err(VZ_SYSTEM, "Error: %s", ubnl_error(look.nl));
	for (int i = 0; i < TRIES && !ret; i++) {
		ret = look_once(&look, ct->id);
		if (is_quiet(&look))
			break;
		usleep(100000);
	}
	if (!ret)
		ret = print(&look);
	ubnl_close(look.nl);
	return ret;
}
