/* SPDX-License-Identifier: GPL-2.0 */
/* Containers by name: /etc/vz/names/NAME links to N.conf. */
#ifndef _VZ_NAMES_H
#define _VZ_NAMES_H

#include <stdbool.h>

/* Is this file's name N.conf? The directory holds backups and scripts too. */
bool is_conf_name(const char *file, unsigned int *id);
/*
 * Every container that has a configuration, in no order, but not the host. cb
 * returns non-zero to stop; the whole then returns that. 0 or -errno.
 */
int each_conf(int (*cb)(unsigned int id, void *arg), void *arg);

/* A number or a name as it stands on the command line. 0 or exit code, printed. */
int name_to_id(const char *arg, unsigned int *id);
/* The same without a word: -1 when it names no container. */
int name_lookup(const char *arg, unsigned int *id);

/* Is the name free, or id's already? 0 or VZ_NAME, printed. */
int name_check(const char *name, unsigned int id);
/*
 * Make the link, replacing one that leads nowhere. 0 or VZ_NAME, printed. With lock_all(), as
 * long as the file does not say yet whose the name is.
 */
int name_link(const char *name, unsigned int id);
/* Remove the link if it is id's. */
void name_unlink(const char *name, unsigned int id);

#endif /* _VZ_NAMES_H */
