// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/vz: who runs, and with which addresses. On the host version, vswap, veinfo,
 * veip and vestat (vestat.c); in a container under a beancounter veinfo and vestat,
 * with its own line and no other. Both directories are made where nobody looks, beside
 * the one of /proc/bc, and lookups are sent there: see res/bc.c. Nobody sees one
 * without the other: programs tell host and container by the two.
 */
#include <linux/fs.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "face.h"
#include "ub/bind.h"
#include "venet/venet.h"

/* The line of OpenVZ that formats and limits are those of, for programs that ask. */
#define VZ_VERSION "042stab141_3"

/* The class of whatever is no host. */
#define VZ_CLASS 2

static struct proc_dir_entry *host_dir, *ct_home;

/* IPv6 in groups without leading zeros, none left out: as it has always been. */
static void print_ip(struct seq_file *m, const struct venet_ip *ip, int width4, int width6)
{
	char text[40];
	u8 b[16];

	if (venet_ip_bytes(ip, b) == 4) {
		snprintf(text, sizeof(text), "%pI4", b);
		seq_printf(m, "%*s", width4, text);
		return;
	}
	snprintf(text, sizeof(text), "%x:%x:%x:%x:%x:%x:%x:%x", b[0] << 8 | b[1], b[2] << 8 | b[3],
		 b[4] << 8 | b[5], b[6] << 8 | b[7], b[8] << 8 | b[9], b[10] << 8 | b[11],
		 b[12] << 8 | b[13], b[14] << 8 | b[15]);
	seq_printf(m, "%*s", width6, text);
}

static int show_veip(u32 id, const struct venet_ip *ip, void *arg)
{
	struct seq_file *m = arg;

	print_ip(m, ip, 39, 39);
	seq_printf(m, " %10u\n", id);
	return seq_has_overflowed(m);
}

static int veip_show(struct seq_file *m, void *v)
{
	struct venet_place place = {};

	seq_puts(m, "Version: 2.5\n");
	venet_walk(&place, show_veip, m);
	return 0;
}

static int show_own_ip(u32 id, const struct venet_ip *ip, void *arg)
{
	struct seq_file *m = arg;

	seq_putc(m, ' ');
	print_ip(m, ip, 15, 39);
	return seq_has_overflowed(m);
}

/* A NULL beancounter is the host's, which has its addresses elsewhere. */
static void show_ve(struct seq_file *m, struct ub *ub)
{
	struct ub_numbers n;

	ub_numbers(ub, STOCKVZ_RES_NUMPROC, &n);
	seq_printf(m, "%10u %5u %5lu", ub ? ub->id : 0, ub ? VZ_CLASS : 0, n.held);
	if (ub)
		venet_walk_ct(ub->id, show_own_ip, m);
	seq_putc(m, '\n');
}

static int veinfo_show(struct seq_file *m, void *v)
{
	struct ub *ub;

	for (ub = ub_next_get(NULL); ub; ub = ub_next_get(ub))
		if (!ub_is_dying(ub))
			show_ve(m, ub);
	show_ve(m, NULL);
	return 0;
}

static int version_show(struct seq_file *m, void *v)
{
	seq_puts(m, VZ_VERSION "\n");
	return 0;
}

/* By this file tools know that RAM and swap can be limited. */
static int vswap_show(struct seq_file *m, void *v)
{
	seq_puts(m, "Version: 1.0\n");
	return 0;
}

/* Its own, whoever opened it: there is nothing in it to hand on. */
static int own_veinfo_show(struct seq_file *m, void *v)
{
	struct ub *ub = ub_of_current_get();

	if (!ub)
		return -EACCES;
	show_ve(m, ub);
	ub_put(ub);
	return 0;
}

/**
 * vz_open_of_host() - open a file that tells of all containers
 * @file: root's by its mode; what containers hold is also none of a container's business
 * @show: what is in it
 * @size: how long it will be: not shown twice if that is enough
 *
 * Return: 0, -EACCES, -ENOMEM.
 */
int vz_open_of_host(struct file *file, int (*show)(struct seq_file *m, void *v), size_t size)
{
	int err = may_see_all() ? single_open_size(file, show, NULL, size) : -EACCES;

	if (!err)
		seq_reads_others(file);
	return err;
}

static int veip_open(struct inode *inode, struct file *file)
{
	return vz_open_of_host(file, veip_show, PAGE_SIZE);
}

static int veinfo_open(struct inode *inode, struct file *file)
{
	return vz_open_of_host(file, veinfo_show, PAGE_SIZE);
}

static const struct proc_ops veip_ops = {
	.proc_open = veip_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
};

static const struct proc_ops veinfo_ops = {
	.proc_open = veinfo_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
};

/**
 * vz_ct_home() - where a container's lookups of /proc/vz are to be sent
 *
 * Return: a directory of procfs that has "vz".
 */
struct proc_dir_entry *vz_ct_home(void)
{
	return ct_home;
}

/**
 * vz_init() - make the directories of host and containers
 *
 * After /proc/bc, whose home it shares, and before anybody is sent there. The
 * host's root, to whom mode 0400 would leave it, is nobody in a container: that
 * file is for all of its users.
 *
 * Return: 0, -ENOMEM.
 */
int vz_init(void)
{
	struct proc_dir_entry *ct_dir;

	host_dir = proc_mkdir_mode("vz", 0555, bc_home());
	ct_home = proc_mkdir_mode("ct", 0500, bc_home());
	ct_dir = ct_home ? proc_mkdir_mode("vz", 0555, ct_home) : NULL;
	if (host_dir && ct_dir &&
	    proc_create_single("version", 0444, host_dir, version_show) &&
	    proc_create_single("vswap", 0400, host_dir, vswap_show) &&
	    proc_create("veinfo", 0400, host_dir, &veinfo_ops) &&
	    proc_create("veip", 0400, host_dir, &veip_ops) &&
	    proc_create("vestat", 0400, host_dir, &vestat_ops) &&
	    proc_create("vestat", 0444, ct_dir, &own_vestat_ops) &&
	    proc_create_single("veinfo", 0444, ct_dir, own_veinfo_show))
		return 0;
	vz_exit();
	return -ENOMEM;
}

/**
 * vz_exit() - nobody is sent there any more
 */
void vz_exit(void)
{
	proc_remove(host_dir);
	proc_remove(ct_home);
}
