// SPDX-License-Identifier: GPL-2.0
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "face/face.h"
#include "fair/account.h"
#include "fair/fair.h"
#include "res/res.h"
#include "res/sockmem.h"
#include "ub/ub.h"
#include "venet/venet.h"

static char *hide;
module_param(hide, charp, 0400);
MODULE_PARM_DESC(hide, "kernel functions to pretend not to find, for tests");

static char *require = "";
module_param(require, charp, 0400);
MODULE_PARM_DESC(require, "\"all\": do not load unless every feature works");

static bool direct = true;
module_param(direct, bool, 0400);
MODULE_PARM_DESC(direct, "functions call us directly, which is cheaper; 0: leave room for BPF");

/* What follows from a change of a beancounter's limits or cgroup, room by room. */
static const char *changed(struct ub *ub, struct ub_binding *now,
			   struct ub_binding *old)
{
	const char *res, *fair;

	account_changed(ub, now);
	res = res_changed(ub, now, old);
	fair = fair_changed(ub, now, old);
	return res ?: fair;
}

static int hooks_init(void)
{
	const struct hook_options options = {
		.hide = hide,
		.require_all = !strcmp(require, "all"),
		.direct = direct,
	};

	if (*require && !options.require_all) {
		pr_err("require=%s: only \"all\" can be required\n", require);
		return -EINVAL;
	}
	events_init();
	ub_set_refusal_handler(event_refusal);
	ub_set_change_handler(changed);
	res_set_ct_event_handler(event_ct);
	return res_init(&options);
}

static void hooks_exit(void)
{
	fair_exit();
	res_exit();
}

/* Lookups find it when it is complete, and leave it before it goes. */
static int proc_bc_init(void)
{
	int err = bc_init();

	if (err)
		return err;
	err = vz_init();
	if (err)
		bc_exit();
	else
		res_set_bc_home(bc_home(), vz_ct_home());
	return err;
}

static void proc_bc_exit(void)
{
	res_set_bc_home(NULL, NULL);
	vz_exit();
	bc_exit();
}

/*
 * Bring-up in this order, teardown in the other. Hooks come after what they
 * report to, and before admins can make a beancounter.
 */
static const struct stage {
	const char *name;
	int (*init)(void);
	void (*exit)(void);
} stages[] = {
	{ "beancounters", ub_init, ub_exit },
	{ "socket buffers", sockmem_init, sockmem_exit },
	{ "hooks", hooks_init, hooks_exit },
	{ "CPU accounting", account_init, account_exit },
	{ "venet", venet_init, venet_exit },
	{ "/proc/stockvz", status_init, status_exit },
	{ "/proc/user_beancounters", ub_table_init, ub_table_exit },
	{ "/proc/bc and /proc/vz", proc_bc_init, proc_bc_exit },
	{ "netlink", netlink_init, netlink_exit },
	/* Last: nothing could take a mount back if a later stage failed. */
	{ "filesystem", ctfs_init, ctfs_exit },
};

static void stop(unsigned int n)
{
	while (n--)
		stages[n].exit();
}

static int __init stockvz_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(stages); i++) {
		err = stages[i].init();
		if (err) {
			pr_err("cannot start %s (%d)\n", stages[i].name, err);
			stop(i);
			return err;
		}
	}
	pr_info("version %s\n", STOCKVZ_VERSION);
	return 0;
}

static void __exit stockvz_exit(void)
{
	stop(ARRAY_SIZE(stages));
}

module_init(stockvz_init);
module_exit(stockvz_exit);

MODULE_DESCRIPTION("OpenVZ user beancounters for stock kernels");
MODULE_AUTHOR("stockvz");
MODULE_LICENSE("GPL");
MODULE_VERSION(STOCKVZ_VERSION);
