// SPDX-License-Identifier: GPL-2.0
/*
 * numsiginfo: signals that are queued. The kernel counts them for each user, so
 * this only tells something where the users are nobody else's: in a user
 * namespace.
 */
#include <stdlib.h>

#include "audit.h"

static bool user_seen(const struct audit_scene *scene, size_t i)
{
	uint64_t uid = audit_status(scene->proc[i].pid, "\nUid:");

	while (i--)
		if (audit_status(scene->proc[i].pid, "\nUid:") == uid)
			return true;
	return false;
}

void audit_signals(const struct audit_scene *scene, struct audit *audit)
{
	uint64_t n = 0;

	if (!scene->init || !audit_own_ns(scene->init, "user")) {
		audit_set(audit, STOCKVZ_RES_NUMSIGINFO, AUDIT_NONE, 0,
			  "its users are also the host's");
		return;
	}
	for (size_t i = 0; i < scene->nr_procs; i++)
		if (!user_seen(scene, i))
			n += audit_status(scene->proc[i].pid, "\nSigQ:");
	audit_set(audit, STOCKVZ_RES_NUMSIGINFO, AUDIT_EXACT, n,
		  "timers, and users of inner namespaces, are counted with them");
}
