/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stands in functions of the running kernel.
 *
 * A hook is an entry callback of ftrace, which for what is called often has the function
 * call it directly: see direct.h. It looks at the arguments and lets the function run.
 * Only a gate may send the instruction pointer elsewhere: to a stub that returns, so that
 * the caller sees the function fail with our errno, or to a function of ours that calls
 * the kernel's. A watch may have the function find something else in its arguments
 * (res/bc.c, res/oom.c).
 *
 * Unloading waits for callbacks, which ftrace does, and for whoever is anywhere in
 * our text and does not sleep. Nothing of ours is on the stack of a task that sleeps
 * but for the functions that gates send callers to and that call the gate's own:
 * alloc_charged() of res/othersockbuf.c, flock_charged() and posix_charged() of
 * res/flock.c. Each has a beancounter, by a reference or by a socket that has one,
 * and every beancounter holds this module.
 *
 * A feature is what stands or falls together: it is on if every hook that
 * serves it is attached and every gate among them that can be tried has proven
 * itself. What a feature means is for its owner; here it is a bit.
 *
 * A callback runs wherever its function is called. It must not sleep, and must
 * not reach a function that carries the same hook.
 */
#ifndef STOCKVZ_HOOK_H
#define STOCKVZ_HOOK_H

#include <linux/jump_label.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/stddef.h>
#include <linux/tracepoint.h>

#include "compat/compat.h"

#define HOOK_CANDIDATES 3
#define HOOK_FEATURES 64

/**
 * enum hook_role - what a hook may do
 * @HOOK_GATE: refuse the call, or have a function of ours run around it
 * @HOOK_ACCOUNT: count it
 * @HOOK_RELEASE: give back what a gate took
 * @HOOK_WATCH: count nothing: notice the call, or change what it is about
 */
enum hook_role { HOOK_GATE, HOOK_ACCOUNT, HOOK_RELEASE, HOOK_WATCH };

/**
 * enum hook_way - how a function gets to a callback
 * @HOOK_SHARED: by an ftrace_ops that most hooks share
 * @HOOK_ALONE: by one of its own, which is 16 instructions less for a call and 0.12 s more to
 *	unload
 * @HOOK_CALLED: by one of its own, that is only to have the function call &struct hook_direct
 */
enum hook_way { HOOK_SHARED, HOOK_ALONE, HOOK_CALLED };

/**
 * struct hook_direct - how a function gets to a callback without ftrace: see direct.h
 * @entry: where it calls
 * @args: so many arguments @entry keeps for it
 */
struct hook_direct {
	void (*entry)(void);
	unsigned int args;
};

/**
 * struct hook - a row of the table: one function to stand in, or one tracepoint
 * @symbol: its names, best first: the first that this kernel has is taken
 * @prototype: as kernel BTF spells it, for a static function. NULL where the
 *	prototype was compared at compile time: see HOOK_PIN()
 * @role: what the callback may do
 * @callback: made by DEFINE_GATE() and the like; NULL for a tracepoint
 * @probe: a tracepoint's probe, which never refuses. Its prototype was compared
 *	at compile time, by HOOK_PIN_PROBE()
 * @serves: the features, as bits, that need it
 * @optional: a module that has no such function does not need the hook
 * @direct: a way around ftrace: see direct.h
 * @way: as the table wants it. Set at load for those that have @direct, or had to have an
 *	ops of their own
 * @prove: a gate's: do something that meets the gate and return 0 if it failed
 *	as the gate makes it fail, -ENODEV if this machine has nothing that would
 *	meet it, else another errno. The gate refuses this task only, and only
 *	while @prove runs. NULL where no exported function leads to the gate, or
 *	none that would do no harm if it did not stand
 * @found: the name that was taken. Written at load, constant afterwards, as
 *	all that follows; in struct hook_late when the module comes or goes
 * @module: whose function it is; NULL if the kernel's
 * @ip: where its ftrace call stands
 * @tp: the tracepoint
 * @ops: its own, if @way is not shared
 * @attached: it is called
 * @error: why it is not, as text; NULL if nothing is wrong
 */
struct hook {
	const char *symbol[HOOK_CANDIDATES];
	const char *prototype;
	enum hook_role role;
	ftrace_func_t callback;
	void *probe;
	u64 serves;
	bool optional;
	const struct hook_direct *direct;
	enum hook_way way;
	int (*prove)(void);

	const char *found;
	const char *module;
	unsigned long ip;
	struct tracepoint *tp;
	struct ftrace_ops ops;
	bool attached;
	const char *error;
};

/**
 * struct hook_late - hooks in a module that may come after us, and go again
 * @module: its name
 * @exported: what it exports for the GPL, which can be had only while it lives
 * @hooks: all or none; each gets an ops of its own. Not in the table
 * @n: how many
 * @feature: what all of them serve, and nothing else does
 * @whole: the feature that it is a part of, which needs no other hook
 * @here: the module has come. late.c's lock, for all that follows
 * @failed: the hook that does not stand, if so
 * @absent: what to say while it has not come
 */
struct hook_late {
	const char *module;
	const char *exported;
	struct hook *hooks;
	unsigned int n;
	unsigned int feature;
	unsigned int whole;

	bool here;
	const struct hook *failed;
	char absent[64];
};

/**
 * enum hook_state - how it is about a feature
 * @HOOK_OFF: it does not work
 * @HOOK_ON: it does
 * @HOOK_PARTLY: in part
 * @HOOK_WAITS: there is nothing for it to do until a module comes
 */
enum hook_state { HOOK_OFF, HOOK_ON, HOOK_PARTLY, HOOK_WAITS };

/* No function we stand in fails with this by itself. */
#define HOOK_PROOF_ERRNO (-EL2HLT)

/* One proof at a time: of who loads us, and after that with late.c's lock held. */
DECLARE_STATIC_KEY_FALSE(hook_proof_key);
extern struct task_struct *hook_proof_task;
extern ftrace_func_t hook_proof_callback;
extern bool hook_proof_met;
extern u64 hook_features_on;

/* The function's n-th argument, from 0. */
#define hook_arg(fregs, n, type) \
	((type)ftrace_regs_get_argument(fregs, n))

/*
 * Is this feature on? Constant once the module is loaded, unless it is that of a
 * module that comes and goes.
 *
 * A hook that has a direct way, and serves but one feature or such as go off together, need
 * not ask: it has an ops of its own, and if the feature is off it is gone before there is
 * anybody to charge.
 */
static __always_inline bool hook_on(unsigned int feature)
{
	return READ_ONCE(hook_features_on) & BIT_ULL(feature);
}

bool hook_is_proof(ftrace_func_t callback);

/* While any proof runs; for a callback that leaves all but the ordinary to another. */
static __always_inline bool hook_proving_any(void)
{
	return static_branch_unlikely(&hook_proof_key);
}

static __always_inline bool hook_proving(ftrace_func_t callback)
{
	return hook_proving_any() && hook_is_proof(callback);
}

void hook_refuse(struct ftrace_regs *fregs, long value);

/*
 * A gate: NAME(fregs) returns 0 to let the call through, or the errno that the
 * function shall fail with: one that hook_refuse() knows.
 */
#define DEFINE_GATE(name)						\
	void name##_hook(unsigned long ip, unsigned long parent_ip,	\
			 struct ftrace_ops *op, struct ftrace_regs *fregs) \
	{								\
		long err = hook_proving(name##_hook) ?			\
			   HOOK_PROOF_ERRNO : name(fregs);		\
									\
		if (unlikely(err))					\
			hook_refuse(fregs, err);			\
	}

/*
 * A gate of a function that has no errno to fail with, but says false or NULL
 * (0), or true (1): NAME(fregs) returns whether to refuse, and then the function
 * returns VALUE.
 */
#define DEFINE_VALUE_GATE(name, value)					\
	void name##_hook(unsigned long ip, unsigned long parent_ip,	\
			 struct ftrace_ops *op, struct ftrace_regs *fregs) \
	{								\
		bool no = hook_proving(name##_hook) ? true : name(fregs); \
									\
		if (unlikely(no))					\
			hook_refuse(fregs, value);			\
	}

/*
 * The same where CONCERNS(fregs) tells for less whether there is anything to do: mostly
 * there is not, and then no frame is made.
 */
#define DEFINE_GATE_IF(name, concerns)					\
	static noinline void name##_met(struct ftrace_regs *fregs)	\
	{								\
		long err = hook_proving(name##_hook) ?			\
			   HOOK_PROOF_ERRNO : name(fregs);		\
									\
		if (unlikely(err))					\
			hook_refuse(fregs, err);			\
	}								\
	__DEFINE_HOOK_IF(name##_hook, name##_met, concerns)

#define DEFINE_VALUE_GATE_IF(name, value, concerns)			\
	static noinline void name##_met(struct ftrace_regs *fregs)	\
	{								\
		bool no = hook_proving(name##_hook) ? true : name(fregs); \
									\
		if (unlikely(no))					\
			hook_refuse(fregs, value);			\
	}								\
	__DEFINE_HOOK_IF(name##_hook, name##_met, concerns)

#define DEFINE_HOOK_IF(name, concerns)					\
	static noinline void name##_met(struct ftrace_regs *fregs)	\
	{								\
		name(fregs);						\
	}								\
	__DEFINE_HOOK_IF(name##_hook, name##_met, concerns)

#define __DEFINE_HOOK_IF(hook, met, concerns)				\
	void hook(unsigned long ip, unsigned long parent_ip,		\
		  struct ftrace_ops *op, struct ftrace_regs *fregs)	\
	{								\
		if (unlikely((concerns)(fregs)) || hook_proving_any())	\
			met(fregs);					\
	}

/* Any other hook: NAME(fregs) returns nothing. */
#define DEFINE_HOOK(name)						\
	void name##_hook(unsigned long ip, unsigned long parent_ip,	\
			 struct ftrace_ops *op, struct ftrace_regs *fregs) \
	{								\
		name(fregs);						\
	}

#define DECLARE_HOOK(name)						\
	void name##_hook(unsigned long ip, unsigned long parent_ip,	\
			 struct ftrace_ops *op, struct ftrace_regs *fregs)

/* The arguments are read out of registers: the prototype must be this one. */
#define HOOK_PIN(function, ...) \
	static_assert(__same_type(function, __VA_ARGS__))

/*
 * A tracepoint hands its probe arguments of the types that its header declares:
 * EVENT is its name there. Stands among the probes, at file level.
 */
#define HOOK_PIN_PROBE(event, fn)					\
	static __maybe_unused void pin_##event(void)			\
	{								\
		check_trace_callback_type_##event(fn);			\
	}

/**
 * struct hook_options - what whoever loads us wants
 * @hide: names to pretend the kernel lacks, comma-separated; for tests
 * @require_all: rather nothing than a feature that is off
 * @direct: hooks that have a direct way go it; no BPF program gets into those functions then
 */
struct hook_options {
	const char *hide;
	bool require_all;
	bool direct;
};

int hook_attach(struct hook *table, unsigned int n, const char *const *features,
		const struct hook_options *options);
void hook_detach(void);
void hook_without(unsigned int feature, bool on, const char *why);
const char *hook_feature_name(unsigned int feature);
enum hook_state hook_feature(unsigned int feature, const char **why,
			     const char **symbol);

int hook_late_attach(struct hook_late *modules, unsigned int n,
		     const struct hook_options *options);
void hook_late_detach(void);

void *hook_function(const char *name);

/**
 * struct hook_text - the code of a function, for a hook that asks who called
 * @name: the function's
 * @start: its first byte. As @len constant after hook_texts_find()
 * @len: how many; 0 if there is no such function
 */
struct hook_text {
	const char *name;
	unsigned long start;
	unsigned long len;
};

void hook_texts_find(struct hook_text *texts, unsigned int n);
unsigned long hook_caller(struct ftrace_regs *fregs);

/* The one of them that a callback's parent_ip is in, or NULL. */
static __always_inline const struct hook_text *
hook_text_at(const struct hook_text *texts, unsigned int n, unsigned long ip)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (ip - texts[i].start < texts[i].len)
			return &texts[i];
	return NULL;
}

/* The parts of the engine, for one another. */
void hook_skip_enomem(void);
void hook_skip_enfile(void);
void hook_skip_enobufs(void);
void hook_skip_enospc(void);
void hook_skip_enolck(void);
void hook_skip_eagain(void);
void hook_skip_false(void);
void hook_skip_true(void);
void hook_skip_proof(void);
int hook_resolve(struct hook *hook, const char *hide);
int hook_btf_open(const char *module);
void hook_btf_close(void);
bool hook_btf_matches(const char *function, const char *prototype);
bool hook_btf_takes(const char *function, unsigned int args);
int hook_attach_alone(struct hook *hook);
void hook_detach_alone(struct hook *hook);
int hook_prove(struct hook *hook);
bool hook_late_feature(unsigned int feature, enum hook_state *state,
		       const char **why, const char **symbol);

#endif
