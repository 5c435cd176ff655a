// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "devs.h"
#include "fd.h"
#include "mounts.h"
#include "report.h"
#include "rootfs.h"

#define NR(array) (sizeof(array) / sizeof(*(array)))

#define MOUNT_ATTR_SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/*
 * Of the whole machine. Most of them the kernel opens for the host's root alone.
 * To cover them keeps those away who read all of /proc, not the root inside, who
 * can take the covers off.
 */
static const char *const masked[] = {
	"kcore",
	"keys",
	"latency_stats",
	"sysrq-trigger",
	"timer_list",
};

static int open_clone(const char *path, unsigned int flags)
{
	int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);

	return fd < 0 ? -errno : fd;
}

static int set_attr(int tree, unsigned int flags, struct mount_attr *attr)
{
	return mount_setattr(tree, "", AT_EMPTY_PATH | flags, attr, sizeof(*attr)) ? -errno : 0;
}

int rootfs_mount(const char *private, const char *root)
{
	/*
	 * Ids are not shifted here: a set-uid program of the container's root
	 * would be one of the host's.
	 */
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		/* What the admin mounts in the private area is not to show up in VE_ROOT. */
		.propagation = MS_PRIVATE,
	};
	int auto_fd tree = open_clone(private, 0);
	int ret;

	if (tree < 0)
		return tree;
	ret = set_attr(tree, 0, &attr);
	if (ret)
		return ret;
	return move_mount(tree, "", AT_FDCWD, root, MOVE_MOUNT_F_EMPTY_PATH) ? -errno : 0;
}

static bool is_below(const char *point, const char *place)
{
	size_t len = strlen(place);

	return !strncmp(point, place, len) && point[len] == '/';
}

/* Does the path lead to it? Not if something lies on top, where a container may have links. */
static bool is_reached(const struct mounts *mounts)
{
	const unsigned int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
	struct statx stx;

	return !statx(AT_FDCWD, mounts->point, flags, STATX_MNT_ID, &stx) &&
	       stx.stx_mnt_id == mounts->id;
}

/* How many of the mounts below a place it works for; *ret is of the last of the others. */
static int each_below(const char *place, int (*act)(const struct mounts *one, const char *place),
		      int *ret)
{
	struct mounts mounts;
	int done = 0;

	*ret = mounts_open(&mounts);
	while (mounts_next(&mounts)) {
		if (!is_below(mounts.point, place))
			continue;
		if (!is_reached(&mounts))
			*ret = -EBUSY;
		else if (act(&mounts, place))
			*ret = -errno;
		else
			done++;
	}
	mounts_close(&mounts);
	return done;
}

/* Bound there from elsewhere on the host: from where it propagates. */
static bool is_bound(const struct mounts *one, const char *place)
{
	struct mounts mounts;
	bool bound = false;

	if (!one->peers)
		return false;
	mounts_open(&mounts);
	while (!bound && mounts_next(&mounts))
		bound = mounts.peers == one->peers && !is_below(mounts.point, place);
	mounts_close(&mounts);
	return bound;
}

static int part(const struct mounts *one, const char *place)
{
	return is_bound(one, place) ? mount(NULL, one->point, NULL, MS_PRIVATE, NULL) : 0;
}

static int umount_one(const struct mounts *one, const char *place)
{
	(void)place;
	return umount2(one->point, UMOUNT_NOFOLLOW);
}

/*
 * Scripts of the admin may have mounted something there and not taken it away. What is
 * bound there is a peer of the host's mount, and what goes from the one goes from the
 * other: these part first. Not so VE_ROOT and all else, whose copies in other namespaces
 * of the host are to lose what they lose. Who has others on top of him has his turn again.
 */
static int umount_below(const char *root)
{
	char real[PATH_MAX];
	int done, ret;

	if (!realpath(root, real))
		return -errno;
	do {
		each_below(real, part, &ret);
		done = each_below(real, umount_one, &ret);
	} while (ret && done);
	return ret;
}

int rootfs_umount(const char *root)
{
	int ret = umount_below(root);

	if (ret)
		return ret;
	return umount2(root, UMOUNT_NOFOLLOW) ? -errno : 0;
}

bool rootfs_mounted(const char *root)
{
	const unsigned int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
	struct statx stx;

	return !statx(AT_FDCWD, root, flags, 0, &stx) &&
		(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

int rootfs_clone(const char *root)
{
	/* With what the admin's mount scripts have put there. */
	return open_clone(root, AT_RECURSIVE);
}

int rootfs_shift(int tree, int userns)
{
	/* Set-uid programs are to work inside: there they make nobody more than its root. */
	struct mount_attr top = { .attr_clr = MOUNT_ATTR_NOSUID };
	struct mount_attr all = {
		.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_NODEV,
		/* The copy was a peer of VE_ROOT: mounts inside would have shown up there. */
		.propagation = MS_PRIVATE,
		.userns_fd = userns,
	};
	int ret = set_attr(tree, 0, &top);

	return ret ? ret : set_attr(tree, AT_RECURSIVE, &all);
}

int rootfs_attach(int tree, const char *root)
{
	/* VE_ROOT has peers on the host, where the shifted tree is not to appear. */
	if (unshare(CLONE_NEWNS) || mount(NULL, root, NULL, MS_PRIVATE, NULL) ||
	    move_mount(tree, "", AT_FDCWD, root, MOVE_MOUNT_F_EMPTY_PATH) || fchdir(tree))
		return -errno;
	return 0;
}

/*
 * What came with the mount namespace from outside is locked: neither read-only nor
 * nodev can be taken off, and nothing that it covers be laid open. A copy that is
 * handed in by a descriptor would not be.
 */
int rootfs_take(void)
{
	int tree = open_tree(AT_FDCWD, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
			     AT_RECURSIVE);

	if (tree < 0)
		report_fail(VZ_MOUNT, "Unable to copy the mounts of the container");
	return tree;
}

static int resolve(int root, const char *path, uint64_t flags)
{
	return fd_resolve(root, path, O_PATH | flags,
			  RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			  RESOLVE_NO_XDEV);
}

/* Where something is to be mounted: a directory of the root, and nothing else. */
static int open_mountpoint(int root, const char *path)
{
	int fd = resolve(root, path, O_DIRECTORY);

	/* Whoever unpacked the private area may have left out an empty directory. */
	if (fd == -ENOENT && !mkdirat(root, path, 0755))
		fd = resolve(root, path, O_DIRECTORY);
	if (fd >= 0)
		return fd;
	errno = 0;
	if (fd == -ELOOP)
		report_fail(VZ_NOINIT, "Unable to mount /%s: a symbolic link is in the way", path);
	if (fd == -ENOTDIR)
		report_fail(VZ_NOINIT, "Unable to mount /%s: it is not a directory", path);
	errno = -fd;
	report_fail(VZ_MOUNT, "Unable to mount /%s", path);
}

static int attach(int mount, int target)
{
	return move_mount(mount, "", target, "",
			  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static void put(int mount, int root, const char *path)
{
	int auto_fd target = open_mountpoint(root, path);

	if (attach(mount, target))
		report_fail(VZ_MOUNT, "Unable to mount /%s", path);
}

/* What options look like: pairs of name and value, a NULL at the end. */
typedef const char *const options_t[];

/* A new file system: a detached mount, or -1 and errno. */
static int make_fs(const char *type, unsigned int attr, options_t options)
{
	int auto_fd fs = fsopen(type, FSOPEN_CLOEXEC);

	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "source", type, 0))
		return -1;
	for (size_t i = 0; options && options[i]; i += 2)
		if (fsconfig(fs, FSCONFIG_SET_STRING, options[i], options[i + 1], 0))
			return -1;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -1;
	return fsmount(fs, FSMOUNT_CLOEXEC, attr);
}

/* The descriptor leads to what is mounted there now. */
static int put_fs(int root, const char *path, const char *type, unsigned int attr,
		  options_t options)
{
	int mount = make_fs(type, attr, options);

	if (mount < 0)
		report_fail(VZ_MOUNT, "Unable to make a file system of type %s", type);
	put(mount, root, path);
	return mount;
}

static void mask(int proc, int devs, const char *name)
{
	int auto_fd target = resolve(proc, name, 0);
	int auto_fd null = -1;

	/* Not every kernel has it. */
	if (target == -ENOENT)
		return;
	errno = target < 0 ? -target : 0;
	if (!errno)
		null = open_tree(devs, "null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (null < 0 || attach(null, target))
		report_fail(VZ_MOUNT, "Unable to cover /proc/%s", name);
}

/*
 * The file that the module shows to everybody can be read by the host's root
 * only, as it always was. The container gets the same from a file system of its
 * own, where its root is the owner.
 */
static void put_beancounters(int proc)
{
	static options_t options = { "file", "user_beancounters", NULL };
	int auto_fd mount = make_fs("stockvz", MOUNT_ATTR_SAFE | MOUNT_ATTR_RDONLY, options);
	int auto_fd target = -1;

	/* A module that has no such file system is one without such a file. */
	if (mount < 0 && errno != ENODEV)
		report_fail(VZ_MOUNT, "Unable to make /proc/user_beancounters");
	if (mount >= 0)
		target = resolve(proc, "user_beancounters", 0);
	if (mount < 0 || target == -ENOENT)
		return;
	if (target < 0)
		errno = -target;
	if (target < 0 || attach(mount, target))
		report_fail(VZ_MOUNT, "Unable to mount /proc/user_beancounters");
}

static void put_dev(int root, int devs)
{
	static options_t pts_options = { "gid", "5", "mode", "620", "ptmxmode", "666", NULL };
	static options_t shm_options = { "mode", "1777", NULL };
	int auto_fd pts = -1;
	int auto_fd shm = -1;

	put(devs, root, "dev");
	errno = -devs_complete(devs);
	if (errno)
		report_fail(VZ_MOUNT, "Unable to fill /dev");
	pts = put_fs(devs, "pts", "devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, pts_options);
	shm = put_fs(devs, "shm", "tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, shm_options);
}

void rootfs_assemble(int tree, int devs)
{
	int auto_fd proc = -1;
	int auto_fd sys = -1;
	int auto_fd cgroup = -1;

	/*
	 * On top of what is the root still: proc and sysfs may be had in a user
	 * namespace only while the host's are in sight.
	 */
	if (move_mount(tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH))
		report_fail(VZ_MOUNT, "Unable to mount the root of the container");
	proc = put_fs(tree, "proc", "proc", MOUNT_ATTR_SAFE, NULL);
	sys = put_fs(tree, "sys", "sysfs", MOUNT_ATTR_SAFE | MOUNT_ATTR_RDONLY, NULL);
	cgroup = put_fs(sys, "fs/cgroup", "cgroup2", MOUNT_ATTR_SAFE, NULL);
	put_dev(tree, devs);
	for (size_t i = 0; i < NR(masked); i++)
		mask(proc, devs, masked[i]);
	put_beancounters(proc);
}

void rootfs_enter(int tree)
{
	/*
	 * pivot_root() takes the same directory twice: the old root comes to
	 * lie on top of the new one, and is let go there.
	 */
	if (fchdir(tree) || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) ||
	    chdir("/"))
		report_fail(VZ_MOUNT, "Unable to change the root");
}
