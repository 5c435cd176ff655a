/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where this process is at home: for one that goes into other namespaces for a
 * moment, only to have a child there. While it is away it follows no path, and
 * says nothing: to tell the time alone the C library opens files.
 */
#ifndef _VZ_HOME_H
#define _VZ_HOME_H

struct home {
	int mnt, net;		/* namespaces */
	/* Directories, which a mount namespace forgets; cwd: as far as we may be there */
	int root, cwd;
};

#define NO_HOME { .mnt = -1, .net = -1, .root = -1, .cwd = -1 }

/* 0 or -errno. home_close() is for either case. */
int home_keep(struct home *home);
/* Come back. Whoever cannot does nothing more: it would not be meant for where it is. */
void home_return(const struct home *home);
void home_close(struct home *home);

#endif /* _VZ_HOME_H */
