// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/bc: a directory for each beancounter, by its number. For the host only:
 * see res/bc.c.
 *
 * Directories belong to numbers, and files look their beancounter up whenever
 * they are read: an open file keeps no beancounter alive. A directory is made
 * when its beancounter is. The last reference of a beancounter may be put in
 * an interrupt, so a worker takes directories away: in a moment, and unless the
 * number has come back.
 */
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "face.h"
#include "ub/bind.h"
#include "ub/cgfile.h"

#define HOME "fs/stockvz"

/* Priorities are 0 to 7, and 4 if nobody gave one: as weights 64 to 128, and 100. */
#define BC_IOPRIO 4
#define BC_IOPRIO_MAX 7
#define BC_WEIGHT 64

static struct proc_dir_entry *home, *bc;

/* The directories, by number. Changed under dirs_mutex. */
static DEFINE_XARRAY(dirs);
static DEFINE_MUTEX(dirs_mutex);

/**
 * may_see_all() - may the current task see what all beancounters hold?
 *
 * Who may not gets EPERM in /proc/bc, as OpenVZ has it, and EACCES in /proc/vz.
 *
 * Return: true if it is of the host, and has both capabilities over files.
 */
bool may_see_all(void)
{
	bool host;

	preempt_disable();
	host = !ub_of_current();
	preempt_enable();
	return host && capable(CAP_DAC_OVERRIDE) &&
	       capable(CAP_DAC_READ_SEARCH);
}

static void *id_data(u32 id)
{
	return (void *)(unsigned long)id;
}

/* Show a file of a beancounter that is still there; of 0, the host's. */
static int show_of(struct seq_file *m, void (*show)(struct seq_file *m, struct ub *ub))
{
	u32 id = (unsigned long)m->private;
	struct ub *ub = id ? ub_find_get(id) : NULL;

	if (id && !ub)
		return -ENOENT;
	show(m, ub);
	if (ub)
		ub_put(ub);
	return 0;
}

static int open_file(struct inode *inode, struct file *file,
		     int (*show)(struct seq_file *m, void *v))
{
	int err = may_see_all() ? single_open(file, show, pde_data(inode)) : -EPERM;

	if (!err)
		seq_reads_others(file);
	return err;
}

#define DEFINE_BC_FILE(name)						\
	static int name##_show(struct seq_file *m, void *v)		\
	{								\
		return show_of(m, show_##name);				\
	}								\
									\
	static int name##_open(struct inode *inode, struct file *file)	\
	{								\
		return open_file(inode, file, name##_show);		\
	}								\
									\
	static const struct proc_ops name##_ops = {			\
		.proc_open = name##_open,				\
		.proc_read = seq_read,					\
		.proc_lseek = seq_lseek,				\
		.proc_release = single_release,				\
	}

static void show_resources(struct seq_file *m, struct ub *ub)
{
	ub_table_rows(m, ub, "", true);
}

DEFINE_BC_FILE(resources);

static void show_number(struct seq_file *m, const char *name, u64 n)
{
	seq_printf(m, "\t%-20s %21llu\n", name, n);
}

/* What the file of a beancounter's cgroup says; "" if it has none. */
static char *read_cgroup(struct ub *ub, const char *name)
{
	char *text = kzalloc(PATH_MAX, GFP_KERNEL);
	struct cgroup *dir = ub ? ub_dir_get(ub) : NULL;

	if (text && dir)
		cgfile_read(dir, name, text, PATH_MAX);
	if (dir)
		cgroup_put(dir);
	return text;
}

/* The sum of all numbers that follow the word. */
static u64 sum_of(const char *text, const char *word)
{
	size_t len = strlen(word);
	const char *at = text;
	u64 sum = 0;

	while (at && (at = strstr(at, word))) {
		bool begins = at == text || at[-1] == ' ' || at[-1] == '\n';
		u64 n = 0;

		for (at += len; isdigit(*at); at++)
			n = n * 10 + *at - '0';
		if (begins)
			sum += n;
	}
	return sum;
}

/* Names and order of 2.6.32. What this kernel does not count is 0. */
static void show_vmaux(struct seq_file *m, struct ub *ub)
{
	struct ub_numbers ram, swap;
	char *text = read_cgroup(ub, "memory.stat");

	ub_numbers(ub, STOCKVZ_RES_PHYSPAGES, &ram);
	ub_numbers(ub, STOCKVZ_RES_SWAPPAGES, &swap);
	show_number(m, "tmpfs_respages", sum_of(text, "shmem ") >> PAGE_SHIFT);
	show_number(m, "swapin", sum_of(text, "pswpin "));
	show_number(m, "swapout", sum_of(text, "pswpout "));
	show_number(m, "vswapin", 0);
	show_number(m, "vswapout", 0);
	show_number(m, "ram", ram.held);
	show_number(m, "shadow", 0);
	show_number(m, "swap_entries", swap.held);
	show_number(m, "hugetlb", 0);
	kfree(text);
}

DEFINE_BC_FILE(vmaux);

/*
 * The same. No kernel of today sums up what was made dirty: it is what has been written
 * and what is still to be. io_pbs is pages on their way to the disk.
 */
static void show_ioacct(struct seq_file *m, struct ub *ub)
{
	static const char *const uncounted[] = {
		"cancel", "missed", "syncs_total", "fsyncs_total",
		"fdatasyncs_total", "range_syncs_total", "syncs_active",
		"fsyncs_active", "fdatasyncs_active", "range_syncs_active",
	};
	char *io = read_cgroup(ub, "io.stat");
	char *memory = read_cgroup(ub, "memory.stat");
	u64 written = sum_of(io, "wbytes=");
	u64 dirty = sum_of(memory, "file_dirty ");
	unsigned int i;

	show_number(m, "read", sum_of(io, "rbytes="));
	show_number(m, "write", written);
	show_number(m, "dirty", written + dirty);
	for (i = 0; i < ARRAY_SIZE(uncounted); i++)
		show_number(m, uncounted[i], 0);
	show_number(m, "io_pbs", (dirty + sum_of(memory, "file_writeback ")) >> PAGE_SHIFT);
	show_number(m, "fuse_requests", 0);
	show_number(m, "fuse_bytes", 0);
	kfree(memory);
	kfree(io);
}

DEFINE_BC_FILE(ioacct);

/* By the weight that the cgroup has, whoever gave it: the priority that stands for it. */
static void show_ioprio(struct seq_file *m, struct ub *ub)
{
	char *text = read_cgroup(ub, "io.weight");
	u64 weight = clamp_t(u64, sum_of(text, "default "), BC_WEIGHT, 2 * BC_WEIGHT);
	u64 prio = DIV_ROUND_UP((weight - BC_WEIGHT) * BC_IOPRIO_MAX, BC_WEIGHT);

	seq_printf(m, "prio: %llu\n", text && *text ? prio : BC_IOPRIO);
	kfree(text);
}

DEFINE_BC_FILE(ioprio);

static int all_open(struct inode *inode, struct file *file)
{
	return may_see_all() ? ub_table_open_bc(file) : -EPERM;
}

static const struct proc_ops all_ops = {
	.proc_open = all_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = ub_table_release,
};

static struct proc_dir_entry *make_dir(const char *name, u32 id)
{
	struct proc_dir_entry *dir = proc_mkdir_mode(name, 0500, bc);
	void *data = id_data(id);

	if (dir &&
	    proc_create_data("resources", 0400, dir, &resources_ops, data) &&
	    proc_create_data("vmaux", 0400, dir, &vmaux_ops, data) &&
	    proc_create_data("ioacct", 0400, dir, &ioacct_ops, data) &&
	    proc_create_data("ioprio", 0400, dir, &ioprio_ops, data))
		return dir;
	if (dir)
		proc_remove(dir);
	return NULL;
}

/* A directory for the number, if there is none. Without memory there is none. */
static void add_dir(u32 id)
{
	struct proc_dir_entry *dir;
	char name[12];

	lockdep_assert_held(&dirs_mutex);
	if (xa_load(&dirs, id))
		return;
	snprintf(name, sizeof(name), "%u", id);
	dir = make_dir(name, id);
	if (dir && xa_err(xa_store(&dirs, id, dir, GFP_KERNEL)))
		proc_remove(dir);
}

static bool is_there(u32 id)
{
	struct ub *ub = id ? ub_find_get(id) : NULL;

	if (ub)
		ub_put(ub);
	return !id || ub;
}

static void take_away(struct work_struct *work)
{
	struct proc_dir_entry *dir;
	unsigned long id;

	mutex_lock(&dirs_mutex);
	xa_for_each(&dirs, id, dir)
		if (!is_there(id)) {
			xa_erase(&dirs, id);
			/* Waits for readers, and ends what they have open. */
			proc_remove(dir);
		}
	mutex_unlock(&dirs_mutex);
}

static DECLARE_WORK(take_away_work, take_away);

static void born(u32 id)
{
	mutex_lock(&dirs_mutex);
	/* It may be gone again, and the worker have been here before us. */
	if (is_there(id))
		add_dir(id);
	mutex_unlock(&dirs_mutex);
}

static void gone(void)
{
	schedule_work(&take_away_work);
}

/**
 * bc_home() - where lookups of /proc/bc are to be sent
 *
 * Return: a directory of procfs that has "bc".
 */
struct proc_dir_entry *bc_home(void)
{
	return home;
}

/**
 * bc_init() - make the directory, and follow beancounters
 *
 * Return: 0, -ENOMEM.
 */
int bc_init(void)
{
	home = proc_mkdir_mode(HOME, 0500, NULL);
	bc = home ? proc_mkdir_mode("bc", 0500, home) : NULL;
	if (!bc || !proc_create("resources", 0400, bc, &all_ops)) {
		proc_remove(home);
		return -ENOMEM;
	}
	born(0);
	ub_set_watcher(born, gone);
	return 0;
}

/**
 * bc_exit() - no beancounter is left to come or go
 */
void bc_exit(void)
{
	ub_set_watcher(NULL, NULL);
	cancel_work_sync(&take_away_work);
	proc_remove(home);
	xa_destroy(&dirs);
}
