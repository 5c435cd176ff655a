// SPDX-License-Identifier: GPL-2.0
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hash.h>
#include <linux/printk.h>

#include "hook.h"

DEFINE_STATIC_KEY_FALSE(hook_proof_key);
struct task_struct *hook_proof_task;
ftrace_func_t hook_proof_callback;
bool hook_proof_met;

/* Written while the module loads, and by late.c; read by callbacks. */
u64 hook_features_on __read_mostly;

/* Features that need no hook: which are on, and what there is to say of each. */
static u64 hookless_on;
static const char *hookless_why[HOOK_FEATURES];

static struct hook *table;
static unsigned int n_hooks;
static bool go_direct;
static const char *const *feature_names;

/* What hook_proving() asks while a proof runs, which is hardly ever. */
bool hook_is_proof(ftrace_func_t callback)
{
	/* What an interrupt does on top of that task is not its own. */
	if (!in_task() || READ_ONCE(hook_proof_task) != current ||
	    READ_ONCE(hook_proof_callback) != callback)
		return false;
	WRITE_ONCE(hook_proof_met, true);
	return true;
}

static const struct {
	long value;
	void (*skip)(void);
} skips[] = {
	{ -ENOMEM, hook_skip_enomem },
	{ -ENFILE, hook_skip_enfile },
	{ -ENOBUFS, hook_skip_enobufs },
	{ -ENOSPC, hook_skip_enospc },
	{ -ENOLCK, hook_skip_enolck },
	{ -EAGAIN, hook_skip_eagain },
	{ 0, hook_skip_false },
	{ 1, hook_skip_true },
	{ HOOK_PROOF_ERRNO, hook_skip_proof },
};

/**
 * hook_refuse() - make the function that is being entered return at once
 * @fregs: as the callback got them
 * @value: what it returns: one that there is a stub for
 */
void hook_refuse(struct ftrace_regs *fregs, long value)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(skips) - 1; i++)
		if (skips[i].value == value)
			break;
	WARN_ON_ONCE(skips[i].value != value);
	ftrace_regs_set_instruction_pointer(fregs, (unsigned long)skips[i].skip);
}

/*
 * Most hooks share an ftrace_ops, gates one and the others one, so that
 * unloading does not wait once for each. Their callback finds the hook by
 * where it was called from: an open hash, at most half full, filled before
 * ftrace knows of the function.
 */
#define COLD_BITS 7

static struct hook *cold[1 << COLD_BITS] __read_mostly;
static unsigned int n_cold;

static struct hook **cold_slot(unsigned long ip)
{
	unsigned int i = hash_long(ip, COLD_BITS);

	while (cold[i] && cold[i]->ip != ip)
		i = (i + 1) & (ARRAY_SIZE(cold) - 1);
	return &cold[i];
}

static void cold_callback(unsigned long ip, unsigned long parent_ip,
			  struct ftrace_ops *op, struct ftrace_regs *fregs)
{
	struct hook *hook = *cold_slot(ip);

	if (likely(hook))
		hook->callback(ip, parent_ip, op, fregs);
}

/*
 * PERMANENT: kernel.ftrace_enabled=0 must not switch limits off unseen.
 * Not RECURSION: that flag asks for a guard that costs more than the hook.
 */
static struct ftrace_ops cold_gates = {
	.func = cold_callback,
	.flags = FTRACE_OPS_FL_PERMANENT | FTRACE_OPS_FL_IPMODIFY,
};

static struct ftrace_ops cold_others = {
	.func = cold_callback,
	.flags = FTRACE_OPS_FL_PERMANENT,
};

/* How many functions each of the two is to stand in; an empty filter means all! */
static unsigned int n_cold_gates, n_cold_others;

/*
 * With kernel.ftrace_enabled=0 ftrace writes no calls, and lets only those know that are
 * PERMANENT; a direct call becomes that too late. So who was told first tells the others.
 */
static bool tracing_was_off;

/* A BPF trampoline on the function may be about to change: it asks to wait. */
#define PATIENCE 100

static int register_ops(struct ftrace_ops *ops)
{
	unsigned int tries = PATIENCE;
	int err;

	do {
		err = register_ftrace_function(ops);
	} while (err == -EAGAIN && --tries);
	/* An ops that redirects nothing is in nobody's way. */
	if (err == -EBUSY && !(ops->flags & FTRACE_OPS_FL_IPMODIFY))
		tracing_was_off = true;
	return err;
}

/* It may have been used before, in a module that went and came again. */
static int begin_alone(struct hook *hook)
{
	memset(&hook->ops, 0, sizeof(hook->ops));
	return ftrace_set_filter_ip(&hook->ops, hook->ip, 0, 0);
}

/*
 * A livepatch may redirect the function as well: then it is its own that we find on
 * the stack to go on in.
 */
static int share(struct ftrace_ops *ops, enum ftrace_ops_cmd cmd)
{
	return 0;
}

/*
 * Fails where somebody else, as a BPF program, has the function call him, or without
 * memory. Then nothing was done yet that could bring anybody here.
 */
static int attach_direct(struct hook *hook)
{
	int err = begin_alone(hook);

	hook->ops.ops_func = share;
	if (!err)
		err = compat_ftrace_direct(&hook->ops, (unsigned long)hook->direct->entry);
	if (err) {
		ftrace_free_filter(&hook->ops);
		return err;
	}
	/* Not before: registering forgets it. */
	hook->ops.flags |= FTRACE_OPS_FL_PERMANENT;
	hook->way = HOOK_CALLED;
	return 0;
}

static int attach_alone(struct hook *hook)
{
	int err;

	hook->way = HOOK_ALONE;
	if (go_direct && hook->direct && !attach_direct(hook))
		return 0;
	err = begin_alone(hook);
	hook->ops.func = hook->callback;
	hook->ops.flags = FTRACE_OPS_FL_PERMANENT;
	if (hook->role == HOOK_GATE)
		hook->ops.flags |= FTRACE_OPS_FL_IPMODIFY;
	if (!err)
		err = register_ops(&hook->ops);
	if (!err)
		return 0;
	/* It stood among all others for a moment, whoever calls those may have come upon it. */
	synchronize_rcu();
	ftrace_free_filter(&hook->ops);
	return err;
}

/* Takes a place in the filter: attach_cold_ops() does the rest. */
static int attach_cold(struct hook *hook)
{
	bool gate = hook->role == HOOK_GATE;
	int err;

	if (n_cold == ARRAY_SIZE(cold) / 2)
		return -ENOSPC;
	*cold_slot(hook->ip) = hook;
	n_cold++;
	err = ftrace_set_filter_ip(gate ? &cold_gates : &cold_others, hook->ip,
				   0, 0);
	if (!err)
		++*(gate ? &n_cold_gates : &n_cold_others);
	return err;
}

static const char *explain(int err)
{
	switch (err) {
	case -EBUSY:
		return tracing_was_off ? "kernel.ftrace_enabled was 0 when stockvz was loaded" :
					 "a livepatch or another tracer holds it";
	case -EINVAL:
	case -ENOENT:
		return "it is not traceable";
	case -ENOMEM:
		return "out of memory";
	}
	return "ftrace does not attach to it";
}

static int attach_tracepoint(struct hook *hook)
{
	return tracepoint_probe_register(hook->tp, hook->probe, NULL);
}

static bool shares_ops(const struct hook *hook)
{
	return !hook->probe && !hook->direct && hook->way == HOOK_SHARED;
}

static int attach_function(struct hook *hook)
{
	if (tracing_was_off)
		return -EBUSY;
	return shares_ops(hook) ? attach_cold(hook) : attach_alone(hook);
}

static int attach_one(struct hook *hook)
{
	int err = hook->probe ? attach_tracepoint(hook) : attach_function(hook);

	if (err)
		hook->error = explain(err);
	else
		hook->attached = true;
	return err;
}

/* Features that have a hook and lack none. */
static u64 whole_features(void)
{
	u64 all = 0, broken = 0;
	unsigned int i;

	for (i = 0; i < n_hooks; i++) {
		all |= table[i].serves;
		if (table[i].error)
			broken |= table[i].serves;
	}
	return all & ~broken;
}

static bool waits_in(const struct hook *hook, const struct ftrace_ops *ops)
{
	return hook->attached && shares_ops(hook) &&
	       ops == (hook->role == HOOK_GATE ? &cold_gates : &cold_others);
}

/*
 * All functions of an ops at once, and not one by one while it is registered
 * already: only when it is being registered does ftrace make BPF trampolines on
 * those functions heed a redirection.
 */
static void attach_cold_ops(struct ftrace_ops *ops, unsigned int *used)
{
	unsigned int i;

	if (!*used || !register_ops(ops))
		return;
	/* Somebody holds one of them. Each with an ops of its own tells which. */
	*used = 0;
	for (i = 0; i < n_hooks; i++) {
		struct hook *hook = &table[i];

		if (!waits_in(hook, ops))
			continue;
		hook->attached = false;
		hook->way = HOOK_ALONE;
		if (hook->serves & whole_features())
			attach_one(hook);
	}
}

/* A gate is believed when it has refused a real call, and only that. */
static int prove(struct hook *hook)
{
	int err;

	WRITE_ONCE(hook_proof_task, current);
	WRITE_ONCE(hook_proof_callback, hook->callback);
	hook_proof_met = false;
	static_branch_enable(&hook_proof_key);
	err = hook->prove();
	WRITE_ONCE(hook_proof_task, NULL);
	static_branch_disable(&hook_proof_key);
	if (err == -ENODEV)
		hook->error = "there is nothing here to try its gate on";
	else if (err || !hook_proof_met)
		hook->error = "its gate did not refuse the call that tries it";
	return hook->error ? -ENOENT : 0;
}

/*
 * Going fails, on every kernel and by either way, if the ops was not registered, which would
 * be a bug of ours; and with ENODEV once ftrace has found code that it did not write. Then
 * it has switched itself off for good, with a warning, and nobody takes away our calls, which
 * lead to text that is about to be freed. A module that goes cannot but say so.
 */
static void left(int err)
{
	WARN_ON_ONCE(err);
}

static void detach_alone(struct hook *hook)
{
	if (hook->way == HOOK_CALLED)
		left(compat_ftrace_direct_end(&hook->ops, (unsigned long)hook->direct->entry));
	else
		left(unregister_ftrace_function(&hook->ops));
	ftrace_free_filter(&hook->ops);
}

/* Those that can go one by one: tracepoints and what shares no ops. */
static void detach_one(struct hook *hook)
{
	if (!hook->attached || (!hook->probe && hook->way == HOOK_SHARED))
		return;
	if (hook->probe) {
		tracepoint_probe_unregister(hook->tp, hook->probe, NULL);
		tracepoint_synchronize_unregister();
	} else {
		detach_alone(hook);
	}
	hook->attached = false;
}

/* Unregistering waits until no task is inside one of our callbacks. */
static void detach_cold(struct ftrace_ops *ops, unsigned int *used)
{
	if (*used)
		left(unregister_ftrace_function(ops));
	ftrace_free_filter(ops);
	*used = 0;
}

static bool feature_is_used(unsigned int feature)
{
	unsigned int i;

	if (hookless_on & BIT_ULL(feature) || hookless_why[feature])
		return true;
	for (i = 0; i < n_hooks; i++)
		if (table[i].serves & BIT_ULL(feature))
			return true;
	return false;
}

static int attach_sharing(struct hook *hook)
{
	return shares_ops(hook) ? attach_one(hook) : 0;
}

static int attach_rest(struct hook *hook)
{
	return hook->attached ? 0 : attach_one(hook);
}

/* Run a step for every hook that some whole feature still needs. */
static void for_needed(int (*step)(struct hook *hook))
{
	unsigned int i;

	for (i = 0; i < n_hooks; i++)
		if (!table[i].error && (table[i].serves & whole_features()))
			step(&table[i]);
}

/**
 * hook_attach_alone() - stand in a function of a module that has come
 * @hook: resolved; gets an ops of its own
 *
 * Context: process, may sleep; the module stays meanwhile.
 * Return: 0, also if it is optional and not there, or an errno: then @hook->error says why.
 */
int hook_attach_alone(struct hook *hook)
{
	hook->way = HOOK_ALONE;
	return hook->found ? attach_one(hook) : 0;
}

/**
 * hook_detach_alone() - leave such a function
 * @hook: attached or not
 *
 * Context: process, may sleep. When it returns its callback does not run any more.
 */
void hook_detach_alone(struct hook *hook)
{
	detach_one(hook);
}

/**
 * hook_prove() - have a gate refuse a real call, of the current task alone
 * @hook: attached; one that cannot be tried is believed
 *
 * Context: process, may sleep; one at a time.
 * Return: 0, or -ENOENT: then @hook->error says why.
 */
int hook_prove(struct hook *hook)
{
	return hook->prove ? prove(hook) : 0;
}

static void report(void)
{
	const char *why, *symbol;
	unsigned int i;

	for (i = 0; i < HOOK_FEATURES; i++) {
		if (!feature_is_used(i))
			continue;
		if (hook_feature(i, &why, &symbol) != HOOK_OFF)
			pr_info("%s is on%s%s\n", feature_names[i],
				why ? ": " : "", why ?: "");
		else
			pr_err("%s is off: %s%s%s\n", feature_names[i],
			       symbol ?: "", symbol ? ": " : "", why);
	}
}

/*
 * What served only features that are off need not go on being called. Cold
 * ones stay, and find that their feature is off.
 */
static void detach_useless(void)
{
	unsigned int i;

	for (i = 0; i < n_hooks; i++)
		if (!(table[i].serves & hook_features_on))
			detach_one(&table[i]);
}

/**
 * hook_attach() - stand in every function of a table
 * @rows: the table; lives as long as the module
 * @n: its rows
 * @features: a name for each feature, by bit
 * @options: what is wanted
 *
 * Which features work is said in the log and by hook_feature().
 *
 * Context: process, may sleep.
 * Return: 0, or -ENOENT if all are required and a feature is off; then nothing is
 * attached.
 */
int hook_attach(struct hook *rows, unsigned int n, const char *const *features,
		const struct hook_options *options)
{
	unsigned int i;
	int err;

	table = rows;
	n_hooks = n;
	feature_names = features;
	go_direct = options->direct;

	err = hook_btf_open(NULL);
	if (err)
		pr_warn("cannot read the kernel's types (%d)\n", err);
	for (i = 0; i < n_hooks; i++)
		hook_resolve(&table[i], options->hide);
	hook_btf_close();

	/* Those that redirect nothing first: while they stand tracing stays on. */
	for_needed(attach_sharing);
	attach_cold_ops(&cold_others, &n_cold_others);
	attach_cold_ops(&cold_gates, &n_cold_gates);
	for_needed(attach_rest);
	for_needed(hook_prove);
	hook_features_on = whole_features() | hookless_on;
	report();
	detach_useless();

	for (i = 0; options->require_all && i < n_hooks; i++)
		if (table[i].error) {
			pr_err("not loaded: require=all, and %s: %s\n",
			       table[i].symbol[0], table[i].error);
			hook_detach();
			return -ENOENT;
		}
	return 0;
}

/**
 * hook_detach() - leave every function
 *
 * Gates go first: what they let through while releases are already gone would
 * never be given back.
 *
 * Context: process, may sleep. When it returns no callback runs any more.
 */
void hook_detach(void)
{
	unsigned int i;

	hook_features_on = 0;
	for (i = 0; i < n_hooks; i++)
		if (table[i].role == HOOK_GATE)
			detach_one(&table[i]);
	detach_cold(&cold_gates, &n_cold_gates);
	for (i = 0; i < n_hooks; i++)
		detach_one(&table[i]);
	detach_cold(&cold_others, &n_cold_others);
}

/**
 * hook_without() - declare a feature that needs no hook
 * @feature: its bit
 * @on: does it work?
 * @why: if not, the reason; if it works in part only, what is missing; or NULL
 *
 * Context: before hook_attach().
 */
void hook_without(unsigned int feature, bool on, const char *why)
{
	hookless_why[feature] = why;
	if (on)
		hookless_on |= BIT_ULL(feature);
	else
		hookless_on &= ~BIT_ULL(feature);
}

/**
 * hook_feature_name() - what a feature is called
 * @feature: its bit
 *
 * Return: NULL if there is none.
 */
const char *hook_feature_name(unsigned int feature)
{
	return feature_names[feature];
}

/**
 * hook_feature() - does a feature work?
 * @feature: its bit
 * @why: if not, the reason; if it does, NULL, or in what it falls short
 * @symbol: if not, the function that it lacks
 *
 * Context: process, may sleep.
 * Return: how it is.
 */
enum hook_state hook_feature(unsigned int feature, const char **why,
			     const char **symbol)
{
	enum hook_state state;
	unsigned int i;

	*symbol = NULL;
	for (i = 0; i < n_hooks; i++) {
		if (!table[i].error || !(table[i].serves & BIT_ULL(feature)))
			continue;
		*symbol = table[i].symbol[0];
		*why = table[i].error;
		return HOOK_OFF;
	}
	*why = hookless_why[feature];
	if (hook_late_feature(feature, &state, why, symbol))
		return state;
	if (!hook_on(feature) && !*why)
		*why = "this version does not count it";
	if (!hook_on(feature))
		return HOOK_OFF;
	return *why ? HOOK_PARTLY : HOOK_ON;
}
