// SPDX-License-Identifier: GPL-2.0
/* vzctl status: one line for scripts, whatever the container is like. */
#include <stdio.h>

#include "cmd.h"
#include "lib/run.h"
#include "options.h"

int cmd_status(struct ct *ct, int argc, char **argv)
{
	bool exists = ct->has_conf && ct_has_private(ct);
	bool running = ct_running(ct, NULL) > 0;
	int ret = no_options(argc, argv);

	if (ret)
		return ret;
	printf("CTID %u %s %s %s%s\n", ct->id, exists ? "exist" : "deleted",
	       ct_mounted(ct) ? "mounted" : "unmounted", running ? "running" : "down",
	       exists && !running && ct_suspended(ct) ? " suspended" : "");
	return VZ_OK;
}
