// SPDX-License-Identifier: GPL-2.0
/*
 * For tests: holds functions the way a livepatch does, so that nobody else may
 * redirect them. What is called is not changed.
 */
#include <linux/ftrace.h>
#include <linux/module.h>
#include <linux/string.h>

#define MOST 32

static char *hold[MOST];
static unsigned int n_hold;
module_param_array(hold, charp, &n_hold, 0400);
MODULE_PARM_DESC(hold, "names of functions, comma-separated");

/* The flag below is what holds: where the call goes on is left alone. */
static void notrace pass(unsigned long ip, unsigned long parent_ip,
			 struct ftrace_ops *op, struct ftrace_regs *fregs)
{
}

static struct ftrace_ops ops = {
	.func = pass,
	.flags = FTRACE_OPS_FL_IPMODIFY,
};

static int __init holder_init(void)
{
	unsigned int i;
	int err = n_hold ? 0 : -EINVAL;

	for (i = 0; !err && i < n_hold; i++)
		err = ftrace_set_filter(&ops, hold[i], strlen(hold[i]), !i);
	if (!err)
		err = register_ftrace_function(&ops);
	if (err)
		ftrace_free_filter(&ops);
	return err;
}

static void __exit holder_exit(void)
{
	unregister_ftrace_function(&ops);
	ftrace_free_filter(&ops);
}

module_init(holder_init);
module_exit(holder_exit);

MODULE_DESCRIPTION("Holds functions, to test what stockvz does then");
MODULE_LICENSE("GPL");
