// SPDX-License-Identifier: GPL-2.0
/*
 * vzctl suspend, resume, chkpnt and restore: a container that stands still, in
 * memory. To save that to a file takes more than this release has.
 */
#include <errno.h>
#include <string.h>

#include "cmd.h"
#include "lib/cgroup.h"
#include "lib/fd.h"

enum { UNDECIDED, SUSPEND, RESUME, FILE_ONLY };

/* What a verb does that has no option */
static int usual(const char *verb)
{
	if (!strcmp(verb, "suspend"))
		return SUSPEND;
	return strcmp(verb, "resume") ? FILE_ONLY : RESUME;
}

/* What the options ask for, or -1 and a message printed. */
static int choose(int argc, char **argv)
{
	static const struct {
		const char *name;
		int action;
		bool has_value;
	} options[] = {
		{ "--suspend", SUSPEND, false },
		{ "--resume", RESUME, false },
		{ "--dump", FILE_ONLY, false },
		{ "--undump", FILE_ONLY, false },
		{ "--kill", FILE_ONLY, false },
		{ "--dumpfile", UNDECIDED, true },
		{ "--flags", UNDECIDED, true },
		{ "--context", UNDECIDED, true },
		{ "--skip_arpdetect", UNDECIDED, false },
		{ }
	};
	int action = UNDECIDED;

	for (int i = 1; i < argc; i++) {
		size_t n = 0;

		while (options[n].name && strcmp(options[n].name, argv[i]))
			n++;
		if (!options[n].name || (options[n].has_value && ++i == argc) ||
		    (action && options[n].action))
			return -vz_err(VZ_SYNTAX, "Invalid option: %s",
				       argv[i < argc ? i : argc - 1]);
		if (options[n].action)
			action = options[n].action;
	}
	return action ?: usual(argv[0]);
}

int cmd_chkpnt(struct ct *ct, int argc, char **argv)
{
	bool back = !strcmp(argv[0], "resume") || !strcmp(argv[0], "restore");
	int action = choose(argc, argv);
	int auto_fd cgroup = -1;
	int ret;

	if (action < 0)
		return -action;
	if (action == FILE_ONLY)
		return vz_err(back ? VZ_RESUME : VZ_SUSPEND,
			      "Unable to %s the container: there are no dump files in this release, only --suspend and --resume",
			      argv[0]);
	cgroup = cg_open(ct->id);
	if (cgroup < 0 || cg_populated(cgroup) <= 0)
		return vz_err(VZ_NOTRUNNING, "Container is not running");
	ret = cg_freeze(cgroup, action == SUSPEND);
	if (ret)
		return vz_err(action == SUSPEND ? VZ_SUSPEND : VZ_RESUME,
			      "Unable to %s the container: %s",
			      action == SUSPEND ? "suspend" : "resume", strerror(-ret));
	vz_log(0, "Container was %s", action == SUSPEND ? "suspended" : "resumed");
	return VZ_OK;
}
