// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "ubstore.h"

#define PREFIX	"ubc."

/* By default it is in /tmp, where anybody may have been first. */
int store_open(const char *path)
{
	struct stat st;
	int fd;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || st.st_mode & 022) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

static void file_name(char *buf, size_t size, unsigned int id, const char *res, const char *kind)
{
	snprintf(buf, size, PREFIX "%u.%s.%s", id, res, kind);
}

int store_get(int dir, unsigned int id, const char *res, const char *kind, uint64_t *value)
{
	char name[96], text[32], *end;
	ssize_t len;

	file_name(name, sizeof(name), id, res, kind);
	len = file_read_at(dir, name, text, sizeof(text));
	if (len < 0)
		return len;
	*value = strtoull(text, &end, 10);
	return end == text ? -ENOENT : 0;
}

int store_put(int dir, unsigned int id, const char *res, const char *kind, uint64_t value)
{
	int auto_fd fd = -1;
	char name[96];

	file_name(name, sizeof(name), id, res, kind);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	return dprintf(fd, "%llu\n", (unsigned long long)value) < 0 ? -errno : 0;
}

int store_clear(int dir, const char *kind)
{
	struct dirent *entry;
	int copy = dup(dir), ret = 0;
	DIR *list = copy < 0 ? NULL : fdopendir(copy);

	if (!list)
		return -errno;
	rewinddir(list);
	while ((entry = readdir(list))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) || strcmp(dot + 1, kind))
			continue;
		if (unlinkat(dir, entry->d_name, 0) < 0)
			ret = -errno;
	}
	closedir(list);
	return ret;
}
