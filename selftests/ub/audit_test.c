// SPDX-License-Identifier: GPL-2.0
/*
 * The audit of the tools against the module: two ways to count that have
 * nothing in common. What the worker does changes both alike; and when the
 * module's count is not what is there, the audit says so.
 */
#include <linux/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/audit/audit.h"

/* The tests have numbers of their own by these names. */
#undef UB_NR
#undef UB_MAX
#include "fixture.h"

static struct audit audit;

/* What the audit counts, or -1 */
static long found(struct box *box, int res)
{
	int root = open(CG_ROOT, O_RDONLY | O_DIRECTORY);
	int err = audit_look(&audit, root, box->cgroup);

	close(root);
	if (err)
		return -1;
	return audit.row[res].worth ? (long)audit.row[res].held : -1;
}

/*
 * Worker and test share what the test opened, for which the box does not pay. So
 * it is the difference that may not change.
 */
static long excess(struct box *box, int res)
{
	return found(box, res) - (long)ub_row(box->id, res).held;
}

/* The worker's deed is seen by both, as so much. */
#define EXPECT_BOTH(box_, RES, more_, call_) do {			\
	struct box *of_ = (box_);					\
	const int res_ = STOCKVZ_RES_##RES;				\
	const long before_ = found(of_, res_);				\
	const long excess_ = excess(of_, res_);				\
									\
	ASSERT_LE(0, (call_));						\
	EXPECT_EQ(before_ + (more_), found(of_, res_));			\
	EXPECT_EQ(excess_, excess(of_, res_));				\
} while (0)

TEST_F(ub, tasks)
{
	EXPECT_EQ(1, found(&self->a, STOCKVZ_RES_NUMPROC));
	EXPECT_EQ(1, HELD(&self->a, NUMPROC));
}

static long children[3];

static long fork_some(long a, long b)
{
	int i;

	for (i = 0; i < 3; i++) {
		children[i] = fork();
		if (!children[i]) {
			/* One of them is left as a zombie. */
			if (i)
				pause();
			_exit(0);
		}
	}
	/* Until it is one. */
	return waitid(P_PID, children[0], &(siginfo_t){}, WEXITED | WNOWAIT);
}

static long reap_all(long a, long b)
{
	int i;

	for (i = 0; i < 3; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	return 0;
}

TEST_F(ub, zombies_and_shared_files)
{
	struct box *a = &self->a;

	EXPECT_BOTH(a, NUMPROC, 3, IN(a, fork_some));
	EXPECT_BOTH(a, NUMPROC, -3, IN(a, reap_all));
	EXPECT_BOTH(a, NUMFILE, 0, IN(a, fork_some));
	EXPECT_BOTH(a, NUMFILE, 0, IN(a, reap_all));
}

static long open_and_share(long a, long b)
{
	int fd = open("/dev/null", O_RDONLY), pair[2];

	dup(fd);
	dup(fd);
	/* The same file once more is another open file. */
	open("/dev/null", O_RDONLY);
	if (pipe(pair))
		return -errno;
	return fd;
}

static long map_and_close(long a, long b)
{
	int fd = syscall(SYS_memfd_create, "mapped", 0);
	char *at;

	if (ftruncate(fd, 65536))
		return -errno;
	at = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		return -errno;
	mprotect(at + 4096, 4096, PROT_READ);
	return 0;
}

static long map_shared(long a, long b)
{
	return mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0) == MAP_FAILED ? -errno : 0;
}

TEST_F(ub, files)
{
	struct box *a = &self->a;

	EXPECT_BOTH(a, NUMFILE, 4, IN(a, open_and_share));
	EXPECT_BOTH(a, NUMFILE, 1, IN(a, map_and_close));
	EXPECT_BOTH(a, NUMFILE, 1, IN(a, map_shared));
}

static long own_ipc(long a, long b)
{
	return sys(unshare(CLONE_NEWIPC));
}

static long make_segment(long a, long b)
{
	int id = shmget(IPC_PRIVATE, 3 * 4096, 0600);

	return shmat(id, NULL, 0) == (void *)-1 ? -errno : 0;
}

TEST_F(ub, segments)
{
	struct box *a = &self->a;

	ASSERT_EQ(0, IN(a, own_ipc));
	/* The segment, and its attachment. */
	EXPECT_BOTH(a, NUMFILE, 2, IN(a, make_segment));
	EXPECT_EQ(3, found(a, STOCKVZ_RES_SHMPAGES));
}

static long run_program(long a, long b)
{
	char byte;
	int out[2], in[2];
	pid_t pid;

	/* It ends when the worker does. */
	if (pipe(out) || pipe2(in, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(out[0]);
		close(out[1]);
		execl("/bin/sh", "sh", "-c", "echo ready; read x", NULL);
		_exit(1);
	}
	close(out[1]);
	if (read(out[0], &byte, 1) != 1)
		return -EIO;
	close(out[0]);
	return pid;
}

/* Its own program and what it maps, and what it has of its parent's. */
TEST_F(ub, programs)
{
	struct box *a = &self->a;
	long before = excess(a, STOCKVZ_RES_NUMFILE);

	ASSERT_LT(0, IN(a, run_program));
	EXPECT_EQ(before, excess(a, STOCKVZ_RES_NUMFILE));
	EXPECT_EQ(2, found(a, STOCKVZ_RES_NUMPROC));
}

static long own_net(long a, long b)
{
	struct ifreq lo = { .ifr_name = "lo" };
	int sock;

	if (unshare(CLONE_NEWNET))
		return -errno;
	sock = socket(AF_INET, SOCK_DGRAM, 0);
	lo.ifr_flags = IFF_UP;
	if (ioctl(sock, SIOCSIFFLAGS, &lo))
		return -errno;
	return close(sock);
}

static const struct sockaddr_in address = {
	.sin_family = AF_INET,
	.sin_port = 0x5555,
	.sin_addr = { 0x0100007f },
};

/* A listener, who connects, and what nobody has accepted. */
static long connect_tcp(long a, long b)
{
	int server = socket(AF_INET, SOCK_STREAM, 0), client;

	if (bind(server, (void *)&address, sizeof(address)) || listen(server, 5))
		return -errno;
	client = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(client, (void *)&address, sizeof(address)))
		return -errno;
	/* One that nobody knows of but who has it. */
	return sys(socket(AF_INET6, SOCK_STREAM, 0));
}

static long connect_unix(long a, long b)
{
	struct sockaddr_un un = { AF_UNIX, "\0audit" };
	int server = socket(AF_UNIX, SOCK_STREAM, 0), client;
	int fds[2];

	if (bind(server, (void *)&un, sizeof(un)) || listen(server, 5))
		return -errno;
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(client, (void *)&un, sizeof(un)) ||
	    socketpair(AF_UNIX, SOCK_DGRAM, 0, fds))
		return -errno;
	return sys(socket(AF_NETLINK, SOCK_RAW, 0));
}

/* In the list of /proc/net it is two, the other without an inode. */
static long forge_row(long a, long b)
{
	struct sockaddr_un un = { AF_UNIX, "\0forged\n0: 2 0 0 1 2 0 row" };
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);

	return sys(bind(sock, (void *)&un, sizeof(un)));
}

TEST_F(ub, sockets)
{
	struct box *a = &self->a;

	ASSERT_EQ(0, IN(a, own_net));
	EXPECT_BOTH(a, NUMTCPSOCK, 4, IN(a, connect_tcp));
	EXPECT_BOTH(a, NUMOTHERSOCK, 6, IN(a, connect_unix));
	EXPECT_BOTH(a, NUMOTHERSOCK, 1, IN(a, forge_row));
}

static long take_locks(long a, long b)
{
	struct flock part = { .l_type = F_WRLCK, .l_start = 0, .l_len = 10 };
	struct flock open_part = { .l_type = F_WRLCK, .l_start = 50, .l_len = 10 };
	char path[] = "/tmp/audit.XXXXXX", byte;
	int fd = mkstemp(path), ready[2];

	if (flock(fd, LOCK_EX) || fcntl(fd, F_SETLK, &part))
		return -errno;
	part.l_start = 20;
	if (fcntl(fd, F_SETLK, &part) || fcntl(fd, F_OFD_SETLK, &open_part))
		return -errno;
	dup(fd);
	if (pipe(ready))
		return -errno;
	children[0] = fork();
	if (!children[0]) {
		/* Has the file too, and a lock of its own. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		part.l_start = 30;
		fcntl(fd, F_SETLK, &part);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	if (read(ready[0], &byte, 1) != 1)
		return -EIO;
	unlink(path);
	return fd;
}

static long open_ptys(long a, long b)
{
	int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);

	if (fd < 0 || open("/dev/ptmx", O_RDWR | O_NOCTTY) < 0)
		return -errno;
	return dup(fd);
}

/* Rows that the module may not count on this kernel: what is there is known. */
TEST_F(ub, locks_and_terminals)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, found(a, STOCKVZ_RES_NUMFLOCK));
	ASSERT_LE(0, IN(a, take_locks));
	EXPECT_EQ(5, found(a, STOCKVZ_RES_NUMFLOCK));
	ASSERT_LE(0, IN(a, open_ptys));
	EXPECT_EQ(2, found(a, STOCKVZ_RES_NUMPTY));
}

static long lock_memory(long a, long b)
{
	void *at = mmap(NULL, 7 * 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return sys(mlock(at, 7 * 4096));
}

TEST_F(ub, locked_memory)
{
	struct box *a = &self->a;

	EXPECT_EQ(0, found(a, STOCKVZ_RES_LOCKEDPAGES));
	ASSERT_EQ(0, IN(a, lock_memory));
	EXPECT_EQ(7, found(a, STOCKVZ_RES_LOCKEDPAGES));
}

/* What was there before the beancounter is not charged: the two must differ. */
TEST_F(ub, notices_what_is_not_charged)
{
	struct box *a = &self->a;
	struct worker w;

	ASSERT_EQ(0, worker_start(&w, ""));
	EXPECT_EQ(0, excess(a, STOCKVZ_RES_NUMPROC));
	ASSERT_EQ(0, cg_enter(a->cgroup, w.pid));
	EXPECT_EQ(1, excess(a, STOCKVZ_RES_NUMPROC));
	/* And what it has opened before. */
	worker_stop(&w);
	EXPECT_EQ(0, excess(a, STOCKVZ_RES_NUMPROC));
}

TEST_HARNESS_MAIN
