/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Resources: each file joins hooks to beancounters for one family. Its head
 * says what is counted, when, and what a refused caller sees.
 */
#ifndef STOCKVZ_RES_H
#define STOCKVZ_RES_H

#include "hook/hook.h"
#include "ub/bind.h"
#include "ub/owner.h"

struct kernel_siginfo;

/* Features are resources by their number, and these. */
#define FEATURE_CT_EVENTS 32
#define FEATURE_OOM_CHOICE 33
#define FEATURE_PROC_BC 34

/* The parts of numiptent. */
#define FEATURE_IPTABLES 35
#define FEATURE_NFTABLES 36

#define FEATURE_CGROUP_GONE 37

/* proc.c */
DECLARE_HOOK(numproc_fork);
DECLARE_HOOK(task_gone);
int numproc_prove(void);

/* file.c */
DECLARE_HOOK(numfile_alloc);
int numfile_prove(void);

/* sock.c */
DECLARE_HOOK(numsock_create);
DECLARE_HOOK(numsock_unix_connect);
DECLARE_HOOK(numsock_passive);
int numsock_create_prove(void);
int numsock_unix_connect_prove(void);
int numsock_passive_prove(void);

DECLARE_HOOK(sock_destruct);

/* flock.c */
DECLARE_HOOK(numflock_ask);
DECLARE_HOOK(numflock_flock);
DECLARE_HOOK(numflock_posix);
int numflock_flock_prove(void);
int numflock_posix_prove(void);

/* lease.c */
DECLARE_HOOK(numflock_lease);
DECLARE_HOOK(numflock_lease_setup);
DECLARE_HOOK(numflock_lease_gone);
int numflock_ask_prove(void);
int numflock_lease_prove(void);
void numflock_lease_init(void);
bool numflock_is_lease(void);

/* pty.c */
DECLARE_HOOK(numpty_new);
DECLARE_HOOK(numpty_close);
int numpty_prove(void);

/* siginfo.c */
DECLARE_HOOK(numsiginfo_alloc);
DECLARE_HOOK(numsiginfo_collect);
DECLARE_HOOK(numsiginfo_flush);
DECLARE_HOOK(numsiginfo_flush_mask);
DECLARE_HOOK(numsiginfo_flush_timers);
DECLARE_HOOK(numsiginfo_timer);
DECLARE_HOOK(numsiginfo_timer_delete);
void numsiginfo_sent(void *data, int sig, struct kernel_siginfo *info,
		     struct task_struct *task, int group, int result);
int numsiginfo_alloc_prove(void);
int numsiginfo_common_timer_prove(void);
int numsiginfo_cpu_timer_prove(void);
int numsiginfo_alarm_timer_prove(void);

/* mm.c */
DECLARE_HOOK(mm_expand);
DECLARE_HOOK(mm_map);
DECLARE_HOOK(mm_protect);
DECLARE_HOOK(mm_lock);
DECLARE_HOOK(mm_done);
DECLARE_HOOK(mm_exec);
DECLARE_HOOK(mm_exit);
int mm_expand_prove(void);
int mm_map_prove(void);
int mm_fork(struct task_struct *child, struct ub *ub);
unsigned long mm_private_pages(const struct mm_struct *mm);
unsigned long mm_locked_pages(const struct mm_struct *mm);

/* shm.c */
DECLARE_HOOK(shm_file);
DECLARE_HOOK(shm_inode);
DECLARE_HOOK(shm_add);
DECLARE_HOOK(shm_recalc);
DECLARE_HOOK(shm_evict);
DECLARE_HOOK(shm_lock);
int shm_file_prove(void);
int shm_inode_prove(void);
int shm_add_prove(void);

/* orphan.c */
DECLARE_HOOK(orphan_close);
int orphan_close_prove(void);

/* dgrambuf.c */
DECLARE_HOOK(dgrambuf_udp);
DECLARE_HOOK(dgrambuf_raw);
DECLARE_HOOK(dgrambuf_udp_release);
DECLARE_HOOK(sockbuf_rfree);
COMPAT_KFREE_SKB_PROBE(dgrambuf_dropped);
int dgrambuf_udp_prove(void);
int dgrambuf_raw_prove(void);

/* tcpbuf.c */
DECLARE_HOOK(tcpbuf_may_send);
DECLARE_HOOK(tcpbuf_send);
DECLARE_HOOK(tcpbuf_wait);
DECLARE_HOOK(tcpbuf_connect);
DECLARE_HOOK(tcpbuf_receive);
DECLARE_HOOK(tcpbuf_came);
DECLARE_HOOK(tcpbuf_look);
int tcpbuf_may_send_prove(void);
int tcpbuf_send_prove(void);
int tcpbuf_connect_prove(void);
int tcpbuf_receive_prove(void);

/* othersockbuf.c. In max_page_order, of a call that is its own. */
#define OTHERSOCKBUF_CHARGED_BIT 16

DECLARE_HOOK(othersockbuf_send);
DECLARE_HOOK(othersockbuf_wfree);
int othersockbuf_send_prove(void);
int othersockbuf_init(void);

/* iptables.c */
DECLARE_HOOK(iptables_replace);
DECLARE_HOOK(iptables_free);
int iptables_replace_prove(void);

/* nftables.c */
DECLARE_HOOK(nftables_step);
DECLARE_HOOK(nftables_step_taken);
DECLARE_HOOK(nftables_destroy);
DECLARE_HOOK(nftables_release_table);
DECLARE_HOOK(nftables_release_chain);
int nftables_step_prove(void);

/* ct.c */
DECLARE_HOOK(ct_init_exit);
typedef void (*res_ct_event_fn)(struct ub *ub, enum stockvz_ct_event event);
void res_set_ct_event_handler(res_ct_event_fn fn);

/* bc.c */
struct proc_dir_entry;

DECLARE_HOOK(bc_lookup);
void res_set_bc_home(struct proc_dir_entry *dir, struct proc_dir_entry *ct);

/* memcg.c */
void memcg_init(void);
void memcg_exit(void);
unsigned long memcg_oomguarpages(struct cgroup *cgroup);
const char *memcg_changed(struct ub *ub, struct ub_binding *now,
			  struct ub_binding *old);

/* kmem.c */
#define KMEM_STRANGERS 8

extern struct hook_text kmem_callers[];
extern unsigned long kmem_strangers[KMEM_STRANGERS];

DECLARE_HOOK(kmem_charge);
DECLARE_HOOK(kmem_account);
int kmem_prove(void);
int kmem_init(void);
unsigned long kmem_crowded(void);
void kmem_exit(void);
void kmem_task_gone(const struct task_struct *task);
void kmem_changed(struct ub *ub, struct ub_binding *now, struct ub_binding *old);

/* cgroup.c */
void cgroup_gone(void *data, struct cgroup *cgroup, const char *path);
void cgroup_gone_exit(void);

/* oom.c */
DECLARE_HOOK(oom_begin);
DECLARE_HOOK(oom_compare);
DECLARE_HOOK(oom_kill);

/* host.c */
void res_host_init(void);
void res_host_exit(void);

/* table.c */
DECLARE_HOOK(release_first);
const char *res_changed(struct ub *ub, struct ub_binding *now,
			struct ub_binding *old);
int res_init(const struct hook_options *options);
void res_exit(void);

static __always_inline bool res_any_call(struct ftrace_regs *fregs)
{
	return true;
}

/*
 * A gate of what the current task does. The host pays nothing: NAME(fregs, ub) is asked
 * if @ub does, with preemption off. Returns as that of DEFINE_GATE(). CONCERNS(fregs) is
 * a test that is cheaper still; of the call that proves nothing is asked.
 *
 * What is done for others than the host is apart, so that the host's way needs no frame.
 */
#define DEFINE_PAID_GATE(name, concerns)				\
	static noinline void name##_ask(struct ftrace_regs *fregs, struct ub *ub) \
	{								\
		long err = name(fregs, ub);				\
									\
		preempt_enable();					\
		if (unlikely(err))					\
			hook_refuse(fregs, err);			\
	}								\
									\
	static __always_inline bool name##_concerns(struct ftrace_regs *fregs) \
	{								\
		return (concerns)(fregs);				\
	}								\
									\
	static noinline void name##_slowly(struct ftrace_regs *fregs)	\
	{								\
		struct ub *ub;						\
									\
		if (hook_proving(name##_hook)) {			\
			hook_refuse(fregs, HOOK_PROOF_ERRNO);		\
			return;						\
		}							\
		if (!name##_concerns(fregs))				\
			return;						\
		preempt_disable();					\
		ub = ub_of_current();					\
		if (ub)							\
			name##_ask(fregs, ub);				\
		else							\
			preempt_enable();				\
	}								\
									\
	void name##_hook(unsigned long ip, unsigned long parent_ip,	\
			 struct ftrace_ops *op, struct ftrace_regs *fregs) \
	{								\
		struct ub *ub;						\
		bool known;						\
									\
		if (!name##_concerns(fregs) && !hook_proving_any())	\
			return;						\
		preempt_disable();					\
		known = !hook_proving_any() && ub_recall(&ub);		\
		if (known && unlikely(ub)) {				\
			name##_ask(fregs, ub);				\
			return;						\
		}							\
		preempt_enable();					\
		if (unlikely(!known))					\
			name##_slowly(fregs);				\
	}

#endif
