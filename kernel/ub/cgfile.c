// SPDX-License-Identifier: GPL-2.0
/*
 * The files of a cgroup, as an admin would read and write them: the kernel has no
 * other door to its controllers for a module. By a mount of our own, so that it
 * does not matter where the host has mounted the hierarchy, if at all.
 */
#include <linux/cgroup.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/slab.h>

#include "cgfile.h"
#include "compat/compat.h"

static struct vfsmount *mount;

/*
 * Options belong to the hierarchy, not to the mount: whoever mounts it sets them
 * for all. So we ask for those that it has.
 */
static void options_of_hierarchy(char *text, size_t size)
{
	unsigned long flags = cgrp_dfl_root.flags;
	const char *name;
	unsigned int i;

	text[0] = 0;
	for_each_set_bit(i, &flags, BITS_PER_TYPE(cgrp_dfl_root.flags)) {
		name = compat_cgroup_option(BIT(i));
		if (!name)
			continue;
		if (text[0])
			strlcat(text, ",", size);
		strlcat(text, name, size);
	}
}

/**
 * cgfile_init() - make the files reachable
 *
 * Return: can they be reached?
 */
bool cgfile_init(void)
{
	struct file_system_type *type = get_fs_type("cgroup2");
	char text[128];

	if (!type)
		return false;
	options_of_hierarchy(text, sizeof(text));
	mount = vfs_kern_mount(type, SB_KERNMOUNT, type->name, text);
	module_put(type->owner);
	if (IS_ERR(mount))
		mount = NULL;
	return mount;
}

/**
 * cgfile_exit() - let go of them
 */
void cgfile_exit(void)
{
	if (mount)
		kern_unmount(mount);
	mount = NULL;
}

/* A removed cgroup's path may be another's now: compare what is there. */
static bool belongs_to(struct file *file, struct cgroup *cgroup)
{
	return d_inode(file->f_path.dentry->d_parent)->i_ino == cgroup_id(cgroup);
}

static struct file *open_file(struct cgroup *cgroup, const char *name, int flags)
{
	struct file *file = ERR_PTR(-ENAMETOOLONG);
	char *path = kmalloc(PATH_MAX, GFP_KERNEL);
	struct path root;
	int len;

	if (!mount || !path) {
		kfree(path);
		return ERR_PTR(-ENOENT);
	}
	root = (struct path){ .mnt = mount, .dentry = mount->mnt_root };
	len = cgroup_path(cgroup, path, PATH_MAX);
	if (len > 0 && len < PATH_MAX &&
	    snprintf(path + len, PATH_MAX - len, "/%s", name) < PATH_MAX - len)
		file = file_open_root(&root, path, flags, 0);
	kfree(path);
	if (!IS_ERR(file) && !belongs_to(file, cgroup)) {
		fput(file);
		file = ERR_PTR(-ENOENT);
	}
	return file;
}

/**
 * cgfile_write() - write a file of a cgroup
 * @cgroup: the caller holds a reference
 * @name: the file's
 * @text: what to write
 *
 * Context: process, may sleep, also for long.
 * Return: 0, -ENOENT if there is no such file, or the file's own errno.
 */
int cgfile_write(struct cgroup *cgroup, const char *name, const char *text)
{
	struct file *file = open_file(cgroup, name, O_WRONLY);
	loff_t pos = 0;
	ssize_t n;

	if (IS_ERR(file))
		return PTR_ERR(file);
	n = kernel_write(file, text, strlen(text), &pos);
	fput(file);
	return n < 0 ? n : 0;
}

/**
 * cgfile_read() - read the beginning of a file of a cgroup
 * @cgroup: the caller holds a reference
 * @name: the file's
 * @text: where to; ends with a 0
 * @size: of @text
 *
 * Context: process, may sleep.
 * Return: the length, or an errno as cgfile_write().
 */
ssize_t cgfile_read(struct cgroup *cgroup, const char *name, char *text,
		    size_t size)
{
	struct file *file = open_file(cgroup, name, O_RDONLY);
	loff_t pos = 0;
	ssize_t n;

	if (IS_ERR(file))
		return PTR_ERR(file);
	n = kernel_read(file, text, size - 1, &pos);
	fput(file);
	if (n >= 0)
		text[n] = 0;
	return n;
}
