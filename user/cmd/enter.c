// SPDX-License-Identifier: GPL-2.0
/* vzctl enter: a shell on a terminal inside. */
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "lib/exec.h"

static void join(char *text, size_t size, int argc, char **argv)
{
	size_t used = 0;

	*text = 0;
	for (int i = 0; i < argc && used < size; i++)
		used += snprintf(text + used, size - used, "%s%s", i ? " " : "", argv[i]);
}

int cmd_enter(struct ct *ct, int argc, char **argv)
{
	char typed[8192];
	int ret;

	if (argc > 1 && strcmp(argv[1], "--exec"))
		return vz_err(VZ_SYNTAX, "Invalid option: %s", argv[1]);
	if (argc == 2)
		return vz_err(VZ_SYNTAX, "No command given for --exec");
	join(typed, sizeof(typed), argc - 2, argv + 2);
	ret = ct_enter(ct, argc > 2 ? typed : NULL);
	if (ret)
		vz_log(-1, "enter into CT %u failed", ct->id);
	return ret;
}
