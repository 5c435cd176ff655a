/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a container was given and has to give back: one line in a file for each
 * container, in a directory for each kind of thing. Whoever stops it may be
 * another process, years later.
 */
#ifndef _VZ_GIVEN_H
#define _VZ_GIVEN_H

/* The line, to be freed; NULL and errno when there is none. */
char *given_read(const char *dir, unsigned int id);

/* NULL for nothing any more. 0 or -errno. */
int given_write(const char *dir, unsigned int id, const char *line);

#endif /* _VZ_GIVEN_H */
