// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/btf.h>

#include "bpf.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static long bpf(int cmd, union bpf_attr *attr)
{
	long result = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return result < 0 ? -errno : result;
}

static char *read_whole(const char *path, size_t *size)
{
	struct stat st;
	size_t got = 0;
	char *data;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return NULL;
	data = malloc(st.st_size);
	while (data && got < (size_t)st.st_size &&
	       (n = read(fd, data + got, st.st_size - got)) > 0)
		got += n;
	close(fd);
	*size = got;
	return data;
}

/* Bytes that follow a type's head. */
static size_t tail_size(const struct btf_type *t)
{
	unsigned int n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(__u32);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return n * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return n * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return n * sizeof(struct btf_var_secinfo);
	}
	return 0;
}

/* The number of a function in the kernel's type information, or 0. */
static int btf_function(const char *name)
{
	const char *strings, *at, *end;
	const struct btf_header *h;
	int id = 1, found = 0;
	size_t size;
	char *data;

	data = read_whole("/sys/kernel/btf/vmlinux", &size);
	if (!data)
		return 0;
	h = (void *)data;
	strings = data + h->hdr_len + h->str_off;
	at = data + h->hdr_len + h->type_off;
	for (end = at + h->type_len; !found && at < end; id++) {
		const struct btf_type *t = (void *)at;

		if (BTF_INFO_KIND(t->info) == BTF_KIND_FUNC &&
		    !strcmp(strings + t->name_off, name))
			found = id;
		at += sizeof(*t) + tail_size(t);
	}
	free(data);
	return found;
}

static int make_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = sizeof(__u32),
		.value_size = sizeof(struct bpf_seen),
		.max_entries = 1,
	};

	return bpf(BPF_MAP_CREATE, &attr);
}

#define INSN(code_, dst, src, off_, imm_) ((struct bpf_insn) {		\
	.code = (code_),						\
	.dst_reg = BPF_REG_##dst,					\
	.src_reg = (src),						\
	.off = (off_),							\
	.imm = (imm_),							\
})

#define MOV(dst, src) INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, BPF_REG_##src, 0, 0)
#define SET(dst, value) INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value)
#define SEEN(field) ((int)offsetof(struct bpf_seen, field))
#define CALL(fn) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_##fn)

static int load(const struct bpf_spy *spy, enum bpf_attach_type type,
		int btf_id, int args, int verdict)
{
	const struct bpf_insn insns[] = {
		MOV(6, 1),
		/* r7: the entry of the map */
		INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0),
		MOV(2, 10),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, spy->map),
		INSN(0, 0, 0, 0, 0),
		CALL(map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 11, 0),
		MOV(7, 0),
		/* Is it the one? */
		CALL(get_current_pid_tgid),
		INSN(BPF_ALU64 | BPF_RSH | BPF_K, 0, 0, 0, 32),
		INSN(BPF_LDX | BPF_MEM | BPF_DW, 1, BPF_REG_7, SEEN(pid), 0),
		INSN(BPF_JMP | BPF_JNE | BPF_X, 0, BPF_REG_1, 6, 0),
		SET(1, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 7, BPF_REG_1, SEEN(calls), BPF_ADD),
		/* The result stands behind the arguments. */
		type == BPF_TRACE_FEXIT ?
			INSN(BPF_LDX | BPF_MEM | BPF_DW, 1, BPF_REG_6, 8 * args, 0) :
			SET(1, 0),
		INSN(BPF_STX | BPF_MEM | BPF_DW, 7, BPF_REG_1, SEEN(result), 0),
		SET(0, verdict),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		SET(0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACING,
		.expected_attach_type = type,
		.attach_btf_id = btf_id,
		.insns = (unsigned long)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (unsigned long)"GPL",
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

static int attach(const struct bpf_spy *spy)
{
	union bpf_attr attr = { .raw_tracepoint.prog_fd = spy->prog };

	return bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
}

int bpf_spy(struct bpf_spy *spy, enum bpf_attach_type type,
	    const char *function, int args, int verdict)
{
	int id = btf_function(function);

	spy->prog = -1;
	spy->link = -1;
	spy->map = id ? make_map() : -ENOENT;
	if (spy->map < 0)
		return spy->map;
	spy->prog = load(spy, type, id, args, verdict);
	spy->link = spy->prog < 0 ? spy->prog : attach(spy);
	if (spy->link >= 0)
		return 0;
	id = spy->link;
	bpf_spy_end(spy);
	return id;
}

void bpf_spy_end(struct bpf_spy *spy)
{
	if (spy->link >= 0)
		close(spy->link);
	if (spy->prog >= 0)
		close(spy->prog);
	if (spy->map >= 0)
		close(spy->map);
	*spy = (struct bpf_spy){ -1, -1, -1 };
}

void bpf_spy_watch(struct bpf_spy *spy, int pid)
{
	struct bpf_seen none = { .pid = pid };
	__u32 key = 0;
	union bpf_attr attr = {
		.map_fd = spy->map,
		.key = (unsigned long)&key,
		.value = (unsigned long)&none,
	};

	if (spy->map >= 0)
		bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

struct bpf_seen bpf_spy_seen(const struct bpf_spy *spy)
{
	struct bpf_seen seen = { 0 };
	__u32 key = 0;
	union bpf_attr attr = {
		.map_fd = spy->map,
		.key = (unsigned long)&key,
		.value = (unsigned long)&seen,
	};

	if (spy->map >= 0)
		bpf(BPF_MAP_LOOKUP_ELEM, &attr);
	return seen;
}
