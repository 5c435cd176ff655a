// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/vz/vestat: what each container used of the CPU. On the host a row for each
 * beancounter with a cgroup, newest first; in a container its own.
 */
#include <linux/fs.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "face.h"
#include "fair/account.h"
#include "ub/bind.h"

/* A jiffy of the kernels that these formats are of, whatever HZ is here. */
#define VESTAT_JIFFY NSEC_PER_MSEC

/* Twelve columns of 20, with a blank between each two. */
#define VESTAT_WIDTH (12 * 21 - 1)

/* In a container the row may be as old as this: nobody there makes the host work. */
#define VESTAT_AGE (NSEC_PER_SEC / 10)

static void show_head(struct seq_file *m)
{
	seq_printf(m, "%-*s\n", VESTAT_WIDTH, "Version: 2.2");
	seq_printf(m, "%20s %20s %20s %20s %20s %20s %20s %20s %20s %20s %20s %20s\n", "VEID",
		   "user", "nice", "system", "uptime", "idle", "strv", "uptime", "used", "maxlat",
		   "totlat", "numsched");
}

/* A cycle is a nanosecond. How long tasks waited is known of all, not of each. */
static void show_row(struct seq_file *m, struct ub *ub)
{
	struct account a;

	if (!account_read(ub, &a))
		return;
	seq_printf(m, "%20u %20llu %20llu %20llu %20llu %20llu %20u %20llu %20llu %20u %20llu %20u\n",
		   ub->id, a.time[UB_TIME_USER] / VESTAT_JIFFY, a.time[UB_TIME_NICE] / VESTAT_JIFFY,
		   a.time[UB_TIME_SYSTEM] / VESTAT_JIFFY, a.uptime / VESTAT_JIFFY, a.idle, 0,
		   a.uptime, a.time[UB_TIME_USED], 0, a.time[UB_TIME_WAIT], 0);
}

static int vestat_show(struct seq_file *m, void *v)
{
	struct ub *ub;

	show_head(m);
	for (ub = ub_next_get(NULL); ub; ub = ub_next_get(ub))
		show_row(m, ub);
	return 0;
}

static int vestat_open(struct inode *inode, struct file *file)
{
	/* The head is two lines. A byte must be left, or it seems not to have fit. */
	size_t size = (READ_ONCE(ub_bindings) + 2) * (VESTAT_WIDTH + 1) + 1;

	return vz_open_of_host(file, vestat_show, size);
}

/*
 * Not while the file is shown: that is done with the lock of a sequence file held, and
 * the files that are read for it are sequence files, too.
 */
static ssize_t vestat_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	if (!*pos)
		account_refresh(NULL, 0);
	return seq_read(file, buf, size, pos);
}

const struct proc_ops vestat_ops = {
	.proc_open = vestat_open,
	.proc_read = vestat_read,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
};

/* Its own, whoever opened it, as veinfo. */
static int own_vestat_show(struct seq_file *m, void *v)
{
	struct ub *ub = ub_of_current_get();

	if (!ub)
		return -EACCES;
	show_head(m);
	show_row(m, ub);
	ub_put(ub);
	return 0;
}

static int own_vestat_open(struct inode *inode, struct file *file)
{
	int err = single_open(file, own_vestat_show, NULL);

	if (!err)
		seq_reads_others(file);
	return err;
}

static ssize_t own_vestat_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct ub *ub = ub_of_current_get();

	if (ub && !*pos)
		account_refresh(ub, VESTAT_AGE);
	if (ub)
		ub_put(ub);
	return seq_read(file, buf, size, pos);
}

const struct proc_ops own_vestat_ops = {
	.proc_open = own_vestat_open,
	.proc_read = own_vestat_read,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
};
