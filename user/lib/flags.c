// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>

#include "err.h"
#include "flags.h"

#define MAX_FLAGS 8

int parse_flags(int argc, char **argv, const struct flag *flags, int operands, int wrong_use,
		void (*usage)(FILE *to))
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	char letters[MAX_FLAGS + 2] = "h";
	int c;

	for (int i = 0; i < MAX_FLAGS && flags[i].letter; i++)
		letters[i + 1] = flags[i].letter;
	while ((c = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return VZ_OK;
		}
		for (const struct flag *flag = flags; flag->letter; flag++)
			if (c == flag->letter)
				*flag->given = true;
		if (c == '?')
			break;
	}
	if (c == -1 && optind + operands == argc)
		return -1;
	usage(stderr);
	return wrong_use;
}
