/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel says: in files, and in its log. */
#ifndef SELFTESTS_TEXT_H
#define SELFTESTS_TEXT_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The number that a file begins with; -1 if there is none. */
static inline long number_in(const char *path)
{
	FILE *f = fopen(path, "re");
	long n = -1;

	if (f) {
		if (fscanf(f, "%ld", &n) != 1)
			n = -1;
		fclose(f);
	}
	return n;
}

/* All of a file, at most chunk bytes at a time. The length, or a negative errno. */
static inline long text_in(const char *path, char *text, size_t size, size_t chunk)
{
	long n, left, len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*text = 0;
	if (fd < 0)
		return -errno;
	do {
		left = size - 1 - len;
		n = read(fd, text + len, (long)chunk < left ? (long)chunk : left);
		len += n > 0 ? n : 0;
	} while (n > 0);
	n = n < 0 ? -errno : len;
	close(fd);
	text[len] = 0;
	return n;
}

/* The kernel log, of what comes from now on. Negative if there is none. */
static inline int log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	lseek(fd, 0, SEEK_END);
	return fd;
}

/* The next record; false if there is none yet. */
static inline bool log_next(int fd, char *line, size_t size)
{
	ssize_t n = read(fd, line, size - 1);

	line[n > 0 ? n : 0] = 0;
	return n > 0;
}

/* Takes all there is, and tells whether the text was in there. */
static inline bool log_has(int fd, const char *text)
{
	bool found = false;
	char line[8192];

	while (log_next(fd, line, sizeof(line)))
		found |= !!strstr(line, text);
	return found;
}

#endif
