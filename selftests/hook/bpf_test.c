// SPDX-License-Identifier: GPL-2.0
/*
 * BPF programs stand in the functions that our gates stand in, whoever was there
 * first, but for those that call us directly. They see every call once, the refused
 * ones too; the errno still reaches user space; and either may leave first. A livepatch
 * may stand in those.
 */
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "bpf.h"
#include "fixture.h"
#include "module.h"

/*
 * What the worker has, for each function something that calls it once.
 */

static int taken;

static long keep(long fd)
{
	if (fd < 0)
		return -errno;
	taken = fd;
	return 0;
}

static long nothing(long a, long b)
{
	return 0;
}

static long close_taken(long a, long b)
{
	return sys(close(taken));
}

static long open_null(long a, long b)
{
	return keep(open("/dev/null", O_RDWR));
}

static long make_socket(long a, long b)
{
	return keep(socket(AF_UNIX, SOCK_DGRAM, 0));
}

static int listener, spare;
static struct sockaddr_un name;
static socklen_t name_len = sizeof(name);

static long unix_listen(long a, long b)
{
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	name.sun_family = AF_UNIX;
	if (listener < 0 || bind(listener, (void *)&name, sizeof(sa_family_t)) ||
	    listen(listener, 8) ||
	    getsockname(listener, (void *)&name, &name_len))
		return -errno;
	spare = socket(AF_UNIX, SOCK_STREAM, 0);
	return keep(socket(AF_UNIX, SOCK_STREAM, 0));
}

static long unix_connect(long a, long b)
{
	return sys(connect(taken, (void *)&name, name_len));
}

static long unix_connect_spare(long a, long b)
{
	return sys(connect(spare, (void *)&name, name_len));
}

/* The next connects with a new socket. */
static long unix_accept(long a, long b)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0 || close(fd) || close(taken))
		return -errno;
	return keep(socket(AF_UNIX, SOCK_STREAM, 0));
}

static long fork_pausing(long a, long b)
{
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	return keep(pid);
}

static long reap(long a, long b)
{
	kill(taken, SIGKILL);
	return sys(waitpid(taken, NULL, 0)) == taken ? 0 : -ECHILD;
}

/* It was forked while the test had the program's descriptors open. */
static long forget(long fd, long b)
{
	return sys(close(fd));
}

/* A function that a gate stands in, how it is called, and who else is there. */
struct way {
	const char *function;
	int args;
	enum bpf_attach_type type;
	int res;
	int err;
	int syscall;
	worker_fn prepare;
	worker_fn take;
	worker_fn again;	/* when something is taken */
	worker_fn drop;
	bool direct;
};

#define OPEN .direct = true, .args = 1, .res = STOCKVZ_RES_NUMFILE, .err = ENFILE,	\
	.syscall = SYS_openat, .prepare = nothing, .take = open_null,	\
	.again = open_null, .drop = close_taken
#define SOCKET .direct = true, .args = 5, .res = STOCKVZ_RES_NUMOTHERSOCK, .err = ENOMEM, \
	.syscall = SYS_socket, .prepare = nothing, .take = make_socket,	\
	.again = make_socket, .drop = close_taken
#define CONNECT .args = 3, .res = STOCKVZ_RES_NUMOTHERSOCK, .err = ENOMEM, \
	.syscall = SYS_connect, .prepare = unix_listen,			\
	.take = unix_connect, .again = unix_connect_spare,		\
	.drop = unix_accept
#define FORK .args = 2, .res = STOCKVZ_RES_NUMPROC, .err = ENOMEM,	\
	.syscall = SYS_clone, .prepare = nothing, .take = fork_pausing,	\
	.again = fork_pausing, .drop = reap

/* Have the module loaded this way, as it may be already. */
static int have(bool direct)
{
	char c = 0;
	int fd = open("/sys/module/stockvz/parameters/direct", O_RDONLY);

	if (fd >= 0 && read(fd, &c, 1) != 1)
		c = 0;
	close(fd);
	if (c == (direct ? 'Y' : 'N'))
		return 0;
	if (c && unload_soon())
		return -1;
	return load(direct ? "require=all" : "require=all direct=0");
}

struct spied {
	struct laws laws;
	struct box a;
	struct bpf_spy spy;
};

static void spied_begin(struct __test_metadata *_metadata, struct spied *s, bool direct)
{
	NEEDS_MODULE();
	memset(&s->spy, 0xff, sizeof(s->spy));
	ASSERT_EQ(0, have(direct));
	laws_begin(_metadata, &s->laws);
}

static void spied_end(struct __test_metadata *_metadata, struct spied *s, bool direct)
{
	bpf_spy_end(&s->spy);
	let_go();
	EXPECT_EQ(0, have(direct));
	laws_end(_metadata, &s->laws);
}

/*
 * To come and go takes seconds. So there is a fixture for each way to be loaded, whose
 * tests run one after the other: as usual, ...
 */
FIXTURE(usual) {
	struct spied s;
};

FIXTURE_VARIANT(usual) {
	const struct way *way;
};

FIXTURE_SETUP(usual)
{
	spied_begin(_metadata, &self->s, true);
}

FIXTURE_TEARDOWN(usual)
{
	spied_end(_metadata, &self->s, true);
}

/* ... anew each time, ... */
FIXTURE(spied) {
	struct spied s;
};

FIXTURE_VARIANT(spied) {
	const struct way *way;
};

FIXTURE_SETUP(spied)
{
	spied_begin(_metadata, &self->s, true);
}

FIXTURE_TEARDOWN(spied)
{
	spied_end(_metadata, &self->s, true);
}

/* ... and so that programs may come at any time. */
FIXTURE(later) {
	struct spied s;
};

FIXTURE_VARIANT(later) {
	const struct way *way;
};

FIXTURE_SETUP(later)
{
	spied_begin(_metadata, &self->s, false);
}

FIXTURE_TEARDOWN(later)
{
	spied_end(_metadata, &self->s, false);
}

#define SPIED(name, function_, type_, how)				\
	static const struct way way_##name = {				\
		.function = function_,					\
		.type = type_,						\
		how							\
	};								\
	FIXTURE_VARIANT_ADD(usual, name) { .way = &way_##name };	\
	FIXTURE_VARIANT_ADD(spied, name) { .way = &way_##name };	\
	FIXTURE_VARIANT_ADD(later, name) { .way = &way_##name }

SPIED(open_entry, "security_file_alloc", BPF_TRACE_FENTRY, OPEN);
SPIED(open_exit, "security_file_alloc", BPF_TRACE_FEXIT, OPEN);
SPIED(open_modify, "security_file_alloc", BPF_MODIFY_RETURN, OPEN);
SPIED(socket_entry, "security_socket_post_create", BPF_TRACE_FENTRY, SOCKET);
SPIED(socket_exit, "security_socket_post_create", BPF_TRACE_FEXIT, SOCKET);
SPIED(socket_modify, "security_socket_post_create", BPF_MODIFY_RETURN, SOCKET);
SPIED(connect_entry, "security_unix_stream_connect", BPF_TRACE_FENTRY, CONNECT);
SPIED(connect_exit, "security_unix_stream_connect", BPF_TRACE_FEXIT, CONNECT);
SPIED(connect_modify, "security_unix_stream_connect", BPF_MODIFY_RETURN, CONNECT);
SPIED(fork_entry, "pids_can_fork", BPF_TRACE_FENTRY, FORK);
SPIED(fork_exit, "pids_can_fork", BPF_TRACE_FEXIT, FORK);

#define ASSERT_SPY()							\
	ASSERT_EQ(0, bpf_spy(&self->s.spy, variant->way->type,	\
			     variant->way->function, variant->way->args, 0))

/* Refused, with all that belongs to it. */
static void refused(struct __test_metadata *_metadata, struct box *a,
		    const struct way *way)
{
	struct refusal r = {
		.box = a,
		.res = way->res,
		.err = way->err,
		.syscall = way->syscall,
		.pid = a->worker.pid,
	};
	const struct ub_row before = ub_row(a->id, r.res);

	ub_events_drain();
	EXPECT_EQ(-r.err, worker_do(&a->worker, way->again, 0, 0));
	check_refused(_metadata, &r, &before);
	check_event(_metadata, &r, &before);
}

/* One fits and one does not; the program, if it is there, sees both. */
static void use(struct __test_metadata *_metadata, struct box *a,
		struct bpf_spy *spy, const struct way *way)
{
	unsigned long held = ub_row(a->id, way->res).held;
	bool spied = spy->link >= 0;

	bpf_spy_watch(spy, a->worker.pid);
	ASSERT_EQ(0, ub_limit(a->id, way->res, held + 1));
	EXPECT_EQ(0, worker_do(&a->worker, way->take, 0, 0));
	EXPECT_EQ(held + 1, ub_row(a->id, way->res).held);
	EXPECT_EQ(spied ? 1 : 0, bpf_spy_seen(spy).calls);
	refused(_metadata, a, way);
	EXPECT_EQ(spied ? 2 : 0, bpf_spy_seen(spy).calls);
	if (spied && way->type == BPF_TRACE_FEXIT)
		EXPECT_EQ(-way->err, (int)bpf_spy_seen(spy).result);
	bpf_spy_watch(spy, 0);
	EXPECT_EQ(0, worker_do(&a->worker, way->drop, 0, 0));
	EXPECT_TRUE(EVENTUALLY(ub_row(a->id, way->res).held == held));
	ASSERT_EQ(0, ub_limit(a->id, way->res, UB_MAX));
}

#define USE() use(_metadata, &self->s.a, &self->s.spy, variant->way)

/* We come anew, and begin to count our mistakes anew. */
static void begin(struct __test_metadata *_metadata, struct laws *laws,
		  const char *parameters)
{
	ASSERT_EQ(0, load(parameters));
	ASSERT_EQ(0, ub_events_open());
	laws->healed = 0;
	laws->nomem = 0;
}

TEST_F(usual, not_if_it_calls_us_directly)
{
	const struct way *way = variant->way;

	EXPECT_EQ(way->direct ? -EBUSY : 0,
		  bpf_spy(&self->s.spy, way->type, way->function, way->args, 0));
}

TEST_F(usual, beside_a_livepatch)
{
	if (!variant->way->direct)
		SKIP(return, "that would keep us out");
	if (variant->way->type != BPF_TRACE_FENTRY)
		SKIP(return, "no program, so no matter of which type");
	box_open(_metadata, &self->s.a, BOX_A);
	ASSERT_EQ(0, IN(&self->s.a, variant->way->prepare));
	ASSERT_EQ(0, hold(variant->way->function));
	USE();
	ASSERT_EQ(0, let_go());
	USE();
	box_close(_metadata, &self->s.a);

	check_unload(_metadata);
	ASSERT_EQ(0, hold(variant->way->function));
	begin(_metadata, &self->s.laws, "require=all");
	box_open(_metadata, &self->s.a, BOX_A);
	ASSERT_EQ(0, IN(&self->s.a, variant->way->prepare));
	USE();
	box_close(_metadata, &self->s.a);
	check_unload(_metadata);
	ASSERT_EQ(0, let_go());
	ASSERT_EQ(0, load("require=all"));
}

/* The module comes when the program is there already. */
#define COME() do {							\
	begin(_metadata, &self->s.laws, "require=all");			\
	box_open(_metadata, &self->s.a, BOX_A);				\
	ASSERT_EQ(0, IN(&self->s.a, forget, self->s.spy.map));		\
	ASSERT_EQ(0, IN(&self->s.a, forget, self->s.spy.prog));		\
	ASSERT_EQ(0, IN(&self->s.a, forget, self->s.spy.link));		\
	ASSERT_EQ(0, IN(&self->s.a, variant->way->prepare));		\
	USE();								\
} while (0)

TEST_F(spied, by_one_who_was_there_and_stays)
{
	struct worker worker;
	unsigned long calls;

	check_unload(_metadata);
	ASSERT_SPY();
	COME();
	box_close(_metadata, &self->s.a);
	check_unload(_metadata);
	/* Without us: the calls are as many, and none is refused. */
	ASSERT_EQ(0, worker_start(&worker, "/"));
	bpf_spy_watch(&self->s.spy, worker.pid);
	EXPECT_EQ(0, worker_do(&worker, variant->way->prepare, 0, 0));
	calls = bpf_spy_seen(&self->s.spy).calls;
	EXPECT_EQ(0, worker_do(&worker, variant->way->take, 0, 0));
	EXPECT_EQ(calls + 1, bpf_spy_seen(&self->s.spy).calls);
	EXPECT_EQ(0, worker_do(&worker, variant->way->drop, 0, 0));
	worker_stop(&worker);
	/* We come again, and he goes. */
	COME();
	bpf_spy_end(&self->s.spy);
	USE();
	box_close(_metadata, &self->s.a);
}

TEST_F(later, by_one_who_came_later)
{
	box_open(_metadata, &self->s.a, BOX_A);
	ASSERT_EQ(0, IN(&self->s.a, variant->way->prepare));
	USE();
	ASSERT_SPY();
	USE();
	bpf_spy_end(&self->s.spy);
	USE();
	box_close(_metadata, &self->s.a);
}

/* The same, for one program that refuses. */
FIXTURE(shared) {
	struct laws laws;
	struct box a;
};

FIXTURE_SETUP(shared)
{
	NEEDS_MODULE();
	ASSERT_EQ(0, have(false));
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
}

FIXTURE_TEARDOWN(shared)
{
	box_close(_metadata, &self->a);
	laws_end(_metadata, &self->laws);
}

/*
 * A program refuses what we have let through and charged. The kernel then takes
 * the socket apart as ever, and with it goes the charge.
 */
TEST_F(shared, socket_refused_by_bpf)
{
	struct box *a = &self->a;
	struct bpf_spy spy;

	ASSERT_EQ(0, bpf_spy(&spy, BPF_MODIFY_RETURN,
			     "security_socket_post_create", 5, -EACCES));
	bpf_spy_watch(&spy, a->worker.pid);
	EXPECT_EQ(-EACCES, IN(a, make_socket));
	EXPECT_EQ(1, bpf_spy_seen(&spy).calls);
	bpf_spy_end(&spy);
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMOTHERSOCK) == 0));
	EXPECT_EQ(0, FAILCNT(a, NUMOTHERSOCK));
}

/* At the same time: one by one all would be in the memory that was given back last. */
static long open_many(long a, long b)
{
	int fd[500], i, ret = 0;

	for (i = 0; i < 500; i++)
		fd[i] = open("/dev/null", O_RDWR);
	while (i--)
		ret |= close(fd[i]);
	return ret;
}

/*
 * Of a file that was refused nobody hears any more: its unit is given back when
 * its memory is some other file's. Ours finds the old charge when it comes, which
 * is counted, one of the host's takes it along when it goes.
 */
TEST_F(shared, file_refused_by_bpf)
{
	struct box *a = &self->a;
	struct bpf_spy spy;
	int tries = 20;
	cpu_set_t one;

	/* Memory that is given back waits on the CPU that had it. */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_EQ(0, sched_setaffinity(a->worker.pid, sizeof(one), &one));
	ASSERT_EQ(0, bpf_spy(&spy, BPF_MODIFY_RETURN, "security_file_alloc", 1,
			     -EACCES));
	bpf_spy_watch(&spy, a->worker.pid);
	EXPECT_EQ(-EACCES, IN(a, open_null));
	EXPECT_EQ(1, bpf_spy_seen(&spy).calls);
	bpf_spy_end(&spy);
	EXPECT_GE(1, HELD(a, NUMFILE));
	while (HELD(a, NUMFILE) && --tries)
		ASSERT_EQ(0, IN(a, open_many));
	EXPECT_EQ(0, HELD(a, NUMFILE));
	EXPECT_EQ(0, FAILCNT(a, NUMFILE));
	EXPECT_GE(self->laws.healed + 1, ub_status("healed"));
	self->laws.healed = ub_status("healed");
}

/* The last: what is run after us finds the module as we did. */
FIXTURE(after) {
	int unused;
};

FIXTURE_SETUP(after)
{
	NEEDS_MODULE();
}

FIXTURE_TEARDOWN(after)
{
}

TEST_F(after, loaded_again)
{
	EXPECT_EQ(0, have(true));
}

TEST_HARNESS_MAIN
