// SPDX-License-Identifier: GPL-2.0
/* vzctl exec, exec2 and exec3: the same thing with other answers. */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "lib/exec.h"

/* The shell inside is to see as many words as we did, and take each apart as it likes. */
static char *join(int argc, char **argv)
{
	size_t size = 1;
	char *text, *end;

	for (int i = 0; i < argc; i++)
		size += strlen(argv[i]) + sizeof("'' ");
	text = malloc(size);
	if (!text)
		return NULL;
	end = text;
	*end = 0;
	for (int i = 0; i < argc; i++) {
		if (i)
			end = stpcpy(end, " ");
		end = stpcpy(end, *argv[i] ? argv[i] : "''");
	}
	return text;
}

static int run_shell(struct ct *ct, int argc, char **argv)
{
	const struct ct_exec_opts opts = { .shell = true, .in = 0, .out = 1, .err = 2 };
	char *text = join(argc, argv);
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
