// SPDX-License-Identifier: GPL-2.0
/*
 * From a name to an address. The kernel keeps its symbol table to itself; a
 * kprobe that is never armed is the exported way to ask it.
 */
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/string.h>

#include <asm/ibt.h>

#include "hook.h"

/* Is the name among those of a comma-separated list? */
static bool listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (; list && *list; list += strcspn(list, ","), list += *list == ',')
		if (strcspn(list, ",") == len && !strncmp(list, name, len))
			return true;
	return false;
}

/* The address at which ftrace calls for a function, "module:" before it, or 0. */
static unsigned long entry_of(const char *name)
{
	struct kprobe probe = {
		.symbol_name = name,
		.flags = KPROBE_FLAG_DISABLED,
	};
	unsigned long ip;

	if (register_kprobe(&probe))
		return 0;
	ip = (unsigned long)probe.addr;
	unregister_kprobe(&probe);
	return ip;
}

/**
 * hook_function() - a function to call, for a gate's proof
 * @name: of one whose address the kernel itself keeps somewhere to call it by.
 *	ftrace's place is behind the mark that such a function begins with
 *
 * Context: process, may sleep.
 * Return: NULL if there is none.
 */
void *hook_function(const char *name)
{
	unsigned long ip = entry_of(name);

	if (ip && IS_ENABLED(CONFIG_X86_KERNEL_IBT))
		ip -= ENDBR_INSN_SIZE;
	return (void *)ip;
}

static void find_text(struct hook_text *text)
{
	unsigned long entry = entry_of(text->name), offset, len;
	char place[KSYM_SYMBOL_LEN];

	text->len = 0;
	if (!entry)
		return;
	sprint_symbol(place, entry);
	/* "name+0x4/0x123": it may begin with an ENDBR, which the entry is behind. */
	if (sscanf(place + strcspn(place, "+"), "+0x%lx/0x%lx", &offset, &len) != 2)
		return;
	text->start = entry - offset;
	text->len = len;
}

/**
 * hook_texts_find() - where the code of functions lies
 * @texts: the functions; those that the kernel does not have get no text
 * @n: how many
 *
 * Context: process, may sleep.
 */
void hook_texts_find(struct hook_text *texts, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		find_text(&texts[i]);
}

struct search {
	const char *name;
	struct tracepoint *found;
};

static void compare(struct tracepoint *tp, void *arg)
{
	struct search *s = arg;

	if (!strcmp(tp->name, s->name))
		s->found = tp;
}

/* Those of modules are not looked at. */
static struct tracepoint *tracepoint_of(const char *name)
{
	struct search s = { .name = name };

	for_each_kernel_tracepoint(compare, &s);
	return s.found;
}

static unsigned long entry_in(const char *module, const char *name)
{
	char both[MODULE_NAME_LEN + 64];

	snprintf(both, sizeof(both), "%s:%s", module, name);
	return entry_of(both);
}

/* Where a hook would stand: is there such a place? */
static bool find_place(struct hook *hook, const char *name)
{
	if (hook->probe)
		hook->tp = tracepoint_of(name);
	else if (hook->module)
		hook->ip = entry_in(hook->module, name);
	else
		hook->ip = entry_of(name);
	return hook->tp || hook->ip;
}

/**
 * hook_resolve() - find the place of a hook in the running kernel
 * @hook: found and ip or tp are filled in, or error
 * @hide: names to pretend the kernel does not have, comma-separated
 *
 * Context: process, may sleep.
 * Return: 0, also without a place if it is optional; -ENOENT if no candidate is
 * there, -EPROTOTYPE if the one there takes other arguments than we would read.
 */
int hook_resolve(struct hook *hook, const char *hide)
{
	unsigned int i;

	for (i = 0; i < HOOK_CANDIDATES && hook->symbol[i]; i++) {
		const char *name = hook->symbol[i];

		if (listed(hide, name)) {
			hook->error = "hidden by the hide parameter";
			continue;
		}
		if (!find_place(hook, name))
			continue;
		if (hook->prototype && !hook_btf_matches(name, hook->prototype)) {
			hook->error = "its prototype is not known to be ours";
			return -EPROTOTYPE;
		}
		if (hook->direct && !hook_btf_takes(name, hook->direct->args)) {
			hook->direct = NULL;
			hook->way = HOOK_ALONE;
		}
		hook->found = name;
		hook->error = NULL;
		return 0;
	}
	if (hook->optional && !hook->error)
		return 0;
	if (!hook->error)
		hook->error = hook->probe ? "this kernel has no such tracepoint" :
			      hook->module ? "the module has no such function" :
					     "this kernel has no such function";
	return -ENOENT;
}
