/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A tmpfs, and many files there. Include once, in the file that has the tests, after
 * fixture.h.
 */
#ifndef SELFTESTS_TMPFS_H
#define SELFTESTS_TMPFS_H

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define TMPFS "/run/ub-shm-test"

static inline void tmpfs_make(struct __test_metadata *_metadata)
{
	umount2(TMPFS, MNT_DETACH);
	mkdir(TMPFS, 0755);
	ASSERT_EQ(0, mount("none", TMPFS, "tmpfs", 0, "size=256m,nr_inodes=100k"));
}

static inline void tmpfs_remove(void)
{
	umount2(TMPFS, MNT_DETACH);
	rmdir(TMPFS);
}

static inline long make_files(long first, long n, long bytes)
{
	char path[64];
	int file;

	while (n--) {
		snprintf(path, sizeof(path), TMPFS "/%ld", first + n);
		file = open(path, O_RDWR | O_CREAT, 0600);
		if (file < 0 || write(file, "", bytes) != bytes)
			return -errno;
		close(file);
	}
	return 0;
}

/* For a worker: with nothing in them; with a page each; and gone again. */
static inline long make_empty(long first, long n)
{
	return make_files(first, n, 0);
}

static inline long make_full(long first, long n)
{
	return make_files(first, n, 1);
}

static inline long remove_files(long first, long n)
{
	char path[64];

	while (n--) {
		snprintf(path, sizeof(path), TMPFS "/%ld", first + n);
		if (unlink(path))
			return -errno;
	}
	return 0;
}

#endif
