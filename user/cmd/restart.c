// SPDX-License-Identifier: GPL-2.0
/* vzctl restart */
#include "cmd.h"
#include "life.h"
#include "lib/run.h"

int cmd_restart(struct ct *ct, int argc, char **argv)
{
	struct life life;
	int ret = life_options(&life, LIFE_START | LIFE_STOP, argc, argv);

	/* What will not come up again had better stay up. */
	if (!ret)
		ret = life_may_start(ct, &life);
	if (ret)
		return ret;
	vz_log(0, "Restarting container");
	if (ct_running(ct, NULL) > 0)
		ret = life_stop(ct, &life);
	return ret ? ret : life_start(ct, &life);
}
