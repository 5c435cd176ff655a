// SPDX-License-Identifier: GPL-2.0
/* vzctl mount */
#include "cmd.h"
#include "lib/run.h"
#include "options.h"

int cmd_mount(struct ct *ct, int argc, char **argv)
{
	int ret = no_options(argc, argv);

	if (ret)
		return ret;
	if (ct_mounted(ct)) {
		vz_log(0, "Container is already mounted");
		return 0;
	}
	if (!ct_has_private(ct))
		return vz_err(VZ_PRIVATEMISSING, "Container private area %s does not exist",
			      ct->private);
	return ct_mount(ct);
}
