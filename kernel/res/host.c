// SPDX-License-Identifier: GPL-2.0
/*
 * What the whole machine holds, read where the kernel counts it anyway, so that
 * a task of the host pays nothing for its row. Each is read only when somebody
 * looks at beancounter 0.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/vmstat.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "res.h"

/* A /proc of our own: the host may have mounted it anywhere, or not at all. */
static struct vfsmount *proc;

/* Tasks, zombies included. */
static unsigned long total_numproc(void)
{
	struct task_struct *p, *t;
	unsigned long n = 0;

	rcu_read_lock();
	for_each_process_thread(p, t)
		n++;
	rcu_read_unlock();
	return n;
}

/* A file there, or NULL. */
static struct file *open_proc(const char *name)
{
	struct path root;
	struct file *file;

	if (!proc)
		return NULL;
	root = (struct path){ .mnt = proc, .dentry = proc->mnt_root };
	file = file_open_root(&root, name, O_RDONLY, 0);
	return IS_ERR(file) ? NULL : file;
}

/* The first number in a file of /proc. */
static unsigned long first_number(const char *name)
{
	struct file *file = open_proc(name);
	unsigned long n = 0;
	char text[64];
	loff_t pos = 0;
	ssize_t len;

	if (!file)
		return 0;
	len = kernel_read(file, text, sizeof(text) - 1, &pos);
	fput(file);
	if (len <= 0)
		return 0;
	text[len] = 0;
	text[strcspn(text, " \t\n")] = 0;
	return kstrtoul(text, 10, &n) ? 0 : n;
}

static unsigned long total_numfile(void)
{
	return first_number("sys/fs/file-nr");
}

/**
 * struct lines - some of a file's lines are counted
 * @n: so many so far
 * @other: this one is not
 */
struct lines {
	unsigned long n;
	bool other;
};

/* A request that waits is shown behind an arrow. */
static void count_lines(struct lines *l, const char *text, ssize_t len)
{
	for (; len; len--, text++) {
		l->other |= *text == '>';
		if (*text != '\n')
			continue;
		l->n += !l->other;
		l->other = false;
	}
}

static unsigned long total_numflock(void)
{
	struct file *file = open_proc("locks");
	struct lines lines = {};
	char text[256];
	loff_t pos = 0;
	ssize_t len;

	if (!file)
		return 0;
	while ((len = kernel_read(file, text, sizeof(text), &pos)) > 0)
		count_lines(&lines, text, len);
	fput(file);
	return lines.n;
}

static unsigned long total_numpty(void)
{
	return first_number("sys/kernel/pty/nr");
}

/* Also those of the kernel itself, which TCP does not tell apart. */
static unsigned long total_numtcpsock(void)
{
	return percpu_counter_sum_positive(tcp_prot.sockets_allocated);
}

static unsigned long total_numothersock(void)
{
	unsigned long n = 0, tcp = total_numtcpsock();
	struct net *net;

	down_read(&net_rwsem);
	for_each_net(net)
		n += sock_inuse_get(net);
	up_read(&net_rwsem);
	return n > tcp ? n - tcp : 0;
}

/* One that vfork shares for a moment counts twice meanwhile. */
static unsigned long sum_of_mms(unsigned long (*pages)(const struct mm_struct *mm))
{
	struct task_struct *p, *t;
	struct mm_struct *mm;
	unsigned long n = 0;

	rcu_read_lock();
	for_each_process(p) {
		/* The leader may be gone before its threads. */
		for_each_thread(p, t) {
			task_lock(t);
			mm = t->flags & PF_KTHREAD ? NULL : t->mm;
			if (mm)
				n += pages(mm);
			task_unlock(t);
			if (mm)
				break;
		}
	}
	rcu_read_unlock();
	return n;
}

static unsigned long total_lockedpages(void)
{
	return sum_of_mms(mm_locked_pages);
}

/* What is in memory: what was reserved, or is in swap, is summed up nowhere. */
static unsigned long total_shmpages(void)
{
	return global_node_page_state(NR_SHMEM);
}

static unsigned long total_privvmpages(void)
{
	return sum_of_mms(mm_private_pages) + total_shmpages();
}

/**
 * res_host_init() - have the host's row read here
 *
 * Without a /proc of our own what is read there is 0.
 */
void res_host_init(void)
{
	struct file_system_type *type = get_fs_type("proc");

	proc = type ? kern_mount(type) : NULL;
	if (IS_ERR(proc))
		proc = NULL;
	if (type)
		module_put(type->owner);
	ub_set_total(STOCKVZ_RES_LOCKEDPAGES, total_lockedpages);
	ub_set_total(STOCKVZ_RES_PRIVVMPAGES, total_privvmpages);
	ub_set_total(STOCKVZ_RES_SHMPAGES, total_shmpages);
	ub_set_total(STOCKVZ_RES_NUMPROC, total_numproc);
	ub_set_total(STOCKVZ_RES_NUMFILE, total_numfile);
	ub_set_total(STOCKVZ_RES_NUMTCPSOCK, total_numtcpsock);
	ub_set_total(STOCKVZ_RES_NUMOTHERSOCK, total_numothersock);
	ub_set_total(STOCKVZ_RES_NUMFLOCK, total_numflock);
	ub_set_total(STOCKVZ_RES_NUMPTY, total_numpty);
}

/**
 * res_host_exit() - nobody reads rows any more
 */
void res_host_exit(void)
{
	unsigned int i;

	for (i = 0; i < UB_RESOURCES; i++)
		ub_set_total(i, NULL);
	if (proc)
		kern_unmount(proc);
	proc = NULL;
}
