// SPDX-License-Identifier: GPL-2.0
/*
 * Prototypes of static functions, as the running kernel's own type information
 * has them. What is not static is compared when we are compiled: HOOK_PIN().
 */
#include <linux/btf.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/task.h>
#include <linux/vmalloc.h>

#include "hook.h"

#define BTF_FILE "/sys/kernel/btf/%s"
#define BTF_FILE_MAX (64UL << 20)
#define SPELLING_MAX 256

/**
 * struct btf_part - the types of the kernel, or of one module
 * @data: the file
 * @size: of it
 * @types: where each of them is
 * @n_types: how many
 * @strings: their names
 * @strings_len: of all of them
 */
struct btf_part {
	void *data;
	size_t size;
	const struct btf_type **types;
	unsigned int n_types;
	const char *strings;
	unsigned int strings_len;
};

/*
 * A module's types and names are numbered on from where the kernel's end. Used
 * by one task at a time: who loads us, then under the lock of late.c.
 */
static struct btf_part kernel, extra;

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
	unsigned int at = t->name_off;

	if (at < kernel.strings_len)
		return kernel.strings + at;
	at -= kernel.strings_len;
	return at < extra.strings_len ? extra.strings + at : "";
}

/* Types are numbered from 1; 0 is void. */
static const struct btf_type *type_of(unsigned int id)
{
	if (!id--)
		return NULL;
	if (id < kernel.n_types)
		return kernel.types[id];
	id -= kernel.n_types;
	return id < extra.n_types ? extra.types[id] : NULL;
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

static int index_types(struct btf_part *part)
{
	const struct btf_header *h = part->data;
	const void *from, *end;

	if (part->size < sizeof(*h) || h->magic != BTF_MAGIC ||
	    h->hdr_len + (u64)h->type_off + h->type_len > part->size ||
	    h->hdr_len + (u64)h->str_off + h->str_len > part->size ||
	    !h->str_len)
		return -EINVAL;
	part->strings = part->data + h->hdr_len + h->str_off;
	if (part->strings[h->str_len - 1])
		return -EINVAL;
	part->strings_len = h->str_len;
	from = part->data + h->hdr_len + h->type_off;
	end = from + h->type_len;
	part->n_types = walk(from, end, NULL);
	part->types = vmalloc_array(part->n_types, sizeof(*part->types));
	if (!part->types) {
		part->n_types = 0;
		return -ENOMEM;
	}
	walk(from, end, part->types);
	return 0;
}

static int read_file(struct btf_part *part, struct file *file)
{
	loff_t size = i_size_read(file_inode(file)), pos = 0;
	ssize_t got = 0;

	if (size <= 0 || size > BTF_FILE_MAX)
		return -EFBIG;
	part->data = vmalloc(size);
	if (!part->data)
		return -ENOMEM;
	while (part->size < size) {
		got = kernel_read(file, part->data + part->size,
				  size - part->size, &pos);
		if (got <= 0)
			break;
		part->size += got;
	}
	return got < 0 ? got : 0;
}

/* As the kernel sees it: the task that loads a module may see other files. */
static struct file *open_file(const char *path)
{
	struct file *file;
	struct path root;

	task_lock(&init_task);
	get_fs_root(init_task.fs, &root);
	task_unlock(&init_task);
	file = file_open_root(&root, path, O_RDONLY, 0);
	path_put(&root);
	return file;
}

static int read_part(struct btf_part *part, const char *name)
{
	char path[sizeof(BTF_FILE) + MODULE_NAME_LEN];
	struct file *file;
	int err;

	snprintf(path, sizeof(path), BTF_FILE, name);
	file = open_file(path);
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = read_file(part, file);
	filp_close(file, NULL);
	return err ?: index_types(part);
}

/**
 * hook_btf_open() - read type information
 * @module: of this one, on top of the kernel's; NULL for the kernel's alone
 *
 * Context: process, may sleep. Pair with hook_btf_close(), also on failure.
 * Return: 0 or an errno; then no static function can be hooked.
 */
int hook_btf_open(const char *module)
{
	int err = read_part(&kernel, "vmlinux");

	return err || !module ? err : read_part(&extra, module);
}

static void forget(struct btf_part *part)
{
	vfree(part->types);
	vfree(part->data);
	memset(part, 0, sizeof(*part));
}

/**
 * hook_btf_close() - forget it again: it takes some megabytes
 */
void hook_btf_close(void)
{
	forget(&kernel);
	forget(&extra);
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

/* The next function of this name, behind the first *i types. */
static const struct btf_type *next_function(const char *function, unsigned int *i)
{
	const struct btf_part *part = extra.data ? &extra : &kernel;

	while (*i < part->n_types) {
		const struct btf_type *t = part->types[(*i)++];

		if (BTF_INFO_KIND(t->info) == BTF_KIND_FUNC &&
		    !strcmp(name_of(t), function))
			return t;
	}
	return NULL;
}

/**
 * hook_btf_matches() - has every function of this name this prototype?
 * @function: its name: of the module, if one was asked for
 * @prototype: "int (struct task_struct *, const struct foo *)", names of
 *	parameters left out
 *
 * Return: false also if nothing is known of the function.
 */
bool hook_btf_matches(const char *function, const char *prototype)
{
	const struct btf_type *t, *proto;
	bool found = false;
	unsigned int i = 0;

	while ((t = next_function(function, &i))) {
		proto = type_of(t->type);
		if (!proto || !spelled(proto, prototype))
			return false;
		found = true;
	}
	return found;
}

/* Is an argument of this type in one register? A struct may be in two, or on the stack. */
static bool in_register(unsigned int id)
{
	const struct btf_type *t;

	for (t = type_of(id); t; t = type_of(t->type)) {
		switch (BTF_INFO_KIND(t->info)) {
		case BTF_KIND_PTR:
			return true;
		case BTF_KIND_INT:
		case BTF_KIND_ENUM:
		case BTF_KIND_ENUM64:
			return t->size <= sizeof(long);
		case BTF_KIND_TYPEDEF:
		case BTF_KIND_CONST:
		case BTF_KIND_VOLATILE:
		case BTF_KIND_RESTRICT:
		case BTF_KIND_TYPE_TAG:
			continue;
		default:
			return false;
		}
	}
	return false;
}

static bool takes(const struct btf_type *proto, unsigned int args)
{
	const struct btf_param *param = (const void *)(proto + 1);
	unsigned int i, n = BTF_INFO_VLEN(proto->info);

	for (i = 0; i < n; i++)
		if (!in_register(param[i].type))
			return false;
	return min(n, 6u) <= args;
}

/**
 * hook_btf_takes() - has a function as many arguments in registers, at most?
 * @function: its name
 * @args: so many; from the seventh on they are on the stack
 *
 * Return: false also if nothing is known of the function, or if it has an argument of
 * which it takes more to know where it is.
 */
bool hook_btf_takes(const char *function, unsigned int args)
{
	const struct btf_type *t, *proto;
	bool found = false;
	unsigned int i = 0;

	while ((t = next_function(function, &i))) {
		proto = type_of(t->type);
		if (!proto || !takes(proto, args))
			return false;
		found = true;
	}
	return found;
}
