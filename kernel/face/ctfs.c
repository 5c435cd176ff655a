// SPDX-License-Identifier: GPL-2.0
/*
 * A file of ours for a container's /proc. What the host owns with mode 0400
 * under /proc no container can open, since the host's root is nobody inside. So
 * the tools mount this over /proc/user_beancounters: a filesystem whose root is
 * that one file, and belongs to root of the user namespace that mounted it.
 * The option file=NAME says which; user_beancounters is the only one so far.
 */
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/module.h>
#include <linux/user_namespace.h>

#include "face.h"

#define CTFS_MAGIC 0x7374767a

static const struct super_operations ctfs_super_ops = {
	.statfs = simple_statfs,
	.drop_inode = generic_delete_inode,
};

static int ctfs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct inode *inode;

	sb->s_magic = CTFS_MAGIC;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_op = &ctfs_super_ops;
	sb->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	inode = new_inode(sb);
	if (!inode)
		return -ENOMEM;
	inode->i_ino = 1;
	inode->i_mode = S_IFREG | 0400;
	inode->i_uid = make_kuid(sb->s_user_ns, 0);
	inode->i_gid = make_kgid(sb->s_user_ns, 0);
	inode->i_fop = &ub_table_fops;
	sb->s_root = d_make_root(inode);
	return sb->s_root ? 0 : -ENOMEM;
}

static int ctfs_get_tree(struct fs_context *fc)
{
	return get_tree_nodev(fc, ctfs_fill_super);
}

enum { OPT_FILE };

static const struct fs_parameter_spec ctfs_parameters[] = {
	fsparam_string("file", OPT_FILE),
	{}
};

static int ctfs_parse_param(struct fs_context *fc, struct fs_parameter *param)
{
	struct fs_parse_result result;
	int opt = fs_parse(fc, ctfs_parameters, param, &result);

	if (opt < 0)
		return opt;
	if (strcmp(param->string, "user_beancounters"))
		return invalf(fc, "there is no file %s", param->string);
	return 0;
}

static const struct fs_context_operations ctfs_context_ops = {
	.parse_param = ctfs_parse_param,
	.get_tree = ctfs_get_tree,
};

static int ctfs_init_fs_context(struct fs_context *fc)
{
	fc->ops = &ctfs_context_ops;
	return 0;
}

/*
 * No MODULE_ALIAS_FS: whoever may make a user namespace could have the module
 * loaded by it.
 */
static struct file_system_type ctfs_type = {
	.owner = THIS_MODULE,
	.name = "stockvz",
	.fs_flags = FS_USERNS_MOUNT,
	.init_fs_context = ctfs_init_fs_context,
	.parameters = ctfs_parameters,
	.kill_sb = kill_anon_super,
};

/**
 * ctfs_init() - let it be mounted
 *
 * Return: 0, an errno of register_filesystem().
 */
int ctfs_init(void)
{
	return register_filesystem(&ctfs_type);
}

/**
 * ctfs_exit() - nothing is mounted: a mount holds the module
 */
void ctfs_exit(void)
{
	unregister_filesystem(&ctfs_type);
}
