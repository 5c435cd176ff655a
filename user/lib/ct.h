/* SPDX-License-Identifier: GPL-2.0 */
/* One container, as its configuration has it. */
#ifndef _VZ_CT_H
#define _VZ_CT_H

#include <limits.h>
#include <stdbool.h>

#include "conf.h"
#include "param.h"

#define CT_ID_MAX	2147483644u
#define CT_UIDS		65536u

/* The files of a container in the conf directory are N.conf, N.mount, ... */
extern const char *const ct_file_kinds[];

struct ct {
	unsigned int id;
	bool has_conf;		/* there is an N.conf */
	int broken;		/* exit code for ct_check(): a value makes no sense */
	char conf_file[PATH_MAX];
	char private[PATH_MAX];	/* VE_PRIVATE, expanded; "" when not set */
	char root[PATH_MAX];	/* VE_ROOT, expanded; "" when not set */
	char name[64];		/* "" when none */
	char hostname[65];	/* "" when none */
	char ostemplate[256];
	unsigned int uid_base;	/* first host uid and gid of its 65536 */
	int stop_timeout;	/* seconds, default 120 */
	struct conf conf;	/* vz.conf + N.conf + command line, merged */
	struct ub_limits limits; /* which resources to set and to what */
	uint32_t derived;	/* which of them follow from RAM and swap, as bits */
};

/*
 * Fill ct from vz.conf and N.conf. An N.conf that is not there is no error
 * (has_conf tells). A value that cannot be understood is named, and has the
 * code VZ_BADCONF remembered for ct_check(): such a container can be looked at
 * and stopped, but not started. 0 or exit code, message printed.
 */
int ct_load(struct ct *ct, unsigned int id);
/* One file more, on top of what is there: 0 or -errno. Values are looked at as above. */
int ct_add_file(struct ct *ct, const char *path);
/* Take over what was changed in ct->conf. 0 or exit code, message printed. */
int ct_refresh(struct ct *ct);
void ct_free(struct ct *ct);

/*
 * Before a start: are all values right, and are all beancounters set that a
 * container needs? 0 or exit code, message printed.
 */
int ct_check(const struct ct *ct);

/* RAM and swap are limited, and the rest follows from these */
bool ct_vswap(const struct ct *ct);
/*
 * The limits that change with the configuration: those that the changes name, and those
 * that follow when RAM and swap are among them. 0 or exit code, message printed.
 */
int ct_changed_limits(const struct ct *ct, const struct conf *changes, struct ub_limits *limits);

/* Does the private area hold anything? Needs no lock and trusts nothing in it. */
bool ct_has_private(const struct ct *ct);

#endif /* _VZ_CT_H */
