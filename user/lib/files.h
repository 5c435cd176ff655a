/* SPDX-License-Identifier: GPL-2.0 */
/* Small things done with files and with the programs that work on them. */
#ifndef _VZ_FILES_H
#define _VZ_FILES_H

#include <stdio.h>
#include <sys/types.h>

/* mkdir -p. 0 or -errno. */
int make_dirs(const char *path, mode_t mode);

/*
 * Run a program of the host and wait for it. Its input is fd, or /dev/null for
 * -1. Returns its exit status, 128 + signal, or -errno when it could not be
 * run; it is ended when the user cancels.
 */
int run_program(char *const argv[], int input);

/* Empty and remove a directory, whatever is in it, without leaving its file system. */
int remove_tree(const char *path);

/*
 * A file of ours that is whole at any time: what print() says takes the place of
 * what there was. 0 or -errno.
 */
int replace_file(const char *dir, unsigned int id, void (*print)(FILE *to, const void *arg),
		 const void *arg);

/* All of a file of ours in memory, ended by a NUL; NULL and errno. */
char *read_text(const char *path);

#endif /* _VZ_FILES_H */
