// SPDX-License-Identifier: GPL-2.0
/*
 * Hooks in modules, which may load later than we do, and go while we stay.
 *
 * They are attached when the module has come to life: then its functions can be
 * called, so that every gate can prove itself before it is believed. What its
 * functions did before, in the moment since their first caller could know of
 * them, is as what they did before we were loaded. A module that goes is left
 * when its own exit function is done: nothing of it can be called any more.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/sched/task.h>

#include "hook.h"

/* Held while hooks come and go, and to look at how they are. */
static DEFINE_MUTEX(lock);

/* Constant between hook_late_attach() and hook_late_detach(). */
static struct hook_late *late;
static unsigned int n_late;
static const char *hidden;

static void switch_feature(unsigned int feature, bool on)
{
	u64 bit = BIT_ULL(feature);

	lockdep_assert_held(&lock);
	WRITE_ONCE(hook_features_on,
		   on ? hook_features_on | bit : hook_features_on & ~bit);
}

/* Gates first, as hook_detach() does. */
static void leave(struct hook_late *l)
{
	unsigned int i;

	switch_feature(l->feature, false);
	for (i = 0; i < l->n; i++)
		if (l->hooks[i].role == HOOK_GATE)
			hook_detach_alone(&l->hooks[i]);
	for (i = 0; i < l->n; i++)
		hook_detach_alone(&l->hooks[i]);
}

static int resolve(struct hook *hook)
{
	return hook_resolve(hook, hidden);
}

/* A step for every hook; the first that fails is remembered. */
static bool for_all(struct hook_late *l, int (*step)(struct hook *hook))
{
	unsigned int i;

	for (i = 0; i < l->n && !l->failed; i++)
		if (step(&l->hooks[i]))
			l->failed = &l->hooks[i];
	return !l->failed;
}

static void forget(struct hook_late *l)
{
	unsigned int i;

	l->failed = NULL;
	for (i = 0; i < l->n; i++) {
		l->hooks[i].module = l->module;
		l->hooks[i].found = NULL;
		l->hooks[i].error = NULL;
	}
}

/*
 * With the kernel's own rights: whoever made it load the module need not be
 * allowed what a proof tries.
 */
static bool prove(struct hook_late *l)
{
	struct cred *all = prepare_kernel_cred(&init_task);
	const struct cred *before;
	bool ok;

	if (!all)
		return for_all(l, hook_prove);
	before = override_creds(all);
	ok = for_all(l, hook_prove);
	revert_creds(before);
	put_cred(all);
	return ok;
}

static bool stand(struct hook_late *l)
{
	bool ok;

	forget(l);
	if (hook_btf_open(l->module))
		pr_warn("cannot read the types of %s\n", l->module);
	ok = for_all(l, resolve);
	hook_btf_close();
	return ok && for_all(l, hook_attach_alone) && prove(l);
}

/* While the symbol is ours the module lives, and stays. */
static void come(struct hook_late *l)
{
	lockdep_assert_held(&lock);
	if (l->here || !__symbol_get(l->exported))
		return;
	l->here = true;
	if (stand(l)) {
		switch_feature(l->feature, true);
		pr_info("%s is on\n", hook_feature_name(l->feature));
	} else {
		leave(l);
		pr_err("%s is off: %s: %s\n", hook_feature_name(l->feature),
		       l->failed->symbol[0], l->failed->error);
	}
	__symbol_put(l->exported);
}

static void go(struct hook_late *l)
{
	lockdep_assert_held(&lock);
	if (!l->here)
		return;
	leave(l);
	forget(l);
	l->here = false;
}

static int on_module(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct module *module = data;
	unsigned int i;

	mutex_lock(&lock);
	for (i = 0; i < n_late; i++) {
		if (strcmp(late[i].module, module->name))
			continue;
		if (event == MODULE_STATE_LIVE)
			come(&late[i]);
		else if (event == MODULE_STATE_GOING)
			go(&late[i]);
	}
	mutex_unlock(&lock);
	return NOTIFY_OK;
}

static struct notifier_block notifier = { .notifier_call = on_module };

/* Those that are there already. */
static int look_around(bool require_all)
{
	unsigned int i;
	int err = 0;

	mutex_lock(&lock);
	for (i = 0; i < n_late; i++) {
		struct hook_late *l = &late[i];

		snprintf(l->absent, sizeof(l->absent),
			 "the module %s is not loaded", l->module);
		come(l);
		if (!l->here)
			pr_info("%s waits: %s\n", hook_feature_name(l->feature),
				l->absent);
		if (!l->failed || !require_all)
			continue;
		pr_err("not loaded: require=all, and %s: %s\n",
		       l->failed->symbol[0], l->failed->error);
		err = -ENOENT;
	}
	mutex_unlock(&lock);
	return err;
}

/**
 * hook_late_attach() - stand in modules, those that are there and those to come
 * @modules: the hooks of each; lives as long as our module
 * @n: how many
 * @options: see hook_attach(); of features, those of modules that are here. What is
 *	hidden stays
 *
 * Context: process, may sleep; after hook_attach().
 * Return: 0 or an errno; then nothing is attached.
 */
int hook_late_attach(struct hook_late *modules, unsigned int n,
		     const struct hook_options *options)
{
	int err;

	late = modules;
	n_late = n;
	hidden = options->hide;
	err = register_module_notifier(&notifier);
	if (err)
		return err;
	err = look_around(options->require_all);
	if (err)
		hook_late_detach();
	return err;
}

/**
 * hook_late_detach() - leave all modules
 *
 * Context: process, may sleep; before hook_detach().
 */
void hook_late_detach(void)
{
	unsigned int i;

	/* Until this is done we have to be told of modules that go. */
	mutex_lock(&lock);
	for (i = 0; i < n_late; i++)
		go(&late[i]);
	n_late = 0;
	mutex_unlock(&lock);
	unregister_module_notifier(&notifier);
}

static enum hook_state state_of(const struct hook_late *l, const char **why,
				const char **symbol)
{
	if (!l->here) {
		*why = l->absent;
		return HOOK_WAITS;
	}
	if (!l->failed)
		return HOOK_ON;
	*why = l->failed->error;
	*symbol = l->failed->symbol[0];
	return HOOK_OFF;
}

/* Of what has parts: nothing is amiss while none of them is off. */
static bool whole_feature(unsigned int feature, enum hook_state *state,
			  const char **why, const char **symbol)
{
	unsigned int i, parts = 0, off = 0;

	for (i = 0; i < n_late; i++) {
		const struct hook_late *l = &late[i];

		if (l->whole != feature)
			continue;
		parts++;
		if (!l->failed)
			continue;
		off++;
		*why = l->failed->error;
		*symbol = l->failed->symbol[0];
	}
	*state = !off ? HOOK_ON : off < parts ? HOOK_PARTLY : HOOK_OFF;
	return parts;
}

/**
 * hook_late_feature() - does a feature work whose hooks are in modules?
 * @feature: its bit
 * @state: how it is
 * @why: as hook_feature()
 * @symbol: as that
 *
 * Context: process, may sleep.
 * Return: false if it is no such feature; then nothing was set.
 */
bool hook_late_feature(unsigned int feature, enum hook_state *state,
		       const char **why, const char **symbol)
{
	bool is_late = false;
	unsigned int i;

	mutex_lock(&lock);
	for (i = 0; i < n_late && !is_late; i++) {
		if (late[i].feature != feature)
			continue;
		*state = state_of(&late[i], why, symbol);
		is_late = true;
	}
	if (!is_late)
		is_late = whole_feature(feature, state, why, symbol);
	mutex_unlock(&lock);
	return is_late;
}
