/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every test of beancounters begins and ends with. A box is a beancounter,
 * a cgroup bound to it, and a worker inside. When a test is over, whatever it
 * did, the laws are checked: what was held is paid back, the row goes, nothing
 * was given back twice, and the kernel log has nothing to say.
 *
 * Include once, in the file that has the tests.
 */
#ifndef SELFTESTS_FIXTURE_H
#define SELFTESTS_FIXTURE_H

#include <fcntl.h>
#include <time.h>

#include "kselftest_harness.h"

#include "cg.h"
#include "env.h"
#include "text.h"
#include "ub.h"
#include "worker.h"

#define BOX_A 101
#define BOX_B 102
#define BOX_A_CGROUP "/ubtest101"
#define BOX_B_CGROUP "/ubtest102"

/* A limit is for what hangs: a guest, or its kernel, may be many times slower than others. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 1800

/* So often, or as STOCKVZ_ITERATIONS has it, in percent: for such a kernel. */
static inline long repeats(long n)
{
	long percent = env_number("STOCKVZ_ITERATIONS", 100);

	return percent < 100 ? n * percent / 100 + 1 : n;
}

/* RCU and the network take their time, and emulated machines too. */
#define PATIENCE_MS 60000

struct box {
	unsigned int id;
	char cgroup[32];
	struct worker worker;
};

/* What may not change while a test runs. */
struct laws {
	int kmsg;
	long owned;
	long healed;
	long nomem;
	long underflows;
};

#define HELD(box, res) (ub_row((box)->id, STOCKVZ_RES_##res).held)
#define FAILCNT(box, res) (ub_row((box)->id, STOCKVZ_RES_##res).failcnt)

/* Have the worker do it. The function takes two numbers. */
#define IN(box, fn, ...) in_box(box, fn, ##__VA_ARGS__, 0L, 0L)
#define in_box(box, fn, a, b, ...) \
	worker_do(&(box)->worker, fn, (long)(a), (long)(b))

/* Until it is so, for as long as patience lasts. Evaluates to whether it is. */
#define EVENTUALLY(cond) ({						\
	long left_ = PATIENCE_MS;					\
	bool so_;							\
									\
	while (!(so_ = (cond)) && left_ > 0) {				\
		usleep(10000);						\
		left_ -= 10;						\
	}								\
	so_;								\
})

/* Barrier and limit alike. */
#define LIMIT(box, res, value) \
	ASSERT_EQ(0, ub_limit((box)->id, STOCKVZ_RES_##res, value))

static inline void laws_begin(struct __test_metadata *_metadata,
			      struct laws *laws)
{
	if (geteuid() || access("/proc/stockvz", R_OK))
		SKIP(_exit(KSFT_SKIP), "needs root and the module");
	laws->kmsg = log_open();
	ASSERT_LE(0, laws->kmsg);
	laws->owned = ub_status("owned");
	laws->healed = ub_status("healed");
	laws->nomem = ub_status("nomem");
	laws->underflows = ub_status("underflows");
	ASSERT_EQ(0, ub_events_open());
}

/* The kernel itself writes with facility 0, so "6,", not "14,". */
static inline void check_kmsg(struct __test_metadata *_metadata, int kmsg)
{
	static const char *const signs[] = {
		"WARNING:", "BUG", "Oops", "Call Trace", "cut here", "uncharg",
		"refcount_t", "rcu:", "INFO: ", "blocked for more",
	};
	char line[8192];
	unsigned int i, oom = 0;

	while (log_next(kmsg, line, sizeof(line))) {
		if (line[1] != ',')
			continue;
		/* The OOM killer tells from where it was called, which is no fault. */
		if (strstr(line, " invoked oom-killer: "))
			oom = 6;
		if (oom && oom-- && strstr(line, "Call Trace:"))
			continue;
		for (i = 0; i < ARRAY_SIZE(signs); i++) {
			EXPECT_EQ(NULL, strstr(line, signs[i]))
				TH_LOG("kernel log: %s", line);
		}
	}
	close(kmsg);
}

static inline void laws_end(struct __test_metadata *_metadata,
			    struct laws *laws)
{
	/* A file or socket of the host's that dies meanwhile was never owned. */
	EXPECT_TRUE(EVENTUALLY(ub_status("owned") == laws->owned))
		TH_LOG("%ld objects are owned, not %ld", ub_status("owned"),
		       laws->owned);
	EXPECT_EQ(laws->healed, ub_status("healed"));
	EXPECT_EQ(laws->nomem, ub_status("nomem"));
	EXPECT_EQ(laws->underflows, ub_status("underflows"));
	check_kmsg(_metadata, laws->kmsg);
}

/*
 * Rows that say what the kernel counts for the cgroup. When nobody is left in it,
 * page cache and cached names still are, and so does what the kernel keeps ready on
 * each CPU: no leak, and not ours to give back. memcg_test and kmemsize_test hold
 * these to what the kernel says.
 */
static inline bool is_the_kernels(unsigned int res)
{
	return res == STOCKVZ_RES_PHYSPAGES || res == STOCKVZ_RES_SWAPPAGES ||
	       res == STOCKVZ_RES_OOMGUARPAGES || res == STOCKVZ_RES_KMEMSIZE;
}

/* Of a printed row, held and maxheld, which move by themselves where it is so. */
static inline void row_blank(char *line, unsigned int res)
{
	if (is_the_kernels(res))
		memset(line + 24, '-', 42);
}

/* Every held at 0? */
static inline bool empty(unsigned int id)
{
	struct ub_state state;
	unsigned int res;

	memset(&state, 0, sizeof(state));
	if (ub_get(id, &state))
		return false;
	for (res = 0; res < UB_NR; res++)
		if (state.row[res].held && !is_the_kernels(res))
			return false;
	return true;
}

/* One of a test that was killed may still be there. */
static inline void box_sweep(unsigned int id, const char *cgroup)
{
	struct ub_state state;

	cg_remove(cgroup);
	if (!ub_get(id, &state)) {
		ub_del(id);
		EVENTUALLY(ub_get(id, &state) == -ENOENT);
	}
}

/* With a cgroup under it, and nobody in there. */
static inline void box_make(struct __test_metadata *_metadata, struct box *box,
			    unsigned int id)
{
	memset(box, 0, sizeof(*box));
	box->id = id;
	snprintf(box->cgroup, sizeof(box->cgroup), "/ubtest%u", id);
	box_sweep(id, box->cgroup);
	ASSERT_EQ(0, cg_make(box->cgroup));
	ASSERT_EQ(0, ub_new(id, box->cgroup)) TH_LOG("%s", ub_why());
}

static inline void box_open(struct __test_metadata *_metadata, struct box *box,
			    unsigned int id)
{
	box_make(_metadata, box, id);
	ASSERT_EQ(0, worker_start(&box->worker, box->cgroup));
	ASSERT_EQ(1, HELD(box, NUMPROC));
}

/* Beancounter and worker go to a cgroup that is made for them, ... */
static inline void box_move(struct __test_metadata *_metadata, struct box *box,
			    const char *cgroup)
{
	ASSERT_EQ(0, cg_make(cgroup));
	ASSERT_EQ(0, ub_attach(box->id, cgroup));
	ASSERT_EQ(0, cg_enter(cgroup, box->worker.pid));
}

/* ... and back. */
static inline void box_return(struct __test_metadata *_metadata, struct box *box,
			      const char *cgroup)
{
	EXPECT_EQ(0, cg_enter(box->cgroup, box->worker.pid));
	EXPECT_EQ(0, ub_attach(box->id, box->cgroup));
	EXPECT_EQ(0, cg_remove(cgroup));
}

static inline void box_close(struct __test_metadata *_metadata, struct box *box)
{
	struct ub_state state;
	unsigned int res;

	worker_stop(&box->worker);
	EXPECT_TRUE(EVENTUALLY(empty(box->id)));
	memset(&state, 0, sizeof(state));
	EXPECT_EQ(0, ub_get(box->id, &state));
	for (res = 0; res < UB_NR; res++) {
		if (is_the_kernels(res))
			continue;
		EXPECT_EQ(0, state.row[res].held)
			TH_LOG("resource %u", res);
	}
	EXPECT_EQ(0, ub_del(box->id));
	EXPECT_TRUE(EVENTUALLY(ub_get(box->id, &state) == -ENOENT));
	EXPECT_EQ(0, cg_remove(box->cgroup));
}

/* What one box's worker gave is for another's to take. Nobody else keeps it. */
static inline void box_pass(struct __test_metadata *_metadata,
			    const struct box *from, const struct box *to)
{
	int fd = fd_receive(from->worker.channel);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fd_send(to->worker.channel, fd));
	close(fd);
}

/**
 * struct refusal - what a refused call must leave behind
 * @box: whose beancounter refuses
 * @res: which resource
 * @err: what the caller sees, without the minus
 * @syscall: the number of the call; -1 if no task made it
 * @pid: who made it; 0 for nobody
 * @extra: what the same call had charged before that, and gave back
 * @amount: what it asked for; 0 means 1
 */
struct refusal {
	struct box *box;
	int res;
	int err;
	int syscall;
	pid_t pid;
	unsigned int extra;
	unsigned long amount;
};

/* The row of before must not have changed, but for one failure more. */
static inline void check_refused(struct __test_metadata *_metadata,
				 const struct refusal *r,
				 const struct ub_row *before)
{
	struct ub_row after = ub_row(r->box->id, r->res);

	EXPECT_EQ(before->held, after.held);
	EXPECT_EQ(before->maxheld, after.maxheld);
	EXPECT_EQ(before->barrier, after.barrier);
	EXPECT_EQ(before->limit, after.limit);
	EXPECT_EQ(before->failcnt + 1, after.failcnt);
}

static inline void check_event(struct __test_metadata *_metadata,
			       const struct refusal *r,
			       const struct ub_row *before)
{
	struct timespec now;
	struct ub_event e;

	ASSERT_EQ(0, ub_event_next(&e, PATIENCE_MS)) TH_LOG("no event");
	clock_gettime(CLOCK_REALTIME, &now);
	EXPECT_EQ(STOCKVZ_CMD_REFUSAL_NTF, e.cmd);
	EXPECT_EQ(r->box->id, e.id);
	EXPECT_EQ((unsigned int)r->res, e.resource);
	EXPECT_EQ(before->barrier <= before->limit ?
		  STOCKVZ_BOUND_BARRIER : STOCKVZ_BOUND_LIMIT, e.bound);
	EXPECT_EQ(r->amount ?: 1, e.amount);
	EXPECT_EQ(before->held + r->extra, e.held);
	EXPECT_EQ(before->barrier, e.barrier);
	EXPECT_EQ(before->limit, e.limit);
	EXPECT_EQ((unsigned int)r->pid, e.pid);
	EXPECT_EQ(r->syscall, e.syscall);
	if (r->pid && r->pid == r->box->worker.pid)
		EXPECT_STREQ(WORKER_COMM, e.comm);
	EXPECT_LT(now.tv_sec - 60, (long)(e.time / 1000000000));
	EXPECT_GE(now.tv_sec, (long)(e.time / 1000000000));
}

/*
 * The worker's call is refused: with the right errno, one failure more, nothing
 * else changed, and one event that tells who asked for what.
 */
#define EXPECT_REFUSED(box_, RES, err_, syscall_, call)			\
	EXPECT_REFUSED_MORE(0, 1, box_, RES, err_, syscall_, call)

#define EXPECT_REFUSED_AFTER(extra_, box_, RES, err_, syscall_, call)	\
	EXPECT_REFUSED_MORE(extra_, 1, box_, RES, err_, syscall_, call)

/* It asks for more than one. */
#define EXPECT_REFUSED_OF(amount_, box_, RES, err_, syscall_, call)	\
	EXPECT_REFUSED_MORE(0, amount_, box_, RES, err_, syscall_, call)

#define EXPECT_REFUSED_MORE(extra_, amount_, box_, RES, err_, syscall_, call) do { \
	struct box *of_ = (box_);					\
	const struct refusal r_ = {					\
		.box = of_,						\
		.res = STOCKVZ_RES_##RES,				\
		.err = (err_),						\
		.syscall = (syscall_),					\
		.pid = of_->worker.pid,					\
		.extra = (extra_),					\
		.amount = (amount_),					\
	};								\
	const struct ub_row before_ = ub_row(of_->id, r_.res);		\
									\
	ub_events_drain();						\
	EXPECT_EQ(-r_.err, (call));					\
	check_refused(_metadata, &r_, &before_);			\
	check_event(_metadata, &r_, &before_);				\
} while (0)

/* One box. */
FIXTURE(ub) {
	struct laws laws;
	struct box a;
};

FIXTURE_SETUP(ub)
{
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
}

FIXTURE_TEARDOWN(ub)
{
	box_close(_metadata, &self->a);
	laws_end(_metadata, &self->laws);
}

/* Two. */
FIXTURE(two) {
	struct laws laws;
	struct box a;
	struct box b;
};

FIXTURE_SETUP(two)
{
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
	box_open(_metadata, &self->b, BOX_B);
}

FIXTURE_TEARDOWN(two)
{
	box_close(_metadata, &self->a);
	box_close(_metadata, &self->b);
	laws_end(_metadata, &self->laws);
}

#endif
