// SPDX-License-Identifier: GPL-2.0
/*
 * Sequence files of ours are made of others, the kernel's: of a cgroup's, or /proc/locks.
 */
#include <linux/lockdep.h>
#include <linux/seq_file.h>

#include "face.h"

static struct lock_class_key key;

/**
 * seq_reads_others() - a sequence file was opened that reads others while it is read
 * @file: just opened, and of ours
 *
 * The lock of one of ours is taken first, then one of theirs, and never the other way
 * round. Lockdep has to be told that these are not the same.
 */
void seq_reads_others(struct file *file)
{
	lockdep_set_class(&((struct seq_file *)file->private_data)->lock, &key);
}
