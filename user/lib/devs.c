// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "devs.h"
#include "fd.h"

#define NR(array) (sizeof(array) / sizeof(*(array)))

#define TTY_GID 5
#define PTMX_MAJOR 5
#define PTMX_MINOR 2
/* pts/N: eight majors */
#define PTS_MAJOR 136
#define PTS_MAJOR_LAST 143

/*
 * There is no console: nobody would read it, and a getty that finds one but
 * no terminal behind it is started again for ever.
 */
static const struct node {
	const char *name;
	unsigned int major, minor;
	gid_t gid;
} nodes[] = {
	{ "null", 1, 3, 0 },
	{ "zero", 1, 5, 0 },
	{ "full", 1, 7, 0 },
	{ "random", 1, 8, 0 },
	{ "urandom", 1, 9, 0 },
	{ "tty", 5, 0, TTY_GID },
};

static const struct {
	const char *name, *target;
} links[] = {
	{ "ptmx", "pts/ptmx" },
	{ "fd", "/proc/self/fd" },
	{ "stdin", "fd/0" },
	{ "stdout", "fd/1" },
	{ "stderr", "fd/2" },
};

/* File systems are mounted there. */
static const char *const dirs[] = { "pts", "shm" };

static int make_tmpfs(void)
{
	int auto_fd fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "source", "dev", 0) ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "mode", "755", 0) ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "size", "4m", 0) ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? -errno : fd;
}

static int make_nodes(int dir, uid_t owner)
{
	for (size_t i = 0; i < NR(nodes); i++)
		if (mknodat(dir, nodes[i].name, S_IFCHR | 0666,
			    makedev(nodes[i].major, nodes[i].minor)) ||
		    fchownat(dir, nodes[i].name, owner, owner + nodes[i].gid,
			     AT_SYMLINK_NOFOLLOW))
			return -errno;
	/* The rest is for the owner to make: devs_complete(). */
	return fchownat(dir, "", owner, owner, AT_EMPTY_PATH) ? -errno : 0;
}

int devs_create(uid_t owner)
{
	int fd = make_tmpfs();
	mode_t mask;
	int ret;

	if (fd < 0)
		return fd;
	mask = umask(0);
	ret = make_nodes(fd, owner);
	umask(mask);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

int devs_complete(int dir)
{
	size_t i;

	for (i = 0; i < NR(links); i++)
		if (symlinkat(links[i].target, dir, links[i].name))
			return -errno;
	for (i = 0; i < NR(dirs); i++)
		if (mkdirat(dir, dirs[i], 0755))
			return -errno;
	return 0;
}

/*
 * The guard is a program of the kernel's own small machine. r1 points to what
 * is asked for: struct bpf_cgroup_dev_ctx.
 */
#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define LOAD(reg, member) \
	INSN(BPF_LDX | BPF_MEM | BPF_W, reg, BPF_REG_1, \
	     offsetof(struct bpf_cgroup_dev_ctx, member), 0)
#define AND(reg, value) INSN(BPF_ALU | BPF_AND | BPF_K, reg, 0, 0, value)
#define JUMP_IF(op, reg, value, over) INSN(BPF_JMP | (op) | BPF_K, reg, 0, over, value)
#define MOVE(reg, value) INSN(BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, value)
#define EXIT() INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

enum { TYPE = BPF_REG_2, MAJOR = BPF_REG_3, MINOR = BPF_REG_4, ANSWER = BPF_REG_0 };

struct program {
	struct bpf_insn insn[64];
	size_t len;
};

static void emit(struct program *p, struct bpf_insn insn)
{
	p->insn[p->len++] = insn;
}

static void allow(struct program *p, unsigned int major, unsigned int minor)
{
	emit(p, JUMP_IF(BPF_JNE, MAJOR, major, 3));
	emit(p, JUMP_IF(BPF_JNE, MINOR, minor, 2));
	emit(p, MOVE(ANSWER, 1));
	emit(p, EXIT());
}

static void write_guard(struct program *p)
{
	emit(p, LOAD(TYPE, access_type));
	emit(p, LOAD(MAJOR, major));
	emit(p, LOAD(MINOR, minor));
	/* The upper half says what is to be done with the device. */
	emit(p, AND(TYPE, 0xffff));
	emit(p, JUMP_IF(BPF_JEQ, TYPE, BPF_DEVCG_DEV_CHAR, 2));
	emit(p, MOVE(ANSWER, 0));
	emit(p, EXIT());
	for (size_t i = 0; i < NR(nodes); i++)
		allow(p, nodes[i].major, nodes[i].minor);
	allow(p, PTMX_MAJOR, PTMX_MINOR);
	emit(p, MOVE(ANSWER, 0));
	emit(p, JUMP_IF(BPF_JLT, MAJOR, PTS_MAJOR, 2));
	emit(p, JUMP_IF(BPF_JGT, MAJOR, PTS_MAJOR_LAST, 1));
	emit(p, MOVE(ANSWER, 1));
	emit(p, EXIT());
}

static long bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int load_guard(void)
{
	struct program p = { .len = 0 };
	union bpf_attr attr;
	int fd;

	write_guard(&p);
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uintptr_t)p.insn;
	attr.insn_cnt = p.len;
	attr.license = (uintptr_t)"GPL";
	snprintf(attr.prog_name, sizeof(attr.prog_name), "vz_devices");
	fd = bpf(BPF_PROG_LOAD, &attr);
	return fd < 0 ? -errno : fd;
}

int devs_guard(int cgroup)
{
	int auto_fd prog = load_guard();
	union bpf_attr attr;

	if (prog < 0)
		return prog;
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = cgroup;
	attr.attach_bpf_fd = prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	/* Others below may forbid more, but allow nothing that this one forbids. */
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	return bpf(BPF_PROG_ATTACH, &attr) ? -errno : 0;
}

bool devs_guarded(int cgroup)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = cgroup;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	return !bpf(BPF_PROG_QUERY, &attr) && attr.query.prog_cnt;
}
