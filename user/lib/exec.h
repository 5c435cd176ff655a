/* SPDX-License-Identifier: GPL-2.0 */
/* Programs that are started in a running container. */
#ifndef _VZ_EXEC_H
#define _VZ_EXEC_H

#include <stdbool.h>

#include "ct.h"

struct ct_exec_opts {
	/* NULL: HOME, TERM and PATH, as every command inside gets them */
	char *const *env;
	/* argv[0] is bash: when there is none, run /bin/sh in its place */
	bool shell;
	/*
	 * Its stdin, stdout and stderr are pipes, and what goes through them is
	 * passed on from and to these; -1 is the container's /dev/null. Nothing
	 * of the host's is ever handed in.
	 */
	int in, out, err;
	/* After so many seconds it is killed; 0: it may take as long as it likes */
	int timeout;
};

/*
 * Run a program inside and wait for it: argv[0] is looked for in PATH there.
 * Without opts it has our stdin, stdout and stderr.
 * Return: its exit status; VZ_SYSTEM when a signal killed it (said so); or, if
 * it could not be run at all or took too long, the exit code for that as a
 * negative number, message printed.
 */
int ct_exec(struct ct *ct, char *const argv[], const struct ct_exec_opts *opts);

/* Seconds that a script has for what it does inside. */
#define CT_SCRIPT_TIMEOUT 300

/*
 * Have a shell inside run text, with the variables of env (NAME=value, NULL at
 * the end, NULL for none) beside the usual ones. Its output is ours.
 * Return: its exit status, or exit code, message printed.
 */
int ct_script(struct ct *ct, const char *text, char *const env[]);

/*
 * An interactive shell on a terminal of the container's own. typed, unless
 * NULL, is typed into it first. 0 once the session has ended, or exit code.
 */
int ct_enter(struct ct *ct, const char *typed);

/* What a program inside has for its environment, unless told otherwise. */
extern char *const ct_env[];

#define CT_ENV_MAX 64

/* The same and more (which may be NULL), as far as there is room. */
void ct_join_env(char *all[CT_ENV_MAX], char *const more[]);

#endif /* _VZ_EXEC_H */
