/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The commands of vzctl. One function each, in a file of its own; vzctl.c has
 * the table. argv[0] is the command's name, the rest is what follows the CT.
 * Each returns an exit code, its message printed.
 */
#ifndef _VZ_CMD_H
#define _VZ_CMD_H

#include "lib/ct.h"
#include "lib/err.h"
#include "lib/log.h"

#define CMD_LOCK	0x01	/* take N.lck */
#define CMD_CONF	0x02	/* N.conf must exist */
#define CMD_CT0		0x04	/* the host itself may be meant */
#define CMD_AREA	0x08	/* VE_ROOT and VE_PRIVATE must be set */

struct cmd {
	const char *name;
	int (*fn)(struct ct *ct, int argc, char **argv);
	unsigned int flags;
	const char *help;	/* what follows the CT, for the usage text; NULL: an alias */
};

int cmd_create(struct ct *ct, int argc, char **argv);
int cmd_destroy(struct ct *ct, int argc, char **argv);
int cmd_set(struct ct *ct, int argc, char **argv);
int cmd_status(struct ct *ct, int argc, char **argv);
int cmd_start(struct ct *ct, int argc, char **argv);
int cmd_stop(struct ct *ct, int argc, char **argv);
int cmd_restart(struct ct *ct, int argc, char **argv);
int cmd_exec(struct ct *ct, int argc, char **argv);	/* exec, exec2, exec3 */
int cmd_enter(struct ct *ct, int argc, char **argv);
int cmd_mount(struct ct *ct, int argc, char **argv);
int cmd_umount(struct ct *ct, int argc, char **argv);
int cmd_chkpnt(struct ct *ct, int argc, char **argv);	/* restore, suspend, resume */
int cmd_audit(struct ct *ct, int argc, char **argv);
int cmd_why(struct ct *ct, int argc, char **argv);

#endif /* _VZ_CMD_H */
