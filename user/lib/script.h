/* SPDX-License-Identifier: GPL-2.0 */
/* Action scripts: /etc/vz/conf/{vps,<CTID>}.<kind>, written by the admin. */
#ifndef _VZ_SCRIPT_H
#define _VZ_SCRIPT_H

#include <stdbool.h>

#include "ct.h"

/*
 * Run those of one kind on the host, as far as they exist and can be executed.
 * On the way up the one for all containers comes first, on the way down the
 * container's own. 0 or VZ_ACTIONSCRIPT, message printed.
 */
int script_run(const struct ct *ct, const char *kind, bool down);

/*
 * The text of the container's own script for use inside: NULL when there is
 * none. The caller's to free.
 */
char *script_text(const struct ct *ct, const char *kind);

#endif /* _VZ_SCRIPT_H */
