// SPDX-License-Identifier: GPL-2.0
/*
 * The list of functions that we stand in. Nothing else is hooked.
 */
#include "res.h"

/* The last that is heard of the object that is the first argument. */
static void release_first(struct ftrace_regs *fregs)
{
	owner_release(hook_arg(fregs, 0, void *));
}

DEFINE_HOOK(release_first)

#define SERVES(name) BIT_ULL(STOCKVZ_RES_##name)

static struct hook table[] = {
	{
		.symbol = { "pids_can_fork" },
		.prototype = "int (struct task_struct *, struct css_set *)",
		.role = HOOK_GATE,
		.callback = numproc_fork_hook,
		.serves = SERVES(NUMPROC),
		.prove = numproc_prove,
	}, {
		.symbol = { "pids_cancel_fork" },
		.prototype = "void (struct task_struct *, struct css_set *)",
		.role = HOOK_RELEASE,
		.callback = release_first_hook,
		.serves = SERVES(NUMPROC),
	}, {
		.symbol = { "cgroup_release" },
		.role = HOOK_RELEASE,
		.callback = release_first_hook,
		.serves = SERVES(NUMPROC),
	}, {
		.symbol = { "free_task" },
		.role = HOOK_RELEASE,
		.callback = release_first_hook,
		.serves = SERVES(NUMPROC),
	}, {
		.symbol = { "security_file_alloc" },
		.role = HOOK_GATE,
		.callback = numfile_alloc_hook,
		.serves = SERVES(NUMFILE),
		.hot = true,
		.prove = numfile_prove,
	}, {
		.symbol = { "security_file_free" },
		.role = HOOK_RELEASE,
		.callback = release_first_hook,
		.serves = SERVES(NUMFILE),
		.hot = true,
	}, {
		.symbol = { "security_socket_post_create" },
		.role = HOOK_GATE,
		.callback = numsock_create_hook,
		.serves = SERVES(NUMTCPSOCK) | SERVES(NUMOTHERSOCK),
		.hot = true,
		.prove = numsock_create_prove,
	}, {
		.symbol = { "security_unix_stream_connect" },
		.role = HOOK_GATE,
		.callback = numsock_unix_connect_hook,
		.serves = SERVES(NUMOTHERSOCK),
		.prove = numsock_unix_connect_prove,
	}, {
		.symbol = { "__inet_inherit_port" },
		.role = HOOK_GATE,
		.callback = numsock_passive_hook,
		.serves = SERVES(NUMTCPSOCK) | SERVES(NUMOTHERSOCK),
		.prove = numsock_passive_prove,
	}, {
		.symbol = { "sk_destruct" },
		.role = HOOK_RELEASE,
		.callback = release_first_hook,
		.serves = SERVES(NUMTCPSOCK) | SERVES(NUMOTHERSOCK),
		.hot = true,
	}, {
		.symbol = { "zap_pid_ns_processes" },
		.role = HOOK_WATCH,
		.callback = ct_init_exit_hook,
		.serves = BIT_ULL(FEATURE_CT_EVENTS),
	}, {
		.symbol = { "proc_lookup_de" },
		.prototype = "struct dentry * (struct inode *, struct dentry *, "
			     "struct proc_dir_entry *)",
		.role = HOOK_WATCH,
		.callback = bc_lookup_hook,
		.serves = BIT_ULL(FEATURE_PROC_BC),
	},
};

static const char *feature_name[HOOK_FEATURES] = {
	[FEATURE_CT_EVENTS] = "ct-events",
	[FEATURE_PROC_BC] = "proc-bc",
};

/**
 * res_init() - attach the hooks of every resource
 * @hide: see hook_attach()
 * @require_all: see hook_attach()
 *
 * Return: 0 or an errno of hook_attach().
 */
int res_init(const char *hide, bool require_all)
{
	unsigned int i;
	int err;

	for (i = 0; i < UB_RESOURCES; i++)
		if (strcmp(ub_resource_name[i], "dummy"))
			feature_name[i] = ub_resource_name[i];
	res_host_init();
	err = hook_attach(table, ARRAY_SIZE(table), feature_name, hide,
			  require_all);
	if (err)
		res_host_exit();
	return err;
}

/**
 * res_exit() - leave every function
 */
void res_exit(void)
{
	hook_detach();
	res_host_exit();
}
