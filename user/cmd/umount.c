// SPDX-License-Identifier: GPL-2.0
/* vzctl umount: also for what a container leaves that has ended by itself. */
#include "cmd.h"
#include "lib/run.h"
#include "options.h"

int cmd_umount(struct ct *ct, int argc, char **argv)
{
	int ret = no_options(argc, argv);
	bool mounted = ct_mounted(ct);

	if (ret)
		return ret;
	if (ct_running(ct, NULL) > 0)
		return vz_err(VZ_RUNNING, "Container is running. Stop it first");
	ret = ct_stop(ct, true);
	if (!ret && !mounted)
		return vz_err(VZ_NOTMOUNTED, "Container is not mounted");
	return ret;
}
