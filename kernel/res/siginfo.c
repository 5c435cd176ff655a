// SPDX-License-Identifier: GPL-2.0
/*
 * numsiginfo: queued signals.
 *
 * A signal that waits with its siginfo counts one, from when it is sent until it
 * is taken, flushed or thrown away. The receiver pays, whoever sends. A POSIX
 * timer counts one as long as it exists, for the siginfo that it keeps ready; its
 * creator pays.
 *
 * Refused, sigqueue() of a real-time signal and timer_create() fail with EAGAIN;
 * any other signal is delivered without its siginfo.
 *
 * A signal that a fault of the task itself raises (SIGSEGV, SIGFPE, ...) needs
 * room but holds nothing: it is taken as soon as the task would run on, by code
 * that cannot be seen from outside.
 *
 * A siginfo has no address yet where it can be refused. Between that point and
 * the trace event at the end of sending the receiver's siglock is held, so what
 * was charged is noted for the CPU until then.
 */
#include <linux/percpu.h>
#include <linux/posix-timers.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <trace/events/signal.h>

#include "res.h"

HOOK_PIN(flush_sigqueue, void (struct sigpending *));
HOOK_PIN(sigqueue_free, void (struct sigqueue *));

#define FAULTS (sigmask(SIGSEGV) | sigmask(SIGBUS) | sigmask(SIGILL) | \
		sigmask(SIGTRAP) | sigmask(SIGFPE) | sigmask(SIGSYS))

static spinlock_t *own_siglock(void)
{
	return &rcu_dereference_protected(current->sighand, true)->siglock;
}

/* What was charged for the siginfo that this CPU is about to send, or NULL. */
static DEFINE_PER_CPU(struct owner *, being_sent);

static struct ub *payer(struct task_struct *task)
{
	if (task == current && in_task())
		return ub_of_current();
	return ub_of_cgroup(task_dfl_cgroup(task));
}

static noinline bool reserve_refused(struct ub *ub)
{
	struct owner *o = owner_reserve(ub, STOCKVZ_RES_NUMSIGINFO, 1, UB_HARD);

	__this_cpu_write(being_sent, o);
	return !o;
}

/*
 * __sigqueue_alloc(sig, t, gfp, override_rlimit, flags), with the siglock of t
 * held, and so irqs off, unless it is a timer's.
 */
static __always_inline bool numsiginfo_alloc(struct ftrace_regs *fregs)
{
	unsigned int flags = hook_arg(fregs, 4, unsigned int);
	struct ub *ub;

	if (flags & SIGQUEUE_PREALLOC)
		return false;
	ub = payer(hook_arg(fregs, 1, struct task_struct *));
	return unlikely(ub) && reserve_refused(ub);
}

DEFINE_VALUE_GATE(numsiginfo_alloc, 0)

/* Taken by dequeue_synchronous_signal(), which is inlined. */
static bool raised_by_a_fault(const struct sigqueue *q)
{
	return q->info.si_code > SI_USER && q->info.si_signo < SIGRTMIN &&
	       sigmask(q->info.si_signo) & FAULTS;
}

static noinline void place(struct owner *o, const struct sigpending *pending, int result)
{
	const struct sigqueue *q = list_last_entry(&pending->list, struct sigqueue, list);

	__this_cpu_write(being_sent, NULL);
	if (result != TRACE_SIGNAL_DELIVERED || list_empty(&pending->list) ||
	    raised_by_a_fault(q))
		owner_cancel(o);
	else
		owner_place(o, q);
}

/*
 * The end of __send_signal_locked(), where a siginfo, if there is one, is the
 * last of its list, and of send_sigqueue(), which did not come by our gate.
 */
void numsiginfo_sent(void *data, int sig, struct kernel_siginfo *info,
		     struct task_struct *task, int group, int result)
{
	struct owner *o = __this_cpu_read(being_sent);

	if (unlikely(o))
		place(o, group ? &task->signal->shared_pending : &task->pending, result);
}

HOOK_PIN_PROBE(signal_generate, numsiginfo_sent);

/* Stands for the siginfo of a timer that was deleted while it was queued. */
static const void *without_timer(const struct sigqueue *q)
{
	return (const char *)q + 1;
}

/* A siginfo leaves its list. A timer's goes on to live, or says that it was one's. */
static void leaves(const struct sigqueue *q)
{
	if (unlikely(q->info.si_code == SI_TIMER))
		owner_release(without_timer(q));
	if (!(q->flags & SIGQUEUE_PREALLOC))
		owner_release(q);
}

/* collect_signal(sig, list, ...): the first of its kind is taken. */
static void numsiginfo_collect(struct ftrace_regs *fregs)
{
	int sig = hook_arg(fregs, 0, int);
	struct sigpending *pending = hook_arg(fregs, 1, struct sigpending *);
	struct sigqueue *q;

	list_for_each_entry(q, &pending->list, list)
		if (q->info.si_signo == sig) {
			leaves(q);
			return;
		}
}

DEFINE_HOOK(numsiginfo_collect)

/* flush_sigqueue(pending): all go. */
static void numsiginfo_flush(struct ftrace_regs *fregs)
{
	struct sigpending *pending = hook_arg(fregs, 0, struct sigpending *);
	struct sigqueue *q;

	list_for_each_entry(q, &pending->list, list)
		leaves(q);
}

DEFINE_HOOK(numsiginfo_flush)

/* flush_sigqueue_mask(mask, pending). */
static void numsiginfo_flush_mask(struct ftrace_regs *fregs)
{
	sigset_t *mask = hook_arg(fregs, 0, sigset_t *);
	struct sigpending *pending = hook_arg(fregs, 1, struct sigpending *);
	struct sigqueue *q;

	list_for_each_entry(q, &pending->list, list)
		if (sigismember(mask, q->info.si_signo))
			leaves(q);
}

DEFINE_HOOK(numsiginfo_flush_mask)

/* __flush_itimer_signals(pending): of timers, or who says so. */
static void numsiginfo_flush_timers(struct ftrace_regs *fregs)
{
	struct sigpending *pending = hook_arg(fregs, 0, struct sigpending *);
	struct sigqueue *q;

	list_for_each_entry(q, &pending->list, list)
		if (q->info.si_code == SI_TIMER)
			leaves(q);
}

DEFINE_HOOK(numsiginfo_flush_timers)

/*
 * common_timer_create(timer), posix_cpu_timer_create(), alarm_timer_create():
 * the last step of timer_create(), which deletes the timer if it fails.
 */
static long numsiginfo_timer(struct ftrace_regs *fregs, struct ub *ub)
{
	struct k_itimer *timer = hook_arg(fregs, 0, struct k_itimer *);

	if (!hook_on(STOCKVZ_RES_NUMSIGINFO))
		return 0;
	return owner_charge(timer->sigq, ub, STOCKVZ_RES_NUMSIGINFO, 1, UB_HARD) ?
	       -EAGAIN : 0;
}

DEFINE_PAID_GATE(numsiginfo_timer, res_any_call)

/*
 * sigqueue_free(q): a timer is deleted. If its siginfo is queued it is freed by
 * whoever takes it from there, unless that happens before this function gets
 * the siglock: then here, after all. For us it leaves the list either way.
 */
static void numsiginfo_timer_delete(struct ftrace_regs *fregs)
{
	struct sigqueue *q = hook_arg(fregs, 0, struct sigqueue *);
	unsigned long flags;

	if (owner_is_nobody(q))
		return;
	spin_lock_irqsave(own_siglock(), flags);
	if (list_empty(&q->list))
		owner_release(q);
	else
		owner_move(q, without_timer(q));
	spin_unlock_irqrestore(own_siglock(), flags);
}

DEFINE_HOOK(numsiginfo_timer_delete)

/* Is it pending, with nothing to tell of it? Then it was never sent. */
static bool take_back(int sig)
{
	struct sigpending *pending = &current->pending;
	struct sigqueue *q;
	bool lost;

	spin_lock_irq(own_siglock());
	lost = sigismember(&pending->signal, sig);
	list_for_each_entry(q, &pending->list, list)
		lost &= q->info.si_signo != sig;
	if (lost) {
		sigdelset(&pending->signal, sig);
		recalc_sigpending();
	}
	spin_unlock_irq(own_siglock());
	return lost;
}

/* Send ourselves what nobody minds, and keep it from being ignored at once. */
int numsiginfo_alloc_prove(void)
{
	bool taken = sigismember(&current->pending.signal, SIGWINCH);
	int sig = taken ? SIGURG : SIGWINCH;
	sigset_t block, old;
	bool lost;

	siginitset(&block, sigmask(sig));
	sigprocmask(SIG_BLOCK, &block, &old);
	send_sig(sig, current, 0);
	lost = take_back(sig);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return lost ? 0 : -ENOENT;
}

/* Only timer_create(2) leads there: call it, with a timer of no known clock. */
static int prove_timer(const char *function)
{
	static struct k_itimer timer = { .it_clock = -1 };
	int (*create)(struct k_itimer *timer) = hook_function(function);

	return create && create(&timer) == HOOK_PROOF_ERRNO ? 0 : -ENOENT;
}

int numsiginfo_common_timer_prove(void)
{
	return prove_timer("common_timer_create");
}

int numsiginfo_cpu_timer_prove(void)
{
	return prove_timer("posix_cpu_timer_create");
}

int numsiginfo_alarm_timer_prove(void)
{
	return prove_timer("alarm_timer_create");
}
