// SPDX-License-Identifier: GPL-2.0
/* vzctl stop: that it is not running is no failure, scripts rely on it. */
#include "cmd.h"
#include "life.h"

int cmd_stop(struct ct *ct, int argc, char **argv)
{
	struct life life;
	int ret = life_options(&life, LIFE_STOP, argc, argv);

	return ret ? ret : life_stop(ct, &life);
}
