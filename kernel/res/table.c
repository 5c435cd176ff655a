// SPDX-License-Identifier: GPL-2.0
/*
 * The list of functions that we stand in. Nothing else is hooked.
 */
#include "res.h"
#include "sockmem.h"

/* The last that is heard of the object that is the first argument. */
static void release_first(struct ftrace_regs *fregs)
{
	owner_release(hook_arg(fregs, 0, void *));
}

DEFINE_HOOK(release_first)

#define SERVES(name) BIT_ULL(STOCKVZ_RES_##name)

/* Buffers are paid for by who paid for their socket. */
#define SERVES_SOCKBUFS \
	(SERVES(DGRAMRCVBUF) | SERVES(OTHERSOCKBUF))
#define SERVES_SOCKETS \
	(SERVES(NUMTCPSOCK) | SERVES(NUMOTHERSOCK) | SERVES_SOCKBUFS)

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
		.serves = SERVES_SOCKETS,
		.hot = true,
		.prove = numsock_create_prove,
	}, {
		.symbol = { "security_unix_stream_connect" },
		.role = HOOK_GATE,
		.callback = numsock_unix_connect_hook,
		.serves = SERVES(NUMOTHERSOCK) | SERVES_SOCKBUFS,
		.prove = numsock_unix_connect_prove,
	}, {
		.symbol = { "__inet_inherit_port" },
		.role = HOOK_GATE,
		.callback = numsock_passive_hook,
		.serves = SERVES_SOCKETS,
		.prove = numsock_passive_prove,
	}, {
		.symbol = { "sk_destruct" },
		.role = HOOK_RELEASE,
		.callback = sock_destruct_hook,
		.serves = SERVES_SOCKETS,
		.hot = true,
	}, {
		.symbol = { "tcp_check_oom" },
		.role = HOOK_GATE,
		.callback = orphan_close_hook,
		.serves = SERVES(NUMTCPSOCK),
		.prove = orphan_close_prove,
	}, {
		.symbol = { "__udp_enqueue_schedule_skb" },
		.role = HOOK_GATE,
		.callback = dgrambuf_udp_hook,
		.serves = SERVES(DGRAMRCVBUF),
		.hot = true,
		.prove = dgrambuf_udp_prove,
	}, {
		.symbol = { "__sock_queue_rcv_skb" },
		.role = HOOK_GATE,
		.callback = dgrambuf_raw_hook,
		.serves = SERVES(DGRAMRCVBUF),
		.prove = dgrambuf_raw_prove,
	}, {
		.symbol = { "udp_rmem_release" },
		.prototype = "void (struct sock *, unsigned int, int, bool)",
		.role = HOOK_RELEASE,
		.callback = dgrambuf_udp_release_hook,
		.serves = SERVES(DGRAMRCVBUF),
		.hot = true,
	}, {
		.symbol = { "sock_rfree" },
		.role = HOOK_RELEASE,
		.callback = sockbuf_rfree_hook,
		.serves = SERVES(DGRAMRCVBUF),
		.hot = true,
	}, {
		.symbol = { "kfree_skb" },
		.role = HOOK_RELEASE,
		.probe = dgrambuf_dropped,
		.serves = SERVES(DGRAMRCVBUF),
	}, {
		.symbol = { "sock_alloc_send_pskb" },
		.role = HOOK_GATE,
		.callback = othersockbuf_send_hook,
		.serves = SERVES(OTHERSOCKBUF),
		.hot = true,
		.prove = othersockbuf_send_prove,
	}, {
		.symbol = { "sock_wfree" },
		.role = HOOK_RELEASE,
		.callback = othersockbuf_wfree_hook,
		.serves = SERVES(OTHERSOCKBUF),
		.hot = true,
	}, {
		.symbol = { "zap_pid_ns_processes" },
		.role = HOOK_WATCH,
		.callback = ct_init_exit_hook,
		.serves = BIT_ULL(FEATURE_CT_EVENTS),
	},
};

static const char *feature_name[HOOK_FEATURES] = {
	[FEATURE_CT_EVENTS] = "ct-events",
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
	ub_set_refresh(STOCKVZ_RES_OTHERSOCKBUF, othersockbuf_refresh);
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
