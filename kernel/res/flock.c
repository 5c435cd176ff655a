// SPDX-License-Identifier: GPL-2.0
/*
 * numflock: file locks.
 *
 * Every lock that is installed counts one: of flock(), of fcntl(), POSIX and OFD
 * alike, and a lease (lease.c). Who asked for it pays until it is unlocked or closed.
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
 * has no address. It tells whoever set the fl_ops of a request when it makes a lock of
 * it, and of a request or a lock when that goes. So a request that fits is charged and
 * gets fl_ops of ours, and so does its lock: each says itself who pays: see pay_ahead().
 *
 * Where more is to be seen to, the request goes through a function of ours, which charges,
 * calls the kernel's, and gives back what was not needed. That is so where it does not
 * fit, or splits a lock, or would sleep with a charge that it may not have, or where a
 * network filesystem has fl_ops of its own: see struct asked and struct lock_ops. The
 * host's requests and locks meet nothing but the gates.
 *
 * Between our look at the locks of a file and the kernel's, another thread may
 * change them, and then a request that was let through without a charge has a
 * lock after all. That is charged by force, and while more is held than may be
 * nobody is let through any more.
 *
 * A network filesystem comes here only when its server has granted the lock, which
 * nobody could take back. So a request for one is asked about before, where the
 * kernel asks the security modules: is there room for one? When the lock is made
 * then it is charged by force.
 */
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/security.h>

#include "compat/locks.h"
#include "res.h"

HOOK_PIN(security_file_lock, int (struct file *, unsigned int));
HOOK_PIN(locks_lock_inode_wait, int (struct inode *, struct file_lock *));

/*
 * Where the charge for the second half of a lock that is split is noted until that
 * has an address: in the task that asked. Only its address matters.
 */
static const void *second_half(void)
{
	return &current->files;
}

static int charge_second(struct ub *ub, enum ub_severity severity)
{
	return owner_charge(second_half(), ub, STOCKVZ_RES_NUMFLOCK, 1, severity);
}

/* Does its filesystem see to locks itself? */
static bool has_ops(const struct file *file)
{
	const struct file_operations *ops = file->f_op;

	return unlikely(ops->lock || ops->flock);
}

/* And asks a server? FUSE does so without coming here at all, or as a local one. */
static bool is_remote(const struct file *file)
{
	return has_ops(file) && file_inode(file)->i_sb->s_magic != FUSE_SUPER_MAGIC;
}

static void made(struct file_lock *new, struct file_lock *from);
static void split(struct file_lock *new, struct file_lock *from);
static void gone(struct file_lock *lock);

/**
 * struct asked - a request that pays, on the stack of who makes it
 * @ours: its fl_ops for as long as it is here
 * @theirs: those that it had
 * @lock: what was charged for its lock, until that is made
 */
struct asked {
	const struct file_lock_operations ours;
	const struct file_lock_operations *theirs;
	struct owner *lock;
};

#define ASKED(request) \
	{ .ours = { .fl_copy_lock = made }, .theirs = (request)->fl_ops }

/**
 * struct lock_ops - how the kernel tells us of a lock
 * @ours: fl_ops of what is paid for: so says our table or, with paid_itself, the lock.
 *	Either has a reference of the beancounter, which holds this module
 * @theirs: what it would have without us: network filesystems have some of their
 *	own. Set once
 */
struct lock_ops {
	const struct file_lock_operations ours;
	const struct file_lock_operations *theirs;
};

/* The first is for those that have none. */
#define KINDS 32
static struct lock_ops lock_ops[KINDS] = {
	[0 ... KINDS - 1] = {
		.ours = { .fl_copy_lock = split, .fl_release_private = gone },
	},
};

/* NULL if there are more kinds than can be. */
static struct lock_ops *ops_over(const struct file_lock_operations *theirs)
{
	unsigned int i;

	if (likely(!theirs))
		return &lock_ops[0];
	for (i = 1; i < ARRAY_SIZE(lock_ops); i++) {
		const struct file_lock_operations *old =
			cmpxchg(&lock_ops[i].theirs, NULL, theirs);

		if (!old || old == theirs)
			return &lock_ops[i];
	}
	return NULL;
}

static struct lock_ops *ops_of(const struct file_lock *lock)
{
	return container_of(lock->fl_ops, struct lock_ops, ours);
}

static bool is_watched(const struct file_lock *lock)
{
	return lock->fl_ops && lock->fl_ops->fl_copy_lock == split;
}

/* Who pays for a request that has paid_ahead, or a lock that has paid_itself; counted. */
static struct ub **payer(struct file_lock *lock)
{
	return (struct ub **)compat_lock_word(lock);
}

/* It goes. */
static void give_back(struct file_lock *lock)
{
	struct ub *ub = *payer(lock);

	*payer(lock) = NULL;
	lock->fl_ops = NULL;
	ub_uncharge(ub, STOCKVZ_RES_NUMFLOCK, 1);
	/* This module may go from here on, but not before we have returned. */
	ub_put(ub);
}

static const struct lock_ops paid_itself = {
	.ours = { .fl_copy_lock = split, .fl_release_private = give_back },
};

/* A lock is about to be installed, with what is in a request: with the charge, too. */
static void made_of_paid(struct file_lock *new, struct file_lock *request)
{
	*payer(new) = *payer(request);
	new->fl_ops = &paid_itself.ours;
	*payer(request) = NULL;
	request->fl_ops = NULL;
}

static const struct file_lock_operations paid_ahead = {
	.fl_copy_lock = made_of_paid,
	.fl_release_private = give_back,
};

/*
 * Charge a request, which then holds that, the beancounter and this module, until its
 * lock is made or it goes itself: who asks for a lock has to let the kernel tell
 * filesystems of that, since they keep things there. lockd's threads do not always.
 */
static __always_inline bool pay_ahead(struct ub *ub, struct file_lock *request)
{
	const struct file *file = compat_flc(request, file);

	if (request->fl_ops || !file || has_ops(file) ||
	    unlikely(current->flags & PF_KTHREAD) ||
	    __ub_counter_charge(&ub->counter[STOCKVZ_RES_NUMFLOCK].c, 1, UB_HARD, NULL))
		return false;
	ub_get(ub);
	*payer(request) = ub;
	request->fl_ops = &paid_ahead;
	return true;
}

/* There was room for its kind when it was asked for. */
static void watch(struct file_lock *lock)
{
	struct lock_ops *ops = ops_over(lock->fl_ops);

	if (!WARN_ON_ONCE(!ops))
		lock->fl_ops = &ops->ours;
}

/* A lock is made that nobody has asked us for: see the head of this file. */
static bool charge_by_force(const struct file_lock *lock)
{
	struct ub *ub;
	bool done;

	preempt_disable();
	ub = ub_of_current();
	done = ub && hook_on(STOCKVZ_RES_NUMFLOCK) &&
	       !owner_charge(lock, ub, STOCKVZ_RES_NUMFLOCK, 1, UB_FORCE);
	preempt_enable();
	return done;
}

static void copy_theirs(struct file_lock *new, struct file_lock *from,
			const struct file_lock_operations *theirs)
{
	new->fl_ops = theirs;
	if (theirs && theirs->fl_copy_lock)
		theirs->fl_copy_lock(new, from);
}

/* A lock is about to be installed, with what is in a request. */
static void made(struct file_lock *new, struct file_lock *from)
{
	struct asked *asked = container_of(from->fl_ops, struct asked, ours);
	unsigned long flags;

	copy_theirs(new, from, asked->theirs);
	if (likely(asked->lock)) {
		local_irq_save(flags);
		owner_place(asked->lock, new);
		local_irq_restore(flags);
		asked->lock = NULL;
		watch(new);
	} else if (charge_by_force(new)) {
		watch(new);
	}
}

/*
 * A lock is about to be installed, with what is in another: its second half. A
 * network filesystem copies locks too, which come to nothing here: that is done
 * where one may sleep, a split under a spinlock.
 */
static void split(struct file_lock *new, struct file_lock *from)
{
	const struct file_lock_operations *theirs = ops_of(from)->theirs;
	bool copied = theirs && !preempt_count();

	copy_theirs(new, from, theirs);
	if (owner_move(second_half(), new) || (!copied && charge_by_force(new)))
		watch(new);
}

static void gone(struct file_lock *lock)
{
	const struct file_lock_operations *theirs = ops_of(lock)->theirs;

	lock->fl_ops = theirs;
	if (theirs && theirs->fl_release_private)
		theirs->fl_release_private(lock);
	/* This module may go from here on, but not before we have returned. */
	owner_release(lock);
}

static bool is_unlock(const struct file_lock *request)
{
	return compat_flc(request, type) == F_UNLCK;
}

static bool is_granted(const struct file_lock *request)
{
	const struct file *file = compat_flc(request, file);

	return file && is_remote(file);
}

/* What its server has granted cannot be refused any more. */
static enum ub_severity severity_of(const struct file_lock *request,
				    enum ub_severity severity)
{
	return is_granted(request) ? UB_FORCE : severity;
}

static bool reserve(struct asked *asked, struct ub *ub,
		    const struct file_lock *request)
{
	unsigned long flags;

	local_irq_save(flags);
	asked->lock = owner_reserve(ub, STOCKVZ_RES_NUMFLOCK, 1,
				    severity_of(request, UB_HARD));
	local_irq_restore(flags);
	return asked->lock;
}

static void cancel(struct asked *asked)
{
	unsigned long flags;

	if (likely(!asked->lock))
		return;
	local_irq_save(flags);
	owner_cancel(asked->lock);
	local_irq_restore(flags);
	asked->lock = NULL;
}

/* Have a request go through a function of ours, and hand that the payer. */
static noinline void divert(struct ftrace_regs *fregs, struct ub *ub, void *charged)
{
	ub_get(ub);
	compat_ftrace_set_argument_3(fregs, (unsigned long)ub);
	ftrace_regs_set_instruction_pointer(fregs, (unsigned long)charged);
}

/* FL_ACCESS only asks whether there is a conflict. What is here already paid. */
static __always_inline bool wants_nothing(const struct file_lock *request)
{
	return compat_flc(request, flags) & FL_ACCESS ||
	       (unlikely(request->fl_ops) &&
		(request->fl_ops->fl_copy_lock == made ||
		 request->fl_ops == &paid_ahead || !ops_over(request->fl_ops)));
}

/*
 * Runs in place of locks_lock_inode_wait(), which it calls, and may sleep there:
 * the beancounter, whose reference is handed over, holds this module. When that is
 * put there is nothing left to sleep for, and unloading waits for who does not.
 */
static int flock_charged(struct inode *inode, struct file_lock *request,
			 void *unused, struct ub *ub)
{
	struct asked asked = ASKED(request);
	int err = -ENOMEM;

	if (reserve(&asked, ub, request) || is_granted(request)) {
		request->fl_ops = &asked.ours;
		err = locks_lock_inode_wait(inode, request);
		request->fl_ops = asked.theirs;
		cancel(&asked);
	}
	ub_put(ub);
	return err;
}

/* Is a lock of flock() asked for? */
static __always_inline bool is_flock(const struct file_lock *request)
{
	return compat_flc(request, flags) & FL_FLOCK && !is_unlock(request);
}

static __always_inline bool asks_flock(struct ftrace_regs *fregs)
{
	return is_flock(hook_arg(fregs, 1, const struct file_lock *));
}

/* locks_lock_inode_wait(inode, request): of flock(), among others. */
static long numflock_flock(struct ftrace_regs *fregs, struct ub *ub)
{
	struct file_lock *request = hook_arg(fregs, 1, struct file_lock *);

	if (!wants_nothing(request) && !pay_ahead(ub, request))
		divert(fregs, ub, flock_charged);
	return 0;
}

DEFINE_PAID_GATE(numflock_flock, asks_flock)

/* What posix_lock_inode() will do about a request. */
enum outcome {
	MERGES,		/* needs no lock more */
	INSERTS,	/* needs one */
	SPLITS,		/* needs one, or unlocking none, and a second half */
	CONFLICTS,	/* is refused or sleeps */
	EXPIRES,	/* the same, or has a lock taken away from a client that is gone */
};

/**
 * struct course - a request on its way through the locks of its owner
 * @start: first byte; grows as it merges
 * @end: last byte
 * @placed: it has taken the place of, or merged with, a lock that was there
 * @inserts: it needs a new lock for that
 * @splits: it lies in the midst of one of the other type: of this
 * @past: what follows lies behind it
 */
struct course {
	loff_t start;
	loff_t end;
	bool placed;
	bool inserts;
	bool past;
	struct file_lock *splits;
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

static void meet_other_type(struct course *c, struct file_lock *lock)
{
	if (lock->fl_end < c->start)
		return;
	if (lock->fl_end > c->end) {
		if (lock->fl_start < c->start)
			c->splits = lock;
		c->past = true;
		return;
	}
	if (lock->fl_start < c->start || c->placed)
		return;
	c->placed = true;
	c->inserts = true;
}

static void meet(struct course *c, const struct file_lock *request,
		 struct file_lock *lock)
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

/* A lock that nobody paid for is about to be split: the second half is paid for. */
static void watch_old(struct ub *ub, struct file_lock *lock)
{
	if (!is_watched(lock) && ops_over(lock->fl_ops) &&
	    !owner_charge(lock, ub, STOCKVZ_RES_NUMFLOCK, 0, UB_FORCE))
		watch(lock);
}

/* The kernel asks nfsd, whose client may have had its time. We do not. */
static enum outcome conflict_with(const struct file_lock *lock)
{
	return lock->fl_lmops && lock->fl_lmops->lm_lock_expirable ? EXPIRES : CONFLICTS;
}

static enum outcome look(struct file_lock_context *ctx, struct ub *ub,
			 const struct file_lock *request)
{
	struct course c = { request->fl_start, request->fl_end };
	struct file_lock *lock;

	lockdep_assert_held(&ctx->flc_lock);
	compat_for_each_lock(lock, &ctx->flc_posix) {
		if (compat_flc(lock, owner) == compat_flc(request, owner))
			meet(&c, request, lock);
		else if (conflict(request, lock))
			return conflict_with(lock);
	}
	if (c.splits) {
		watch_old(ub, c.splits);
		return SPLITS;
	}
	return c.placed && !c.inserts ? MERGES : INSERTS;
}

static enum outcome outcome_of(struct ub *ub, struct inode *inode,
			       const struct file_lock *request)
{
	struct file_lock_context *ctx = locks_inode_context(inode);
	enum outcome outcome;

	if (!ctx || list_empty_careful(&ctx->flc_posix))
		return INSERTS;
	spin_lock(&ctx->flc_lock);
	outcome = look(ctx, ub, request);
	spin_unlock(&ctx->flc_lock);
	return outcome;
}

static bool is_over(struct ub *ub)
{
	struct ub_counter *c = &ub->counter[STOCKVZ_RES_NUMFLOCK].c;

	return (unsigned long)atomic_long_read(&c->held) > READ_ONCE(c->hard);
}

/* No lock can be had. Goes on without, if that may be. */
static int do_without(struct ub *ub, const struct file_lock *request,
		      enum outcome outcome)
{
	if (outcome == INSERTS || outcome == SPLITS)
		return -ENOLCK;
	if (outcome == CONFLICTS && !(compat_flc(request, flags) & FL_SLEEP))
		return -EAGAIN;
	return is_over(ub) ? -ENOLCK : 0;
}

static int ask_to_lock(struct asked *asked, struct ub *ub, struct inode *inode,
		       const struct file_lock *request)
{
	enum outcome outcome = outcome_of(ub, inode, request);

	if (!reserve(asked, ub, request))
		return do_without(ub, request, outcome);
	if (outcome == SPLITS &&
	    charge_second(ub, severity_of(request, UB_HARD))) {
		cancel(asked);
		return -ENOLCK;
	}
	return 0;
}

/*
 * Runs in place of posix_lock_inode(), to which posix_lock_file() leads. See
 * flock_charged().
 */
static int posix_charged(struct inode *inode, struct file_lock *request,
			 struct file_lock *conflock, struct ub *ub)
{
	struct asked asked = ASKED(request);
	int err;

	preempt_disable();
	if (is_unlock(request))
		err = charge_second(ub, severity_of(request, UB_SOFT)) ?
		      -ENOLCK : 0;
	else
		err = ask_to_lock(&asked, ub, inode, request);
	preempt_enable();
	/* Without memory to note a charge a server's grant stands all the same. */
	if (!err || is_granted(request)) {
		request->fl_ops = &asked.ours;
		err = posix_lock_file(compat_flc(request, file), request, conflock);
		request->fl_ops = asked.theirs;
		cancel(&asked);
		owner_release(second_half());
	}
	ub_put(ub);
	return err;
}

/* What starts at the first byte, or ends at the last, lies in the midst of nothing. */
static bool may_split(const struct file_lock *request)
{
	return request->fl_start && request->fl_end != OFFSET_MAX;
}

/*
 * Does it need posix_charged()? Mostly a lock fits, and splits none. What sleeps does so
 * outside of this function, and must hold nothing there.
 */
static __always_inline bool needs_company(struct ub *ub, struct inode *inode,
					  struct file_lock *request)
{
	const struct file *file = compat_flc(request, file);

	/* As it always is: or posix_charged() would lock another. */
	if (!file || file_inode(file) != inode)
		return false;
	if (may_split(request) && outcome_of(ub, inode, request) == SPLITS)
		return true;
	return !is_unlock(request) &&
	       (compat_flc(request, flags) & FL_SLEEP || !pay_ahead(ub, request));
}

static __always_inline bool asks_posix(struct ftrace_regs *fregs)
{
	const struct file_lock *request = hook_arg(fregs, 1, const struct file_lock *);

	return !is_unlock(request) || may_split(request);
}

/* posix_lock_inode(inode, request, conflock): of fcntl(), a lock or an unlock. */
static long numflock_posix(struct ftrace_regs *fregs, struct ub *ub)
{
	struct inode *inode = hook_arg(fregs, 0, struct inode *);
	struct file_lock *request = hook_arg(fregs, 1, struct file_lock *);

	if (!wants_nothing(request) && needs_company(ub, inode, request))
		divert(fregs, ub, posix_charged);
	return 0;
}

DEFINE_PAID_GATE(numflock_posix, asks_posix)

static long has_room(void)
{
	struct ub *ub;
	int err = 0;

	preempt_disable();
	ub = ub_of_current();
	/* Nothing is charged that fits: it might be in the way of another. */
	if (unlikely(ub) &&
	    !ub_counter_fits(&ub->counter[STOCKVZ_RES_NUMFLOCK].c, 1, UB_HARD)) {
		err = ub_charge(ub, STOCKVZ_RES_NUMFLOCK, 1, UB_HARD);
		if (!err)
			ub_uncharge(ub, STOCKVZ_RES_NUMFLOCK, 1);
	}
	preempt_enable();
	return err ? -ENOLCK : 0;
}

/* Its server is about to be asked, or a proof runs. */
static noinline void ask_ahead(struct ftrace_regs *fregs)
{
	const struct file *file = hook_arg(fregs, 0, const struct file *);
	long err = 0;

	/* The proof is also one that leases are known. */
	if (hook_proving(numflock_ask_hook))
		err = numflock_is_lease() ? HOOK_PROOF_ERRNO : 0;
	else if (is_remote(file) && hook_arg(fregs, 1, unsigned int) != F_UNLCK &&
		 hook_on(STOCKVZ_RES_NUMFLOCK) && !numflock_is_lease())
		err = has_room();
	if (unlikely(err))
		hook_refuse(fregs, err);
}

/* security_file_lock(file, type): of flock(), fcntl() and leases, and nobody else. */
void numflock_ask_hook(unsigned long ip, unsigned long parent_ip,
		       struct ftrace_ops *op, struct ftrace_regs *fregs)
{
	if (hook_proving_any() || has_ops(hook_arg(fregs, 0, const struct file *)))
		ask_ahead(fregs);
}

/*
 * A request to unlock what is not locked. The file is not one of our own: its
 * last put may come when we are gone.
 */
static int prove(int (*try)(struct file *file, struct file_lock *request))
{
	struct file *file = filp_open("/", O_RDONLY | O_DIRECTORY, 0);
	struct file_lock request;
	int err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	locks_init_lock(&request);
	compat_flc(&request, type) = F_UNLCK;
	compat_flc(&request, file) = file;
	compat_flc(&request, owner) = file;
	request.fl_end = OFFSET_MAX;
	err = try(file, &request);
	fput(file);
	return err == HOOK_PROOF_ERRNO ? 0 : -ENOENT;
}

static int try_flock(struct file *file, struct file_lock *request)
{
	compat_flc(request, flags) = FL_FLOCK;
	return locks_lock_inode_wait(file_inode(file), request);
}

static int try_posix(struct file *file, struct file_lock *request)
{
	compat_flc(request, flags) = FL_POSIX;
	return posix_lock_file(file, request, NULL);
}

int numflock_flock_prove(void)
{
	return prove(try_flock);
}

int numflock_posix_prove(void)
{
	return prove(try_posix);
}
