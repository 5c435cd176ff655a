// SPDX-License-Identifier: GPL-2.0
/*
 * numflock: file locks.
 *
 * Every lock that is installed counts one: of flock(), of fcntl(), POSIX and OFD
 * alike, and a lease. Who asked for it pays until it is unlocked or closed.
 *
 * flock() pays before it looks, so that at the barrier a conversion is refused
 * too, and while it sleeps; refused, it fails with ENOMEM, as a lease does.
 *
 * fcntl() pays for one lock before it looks, and not while it sleeps. Refused,
 * it fails with ENOLCK if it has to have a lock more; otherwise it goes on, to
 * merge with locks there are or to meet a conflict. A lock in the midst of an
 * own one of the other type makes two. Unlocking the midst of one makes one
 * more, which goes up to the limit.
 *
 * The kernel lets a module refuse where these functions begin, when the new lock
 * has no address. So a charge is noted for the task first, and moves to the lock
 * when it is filled in; what is still with the task at the end goes back.
 *
 * Between our look at the locks of a file and the kernel's, threads of the same
 * process may change them, and then a request that was let through without a
 * charge may need a lock after all. That is charged by force, and while more is
 * held than may be nobody is let through any more.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/kallsyms.h>
#include <trace/events/filelock.h>

#include "compat/locks.h"
#include "res.h"

HOOK_PIN(locks_copy_lock, void (struct file_lock *, struct file_lock *));
HOOK_PIN(vfs_setlease,
	 int (struct file *, COMPAT_LEASE_ARG, struct file_lease **, void **));
HOOK_PIN(fasync_free, void (struct fasync_struct *));

/* Where a charge is noted until its lock has an address: places in the task. */
enum note {
	NOTE_LOCK,	/* for the lock that was asked for */
	NOTE_SECOND,	/* for the second half of one that is split */
};

static const void *noted(enum note note)
{
	return (const char *)&current->files + note;
}

static bool is_noted(enum note note)
{
	struct ub *ub = owner_get(noted(note));

	if (ub)
		ub_put(ub);
	return ub;
}

static int charge(enum note note, struct ub *ub, enum ub_severity severity)
{
	return owner_charge(noted(note), ub, STOCKVZ_RES_NUMFLOCK, 1, severity);
}

static bool is_unlock(const struct file_lock *request)
{
	return compat_flc(request, type) == F_UNLCK;
}

/* FL_ACCESS only asks whether there is a conflict. */
static bool wants_nothing(const struct file_lock *request)
{
	return compat_flc(request, flags) & FL_ACCESS ||
	       !hook_on(STOCKVZ_RES_NUMFLOCK);
}

/*
 * flock_lock_inode(inode, request). One that slept comes here again, and has
 * kept its charge.
 */
static long numflock_flock(struct ftrace_regs *fregs)
{
	struct file_lock *request = hook_arg(fregs, 1, struct file_lock *);
	struct ub *ub;
	long err = 0;

	if (is_unlock(request) || wants_nothing(request))
		return 0;
	preempt_disable();
	ub = ub_of_current();
	if (unlikely(ub) && !is_noted(NOTE_LOCK))
		err = charge(NOTE_LOCK, ub, UB_HARD);
	preempt_enable();
	return err;
}

DEFINE_GATE(numflock_flock)

/* The end of flock_lock_inode(). */
void numflock_flock_done(void *data, struct inode *inode,
			 struct file_lock *request, int ret)
{
	if (ret != FILE_LOCK_DEFERRED)
		owner_release(noted(NOTE_LOCK));
}

HOOK_PIN_PROBE(flock_lock_inode, numflock_flock_done);

/*
 * locks_delete_block(waiter): it waits no more; woken by a signal, it does not
 * ask again either.
 */
static void numflock_wait_done(struct ftrace_regs *fregs)
{
	owner_release(noted(NOTE_LOCK));
}

DEFINE_HOOK(numflock_wait_done)

/* What posix_lock_inode() will do about a request. */
enum outcome {
	MERGES,		/* needs no lock more */
	INSERTS,	/* needs one */
	SPLITS,		/* needs one, or unlocking none, and a second half */
	CONFLICTS,	/* is refused or sleeps */
};

/**
 * struct course - a request on its way through the locks of its owner
 * @start: first byte; grows as it merges
 * @end: last byte
 * @placed: it has taken the place of, or merged with, a lock that was there
 * @inserts: it needs a new lock for that
 * @splits: it lies in the midst of one of the other type
 * @past: what follows lies behind it
 */
struct course {
	loff_t start;
	loff_t end;
	bool placed;
	bool inserts;
	bool splits;
	bool past;
};

/*
 * As posix_lock_inode() compares: "start - 1", since an end may be the largest
 * number there is.
 */
static void meet_same_type(struct course *c, const struct file_lock *lock)
{
	if (lock->fl_end < c->start - 1)
		return;
	if (lock->fl_start - 1 > c->end) {
		c->past = true;
		return;
	}
	c->start = min(c->start, lock->fl_start);
	c->end = max(c->end, lock->fl_end);
	c->placed = true;
}

static void meet_other_type(struct course *c, const struct file_lock *lock)
{
	if (lock->fl_end < c->start)
		return;
	if (lock->fl_end > c->end) {
		c->splits = lock->fl_start < c->start;
		c->past = true;
		return;
	}
	if (lock->fl_start < c->start || c->placed)
		return;
	c->placed = true;
	c->inserts = true;
}

static void meet(struct course *c, const struct file_lock *request,
		 const struct file_lock *lock)
{
	if (c->past)
		return;
	if (compat_flc(request, type) == compat_flc(lock, type))
		meet_same_type(c, lock);
	else
		meet_other_type(c, lock);
}

static bool conflict(const struct file_lock *request,
		     const struct file_lock *lock)
{
	if (is_unlock(request) || request->fl_end < lock->fl_start ||
	    lock->fl_end < request->fl_start)
		return false;
	return compat_flc(request, type) == F_WRLCK ||
	       compat_flc(lock, type) == F_WRLCK;
}

static enum outcome look(struct file_lock_context *ctx,
			 const struct file_lock *request)
{
	struct course c = { request->fl_start, request->fl_end };
	const struct file_lock *lock;

	lockdep_assert_held(&ctx->flc_lock);
	compat_for_each_lock(lock, &ctx->flc_posix) {
		if (compat_flc(lock, owner) == compat_flc(request, owner))
			meet(&c, request, lock);
		else if (conflict(request, lock))
			return CONFLICTS;
	}
	if (c.splits)
		return SPLITS;
	return c.placed && !c.inserts ? MERGES : INSERTS;
}

static enum outcome outcome_of(struct inode *inode,
			       const struct file_lock *request)
{
	struct file_lock_context *ctx = locks_inode_context(inode);
	enum outcome outcome;

	if (!ctx || list_empty_careful(&ctx->flc_posix))
		return INSERTS;
	spin_lock(&ctx->flc_lock);
	outcome = look(ctx, request);
	spin_unlock(&ctx->flc_lock);
	return outcome;
}

static long ask_to_unlock(struct ub *ub, struct inode *inode,
			  const struct file_lock *request)
{
	/* Mostly it is all of the file. */
	if (!request->fl_start && request->fl_end == OFFSET_MAX)
		return 0;
	if (outcome_of(inode, request) != SPLITS)
		return 0;
	return charge(NOTE_SECOND, ub, UB_SOFT) ? -ENOLCK : 0;
}

static bool is_over(struct ub *ub)
{
	struct ub_counter *c = &ub->counter[STOCKVZ_RES_NUMFLOCK].c;

	return (unsigned long)atomic_long_read(&c->held) > READ_ONCE(c->hard);
}

/* No lock can be had. Goes on without, if that may be. */
static long do_without(struct ub *ub, const struct file_lock *request,
		       enum outcome outcome)
{
	if (outcome == INSERTS || outcome == SPLITS)
		return -ENOLCK;
	if (outcome == CONFLICTS && !(compat_flc(request, flags) & FL_SLEEP))
		return -EAGAIN;
	return is_over(ub) ? -ENOLCK : 0;
}

static long ask_to_lock(struct ub *ub, struct inode *inode,
			const struct file_lock *request)
{
	enum outcome outcome = outcome_of(inode, request);

	if (charge(NOTE_LOCK, ub, UB_HARD))
		return do_without(ub, request, outcome);
	if (outcome == SPLITS && charge(NOTE_SECOND, ub, UB_HARD)) {
		owner_release(noted(NOTE_LOCK));
		return -ENOLCK;
	}
	return 0;
}

/* posix_lock_inode(inode, request, conflock). */
static long numflock_posix(struct ftrace_regs *fregs)
{
	struct inode *inode = hook_arg(fregs, 0, struct inode *);
	struct file_lock *request = hook_arg(fregs, 1, struct file_lock *);
	struct ub *ub;
	long err = 0;

	if (wants_nothing(request))
		return 0;
	preempt_disable();
	ub = ub_of_current();
	if (unlikely(ub))
		err = is_unlock(request) ? ask_to_unlock(ub, inode, request) :
					   ask_to_lock(ub, inode, request);
	preempt_enable();
	return err;
}

DEFINE_GATE(numflock_posix)

static void posix_done(void)
{
	owner_release(noted(NOTE_LOCK));
	owner_release(noted(NOTE_SECOND));
}

/* The end of posix_lock_inode(); request may be another by now. */
void numflock_posix_done(void *data, struct inode *inode,
			 struct file_lock *request, int ret)
{
	posix_done();
}

HOOK_PIN_PROBE(posix_lock_inode, numflock_posix_done);

/* Without a context both functions end here. */
void numflock_context(void *data, struct inode *inode, int type,
		      struct file_lock_context *ctx)
{
	if (unlikely(!ctx))
		posix_done();
}

HOOK_PIN_PROBE(locks_get_lock_context, numflock_context);

/* Network filesystems copy locks too, which come to nothing here. */
static bool is_kernels_own(unsigned long caller)
{
	char name[KSYM_SYMBOL_LEN];

	sprint_symbol_no_offset(name, caller);
	return str_has_prefix(name, "posix_lock_inode") ||
	       str_has_prefix(name, "flock_lock_inode");
}

/* A lock is installed that nobody has asked us for: see the head of this file. */
static void charge_by_force(const struct file_lock *lock, unsigned long caller)
{
	struct ub *ub;

	preempt_disable();
	ub = ub_of_current();
	if (ub && hook_on(STOCKVZ_RES_NUMFLOCK) && is_kernels_own(caller))
		owner_charge(lock, ub, STOCKVZ_RES_NUMFLOCK, 1, UB_FORCE);
	preempt_enable();
}

/*
 * locks_copy_lock(new, from): new is about to be installed, with what is in a
 * request, or, if from is installed itself, to be its second half.
 */
void numflock_copy_hook(unsigned long ip, unsigned long parent_ip,
			struct ftrace_ops *op, struct ftrace_regs *fregs)
{
	struct file_lock *new = hook_arg(fregs, 0, struct file_lock *);
	struct file_lock *from = hook_arg(fregs, 1, struct file_lock *);
	enum note note = list_empty(&compat_flc(from, list)) ? NOTE_LOCK :
							       NOTE_SECOND;

	if (!owner_move(noted(note), new))
		charge_by_force(new, parent_ip);
}

/*
 * vfs_setlease(filp, arg, lease, priv): priv points to what will tell the owner
 * of the lease when it is broken. The charge is noted for that: if there is no
 * new lease in the end it is freed.
 */
static long numflock_lease(struct ftrace_regs *fregs)
{
	COMPAT_LEASE_ARG arg = hook_arg(fregs, 1, COMPAT_LEASE_ARG);
	void **priv = hook_arg(fregs, 3, void **);

	if (arg == F_UNLCK || !priv || !*priv || !hook_on(STOCKVZ_RES_NUMFLOCK))
		return 0;
	return res_charge_current(*priv, STOCKVZ_RES_NUMFLOCK);
}

DEFINE_GATE(numflock_lease)

/* lease_setup(lease, priv): it is installed, now or long since. */
static void numflock_lease_setup(struct ftrace_regs *fregs)
{
	struct file_lease *lease = hook_arg(fregs, 0, struct file_lease *);
	void **priv = hook_arg(fregs, 1, void **);

	if (!lease->fl_fasync)
		owner_move(*priv, lease);
}

DEFINE_HOOK(numflock_lease_setup)

/* A request to unlock what is not locked, by a file that nobody knows. */
static int prove(int (*ask)(struct file *file, struct file_lock *request))
{
	static const struct file_operations nothing;
	struct file *file = anon_inode_getfile("[stockvz]", &nothing, NULL, 0);
	struct file_lock request;
	int err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	locks_init_lock(&request);
	compat_flc(&request, type) = F_UNLCK;
	compat_flc(&request, file) = file;
	compat_flc(&request, owner) = file;
	request.fl_end = OFFSET_MAX;
	err = ask(file, &request);
	fput(file);
	return err == HOOK_PROOF_ERRNO ? 0 : -ENOENT;
}

static int ask_flock(struct file *file, struct file_lock *request)
{
	compat_flc(request, flags) = FL_FLOCK;
	return locks_lock_inode_wait(file_inode(file), request);
}

static int ask_posix(struct file *file, struct file_lock *request)
{
	compat_flc(request, flags) = FL_POSIX;
	return posix_lock_file(file, request, NULL);
}

static int ask_lease(struct file *file, struct file_lock *request)
{
	void *owner = file;

	return vfs_setlease(file, F_UNLCK, NULL, &owner);
}

int numflock_flock_prove(void)
{
	return prove(ask_flock);
}

int numflock_posix_prove(void)
{
	return prove(ask_posix);
}

int numflock_lease_prove(void)
{
	return prove(ask_lease);
}
