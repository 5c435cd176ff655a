// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/user_beancounters, version 2.5, as OpenVZ's 2.6.32 kernels printed it:
 * 24 rows a beancounter, newest first, the host's last. A task under a
 * beancounter sees its own and no other.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "face.h"
#include "ub/bind.h"

/**
 * struct view - an open table
 * @own: whose row alone it shows, with a reference; NULL: all rows. Decided by
 *	who opens it, wherever the file travels then
 * @at: where a read is, with a reference. NULL between reads and at the host
 * @bc: rows as /proc/bc/resources has them
 * @born: of the row that is due: HOST_BORN for the host's, NOTHING at the end.
 *	Kept between reads, so that rows may come and go meanwhile and none is
 *	missed or seen twice that was there all the time
 */
struct view {
	struct ub *own;
	struct ub *at;
	bool bc;
	s64 born;
};

#define HOST_BORN 0
#define NOTHING (-1)

/* What stands for the host, which has no struct ub, in a walk. */
#define HOST ((void *)1)

/* The row that is due is that of v->at. */
static void *found(struct view *v)
{
	v->born = v->at ? v->at->born : HOST_BORN;
	return v->at ?: HOST;
}

static void *ub_table_next(struct seq_file *m, void *at, loff_t *pos)
{
	struct view *v = m->private;

	++*pos;
	if (v->own || at == HOST) {
		v->born = NOTHING;
		return NULL;
	}
	v->at = ub_next_get(v->at);
	return found(v);
}

static void *ub_table_start(struct seq_file *m, loff_t *pos)
{
	struct view *v = m->private;

	if (!*pos)
		v->born = S64_MAX;
	if (v->born == NOTHING)
		return NULL;
	if (v->own)
		ub_get(v->own);
	v->at = v->own ?: ub_from_get(v->born);
	return found(v);
}

static void ub_table_stop(struct seq_file *m, void *at)
{
	struct view *v = m->private;

	if (v->at)
		ub_put(v->at);
	v->at = NULL;
}

static void show_row(struct seq_file *m, const char *uid, struct ub *ub,
		     enum stockvz_resource res)
{
	struct ub_numbers n;

	ub_numbers(ub, res, &n);
	seq_printf(m, "%10s  %-12s %20lu %20lu %20lu %20lu %20lu\n", uid,
		   ub_resource_name[res], n.held, n.maxheld, n.barrier,
		   n.limit, n.failcnt);
}

/**
 * ub_table_rows() - the rows of a beancounter
 * @m: where to
 * @ub: the beancounter, or NULL for the host
 * @uid: what stands in the first column of the first
 * @bc: as in /proc/bc: swappages, but no dummies
 */
void ub_table_rows(struct seq_file *m, struct ub *ub, const char *uid, bool bc)
{
	unsigned int res;

	for (res = 0; res < (bc ? UB_RESOURCES : UB_ROWS); res++) {
		if (bc && !strcmp(ub_resource_name[res], "dummy"))
			continue;
		show_row(m, res ? "" : uid, ub, res);
	}
}

static int ub_table_show(struct seq_file *m, void *at)
{
	struct ub *ub = at == HOST ? NULL : at;
	struct view *view = m->private;
	char uid[16];

	if (!m->index) {
		seq_puts(m, "Version: 2.5\n");
		seq_printf(m, "%10s  %-12s %20s %20s %20s %20s %20s\n", "uid",
			   "resource", "held", "maxheld", "barrier", "limit",
			   "failcnt");
	}
	snprintf(uid, sizeof(uid), "%u:", ub ? ub->id : 0);
	ub_table_rows(m, ub, uid, view->bc);
	return 0;
}

static const struct seq_operations ub_table_seq = {
	.start = ub_table_start,
	.next = ub_table_next,
	.stop = ub_table_stop,
	.show = ub_table_show,
};

/*
 * Being root, whom mode 0400 lets in, is not enough: both capabilities over
 * files are asked for, in the user namespace that the filesystem belongs to.
 * Anybody can be root of a user namespace: such a one sees its own beancounter
 * and never all of them.
 */
static int ub_table_open(struct inode *inode, struct file *file)
{
	struct user_namespace *ns = inode->i_sb->s_user_ns;
	struct view *v;

	if (!ns_capable(ns, CAP_DAC_OVERRIDE) ||
	    !ns_capable(ns, CAP_DAC_READ_SEARCH))
		return -EACCES;
	v = __seq_open_private(file, &ub_table_seq, sizeof(*v));
	if (!v)
		return -ENOMEM;
	seq_reads_others(file);
	v->own = ub_of_current_get();
	if (v->own || ns == &init_user_ns)
		return 0;
	seq_release_private(inode, file);
	return -EACCES;
}

/**
 * ub_table_open_bc() - open the table of all beancounters, as /proc/bc has it
 * @file: whose opener was found worthy. Pair with ub_table_release()
 *
 * Return: 0, -ENOMEM.
 */
int ub_table_open_bc(struct file *file)
{
	struct view *v = __seq_open_private(file, &ub_table_seq, sizeof(*v));

	if (!v)
		return -ENOMEM;
	seq_reads_others(file);
	v->bc = true;
	return 0;
}

/**
 * ub_table_release() - close a table
 * @inode: as .release() gets it
 * @file: the same
 *
 * Return: 0.
 */
int ub_table_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;
	struct view *v = m->private;

	if (v->own)
		ub_put(v->own);
	return seq_release_private(inode, file);
}

static const struct proc_ops proc_ops = {
	.proc_open = ub_table_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = ub_table_release,
};

/**
 * ub_table_init() - make the host's file
 *
 * Return: 0, -ENOMEM.
 */
int ub_table_init(void)
{
	return proc_create("user_beancounters", 0400, NULL, &proc_ops) ?
	       0 : -ENOMEM;
}

/**
 * ub_table_exit() - take it away; waits for readers
 */
void ub_table_exit(void)
{
	remove_proc_entry("user_beancounters", NULL);
}

/* The same file where a container finds it. */
const struct file_operations ub_table_fops = {
	.owner = THIS_MODULE,
	.open = ub_table_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = ub_table_release,
};
