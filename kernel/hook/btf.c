// SPDX-License-Identifier: GPL-2.0
/*
 * Prototypes of static functions, as the running kernel's own type information
 * has them. What is not static is compared when we are compiled: HOOK_PIN().
 */
#include <linux/btf.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "hook.h"

#define BTF_FILE "/sys/kernel/btf/vmlinux"
#define BTF_FILE_MAX (64UL << 20)
#define SPELLING_MAX 256

/* Only used while the module loads, by one task. */
static struct {
	void *data;
	size_t size;
	const struct btf_type **types;
	unsigned int n_types;
	const char *strings;
	unsigned int strings_len;
} btf;

/* Bytes that follow a type's head; as Documentation/bpf/btf.rst has them. */
static size_t tail_size(const struct btf_type *t)
{
	unsigned int n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
		return sizeof(u32);
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
	case BTF_KIND_VAR:
		return sizeof(struct btf_var);
	case BTF_KIND_DATASEC:
		return n * sizeof(struct btf_var_secinfo);
	case BTF_KIND_DECL_TAG:
		return sizeof(struct btf_decl_tag);
	}
	return 0;
}

static const char *name_of(const struct btf_type *t)
{
	return t->name_off < btf.strings_len ? btf.strings + t->name_off : "";
}

/* Types are numbered from 1; 0 is void. */
static const struct btf_type *type_of(unsigned int id)
{
	return id && id <= btf.n_types ? btf.types[id - 1] : NULL;
}

/* Count the types, and once there is an array note where each stands. */
static unsigned int walk(const void *from, const void *end,
			 const struct btf_type **types)
{
	unsigned int n = 0;

	while (from + sizeof(struct btf_type) <= end) {
		const struct btf_type *t = from;

		if (types)
			types[n] = t;
		n++;
		from += sizeof(*t) + tail_size(t);
	}
	return n;
}

static int index_types(void)
{
	const struct btf_header *h = btf.data;
	const void *from, *end;

	if (btf.size < sizeof(*h) || h->magic != BTF_MAGIC ||
	    h->hdr_len + (u64)h->type_off + h->type_len > btf.size ||
	    h->hdr_len + (u64)h->str_off + h->str_len > btf.size ||
	    !h->str_len)
		return -EINVAL;
	btf.strings = btf.data + h->hdr_len + h->str_off;
	btf.strings_len = h->str_len;
	if (btf.strings[h->str_len - 1])
		return -EINVAL;
	from = btf.data + h->hdr_len + h->type_off;
	end = from + h->type_len;
	btf.n_types = walk(from, end, NULL);
	btf.types = vmalloc_array(btf.n_types, sizeof(*btf.types));
	if (!btf.types)
		return -ENOMEM;
	walk(from, end, btf.types);
	return 0;
}

static int read_file(void)
{
	struct file *file = filp_open(BTF_FILE, O_RDONLY, 0);
	ssize_t got = -ENOMEM;
	loff_t size, pos = 0;

	if (IS_ERR(file))
		return PTR_ERR(file);
	size = i_size_read(file_inode(file));
	if (size <= 0 || size > BTF_FILE_MAX) {
		got = -EFBIG;
		goto out;
	}
	btf.data = vmalloc(size);
	if (!btf.data)
		goto out;
	while (btf.size < size) {
		got = kernel_read(file, btf.data + btf.size, size - btf.size,
				  &pos);
		if (got <= 0)
			break;
		btf.size += got;
	}
out:
	filp_close(file, NULL);
	return got < 0 ? got : 0;
}

/**
 * hook_btf_open() - read the kernel's type information
 *
 * Context: process, may sleep. Pair with hook_btf_close(), also on failure.
 * Return: 0 or an errno; then no static function can be hooked.
 */
int hook_btf_open(void)
{
	int err = read_file();

	return err ?: index_types();
}

/**
 * hook_btf_close() - forget it again: it takes some megabytes
 */
void hook_btf_close(void)
{
	vfree(btf.types);
	vfree(btf.data);
	memset(&btf, 0, sizeof(btf));
}

/**
 * struct spelling - a prototype being written
 * @text: so far; what does not fit is left out, and then matches nothing
 * @len: of it
 */
struct spelling {
	char text[SPELLING_MAX];
	size_t len;
};

static void put(struct spelling *s, const char *text)
{
	s->len += scnprintf(s->text + s->len, sizeof(s->text) - s->len, "%s",
			    text);
}

/* Spell a type as C does, in the order in which C reads it. */
static void spell(struct spelling *s, unsigned int id)
{
	static const char *const keyword[] = {
		[BTF_KIND_STRUCT] = "struct ",
		[BTF_KIND_UNION] = "union ",
		[BTF_KIND_ENUM] = "enum ",
		[BTF_KIND_ENUM64] = "enum ",
	};
	unsigned int stars = 0;
	const struct btf_type *t;
	bool is_const = false;

	for (t = type_of(id); t; t = type_of(t->type)) {
		unsigned int kind = BTF_INFO_KIND(t->info);

		if (kind == BTF_KIND_PTR)
			stars++;
		else if (kind == BTF_KIND_CONST)
			is_const = true;
		else if (kind != BTF_KIND_VOLATILE &&
			 kind != BTF_KIND_RESTRICT && kind != BTF_KIND_TYPE_TAG)
			break;
	}
	if (is_const)
		put(s, "const ");
	if (t) {
		unsigned int kind = BTF_INFO_KIND(t->info);

		if (kind < ARRAY_SIZE(keyword) && keyword[kind])
			put(s, keyword[kind]);
		put(s, name_of(t));
	} else {
		put(s, "void");
	}
	if (stars)
		put(s, " ");
	while (stars--)
		put(s, "*");
}

static bool spelled(const struct btf_type *proto, const char *prototype)
{
	const struct btf_param *param = (const void *)(proto + 1);
	unsigned int i, n = BTF_INFO_VLEN(proto->info);
	struct spelling s = {};

	spell(&s, proto->type);
	put(&s, " (");
	for (i = 0; i < n; i++) {
		if (i)
			put(&s, ", ");
		spell(&s, param[i].type);
	}
	put(&s, ")");
	return !strcmp(s.text, prototype);
}

/**
 * hook_btf_matches() - has every function of this name this prototype?
 * @function: its name
 * @prototype: "int (struct task_struct *, const struct foo *)", names of
 *	parameters left out
 *
 * Return: false also if nothing is known of the function.
 */
bool hook_btf_matches(const char *function, const char *prototype)
{
	bool found = false;
	unsigned int i;

	for (i = 0; i < btf.n_types; i++) {
		const struct btf_type *t = btf.types[i], *proto;

		if (BTF_INFO_KIND(t->info) != BTF_KIND_FUNC ||
		    strcmp(name_of(t), function))
			continue;
		proto = type_of(t->type);
		if (!proto || !spelled(proto, prototype))
			return false;
		found = true;
	}
	return found;
}
