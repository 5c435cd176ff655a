// SPDX-License-Identifier: GPL-2.0
/* vzctl exec, exec2 and exec3: the same thing with other answers. */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "lib/exec.h"
#include "options.h"

static int run_shell(struct ct *ct, int argc, char **argv)
{
	const struct ct_exec_opts opts = { .shell = true, .in = 0, .out = 1, .err = 2 };
	char *text = join_words(argc, argv);
	char *from_stdin[] = { "bash", NULL };
	char *from_text[] = { "bash", "-c", text, NULL };
	int ret;

	if (!text)
		return -vz_err(VZ_SYSTEM, "Out of memory");
	ret = ct_exec(ct, strcmp(text, "-") ? from_text : from_stdin, &opts);
	free(text);
	return ret;
}

int cmd_exec(struct ct *ct, int argc, char **argv)
{
	const char *name = argv[0];
	int ret;

	if (argc < 2)
		return vz_err(VZ_SYNTAX, "No command line given for exec");
	ret = strcmp(name, "exec3") ? run_shell(ct, argc - 1, argv + 1) :
				      ct_exec(ct, argv + 1, NULL);
	if (ret < 0)
		ret = -ret;
	/* What it was that failed is lost here, as it always was: that is what exec2 is for. */
	return ret && !strcmp(name, "exec") ? VZ_COMMAND : ret;
}
