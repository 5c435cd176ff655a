// SPDX-License-Identifier: GPL-2.0
/*
 * numiptent, as iptables, ip6tables and arptables have it: the entries of a
 * table, with the policies of its chains and the entry at its end. See rules.c.
 *
 * A table is one block of entries, and changed by putting another block in its
 * place. Who does that pays for all of it; if he paid for the old one too, for
 * the difference. A table comes into being when it is first looked at.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/netfilter/x_tables.h>
#include <net/net_namespace.h>

#include "compat/xtables.h"
#include "rules.h"

HOOK_PIN(xt_free_table_info, void (struct xt_table_info *));

/*
 * xt_replace_table(table, num_counters, newinfo, error), or what it and the
 * making of a table have in common. With the table's mutex held, so what is
 * there now is what will be replaced, if the caller still counts right.
 */
static bool iptables_replace(struct ftrace_regs *fregs)
{
	const struct xt_table_info *old = hook_arg(fregs, 0, struct xt_table *)->private;
	const struct xt_table_info *new = hook_arg(fregs, 2, struct xt_table_info *);
	struct ub *ub;
	int err = 0;

	if (!hook_on(FEATURE_IPTABLES) ||
	    hook_arg(fregs, 1, unsigned int) != old->number)
		return false;
	preempt_disable();
	ub = ub_of_current();
	if (ub)
		err = rules_replace(new, ub, new->number, old);
	preempt_enable();
	if (err)
		*hook_arg(fregs, 3, int *) = err;
	return err;
}

DEFINE_VALUE_GATE(iptables_replace, 0)

/* xt_free_table_info(info): replaced, or not taken, or its table is gone. */
static void iptables_free(struct ftrace_regs *fregs)
{
	rules_release(hook_arg(fregs, 0, struct xt_table_info *));
}

DEFINE_HOOK(iptables_free)

/**
 * union exported - what tables are handled with, by other modules
 * @address: as the kernel finds it
 * @replace: xt_replace_table()
 * @undo: xt_unregister_table()
 */
union exported {
	void *address;
	struct xt_table_info *(*replace)(struct xt_table *table,
					 unsigned int num_counters,
					 struct xt_table_info *newinfo,
					 int *error);
	void *(*undo)(struct xt_table *table);
};

/* Only its types are looked at. */
#define TYPES ((union exported *)NULL)

static_assert(__same_type(&xt_replace_table, TYPES->replace));
static_assert(__same_type(&xt_unregister_table, TYPES->undo));

/*
 * Replace what is nobody's, with a wrong number of counters: without our gate
 * that is an error of its own.
 */
static bool refuses_to_replace(union exported fn)
{
	struct xt_table_info old = {}, new = {};
	struct xt_table table = { .private = &old };
	const void *before;
	int err = 0;

	before = fn.replace(&table, 1, &new, &err);
	kvfree(new.jumpstack);
	return !before && !err;
}

/*
 * Make a table, which no packet meets; without our gate there is one. What is
 * returned by a refused call may be anything, as nobody has set its errno.
 */
static bool refuses_to_make(union exported make, union exported undo)
{
	const struct xt_table table = {
		.name = "stockvz proof",
		.af = NFPROTO_ARP,
		.valid_hooks = 1,
		.me = THIS_MODULE,
	};
	struct xt_table_info none = {}, new = {};
	struct xt_table *made;

	hook_proof_met = false;
	made = compat_xt_register_table(make.address, &init_net, &table, &none, &new);
	if (!hook_proof_met && !IS_ERR(made))
		undo.undo(made);
	kvfree(new.jumpstack);
	return hook_proof_met;
}

static union exported get(const char *name)
{
	return (union exported){ .address = __symbol_get(name) };
}

static void put(union exported fn, const char *name)
{
	if (fn.address)
		__symbol_put(name);
}

/* Tables are replaced and made in different ways, and both must meet the gate. */
int iptables_replace_prove(void)
{
	union exported replace = get("xt_replace_table");
	union exported make = get("xt_register_table");
	union exported undo = get("xt_unregister_table");
	bool ok = replace.address && make.address && undo.address &&
		  refuses_to_replace(replace) && refuses_to_make(make, undo);

	put(replace, "xt_replace_table");
	put(make, "xt_register_table");
	put(undo, "xt_unregister_table");
	return ok ? 0 : -ENOENT;
}
