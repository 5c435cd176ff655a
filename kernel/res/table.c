// SPDX-License-Identifier: GPL-2.0
/*
 * The list of functions that we stand in. Nothing else is hooked.
 */
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/memcontrol.h>

#include "compat/locks.h"
#include "hook/direct.h"
#include "res.h"
#include "sockmem.h"

/* The last that is heard of the object that is the first argument. */
static void release_first(struct ftrace_regs *fregs)
{
	owner_release(hook_arg(fregs, 0, void *));
}

DEFINE_HOOK(release_first)

static void __used set_offsets(void)
{
	HOOK_SET_OFFSET(FILE_F_OP, struct file, f_op);
	HOOK_SET_OFFSET(OP_LOCK, const struct file_operations, lock);
	HOOK_SET_OFFSET(OP_FLOCK, const struct file_operations, flock);
	HOOK_SET_OFFSET(LOCK_FLAGS, struct file_lock, COMPAT_FLC(flags));
	HOOK_SET_OFFSET(LOCK_TYPE, struct file_lock, COMPAT_FLC(type));
	HOOK_SET_OFFSET(INODE_I_SB, struct inode, i_sb);
	HOOK_SET_OFFSET(SB_MAGIC, struct super_block, s_magic);
	HOOK_SET(ITEM_KMEM, MEMCG_KMEM);
}

/* As has_ops() of flock.c. */
HOOK_DIRECT_TEST(numflock_ask, 2,
		 HOOK_TEST_PROOF
		 "	mov FILE_F_OP(%rdi), %rax\n"
		 "	cmpq $0, OP_LOCK(%rax)\n"
		 "	jne 1f\n"
		 "	cmpq $0, OP_FLOCK(%rax)\n"
		 "	jne 1f\n");

/* As asks_flock() of flock.c. */
HOOK_DIRECT_TEST(numflock_flock, 4,
		 HOOK_TEST_PROOF
		 "	testb $" __stringify(FL_FLOCK) ", LOCK_FLAGS(%rsi)\n"
		 "	jz 2f\n"
		 "	cmpb $" __stringify(F_UNLCK) ", LOCK_TYPE(%rsi)\n"
		 "	jne 1f\n");

/* As is_shmem() of shm.c. */
HOOK_DIRECT_TEST(shm_file, 5,
		 HOOK_TEST_PROOF
		 "	mov INODE_I_SB(%rdi), %rax\n"
		 "	cmpq $" __stringify(TMPFS_MAGIC) ", SB_MAGIC(%rax)\n"
		 "	je 1f\n");

/* As find_caller() of kmem.c: who charges kernel memory often, and who something else. */
HOOK_DIRECT_CALLER_TEST(kmem_charge, 3,
			"	mov 8(%rsp), %rax\n"
			"	sub kmem_callers + " HOOK_TEXT_START "(%rip), %rax\n"
			"	cmp kmem_callers + " HOOK_TEXT_LEN "(%rip), %rax\n"
			"	jb 1f\n"
			"	mov 8(%rsp), %rax\n"
			"	cmp kmem_strangers(%rip), %rax\n"
			"	je 2f\n"
			"	cmp kmem_strangers + 8(%rip), %rax\n"
			"	jne 1f\n");

/* As othersockbuf_send_hook() does with its own call. */
HOOK_DIRECT_TEST(othersockbuf_send, 6,
		 "	btr $" __stringify(OTHERSOCKBUF_CHARGED_BIT) ", %r9d\n"
		 "	jnc 1f\n");

HOOK_DIRECT_TEST(kmem_account, 3,
		 "	cmp $ITEM_KMEM, %esi\n"
		 "	je 1f\n");

/* What is called often is called without a detour. */
HOOK_DIRECT(numfile_alloc, 1);
HOOK_DIRECT(release_first, 1);
HOOK_DIRECT(numsock_create, 5);
HOOK_DIRECT(sock_destruct, 1);
HOOK_DIRECT(dgrambuf_udp, 2);
HOOK_DIRECT(dgrambuf_udp_release, 4);
HOOK_DIRECT(sockbuf_rfree, 1);
HOOK_DIRECT(tcpbuf_may_send, 2);
HOOK_DIRECT(tcpbuf_send, 3);
HOOK_DIRECT(tcpbuf_receive, 3);
HOOK_DIRECT(tcpbuf_came, 1);
HOOK_DIRECT(tcpbuf_look, 2);
HOOK_DIRECT(othersockbuf_wfree, 1);
HOOK_DIRECT(numflock_posix, 4);
HOOK_DIRECT(numsiginfo_alloc, 5);
HOOK_DIRECT(numsiginfo_collect, 4);
HOOK_DIRECT_CALLER(mm_expand, 3);
HOOK_DIRECT(mm_map, 6);
HOOK_DIRECT(mm_protect, 6);
HOOK_DIRECT(mm_lock, 6);
HOOK_DIRECT(mm_done, 2);
HOOK_DIRECT(shm_add, 6);
HOOK_DIRECT(shm_recalc, 3);

#define SIGQUEUE_ALLOC "struct sigqueue * (int, struct task_struct *, gfp_t, int, " \
		       "const unsigned int)"

#define LOOKUP_PROTOTYPE						\
	"struct dentry * (struct inode *, struct dentry *, struct proc_dir_entry *)"

#define SERVES(name) BIT_ULL(STOCKVZ_RES_##name)

/* Buffers are paid for by who paid for their socket. */
#define SERVES_TCPBUFS \
	(SERVES(TCPSNDBUF) | SERVES(TCPRCVBUF))
#define SERVES_SOCKBUFS \
	(SERVES(DGRAMRCVBUF) | SERVES(OTHERSOCKBUF))
#define SERVES_SOCKETS \
	(SERVES(NUMTCPSOCK) | SERVES(NUMOTHERSOCK) | SERVES_TCPBUFS | \
	 SERVES_SOCKBUFS)

static struct hook table[] = {
	{
		.symbol = { "pids_can_fork" },
		.prototype = "int (struct task_struct *, struct css_set *)",
		.role = HOOK_GATE,
		.callback = numproc_fork_hook,
		.serves = SERVES(NUMPROC) | SERVES(PRIVVMPAGES) |
			  SERVES(LOCKEDPAGES),
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
		.callback = task_gone_hook,
		.serves = SERVES(NUMPROC) | SERVES(KMEMSIZE),
	}, {
		.symbol = { "free_task" },
		.role = HOOK_RELEASE,
		.callback = release_first_hook,
		.serves = SERVES(NUMPROC),
	}, {
		.symbol = { "security_file_alloc" },
		.role = HOOK_GATE,
		.callback = numfile_alloc_hook,
		.direct = &numfile_alloc_direct,
		.serves = SERVES(NUMFILE),
		.prove = numfile_prove,
	}, {
		.symbol = { "security_file_free" },
		.role = HOOK_RELEASE,
		.callback = release_first_hook,
		.direct = &release_first_direct,
		.serves = SERVES(NUMFILE),
	}, {
		.symbol = { "security_socket_post_create" },
		.role = HOOK_GATE,
		.callback = numsock_create_hook,
		.direct = &numsock_create_direct,
		.serves = SERVES_SOCKETS,
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
		.direct = &sock_destruct_direct,
		.serves = SERVES_SOCKETS,
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
		.direct = &dgrambuf_udp_direct,
		.serves = SERVES(DGRAMRCVBUF),
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
		.direct = &dgrambuf_udp_release_direct,
		.serves = SERVES(DGRAMRCVBUF),
	}, {
		.symbol = { "sock_rfree" },
		.role = HOOK_RELEASE,
		.callback = sockbuf_rfree_hook,
		.direct = &sockbuf_rfree_direct,
		.serves = SERVES(DGRAMRCVBUF) | SERVES_TCPBUFS,
	}, {
		.symbol = { "kfree_skb" },
		.role = HOOK_RELEASE,
		.probe = dgrambuf_dropped,
		.serves = SERVES(DGRAMRCVBUF),
	}, {
		.symbol = { "tcp_stream_memory_free" },
		.role = HOOK_GATE,
		.callback = tcpbuf_may_send_hook,
		.direct = &tcpbuf_may_send_direct,
		.serves = SERVES_TCPBUFS,
		.prove = tcpbuf_may_send_prove,
	}, {
		.symbol = { "__sk_mem_schedule" },
		.role = HOOK_GATE,
		.callback = tcpbuf_send_hook,
		.direct = &tcpbuf_send_direct,
		.serves = SERVES_TCPBUFS,
		.prove = tcpbuf_send_prove,
	}, {
		.symbol = { "sk_stream_wait_memory" },
		.role = HOOK_ACCOUNT,
		.callback = tcpbuf_wait_hook,
		.serves = SERVES_TCPBUFS,
	}, {
		.symbol = { "tcp_connect" },
		.role = HOOK_GATE,
		.callback = tcpbuf_connect_hook,
		.serves = SERVES_TCPBUFS,
		.prove = tcpbuf_connect_prove,
	}, {
		.symbol = { "tcp_try_rmem_schedule" },
		.prototype = "int (struct sock *, struct sk_buff *, unsigned int)",
		.role = HOOK_GATE,
		.callback = tcpbuf_receive_hook,
		.direct = &tcpbuf_receive_direct,
		.serves = SERVES_TCPBUFS,
		.prove = tcpbuf_receive_prove,
	}, {
		.symbol = { "tcp_data_ready" },
		.role = HOOK_ACCOUNT,
		.callback = tcpbuf_came_hook,
		.direct = &tcpbuf_came_direct,
		.serves = SERVES_TCPBUFS,
	}, {
		.symbol = { "__sk_mem_reclaim" },
		.role = HOOK_RELEASE,
		.callback = tcpbuf_look_hook,
		.direct = &tcpbuf_look_direct,
		.serves = SERVES_TCPBUFS,
	}, {
		.symbol = { "sock_alloc_send_pskb" },
		.role = HOOK_GATE,
		.callback = othersockbuf_send_hook,
		.direct = &othersockbuf_send_direct,
		.serves = SERVES(OTHERSOCKBUF),
		.prove = othersockbuf_send_prove,
	}, {
		.symbol = { "sock_wfree" },
		.role = HOOK_RELEASE,
		.callback = othersockbuf_wfree_hook,
		.direct = &othersockbuf_wfree_direct,
		.serves = SERVES(OTHERSOCKBUF),
	}, {
		.symbol = { "security_file_lock" },
		.role = HOOK_GATE,
		.callback = numflock_ask_hook,
		.direct = &numflock_ask_direct,
		.serves = SERVES(NUMFLOCK),
		.prove = numflock_ask_prove,
	}, {
		.symbol = { "locks_lock_inode_wait" },
		.role = HOOK_GATE,
		.callback = numflock_flock_hook,
		.direct = &numflock_flock_direct,
		.serves = SERVES(NUMFLOCK),
		.prove = numflock_flock_prove,
	}, {
		.symbol = { "posix_lock_inode" },
		.prototype = "int (struct inode *, struct file_lock *, struct file_lock *)",
		.role = HOOK_GATE,
		.callback = numflock_posix_hook,
		.direct = &numflock_posix_direct,
		.serves = SERVES(NUMFLOCK),
		.prove = numflock_posix_prove,
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
		.symbol = { "fasync_helper" },
		.role = HOOK_RELEASE,
		.callback = numflock_lease_gone_hook,
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
		.direct = &numsiginfo_alloc_direct,
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
		.direct = &numsiginfo_collect_direct,
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
		.symbol = { "try_charge_memcg" },
		.prototype = "int (struct mem_cgroup *, gfp_t, unsigned int)",
		.role = HOOK_GATE,
		.callback = kmem_charge_hook,
		.direct = &kmem_charge_direct,
		.serves = SERVES(KMEMSIZE),
		.prove = kmem_prove,
	}, {
		.symbol = { "__mod_memcg_state" },
		.role = HOOK_ACCOUNT,
		.callback = kmem_account_hook,
		.direct = &kmem_account_direct,
		.serves = SERVES(KMEMSIZE),
	}, {
		.symbol = { "cgroup_rmdir" },
		.role = HOOK_WATCH,
		.probe = cgroup_gone,
		.serves = SERVES(KMEMSIZE) | BIT_ULL(FEATURE_CGROUP_GONE),
	}, {
		.symbol = { "out_of_memory" },
		.role = HOOK_WATCH,
		.callback = oom_begin_hook,
		.serves = BIT_ULL(FEATURE_OOM_CHOICE),
	}, {
		.symbol = { "oom_evaluate_task" },
		.prototype = "int (struct task_struct *, void *)",
		.role = HOOK_WATCH,
		.callback = oom_compare_hook,
		.serves = BIT_ULL(FEATURE_OOM_CHOICE),
	}, {
		.symbol = { "__oom_kill_process" },
		.prototype = "void (struct task_struct *, const char *)",
		.role = HOOK_WATCH,
		.callback = oom_kill_hook,
		.serves = BIT_ULL(FEATURE_OOM_CHOICE),
	}, {
		.symbol = { "may_expand_vm" },
		.role = HOOK_GATE,
		.callback = mm_expand_hook,
		.direct = &mm_expand_direct,
		.serves = SERVES(PRIVVMPAGES) | SERVES(LOCKEDPAGES),
		.prove = mm_expand_prove,
	}, {
		.symbol = { "mmap_region" },
		.role = HOOK_GATE,
		.callback = mm_map_hook,
		.direct = &mm_map_direct,
		.serves = SERVES(PRIVVMPAGES) | SERVES(LOCKEDPAGES),
		.prove = mm_map_prove,
	}, {
		.symbol = { "mprotect_fixup" },
		.role = HOOK_ACCOUNT,
		.callback = mm_protect_hook,
		.direct = &mm_protect_direct,
		.serves = SERVES(PRIVVMPAGES),
	}, {
		.symbol = { "mlock_fixup" },
		.prototype = COMPAT_MLOCK_FIXUP,
		.role = HOOK_GATE,
		.callback = mm_lock_hook,
		.direct = &mm_lock_direct,
		.serves = SERVES(LOCKEDPAGES),
	}, {
		.symbol = { "userfaultfd_unmap_complete" },
		.role = HOOK_ACCOUNT,
		.callback = mm_done_hook,
		.direct = &mm_done_direct,
		.serves = SERVES(PRIVVMPAGES) | SERVES(LOCKEDPAGES),
	}, {
		.symbol = { "begin_new_exec" },
		.role = HOOK_GATE,
		.callback = mm_exec_hook,
		.serves = SERVES(PRIVVMPAGES) | SERVES(LOCKEDPAGES),
	}, {
		.symbol = { "exit_mmap" },
		.role = HOOK_RELEASE,
		.callback = mm_exit_hook,
		.serves = SERVES(PRIVVMPAGES) | SERVES(LOCKEDPAGES),
	}, {
		.symbol = { "alloc_file_pseudo" },
		.role = HOOK_GATE,
		.callback = shm_file_hook,
		.direct = &shm_file_direct,
		.serves = SERVES(SHMPAGES) | SERVES(LOCKEDPAGES),
		.prove = shm_file_prove,
	}, {
		.symbol = { "security_inode_init_security" },
		.role = HOOK_GATE,
		.callback = shm_inode_hook,
		.serves = SERVES(SHMPAGES),
		.prove = shm_inode_prove,
	}, {
		.symbol = { "shmem_add_to_page_cache" },
		.prototype = COMPAT_SHMEM_ADD,
		.role = HOOK_GATE,
		.callback = shm_add_hook,
		.direct = &shm_add_direct,
		.serves = SERVES(SHMPAGES),
		.prove = shm_add_prove,
	}, {
		.symbol = { "shmem_recalc_inode" },
		.prototype = COMPAT_SHMEM_RECALC,
		.role = HOOK_ACCOUNT,
		.callback = shm_recalc_hook,
		.direct = &shm_recalc_direct,
		.serves = SERVES(SHMPAGES),
	}, {
		.symbol = { "shmem_evict_inode" },
		.prototype = "void (struct inode *)",
		.role = HOOK_RELEASE,
		.callback = shm_evict_hook,
		.serves = SERVES(SHMPAGES) | SERVES(LOCKEDPAGES),
	}, {
		.symbol = { "shmem_lock" },
		.role = HOOK_GATE,
		.callback = shm_lock_hook,
		.serves = SERVES(LOCKEDPAGES),
	}, {
		.symbol = { "zap_pid_ns_processes" },
		.role = HOOK_WATCH,
		.callback = ct_init_exit_hook,
		.serves = BIT_ULL(FEATURE_CT_EVENTS),
	}, {
		.symbol = { "proc_lookup_de" },
		.prototype = LOOKUP_PROTOTYPE,
		.role = HOOK_WATCH,
		.callback = bc_lookup_hook,
		.serves = BIT_ULL(FEATURE_PROC_BC),
	},
};

#define REPLACE_TABLE "struct xt_table_info * (struct xt_table *, " \
		      "unsigned int, struct xt_table_info *, int *)"

/* Releases first: they are attached in this order. */
static struct hook x_tables[] = {
	{
		.symbol = { "xt_free_table_info" },
		.role = HOOK_RELEASE,
		.callback = iptables_free_hook,
	}, {
		/* In the first, if there is one, two ways meet: see its proof. */
		.symbol = { "do_replace_table", "xt_replace_table" },
		.prototype = REPLACE_TABLE,
		.role = HOOK_GATE,
		.callback = iptables_replace_hook,
		.prove = iptables_replace_prove,
	},
};

static struct hook nf_tables[] = {
	{
		.symbol = { "nf_tables_rule_destroy" },
		.role = HOOK_RELEASE,
		.callback = nftables_destroy_hook,
	}, {
		.symbol = { "__nft_release_table" },
		.prototype = "void (struct net *, struct nft_table *)",
		.role = HOOK_RELEASE,
		.callback = nftables_release_table_hook,
	}, {
		.symbol = { "__nft_release_basechain" },
		.prototype = "int (struct nft_ctx *)",
		.role = HOOK_RELEASE,
		.callback = nftables_release_chain_hook,
		.optional = true,
	}, {
		.symbol = { "nft_trans_commit_list_add_tail" },
		.prototype = "void (struct net *, struct nft_trans *)",
		.role = HOOK_ACCOUNT,
		.callback = nftables_step_taken_hook,
	}, {
		.symbol = { "nft_trans_alloc_gfp" },
		.prototype = "struct nft_trans * (const struct nft_ctx *, int, u32, gfp_t)",
		.role = HOOK_GATE,
		.callback = nftables_step_hook,
		.prove = nftables_step_prove,
	},
};

static struct hook_late modules[] = {
	{
		.module = "x_tables",
		.exported = "xt_replace_table",
		.hooks = x_tables,
		.n = ARRAY_SIZE(x_tables),
		.feature = FEATURE_IPTABLES,
		.whole = STOCKVZ_RES_NUMIPTENT,
	}, {
		.module = "nf_tables",
		.exported = "nft_register_expr",
		.hooks = nf_tables,
		.n = ARRAY_SIZE(nf_tables),
		.feature = FEATURE_NFTABLES,
		.whole = STOCKVZ_RES_NUMIPTENT,
	},
};

static const char *feature_name[HOOK_FEATURES] = {
	[FEATURE_CT_EVENTS] = "ct-events",
	[FEATURE_PROC_BC] = "proc-bc",
	[FEATURE_OOM_CHOICE] = "oom-choice",
	[FEATURE_IPTABLES] = "iptables",
	[FEATURE_NFTABLES] = "nftables",
	[FEATURE_CGROUP_GONE] = "cgroup-gone",
};

/**
 * res_changed() - limits or cgroup of a beancounter are others now
 * @ub: the beancounter
 * @now: its cgroup, or NULL
 * @old: the one that it gave up, or NULL
 *
 * Context: see ub_change_fn.
 * Return: as that.
 */
const char *res_changed(struct ub *ub, struct ub_binding *now,
			struct ub_binding *old)
{
	kmem_changed(ub, now, old);
	return memcg_changed(ub, now, old);
}

static int attach(const struct hook_options *options)
{
	int err = hook_attach(table, ARRAY_SIZE(table), feature_name, options);

	if (err)
		return err;
	err = hook_late_attach(modules, ARRAY_SIZE(modules), options);
	if (err)
		hook_detach();
	return err;
}

/**
 * res_init() - attach the hooks of every resource
 * @options: see hook_attach()
 *
 * Return: 0 or an errno of hook_attach().
 */
int res_init(const struct hook_options *options)
{
	unsigned int i;
	int err;

	for (i = 0; i < UB_RESOURCES; i++)
		if (strcmp(ub_resource_name[i], "dummy"))
			feature_name[i] = ub_resource_name[i];
	res_host_init();
	memcg_init();
	numflock_lease_init();
	ub_set_refresh(STOCKVZ_RES_TCPSNDBUF, tcpbuf_refresh);
	ub_set_refresh(STOCKVZ_RES_TCPRCVBUF, tcpbuf_refresh);
	ub_set_refresh(STOCKVZ_RES_OTHERSOCKBUF, othersockbuf_refresh);
	err = othersockbuf_init() ?: kmem_init() ?: attach(options);
	if (err) {
		cgroup_gone_exit();
		kmem_exit();
		memcg_exit();
		res_host_exit();
	}
	return err;
}

/**
 * res_exit() - leave every function
 */
void res_exit(void)
{
	hook_late_detach();
	hook_detach();
	cgroup_gone_exit();
	kmem_exit();
	memcg_exit();
	res_host_exit();
}
