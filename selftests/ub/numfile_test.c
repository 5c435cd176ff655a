// SPDX-License-Identifier: GPL-2.0
/*
 * numfile counts files: each open one once, however many descriptors it has and
 * whoever has them. Who opened it pays, until the last one is closed. Over the
 * barrier the call says ENFILE.
 */
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "child.h"
#include "crowd.h"
#include "fds.h"

static long keep_two(long result, const int *pair)
{
	if (result < 0)
		return -errno;
	keep(pair[0]);
	return keep(pair[1]);
}

static long open_null(long a, long b)
{
	return keep(open("/dev/null", O_RDWR));
}

static long open_many(long n, long b)
{
	long err = 0;

	while (n-- && !err)
		err = open_null(0, 0);
	return err;
}

/*
 * Every way to come by a file.
 */

static long make_creat(long a, long b)
{
	long err = keep(syscall(SYS_creat, "/tmp/numfile", 0600));

	unlink("/tmp/numfile");
	return err;
}

static long make_path(long a, long b)
{
	return keep(open("/dev/null", O_PATH));
}

static long make_tmpfile(long a, long b)
{
	return keep(open("/dev/shm", O_TMPFILE | O_RDWR, 0600));
}

static long make_directory(long a, long b)
{
	return keep(open("/", O_RDONLY | O_DIRECTORY));
}

static long make_ptmx(long a, long b)
{
	return keep(open("/dev/ptmx", O_RDWR | O_NOCTTY));
}

static long make_pipe(long a, long b)
{
	int pair[2];

	return keep_two(pipe2(pair, 0), pair);
}

static long make_socket(long a, long b)
{
	return keep(socket(AF_UNIX, SOCK_DGRAM, 0));
}

static long make_socketpair(long a, long b)
{
	int pair[2];

	return keep_two(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), pair);
}

static long make_epoll(long a, long b)
{
	return keep(epoll_create1(0));
}

static long make_eventfd(long a, long b)
{
	return keep(eventfd(0, 0));
}

static long make_timerfd(long a, long b)
{
	return keep(timerfd_create(CLOCK_MONOTONIC, 0));
}

static long make_signalfd(long a, long b)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return keep(signalfd(-1, &set, 0));
}

static long make_inotify(long a, long b)
{
	return keep(inotify_init1(0));
}

static long make_fanotify(long a, long b)
{
	return keep(fanotify_init(0, O_RDONLY));
}

static long make_memfd(long a, long b)
{
	return keep(memfd_create("numfile", 0));
}

static long make_pidfd(long a, long b)
{
	return keep(syscall(SYS_pidfd_open, getpid(), 0));
}

static long make_mqueue(long a, long b)
{
	long err = keep(syscall(SYS_mq_open, "numfile", O_RDWR | O_CREAT, 0600,
				NULL));

	syscall(SYS_mq_unlink, "numfile");
	return err;
}

static long make_fsopen(long a, long b)
{
	return keep(syscall(SYS_fsopen, "tmpfs", 0));
}

static long make_open_tree(long a, long b)
{
	return keep(syscall(SYS_open_tree, AT_FDCWD, "/", 0));
}

/* A refused one leaves what the one before it made. */
static void *mapping;

static long make_mapping(long a, long b)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	mapping = p;
	return 0;
}

static long drop_mapping(long a, long b)
{
	return sys(munmap(mapping, 4096));
}

static int segment;

static long make_segment(long a, long b)
{
	int id = shmget(IPC_PRIVATE, 4096, 0600);

	if (id < 0)
		return -errno;
	segment = id;
	return 0;
}

static long drop_segment(long a, long b)
{
	return sys(shmctl(segment, IPC_RMID, NULL));
}

FIXTURE(kind) {
	struct laws laws;
	struct box a;
};

FIXTURE_VARIANT(kind) {
	worker_fn make;
	worker_fn drop;
	unsigned int files;
	int syscall;
};

#define KIND(way, nr, n) {						\
	.make = way,							\
	.drop = drop_all,						\
	.files = n,							\
	.syscall = nr,							\
}

FIXTURE_VARIANT_ADD(kind, creat) KIND(make_creat, SYS_creat, 1);
FIXTURE_VARIANT_ADD(kind, path) KIND(make_path, SYS_openat, 1);
FIXTURE_VARIANT_ADD(kind, tmpfile) KIND(make_tmpfile, SYS_openat, 1);
FIXTURE_VARIANT_ADD(kind, directory) KIND(make_directory, SYS_openat, 1);
FIXTURE_VARIANT_ADD(kind, ptmx) KIND(make_ptmx, SYS_openat, 1);
FIXTURE_VARIANT_ADD(kind, pipe) KIND(make_pipe, SYS_pipe2, 2);
FIXTURE_VARIANT_ADD(kind, socket) KIND(make_socket, SYS_socket, 1);
FIXTURE_VARIANT_ADD(kind, socketpair) KIND(make_socketpair, SYS_socketpair, 2);
FIXTURE_VARIANT_ADD(kind, epoll) KIND(make_epoll, SYS_epoll_create1, 1);
FIXTURE_VARIANT_ADD(kind, eventfd) KIND(make_eventfd, SYS_eventfd2, 1);
FIXTURE_VARIANT_ADD(kind, timerfd) KIND(make_timerfd, SYS_timerfd_create, 1);
FIXTURE_VARIANT_ADD(kind, signalfd) KIND(make_signalfd, SYS_signalfd4, 1);
FIXTURE_VARIANT_ADD(kind, inotify) KIND(make_inotify, SYS_inotify_init1, 1);
FIXTURE_VARIANT_ADD(kind, fanotify) KIND(make_fanotify, SYS_fanotify_init, 1);
FIXTURE_VARIANT_ADD(kind, memfd) KIND(make_memfd, SYS_memfd_create, 1);
FIXTURE_VARIANT_ADD(kind, pidfd) KIND(make_pidfd, SYS_pidfd_open, 1);
FIXTURE_VARIANT_ADD(kind, mqueue) KIND(make_mqueue, SYS_mq_open, 1);
FIXTURE_VARIANT_ADD(kind, fsopen) KIND(make_fsopen, SYS_fsopen, 1);
FIXTURE_VARIANT_ADD(kind, open_tree) KIND(make_open_tree, SYS_open_tree, 1);

FIXTURE_VARIANT_ADD(kind, shared_mapping) {
	.make = make_mapping,
	.drop = drop_mapping,
	.files = 1,
	.syscall = SYS_mmap,
};

FIXTURE_VARIANT_ADD(kind, shm_segment) {
	.make = make_segment,
	.drop = drop_segment,
	.files = 1,
	.syscall = SYS_shmget,
};

FIXTURE_SETUP(kind)
{
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
}

FIXTURE_TEARDOWN(kind)
{
	box_close(_metadata, &self->a);
	laws_end(_metadata, &self->laws);
}

TEST_F(kind, oracle_33_counts_and_is_refused)
{
	struct box *a = &self->a;
	unsigned int left;

	EXPECT_EQ(0, HELD(a, NUMFILE));
	ASSERT_EQ(0, worker_do(&a->worker, variant->make, 0, 0));
	EXPECT_EQ(variant->files, HELD(a, NUMFILE));
	/* The second of two may be the one that does not fit. */
	for (left = 0; left < variant->files; left++) {
		ASSERT_EQ(0, ub_set(a->id, STOCKVZ_RES_NUMFILE,
				    variant->files + left, UB_MAX));
		EXPECT_REFUSED_AFTER(left, a, NUMFILE, ENFILE, variant->syscall,
				     worker_do(&a->worker, variant->make, 0, 0));
		/* Raised by what had gone in before: so it was for a moment. */
		LIMIT(a, NUMFILE, variant->files + left + 1);
		EXPECT_EQ(0, IN(a, open_null));
		EXPECT_EQ(0, IN(a, drop_one));
	}
	EXPECT_EQ(0, worker_do(&a->worker, variant->drop, 0, 0));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMFILE) == 0));
	EXPECT_EQ(0, worker_do(&a->worker, variant->make, 0, 0));
	EXPECT_EQ(variant->files, HELD(a, NUMFILE));
	EXPECT_EQ(0, worker_do(&a->worker, variant->drop, 0, 0));
	/* A failed call leaves no trace in other counts. */
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMOTHERSOCK) == 0));
}

/*
 * What counts nothing, and what closes.
 */

static long descriptors(long a, long b)
{
	int i, got[4];

	got[0] = dup(fds[0]);
	got[1] = dup2(fds[0], FDS_MAX - 1);
	got[2] = fcntl(fds[0], F_DUPFD, 0);
	got[3] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
	for (i = 0; i < 4; i++)
		if (got[i] < 0)
			return -errno;
	if (a)
		return 0;
	for (i = 0; i < 4; i++)
		close(got[i]);
	return 0;
}

TEST_F(ub, oracle_32_dup_counts_nothing)
{
	struct box *a = &self->a;

	LIMIT(a, NUMFILE, 1);
	EXPECT_EQ(0, IN(a, open_null));
	EXPECT_EQ(0, IN(a, descriptors, 0));
	EXPECT_EQ(1, HELD(a, NUMFILE));
	EXPECT_EQ(0, IN(a, descriptors, 1));
	/* The first descriptor goes, others stay. */
	EXPECT_EQ(0, IN(a, drop_one));
	EXPECT_EQ(1, HELD(a, NUMFILE));
	EXPECT_EQ(0, FAILCNT(a, NUMFILE));
}

TEST_F(ub, oracle_10_maxheld_stays)
{
	struct box *a = &self->a;
	int i;

	for (i = 0; i < 10; i++)
		EXPECT_EQ(0, IN(a, open_null));
	for (i = 0; i < 10; i++)
		EXPECT_EQ(0, IN(a, drop_one));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(0, IN(a, open_null));
	EXPECT_EQ(5, HELD(a, NUMFILE));
	EXPECT_EQ(10, ub_row(a->id, STOCKVZ_RES_NUMFILE).maxheld);
	for (i = 0; i < 5; i++)
		EXPECT_EQ(0, IN(a, drop_one));
}

TEST_F(ub, fork_shares)
{
	struct box *a = &self->a;
	long pid;

	EXPECT_EQ(0, IN(a, open_many, 10));
	pid = IN(a, fork_pausing);
	ASSERT_LT(0, pid);
	EXPECT_EQ(10, HELD(a, NUMFILE));
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_EQ(10, HELD(a, NUMFILE));
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_EQ(0, HELD(a, NUMFILE));
}

/* Some files go with exec, some stay. */
static long fork_exec_sleep(long go, long stay)
{
	pid_t self = getpid(), pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (go--)
			open("/dev/null", O_RDONLY | O_CLOEXEC);
		while (stay--)
			open("/dev/null", O_RDONLY);
		if (getppid() == self)
			execl("/bin/sleep", "sleep", "1000", NULL);
		_exit(1);
	}
	return sys(pid);
}

/*
 * What runs keeps its program open, and its libraries. How many those are
 * is told by one that opens nothing itself.
 */
TEST_F(ub, exec_closes_what_it_shall)
{
	struct box *a = &self->a;
	unsigned long alone;
	long pid;

	pid = IN(a, fork_exec_sleep, 0, 0);
	ASSERT_LT(0, pid);
	EXPECT_TRUE(EVENTUALLY(is_asleep(pid)));
	alone = HELD(a, NUMFILE);
	EXPECT_LT(0, alone);
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_EQ(0, HELD(a, NUMFILE));

	pid = IN(a, fork_exec_sleep, 30, 20);
	ASSERT_LT(0, pid);
	EXPECT_TRUE(EVENTUALLY(is_asleep(pid)));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMFILE) == alone + 20));
	EXPECT_LE(50, ub_row(a->id, STOCKVZ_RES_NUMFILE).maxheld);
	EXPECT_EQ(0, IN(a, reap, pid));
	EXPECT_EQ(0, HELD(a, NUMFILE));
}

static long fork_exec_true(long a, long b)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	return -WEXITSTATUS(status);
}

/* The program itself is opened for the time that exec needs. */
TEST_F(ub, exec_over_the_barrier)
{
	struct box *a = &self->a;
	unsigned long failures;

	EXPECT_EQ(0, IN(a, fork_exec_true));
	EXPECT_EQ(0, HELD(a, NUMFILE));
	LIMIT(a, NUMFILE, 0);
	failures = FAILCNT(a, NUMFILE);
	EXPECT_EQ(-ENFILE, IN(a, fork_exec_true));
	EXPECT_EQ(failures + 1, FAILCNT(a, NUMFILE));
	LIMIT(a, NUMFILE, 20);
	EXPECT_EQ(0, IN(a, fork_exec_true));
	EXPECT_EQ(0, HELD(a, NUMFILE));
}

static long open_missing(long a, long b)
{
	return sys(open("/no/such/file", O_RDONLY));
}

TEST_F(ub, open_that_fails_for_other_reasons)
{
	struct box *a = &self->a;

	EXPECT_EQ(-ENOENT, IN(a, open_missing));
	EXPECT_EQ(0, HELD(a, NUMFILE));
	EXPECT_EQ(0, FAILCNT(a, NUMFILE));
	LIMIT(a, NUMFILE, 0);
	EXPECT_REFUSED(a, NUMFILE, ENFILE, SYS_openat, IN(a, open_missing));
}

static long limit_descriptors(long n, long b)
{
	struct rlimit r = { n, n };

	return sys(setrlimit(RLIMIT_NOFILE, &r));
}

TEST_F(ub, emfile_is_another_matter)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, limit_descriptors, 3));
	EXPECT_EQ(-EMFILE, IN(a, open_null));
	EXPECT_EQ(0, HELD(a, NUMFILE));
	EXPECT_EQ(0, FAILCNT(a, NUMFILE));
}

static long map_and_close(long a, long b)
{
	int fd = open("/proc/self/exe", O_RDONLY);

	if (fd < 0)
		return -errno;
	mapping = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	return mapping == MAP_FAILED ? -errno : 0;
}

TEST_F(ub, mapping_keeps_the_file)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, map_and_close));
	EXPECT_EQ(1, HELD(a, NUMFILE));
	EXPECT_EQ(0, IN(a, drop_mapping));
	EXPECT_EQ(0, HELD(a, NUMFILE));
}

/* One for the segment, one for each that is attached. */
static long attach(long a, long b)
{
	mapping = shmat(segment, NULL, 0);
	return mapping == (void *)-1 ? -errno : 0;
}

static long detach(long a, long b)
{
	return sys(shmdt(mapping));
}

TEST_F(ub, attached_segment)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, make_segment));
	LIMIT(a, NUMFILE, 1);
	EXPECT_REFUSED(a, NUMFILE, ENFILE, SYS_shmat, IN(a, attach));
	LIMIT(a, NUMFILE, 2);
	EXPECT_EQ(0, IN(a, attach));
	EXPECT_EQ(2, HELD(a, NUMFILE));
	EXPECT_EQ(0, IN(a, drop_segment));
	EXPECT_EQ(2, HELD(a, NUMFILE));
	EXPECT_EQ(0, IN(a, detach));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMFILE) == 0));
}

/* accept() needs a file for a socket that is there already. */

static struct sockaddr_un name = { AF_UNIX, "\0numfile" };

static long listen_and_connect(long a, long b)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	int c = socket(AF_UNIX, SOCK_STREAM, 0);

	if (keep(s) || keep(c) ||
	    bind(s, (struct sockaddr *)&name, sizeof(name)) || listen(s, 5) ||
	    connect(c, (struct sockaddr *)&name, sizeof(name)))
		return -errno;
	return 0;
}

static long accept_one(long a, long b)
{
	return keep(accept4(fds[0], NULL, NULL, SOCK_NONBLOCK));
}

TEST_F(ub, accept_over_the_barrier)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, listen_and_connect));
	EXPECT_EQ(2, HELD(a, NUMFILE));
	LIMIT(a, NUMFILE, 2);
	EXPECT_REFUSED(a, NUMFILE, ENFILE, SYS_accept4, IN(a, accept_one));
	/* The connection still waits there. */
	LIMIT(a, NUMFILE, 3);
	EXPECT_EQ(0, IN(a, accept_one));
	EXPECT_EQ(3, HELD(a, NUMFILE));
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_EQ(0, HELD(a, NUMFILE));
}

/*
 * Files that travel.
 */

TEST_F(two, passed_from_one_to_the_other)
{
	struct box *a = &self->a, *b = &self->b;
	int fd;

	LIMIT(b, NUMFILE, 0);
	EXPECT_EQ(0, IN(a, open_null));
	EXPECT_EQ(0, IN(a, give));
	EXPECT_EQ(1, HELD(a, NUMFILE));
	/* In flight, and nobody has it. */
	EXPECT_EQ(0, IN(a, drop_one));
	EXPECT_EQ(1, HELD(a, NUMFILE));
	fd = fd_receive(a->worker.channel);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, HELD(a, NUMFILE));
	ASSERT_EQ(0, fd_send(b->worker.channel, fd));
	close(fd);
	EXPECT_EQ(0, IN(b, take));
	EXPECT_EQ(1, HELD(a, NUMFILE));
	EXPECT_EQ(0, HELD(b, NUMFILE));
	EXPECT_EQ(0, FAILCNT(b, NUMFILE));
	EXPECT_EQ(0, IN(b, drop_one));
	EXPECT_EQ(0, HELD(a, NUMFILE));
	EXPECT_EQ(0, HELD(b, NUMFILE));
}

TEST_F(ub, thrown_away_in_flight)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, open_null));
	EXPECT_EQ(0, IN(a, give));
	EXPECT_EQ(0, IN(a, drop_one));
	EXPECT_EQ(1, HELD(a, NUMFILE));
	shutdown(a->worker.fd, SHUT_RDWR);
	waitpid(a->worker.pid, NULL, 0);
	a->worker.pid = 0;
	/* The worker is gone; the file waits in our end. */
	EXPECT_EQ(1, HELD(a, NUMFILE));
	close(a->worker.channel);
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMFILE) == 0));
}

static long give_own_channel(long a, long b)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) ||
	    fd_send(pair[0], pair[0]) || fd_send(pair[0], pair[1]))
		return -errno;
	close(pair[0]);
	close(pair[1]);
	/* The kernel looks for such cycles when another socket is closed. */
	close(socket(AF_UNIX, SOCK_DGRAM, 0));
	return 0;
}

TEST_F(ub, sockets_that_only_hold_each_other)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, give_own_channel));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMFILE) == 0));
	EXPECT_TRUE(EVENTUALLY(HELD(a, NUMOTHERSOCK) == 0));
}

static long close_inherited(long fd, long b)
{
	return sys(close(fd));
}

/* The row stays as long as what it paid for, and can be had again. */
TEST_F(ub, oracle_53_outlives_its_beancounter)
{
	struct box *a = &self->a;
	struct ub_state state;
	struct ub_row row;
	int fd;

	LIMIT(a, NUMFILE, 1);
	EXPECT_EQ(0, IN(a, open_null));
	EXPECT_REFUSED(a, NUMFILE, ENFILE, SYS_openat, IN(a, open_null));
	EXPECT_EQ(0, IN(a, give));
	fd = fd_receive(a->worker.channel);
	ASSERT_LE(0, fd);
	worker_stop(&a->worker);
	ASSERT_EQ(0, ub_del(a->id));
	ASSERT_EQ(0, cg_remove(a->cgroup));
	usleep(300000);
	ASSERT_EQ(0, ub_get(a->id, &state));
	EXPECT_TRUE(state.dying);
	EXPECT_EQ(1, state.row[STOCKVZ_RES_NUMFILE].held);
	/* No longer to be changed. */
	EXPECT_EQ(-ENOENT, ub_set(a->id, STOCKVZ_RES_NUMFILE, 1, 1));
	EXPECT_EQ(-ENOENT, ub_del(a->id));

	ASSERT_EQ(0, cg_make(a->cgroup));
	ASSERT_EQ(0, ub_new(a->id, a->cgroup));
	row = ub_row(a->id, STOCKVZ_RES_NUMFILE);
	EXPECT_EQ(1, row.held);
	EXPECT_EQ(1, row.maxheld);
	EXPECT_EQ(1, row.failcnt);
	EXPECT_EQ(1, row.barrier);
	ASSERT_EQ(0, worker_start(&a->worker, a->cgroup));
	EXPECT_REFUSED(a, NUMFILE, ENFILE, SYS_openat, IN(a, open_null));
	close(fd);
	/* The new worker has inherited it from us. */
	EXPECT_EQ(1, HELD(a, NUMFILE));
	EXPECT_EQ(0, IN(a, close_inherited, fd));
	EXPECT_EQ(0, HELD(a, NUMFILE));
	EXPECT_EQ(0, IN(a, open_null));
	EXPECT_EQ(0, IN(a, drop_one));

	/* And when the last goes after the name, so does the row. */
	EXPECT_EQ(0, IN(a, open_null));
	ASSERT_EQ(0, ub_del(a->id));
	EXPECT_EQ(0, ub_get(a->id, &state));
	worker_stop(&a->worker);
	EXPECT_TRUE(EVENTUALLY(ub_get(a->id, &state) == -ENOENT));
	ASSERT_EQ(0, ub_new(a->id, a->cgroup));
	row = ub_row(a->id, STOCKVZ_RES_NUMFILE);
	EXPECT_EQ(0, row.maxheld);
	EXPECT_EQ(0, row.failcnt);
	EXPECT_EQ(UB_MAX, row.barrier);
}

/* Opened outside, closed inside: nobody gets anything back. */
TEST_F(ub, file_of_the_host)
{
	struct box *a = &self->a;
	int fd = open("/dev/null", O_RDONLY);
	struct worker w;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, worker_start(&w, a->cgroup));
	close(fd);
	EXPECT_EQ(0, IN(a, open_null));
	EXPECT_EQ(0, worker_do(&w, close_inherited, fd, 0));
	EXPECT_EQ(1, HELD(a, NUMFILE));
	worker_stop(&w);
	EXPECT_EQ(1, HELD(a, NUMFILE));
}

TEST_F(two, task_that_moved)
{
	struct box *a = &self->a, *b = &self->b;

	EXPECT_EQ(0, IN(a, open_many, 3));
	ASSERT_EQ(0, cg_enter(b->cgroup, a->worker.pid));
	EXPECT_EQ(0, IN(a, open_many, 2));
	EXPECT_EQ(3, HELD(a, NUMFILE));
	EXPECT_EQ(2, HELD(b, NUMFILE));
	ASSERT_EQ(0, cg_enter("", a->worker.pid));
	EXPECT_EQ(0, IN(a, open_many, 1));
	EXPECT_EQ(3, HELD(a, NUMFILE));
	EXPECT_EQ(2, HELD(b, NUMFILE));
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_EQ(0, HELD(a, NUMFILE));
	EXPECT_EQ(0, HELD(b, NUMFILE));
}

static long fork_that_opens(long n, long b)
{
	pid_t pid = fork();

	if (!pid) {
		if (open_many(n, 0))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	return sys(waitpid(pid, NULL, 0)) == pid ? 0 : -ECHILD;
}

TEST_F(ub, killed_with_hundreds_open)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, IN(a, fork_that_opens, 500));
	EXPECT_EQ(0, HELD(a, NUMFILE));
	EXPECT_EQ(500, ub_row(a->id, STOCKVZ_RES_NUMFILE).maxheld);
}

/*
 * Crowds.
 */

static long open_bomb(long n, long b)
{
	long err, refused = 0;

	while (n--) {
		err = open_null(0, 0);
		if (err && err != -ENFILE)
			return err;
		refused += !!err;
	}
	return refused;
}

/*
 * Each refusal is counted, and each is told or counted as untold: whoever
 * listens can know how much it missed.
 */
TEST_F(ub, open_bomb)
{
	long dropped = ub_status("events-dropped"), events = 0;
	struct box *a = &self->a;
	struct ub_event e;
	struct ub_row row;
	int fd, err;

	LIMIT(a, NUMFILE, 100);
	ub_events_drain();
	worker_begin(&a->worker, open_bomb, 10000, 0);
	fd = open("/dev/null", O_RDONLY);
	EXPECT_LE(0, fd);
	close(fd);
	while (!(err = ub_event_next(&e, 2000)) || err == -ENOBUFS)
		events += !err && e.id == a->id;
	EXPECT_EQ(9900, worker_end(&a->worker));
	while (!ub_event_next(&e, 200))
		events += e.id == a->id;
	row = ub_row(a->id, STOCKVZ_RES_NUMFILE);
	EXPECT_EQ(100, row.held);
	EXPECT_EQ(100, row.maxheld);
	EXPECT_EQ(9900, row.failcnt);
	EXPECT_LT(0, events);
	EXPECT_EQ(9900, events + ub_status("events-dropped") - dropped);
	EXPECT_EQ(0, IN(a, drop_one));
	EXPECT_EQ(0, IN(a, open_null));
	EXPECT_EQ(0, IN(a, drop_all));
	EXPECT_EQ(0, HELD(a, NUMFILE));
}

static long churn(long n, long b)
{
	long refused = 0;

	while (n--) {
		long err = make_pipe(0, 0);

		if (err && err != -ENFILE)
			return err;
		refused += !!err;
		drop_all(0, 0);
	}
	return refused;
}

/* Two at a time fit, or one and a half. */
TEST_F(ub, crowd_at_the_barrier)
{
	crowd_churns(_metadata, &self->a, STOCKVZ_RES_NUMFILE, 3, churn, repeats(20000), 0);
}

TEST_F(ub, crowd_that_fits_exactly)
{
	EXPECT_EQ(0, crowd_churns(_metadata, &self->a, STOCKVZ_RES_NUMFILE, 2 * CROWD,
				  churn, repeats(10000), 0));
}

TEST_HARNESS_MAIN
