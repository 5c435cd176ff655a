/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Distribution scripts: how this or that distribution wants a thing to be done
 * inside. They are read on the host and fed to a shell in the container, so
 * that nothing of the container is touched from outside.
 */
#ifndef _VZ_DIST_H
#define _VZ_DIST_H

#include "ct.h"

/*
 * The text of the script for an action (SET_HOSTNAME, SET_USERPASS, ...), with
 * the common functions before it. 0 and *text, which is the caller's to free,
 * or NULL when the distribution has nothing to do for it; or an exit code,
 * message printed.
 *
 * For whoever starts a container: SET_HOSTNAME runs inside before init when
 * ct->hostname is not "", with HOSTNM in the environment.
 */
int dist_script(const struct ct *ct, const char *action, char **text);

/* Is there more than the default for what a template of this name holds? */
bool dist_is_known(const char *ostemplate);

#endif /* _VZ_DIST_H */
