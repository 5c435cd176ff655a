// SPDX-License-Identifier: GPL-2.0
/*
 * The list of functions that we stand in. Nothing else is hooked.
 */
#include "compat/locks.h"
#include "res.h"

/* The last that is heard of the object that is the first argument. */
static void release_first(struct ftrace_regs *fregs)
{
	owner_release(hook_arg(fregs, 0, void *));
}

DEFINE_HOOK(release_first)

#define SIGQUEUE_ALLOC "struct sigqueue * (int, struct task_struct *, gfp_t, int, " \
		       "const unsigned int)"
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
		.symbol = { "flock_lock_inode" },
		.prototype = "int (struct inode *, struct file_lock *)",
		.role = HOOK_GATE,
		.callback = numflock_flock_hook,
		.serves = SERVES(NUMFLOCK),
		.prove = numflock_flock_prove,
	}, {
		.symbol = { "flock_lock_inode" },
		.role = HOOK_RELEASE,
		.probe = numflock_flock_done,
		.serves = SERVES(NUMFLOCK),
	}, {
		.symbol = { COMPAT_LOCKS_DELETE_BLOCK },
		.prototype = "int (" COMPAT_LOCK_CORE ")",
		.role = HOOK_RELEASE,
		.callback = numflock_wait_done_hook,
		.serves = SERVES(NUMFLOCK),
	}, {
		.symbol = { "posix_lock_inode" },
		.prototype = "int (struct inode *, struct file_lock *, struct file_lock *)",
		.role = HOOK_GATE,
		.callback = numflock_posix_hook,
		.serves = SERVES(NUMFLOCK),
		.prove = numflock_posix_prove,
	}, {
		.symbol = { "posix_lock_inode" },
		.role = HOOK_RELEASE,
		.probe = numflock_posix_done,
		.serves = SERVES(NUMFLOCK),
	}, {
		.symbol = { "locks_get_lock_context" },
		.role = HOOK_RELEASE,
		.probe = numflock_context,
		.serves = SERVES(NUMFLOCK),
	}, {
		.symbol = { "locks_copy_lock" },
		.role = HOOK_ACCOUNT,
		.callback = numflock_copy_hook,
		.serves = SERVES(NUMFLOCK),
	}, {
		.symbol = { "locks_unlink_lock_ctx" },
		.prototype = "void (" COMPAT_LOCK_CORE ")",
		.role = HOOK_RELEASE,
		.callback = release_first_hook,
		.serves = SERVES(NUMFLOCK),
	}, {
		.symbol = { "vfs_setlease" },
		.role = HOOK_GATE,
		.callback = numflock_lease_hook,
		.serves = SERVES(NUMFLOCK),
		.prove = numflock_lease_prove,
	}, {
		.symbol = { "lease_setup" },
		.prototype = "void (" COMPAT_LEASE ", void **)",
		.role = HOOK_ACCOUNT,
		.callback = numflock_lease_setup_hook,
		.serves = SERVES(NUMFLOCK),
	}, {
		.symbol = { "fasync_free" },
		.role = HOOK_RELEASE,
		.callback = release_first_hook,
		.serves = SERVES(NUMFLOCK),
	}, {
		.symbol = { "devpts_pty_new" },
		.role = HOOK_GATE,
		.callback = numpty_new_hook,
		.serves = SERVES(NUMPTY),
		.prove = numpty_prove,
	}, {
		.symbol = { "pty_close" },
		.prototype = "void (struct tty_struct *, struct file *)",
		.role = HOOK_RELEASE,
		.callback = numpty_close_hook,
		.serves = SERVES(NUMPTY),
	}, {
		.symbol = { "__sigqueue_alloc" },
		.prototype = SIGQUEUE_ALLOC,
		.role = HOOK_GATE,
		.callback = numsiginfo_alloc_hook,
		.serves = SERVES(NUMSIGINFO),
		.prove = numsiginfo_alloc_prove,
	}, {
		.symbol = { "signal_generate" },
		.role = HOOK_ACCOUNT,
		.probe = numsiginfo_sent,
		.serves = SERVES(NUMSIGINFO),
	}, {
		.symbol = { "collect_signal" },
		.prototype = "void (int, struct sigpending *, kernel_siginfo_t *, bool *)",
		.role = HOOK_RELEASE,
		.callback = numsiginfo_collect_hook,
		.serves = SERVES(NUMSIGINFO),
	}, {
		.symbol = { "flush_sigqueue" },
		.role = HOOK_RELEASE,
		.callback = numsiginfo_flush_hook,
		.serves = SERVES(NUMSIGINFO),
	}, {
		.symbol = { "flush_sigqueue_mask" },
		.prototype = "void (sigset_t *, struct sigpending *)",
		.role = HOOK_RELEASE,
		.callback = numsiginfo_flush_mask_hook,
		.serves = SERVES(NUMSIGINFO),
	}, {
		.symbol = { "__flush_itimer_signals" },
		.prototype = "void (struct sigpending *)",
		.role = HOOK_RELEASE,
		.callback = numsiginfo_flush_timers_hook,
		.serves = SERVES(NUMSIGINFO),
	}, {
		.symbol = { "common_timer_create" },
		.prototype = "int (struct k_itimer *)",
		.role = HOOK_GATE,
		.callback = numsiginfo_timer_hook,
		.serves = SERVES(NUMSIGINFO),
		.prove = numsiginfo_common_timer_prove,
	}, {
		.symbol = { "posix_cpu_timer_create" },
		.prototype = "int (struct k_itimer *)",
		.role = HOOK_GATE,
		.callback = numsiginfo_timer_hook,
		.serves = SERVES(NUMSIGINFO),
		.prove = numsiginfo_cpu_timer_prove,
	}, {
		.symbol = { "alarm_timer_create" },
		.prototype = "int (struct k_itimer *)",
		.role = HOOK_GATE,
		.callback = numsiginfo_timer_hook,
		.serves = SERVES(NUMSIGINFO),
		.prove = numsiginfo_alarm_timer_prove,
	}, {
		.symbol = { "sigqueue_free" },
		.role = HOOK_RELEASE,
		.callback = numsiginfo_timer_delete_hook,
		.serves = SERVES(NUMSIGINFO),
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
