// SPDX-License-Identifier: GPL-2.0
/* numpty: open masters of pseudo-terminals, each a file of its own. */
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "audit.h"

void audit_ptys(const struct audit_scene *scene, struct audit *audit)
{
	uint64_t n = 0;

	for (size_t i = 0; i < scene->nr_fds; i++)
		n += !scene->fd[i].again && S_ISCHR(scene->fd[i].mode) &&
		     scene->fd[i].rdev == makedev(5, 2);
	audit_set(audit, STOCKVZ_RES_NUMPTY, AUDIT_EXACT, n, NULL);
}
