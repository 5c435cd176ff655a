// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "files.h"
#include "lock.h"
#include "log.h"
#include "template.h"

static const char *const endings[] = {
	".tar", ".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", NULL
};

size_t template_name_len(const char *file)
{
	size_t len = strlen(file);

	for (const char *const *end = endings; *end; end++) {
		size_t n = strlen(*end);

		if (len > n && !strcmp(file + len - n, *end))
			return len - n;
	}
	return 0;
}

int template_find(const struct conf *conf, const char *name, char *path, size_t size)
{
	const char *dir = conf_get(conf, "TEMPLATE");

	if (!dir || !*dir)
		return vz_err(VZ_NOTEMPLATEDIR, "Error: TEMPLATE is not set in vz.conf");

	for (const char *const *end = endings; *end; end++) {
		snprintf(path, size, "%s/cache/%s%s", dir, name, *end);
		if (!access(path, R_OK))
			return 0;
	}
	return vz_err(VZ_TEMPLATE, "Cached OS template %s/cache/%s.tar* not found", dir, name);
}

/* How tar is to read it: by what it begins with, not by what it is called */
static char *decompressor(int fd)
{
	static const struct {
		unsigned char magic[4];
		size_t len;
		char *option;
	} known[] = {
		{ { 0x1f, 0x8b }, 2, "--gzip" },
		{ { 'B', 'Z' }, 2, "--bzip2" },
		{ { 0xfd, '7', 'z', 'X' }, 4, "--xz" },
		{ { 0x28, 0xb5, 0x2f, 0xfd }, 4, "--zstd" },
	};
	unsigned char magic[4] = { 0 };

	if (pread(fd, magic, sizeof(magic), 0) < 0)
		return NULL;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!memcmp(magic, known[i].magic, known[i].len))
			return known[i].option;
	return NULL;
}

static bool is_full(const char *dir)
{
	struct statvfs st;

	return !statvfs(dir, &st) && (!st.f_bavail || (st.f_files && !st.f_favail));
}

/*
 * tar keeps everything below the directory by itself: no absolute names, no
 * "..", no writing through a link that came out of the archive. What is in /dev
 * stays behind: a container is given the nodes that it may have, and those that
 * are elsewhere open nothing, being on a mount without devices.
 */
static int unpack(int fd, const char *dir)
{
	char *argv[] = {
		"tar", "-x", "-p", "-S", "--numeric-owner", "--xattrs",
		"--xattrs-include=security.capability", "--xattrs-include=user.*",
		"--anchored", "--exclude=./dev/*", "--exclude=dev/*",
		"-C", (char *)dir, "-f", "-", decompressor(fd), NULL
	};

	return run_program(argv, fd);
}

int template_unpack(const char *archive, const char *dir)
{
	int fd = open(archive, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return vz_err(VZ_SYSTEM, "Error: cannot read %s: %s", archive, strerror(errno));
	ret = unpack(fd, dir);
	close(fd);

	if (!ret)
		return 0;
	if (vz_cancelled)
		return VZ_SYSTEM;
	if (is_full(dir))
		return vz_err(VZ_NOSPACE, "Error: no space left for %s", dir);
	return vz_err(VZ_SYSTEM, "Error: cannot unpack %s (tar: %d)", archive, ret);
}
