// SPDX-License-Identifier: GPL-2.0
/*
 * For tests: /dev/stockvz_server, a file whose locks a server keeps, as those of
 * network filesystems. The server is a number: it grants whatever it is asked for.
 * What it has granted is then a lock here as well.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

/* Not there before 6.3: all of it was in fs.h. */
#if __has_include("linux/filelock.h")
#include <linux/filelock.h>
#endif

static atomic_t asked = ATOMIC_INIT(0);

static int asked_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", atomic_read(&asked));
}

static const struct kernel_param_ops asked_ops = { .get = asked_get };

module_param_cb(asked, &asked_ops, NULL, 0444);
MODULE_PARM_DESC(asked, "how often the server was asked");

static int server_lock(struct file *file, int cmd, struct file_lock *request)
{
	if (cmd == F_GETLK)
		return -EINVAL;
	atomic_inc(&asked);
	return locks_lock_file_wait(file, request);
}

static const struct file_operations server_fops = {
	.owner = THIS_MODULE,
	.lock = server_lock,
	.flock = server_lock,
};

static struct miscdevice server = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "stockvz_server",
	.fops = &server_fops,
	.mode = 0600,
};

module_misc_device(server);

MODULE_DESCRIPTION("A file with a lock server, to test how stockvz counts its locks");
MODULE_LICENSE("GPL");
