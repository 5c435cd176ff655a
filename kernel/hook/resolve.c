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

/**
 * hook_text_of() - where the code of a function lies
 * @name: the function's
 * @start: its first byte
 * @len: how many
 *
 * For a hook that wants to know from where its function was called.
 *
 * Context: process, may sleep.
 * Return: is there such a function?
 */
bool hook_text_of(const char *name, unsigned long *start, unsigned long *len)
{
	char text[KSYM_SYMBOL_LEN];
	unsigned long offset;

	*start = entry_of(name);
	if (!*start)
		return false;
	sprint_symbol(text, *start);
	/* "name+0x4/0x123": it may begin with an ENDBR, which the entry is behind. */
	if (sscanf(text + strcspn(text, "+"), "+0x%lx/0x%lx", &offset, len) != 2)
		return false;
	*start -= offset;
	return true;
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
