/* SPDX-License-Identifier: GPL-2.0 */
/* What a beancounter had when vzubc looked last: a small file for each number. */
#ifndef _VZ_UBSTORE_H
#define _VZ_UBSTORE_H

#include <stdint.h>

/*
 * The directory, made when it is not there. A descriptor, or -errno: -EPERM for
 * one that somebody else could write to.
 */
int store_open(const char *path);

/* kind is "held" or "failcnt". 0, -ENOENT when nothing is stored, or -errno. */
int store_get(int dir, unsigned int id, const char *res, const char *kind, uint64_t *value);
int store_put(int dir, unsigned int id, const char *res, const char *kind, uint64_t value);
/* Forget all of a kind: 0 or -errno. */
int store_clear(int dir, const char *kind);

#endif /* _VZ_UBSTORE_H */
