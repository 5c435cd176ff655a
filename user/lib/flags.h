/* SPDX-License-Identifier: GPL-2.0 */
/* The command line of a tool that has options of one letter and without a value. */
#ifndef _VZ_FLAGS_H
#define _VZ_FLAGS_H

#include <stdbool.h>
#include <stdio.h>

struct flag {
	int letter;
	bool *given;
};

/*
 * Set those that are given; an empty one ends the table. -1 to go on with so many
 * operands, from optind on. Else the exit code: --help is answered, and wrong use told of.
 */
int parse_flags(int argc, char **argv, const struct flag *flags, int operands, int wrong_use,
		void (*usage)(FILE *to));

#endif /* _VZ_FLAGS_H */
