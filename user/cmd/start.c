// SPDX-License-Identifier: GPL-2.0
/* vzctl start */
#include "cmd.h"
#include "life.h"

int cmd_start(struct ct *ct, int argc, char **argv)
{
	struct life life;
	int ret = life_options(&life, LIFE_START, argc, argv);

	return ret ? ret : life_start(ct, &life);
}
