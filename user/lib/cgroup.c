// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "cgroup.h"
#include "clock.h"
#include "devs.h"
#include "fd.h"
#include "lock.h"
#include "mounts.h"

#define USUAL_PLACE "/sys/fs/cgroup"
#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/*
 * How deep a container may nest cgroups: whoever removes them holds a
 * descriptor for each level.
 */
#define MAX_DEPTH "32"
/* And how many of them: the kernel's memory for them is the host's. systemd needs hundreds. */
#define MAX_DESCENDANTS "4096"

/* How long a container may take to stand still */
#define FREEZE_TIMEOUT_MS 10000

static const char *const controllers[] = { "+cpu", "+cpuset", "+io", "+memory", "+pids" };

/*
 * Controllers that a v1 hierarchy holds are not to be had in v2, so a host with
 * both is a v1 host to us.
 */
static int search_root(void)
{
	struct mounts mounts;
	int ret = mounts_open(&mounts);
	bool v1 = false;
	int fd = -1;

	while (mounts_next(&mounts)) {
		if (!strcmp(mounts.type, "cgroup"))
			v1 = true;
		else if (!strcmp(mounts.type, "cgroup2") && fd < 0)
			fd = open(mounts.point, DIR_FLAGS);
	}
	mounts_close(&mounts);
	if (v1)
		fd_close(&fd);
	return ret ?: fd < 0 ? -EOPNOTSUPP : fd;
}

int cg_root(void)
{
	static int root = -1;
	struct statfs fs;

	if (root >= 0)
		return root;
	if (!statfs(USUAL_PLACE, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC)
		root = open(USUAL_PLACE, DIR_FLAGS);
	if (root < 0)
		root = search_root();
	return root;
}

void cg_path(unsigned int id, char *buf, size_t size)
{
	snprintf(buf, size, CG_PARENT "/%u", id);
}

bool cg_is_ours(const char *path)
{
	size_t len = strlen(CG_PARENT);

	return !strncmp(path, CG_PARENT, len) && (!path[len] || path[len] == '/');
}

/* Slashes as the kernel prints them: whoever compares paths shall not be deceived. */
int cg_given(const char *text, char *path, size_t size)
{
	size_t len = strlen(USUAL_PLACE), used = 0;

	if (!strncmp(text, USUAL_PLACE, len) && (!text[len] || text[len] == '/'))
		text += len;
	else if (*text != '/')
		return -EINVAL;
	while (*(text += strspn(text, "/"))) {
		len = strcspn(text, "/");
		if (used + len + 2 > size)
			return -EINVAL;
		path[used++] = '/';
		memcpy(path + used, text, len);
		used += len;
		text += len;
	}
	strcpy(path + used, used ? "" : "/");
	return 0;
}

static void enable_controllers(int dir)
{
	/* One that the kernel does not have, or keeps for itself, is done without. */
	for (size_t i = 0; i < sizeof(controllers) / sizeof(*controllers); i++)
		file_write_at(dir, "cgroup.subtree_control", controllers[i]);
}

/* One at a time: each would put a guard of its own there. */
static int furnish(int root, int vz)
{
	int auto_fd lock = lock_all();

	if (devs_guarded(vz))
		return 0;
	enable_controllers(root);
	enable_controllers(vz);
	return devs_guard(vz);
}

/*
 * The parent of all containers' cgroups. The guard is what is put there last:
 * where it stands, the rest is in order too.
 */
static int open_vz(int root)
{
	int auto_fd vz = -1;
	int ret;

	if (mkdirat(root, "vz", 0755) && errno != EEXIST)
		return -errno;
	vz = openat(root, "vz", DIR_FLAGS);
	if (vz < 0)
		return -errno;
	ret = devs_guarded(vz) ? 0 : furnish(root, vz);
	if (ret)
		return ret;
	ret = vz;
	vz = -1;
	return ret;
}

/* Which files may be the container's is for the kernel to say. */
static int delegate(int dir, uid_t owner)
{
	char list[1024], *name, *save;

	if (file_read_at(AT_FDCWD, "/sys/kernel/cgroup/delegate", list, sizeof(list)) <= 0)
		strcpy(list, "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\n");
	if (fchown(dir, owner, owner))
		return -errno;
	for (name = strtok_r(list, "\n", &save); name; name = strtok_r(NULL, "\n", &save))
		if (fchownat(dir, name, owner, owner, AT_SYMLINK_NOFOLLOW) && errno != ENOENT)
			return -errno;
	return 0;
}

int cg_create(unsigned int id, uid_t owner)
{
	int root = cg_root();
	int auto_fd vz = -1;
	char name[16];
	int dir, ret;

	if (root < 0)
		return root;
	vz = open_vz(root);
	if (vz < 0)
		return vz;
	snprintf(name, sizeof(name), "%u", id);
	if (mkdirat(vz, name, 0755))
		return -errno;
	dir = openat(vz, name, DIR_FLAGS);
	ret = dir < 0 ? -errno : file_write_at(dir, "cgroup.max.depth", MAX_DEPTH);
	if (!ret)
		ret = file_write_at(dir, "cgroup.max.descendants", MAX_DESCENDANTS);
	if (!ret)
		ret = delegate(dir, owner);
	if (!ret)
		return dir;
	if (dir >= 0)
		close(dir);
	unlinkat(vz, name, AT_REMOVEDIR);
	return ret;
}

int cg_open(unsigned int id)
{
	int root = cg_root();
	char name[24];
	int dir;

	if (root < 0)
		return root;
	snprintf(name, sizeof(name), "vz/%u", id);
	dir = openat(root, name, DIR_FLAGS);
	return dir < 0 ? -errno : dir;
}

static bool is_subdir(const struct dirent *entry)
{
	return entry->d_type == DT_DIR && strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

static int remove_below(int parent, const char *name)
{
	struct dirent *entry;
	int dir, ret = 0;
	DIR *d;

	/* Most have nothing below them. */
	if (!unlinkat(parent, name, AT_REMOVEDIR))
		return 0;
	dir = openat(parent, name, DIR_FLAGS);
	if (dir < 0)
		return -errno;
	d = fdopendir(dir);
	if (!d) {
		close(dir);
		return -ENOMEM;
	}
	while (!ret && (entry = readdir(d)))
		if (is_subdir(entry))
			ret = remove_below(dir, entry->d_name);
	closedir(d);
	if (!ret && unlinkat(parent, name, AT_REMOVEDIR) && errno != ENOENT)
		ret = -errno;
	return ret;
}

int cg_remove(unsigned int id)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	int root = cg_root();
	char name[24];
	int ret;

	if (root < 0)
		return root;
	snprintf(name, sizeof(name), "vz/%u", id);
	/* The last of the dying may still be on their way out. */
	for (int tries = 0; tries < 200; tries++) {
		ret = remove_below(root, name);
		if (ret != -EBUSY)
			break;
		nanosleep(&pause, NULL);
	}
	return ret == -ENOENT ? 0 : ret;
}

static int read_event(int events, const char *event)
{
	char text[128];
	ssize_t len = pread(events, text, sizeof(text) - 1, 0);

	if (len < 0)
		return -errno;
	text[len] = 0;
	return !!strstr(text, event);
}

static int read_populated(int events)
{
	return read_event(events, "populated 1");
}

int cg_populated(int dir)
{
	int auto_fd events = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);

	return events < 0 ? -errno : read_populated(events);
}

int cg_wait_empty(int dir, int ms)
{
	int auto_fd events = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	struct pollfd p = { .fd = events, .events = POLLPRI };
	long end = now_ms() + ms;
	int populated;

	if (events < 0)
		return -errno;
	for (;;) {
		long left = end - now_ms();

		populated = read_populated(events);
		if (populated <= 0)
			return populated;
		if (vz_cancelled)
			return -EINTR;
		if (ms >= 0 && left <= 0)
			return -ETIMEDOUT;
		/* A signal between the test and poll() costs a second at most. */
		poll(&p, 1, ms >= 0 && left < 1000 ? left : 1000);
	}
}

int cg_kill(int dir)
{
	return file_write_at(dir, "cgroup.kill", "1");
}

int cg_freeze(int dir, bool frozen)
{
	int auto_fd events = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	struct pollfd p = { .fd = events, .events = POLLPRI };
	long end = now_ms() + FREEZE_TIMEOUT_MS;
	int ret = events < 0 ? -errno : file_write_at(dir, "cgroup.freeze", frozen ? "1" : "0");

	if (!frozen)
		return ret;
	/* A process may be where it cannot be stopped: in the midst of a system call. */
	while (!ret) {
		ret = read_event(events, "frozen 1");
		if (ret)
			break;
		if (vz_cancelled)
			ret = -EINTR;
		else if (now_ms() > end)
			ret = -ETIMEDOUT;
		else
			poll(&p, 1, 100);
	}
	if (ret < 0)
		file_write_at(dir, "cgroup.freeze", "0");
	return ret < 0 ? ret : 0;
}

/*
 * systemd hands controllers down, and the kernel then allows no process in the
 * container's own cgroup: whoever comes in needs a leaf.
 */
int cg_visitors(int dir, uid_t owner)
{
	bool made = !mkdirat(dir, "vzctl", 0755);
	int leaf = openat(dir, "vzctl", DIR_FLAGS);
	int ret;

	if (leaf < 0)
		return -errno;
	ret = made ? delegate(leaf, owner) : 0;
	if (!ret)
		return leaf;
	close(leaf);
	return ret;
}

/* What one of them is guaranteed. The module never says "max". */
static uint64_t guarantee_of(int vz, const char *name)
{
	char path[sizeof("4294967295/memory.low")], text[32];

	if (snprintf(path, sizeof(path), "%s/memory.low", name) >= (int)sizeof(path) ||
	    file_read_at(vz, path, text, sizeof(text)) <= 0)
		return 0;
	return strtoull(text, NULL, 10);
}

/* Three quarters of the memory, at most: the host is to live, too. */
void cg_guarantee(void)
{
	uint64_t most = (uint64_t)sysconf(_SC_PHYS_PAGES) / 4 * 3 * sysconf(_SC_PAGESIZE);
	int vz = cg_root() < 0 ? -1 : openat(cg_root(), "vz", DIR_FLAGS);
	DIR *d = vz < 0 ? NULL : fdopendir(vz);
	struct dirent *entry;
	int auto_fd lock = -1;
	uint64_t sum = 0;
	char text[24];

	if (!d) {
		fd_close(&vz);
		return;
	}
	/* Others do the same at the same time: who reads last is to write last. */
	lock = lock_all();
	while ((entry = readdir(d)))
		if (is_subdir(entry))
			sum += guarantee_of(vz, entry->d_name);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)(sum < most ? sum : most));
	file_write_at(vz, "memory.low", text);
	closedir(d);
}

/*
 * Init is process 1 one namespace down: "NSpid:	<host> 1 ..." As long as it
 * has not executed its program it is vzctl still, with a view of the host, and
 * nobody may join it there: until then its files in /proc are those of root.
 */
static bool is_init(pid_t pid)
{
	char *line = NULL, path[32];
	int host, inside = 0;
	size_t size = 0;
	struct stat st;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fstat(fileno(f), &st) && st.st_uid)
		while (getline(&line, &size, f) > 0)
			if (sscanf(line, "NSpid: %d %d", &host, &inside) > 0)
				break;
	free(line);
	fclose(f);
	return inside == 1;
}

/*
 * The pidfd comes first, and if it still works afterwards, then what was read
 * was of the same process.
 */
static int open_init(pid_t pid)
{
	int auto_fd pidfd = pidfd_open(pid, 0);
	int ret;

	if (pidfd < 0 || !is_init(pid) || pidfd_send_signal(pidfd, 0, NULL, 0))
		return -1;
	ret = pidfd;
	pidfd = -1;
	return ret;
}

/* Is init among the processes of this cgroup, not looking below it? */
static pid_t search_procs(int dir, const char *procs, int *pidfd)
{
	int fd = openat(dir, procs, O_RDONLY | O_CLOEXEC);
	pid_t found = 0;
	FILE *f;
	int pid;

	f = fd < 0 ? NULL : fdopen(fd, "r");
	if (!f) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (!found && fscanf(f, "%d", &pid) == 1) {
		*pidfd = open_init(pid);
		if (*pidfd >= 0)
			found = pid;
	}
	fclose(f);
	return found;
}

static pid_t search_below(int dir, int *pidfd)
{
	pid_t found = search_procs(dir, "cgroup.procs", pidfd);
	struct dirent *entry;
	int copy;
	DIR *d;

	if (found)
		return found;
	copy = openat(dir, ".", DIR_FLAGS);
	d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		if (copy >= 0)
			close(copy);
		return 0;
	}
	while (!found && (entry = readdir(d))) {
		int auto_fd child = -1;

		if (!is_subdir(entry))
			continue;
		child = openat(copy, entry->d_name, DIR_FLAGS);
		if (child >= 0)
			found = search_below(child, pidfd);
	}
	closedir(d);
	return found;
}

pid_t cg_init(int dir, int *pidfd)
{
	/* Where systemd puts itself; every other init stays where it was started. */
	pid_t pid = search_procs(dir, "init.scope/cgroup.procs", pidfd);

	if (!pid)
		pid = search_below(dir, pidfd);
	return pid ? pid : -ESRCH;
}
