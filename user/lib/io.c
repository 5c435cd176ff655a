// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cgroup.h"
#include "fd.h"
#include "io.h"
#include "log.h"
#include "mounts.h"

#define PRIO_USUAL 4
#define PRIO_MAX 7

/* A device by its numbers, as the kernel writes them: "254:16" */
struct disk {
	char name[24];
};

/*
 * 64 to 128, and 100 for the usual one, which is what every other cgroup has: between the
 * lowest and the highest it is one to two, as it was on 2.6.32.
 */
static int weight_of(int prio)
{
	return 64 + prio * 64 / PRIO_MAX;
}

/* Limits and schedulers are a disk's, not a partition's. */
static int whole_disk(unsigned int major, unsigned int minor, struct disk *disk)
{
	char path[64], text[24];

	snprintf(disk->name, sizeof(disk->name), "%u:%u", major, minor);
	snprintf(path, sizeof(path), "/sys/dev/block/%s/partition", disk->name);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	snprintf(path, sizeof(path), "/sys/dev/block/%s/../dev", disk->name);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return -ENODEV;
	snprintf(disk->name, sizeof(disk->name), "%.*s", (int)strcspn(text, "\n"), text);
	return 0;
}

/* The device that a mount was made of, where files do not tell (btrfs). */
static int mounted_disk(uint64_t id, struct disk *disk)
{
	struct mounts mounts;
	struct stat st;
	int ret = mounts_open(&mounts);

	while (mounts_next(&mounts) && mounts.id != id)
		;
	if (!ret)
		ret = -ENODEV;
	if (mounts.id == id && *mounts.source == '/' && !stat(mounts.source, &st) &&
	    S_ISBLK(st.st_mode))
		ret = whole_disk(major(st.st_rdev), minor(st.st_rdev), disk);
	mounts_close(&mounts);
	return ret;
}

/* The disk that a directory is on. -ENODEV when it is on none. */
static int disk_of(const char *path, struct disk *disk)
{
	struct statx st;

	if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &st))
		return -errno;
	if (st.stx_dev_major)
		return whole_disk(st.stx_dev_major, st.stx_dev_minor, disk);
	return st.stx_mask & STATX_MNT_ID ? mounted_disk(st.stx_mnt_id, disk) : -ENODEV;
}

static bool has_bfq(const struct disk *disk)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "/sys/dev/block/%s/queue/scheduler", disk->name);
	return file_read_at(AT_FDCWD, path, text, sizeof(text)) > 0 && strstr(text, "[bfq]");
}

/* "254:16 enable=1 ctrl=auto ..." of each disk that has been seen to */
static bool has_iocost(const struct disk *disk)
{
	char text[4096], *save;
	size_t len = strlen(disk->name);

	if (file_read_at(cg_root(), "io.cost.qos", text, sizeof(text)) <= 0)
		return false;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!strncmp(line, disk->name, len) && !strncmp(line + len, " enable=1", 9))
			return true;
	return false;
}

/* Does the disk, or one that it is made of, go by weights? */
static bool has_weights(const struct disk *disk)
{
	char path[512], text[24];
	unsigned int major, minor;
	struct dirent *entry;
	struct disk below;
	bool has = has_bfq(disk) || has_iocost(disk);
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/dev/block/%s/slaves", disk->name);
	dir = has ? NULL : opendir(path);
	if (!dir)
		return has;
	while (!has && (entry = readdir(dir))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "%s/dev", entry->d_name);
		has = file_read_at(dirfd(dir), path, text, sizeof(text)) > 0 &&
		      sscanf(text, "%u:%u", &major, &minor) == 2 &&
		      !whole_disk(major, minor, &below) && has_weights(&below);
	}
	closedir(dir);
	return has;
}

/* One file for each of the two schedulers that know weights; a kernel may lack either. */
static int set_weight(int cgroup, int prio)
{
	static const char *const files[] = { "io.weight", "io.bfq.weight" };
	char text[24];
	bool set = false;
	int ret;

	snprintf(text, sizeof(text), "default %d", weight_of(prio));
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		ret = file_write_at(cgroup, files[i], text);
		if (ret && ret != -ENOENT)
			return ret;
		set |= !ret;
	}
	return set ? 0 : -EOPNOTSUPP;
}

static int set_prio(const struct ct *ct, int cgroup, const char *value)
{
	int prio = atoi(value);
	struct disk disk;
	int ret = set_weight(cgroup, prio);

	if (ret == -EOPNOTSUPP)
		return vz_err(VZ_IO, "Unable to set ioprio: the io controller has no weights here");
	if (ret)
		return vz_err(VZ_IO, "Unable to set ioprio: %s", strerror(-ret));
	vz_log(0, "Set up ioprio: %d", prio);
	if (prio == PRIO_USUAL)
		return 0;
	if (disk_of(ct->private, &disk))
		vz_log(-1, "Warning: ioprio has no effect: %s is on no disk", ct->private);
	else if (!has_weights(&disk))
		vz_log(-1, "Warning: ioprio has no effect on the disk %s: neither bfq is its scheduler nor iocost enabled",
		       disk.name);
	return 0;
}

/* " rbps=... wbps=..." of a value where 0 is no limit */
static void add_limit(char *text, size_t size, const char *unit, const char *value)
{
	size_t used = strlen(text);
	const char *n = !value || !strcmp(value, "0") ? "max" : value;

	if (value)
		snprintf(text + used, size - used, " r%s=%s w%s=%s", unit, n, unit, n);
}

static int set_limits(const struct ct *ct, int cgroup, const char *bytes, const char *ops)
{
	struct disk disk;
	char text[128];
	int ret = disk_of(ct->private, &disk);

	if (ret)
		return vz_err(VZ_IO, "Unable to limit I/O: %s is on no disk", ct->private);
	snprintf(text, sizeof(text), "%s", disk.name);
	add_limit(text, sizeof(text), "bps", bytes);
	add_limit(text, sizeof(text), "iops", ops);
	ret = file_write_at(cgroup, "io.max", text);
	if (ret == -ENOENT)
		return vz_err(VZ_IO, "Unable to limit I/O: the io controller has no limits here");
	if (ret)
		return vz_err(VZ_IO, "Unable to limit I/O on the disk %s: %s", disk.name,
			      strerror(-ret));
	if (bytes)
		vz_log(0, "Setting iolimit: %s bytes/sec", bytes);
	if (ops)
		vz_log(0, "Setting iopslimit: %s iops", ops);
	return 0;
}

/* A key that stands there without a value says nothing. */
static const char *get(const struct conf *conf, const char *key)
{
	const char *value = conf_get(conf, key);

	return value && *value ? value : NULL;
}

int io_set(const struct ct *ct, int cgroup, const struct conf *conf)
{
	const char *prio = get(conf, "IOPRIO");
	const char *bytes = get(conf, "IOLIMIT");
	const char *ops = get(conf, "IOPSLIMIT");
	int ret = bytes || ops ? set_limits(ct, cgroup, bytes, ops) : 0;

	return ret || !prio ? ret : set_prio(ct, cgroup, prio);
}
