/* SPDX-License-Identifier: GPL-2.0 */
/* Descriptors that close themselves, and small files read and written whole. */
#ifndef _VZ_FD_H
#define _VZ_FD_H

#include <errno.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

static inline void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

/* int auto_fd fd = ...: closed when it goes out of scope, errno kept */
#define auto_fd __attribute__((cleanup(fd_close)))

/* As much as fits, always ended by a NUL. The length or -errno. */
ssize_t file_read_at(int dir, const char *path, char *buf, size_t size);
/* In one write(), as kernel files want it. 0 or -errno. */
int file_write_at(int dir, const char *path, const char *text);

/* openat2() with the flags of open and of resolve. A descriptor or -errno. */
int fd_resolve(int dir, const char *path, uint64_t flags, uint64_t resolve);

#endif /* _VZ_FD_H */
