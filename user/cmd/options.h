/* SPDX-License-Identifier: GPL-2.0 */
/* Options of create and set: the parameters, and a few of each one's own. */
#ifndef _VZ_OPTIONS_H
#define _VZ_OPTIONS_H

#include <stdbool.h>

#include "lib/ct.h"

struct own_option {
	const char *name;
	bool has_value;
};

/*
 * Gather what the options ask for in changes. own() is told of the command's
 * own options; names ends the table. Only parameters with one of the flags are
 * known, all for 0. 0 or exit code, printed.
 */
int parse_options(const struct ct *ct, int argc, char **argv, unsigned int flags,
		  const struct own_option *names,
		  int (*own)(const char *name, const char *value, void *arg), void *arg,
		  struct conf *changes);

/*
 * The words in one line for a shell, which is to see as many as we did, and may take
 * each apart as it likes. To be freed; NULL when there is no memory.
 */
char *join_words(int argc, char **argv);

/* For commands without any option or argument */
int no_options(int argc, char **argv);

#endif /* _VZ_OPTIONS_H */
