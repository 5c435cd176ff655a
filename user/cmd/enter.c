// SPDX-License-Identifier: GPL-2.0
/* vzctl enter: a shell on a terminal inside. */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "lib/exec.h"
#include "options.h"

int cmd_enter(struct ct *ct, int argc, char **argv)
{
	char *typed;
	int ret;

	if (argc > 1 && strcmp(argv[1], "--exec"))
		return vz_err(VZ_SYNTAX, "Invalid option: %s", argv[1]);
	if (argc == 2)
		return vz_err(VZ_SYNTAX, "No command given for --exec");
	typed = join_words(argc - 2, argv + 2);
	if (!typed)
		return vz_err(VZ_SYSTEM, "Out of memory");
	ret = ct_enter(ct, argc > 2 ? typed : NULL);
	free(typed);
	if (ret)
		vz_log(-1, "enter into CT %u failed", ct->id);
	return ret;
}
