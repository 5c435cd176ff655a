/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Things that a process can take and give back, and what each is charged. A
 * taker keeps each thing in a slot; how it is held is the thing's own affair.
 *
 * Nothing here may take what the table does not tell: no allocation, no stdio.
 * Include once, in the file that has the test.
 */
#ifndef SELFTESTS_THINGS_H
#define SELFTESTS_THINGS_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/stockvz.h>

#define PAGE 4096UL

/* The most pages that one thing takes. */
#define MANY_PAGES 16

/**
 * struct slot - a thing that was taken
 * @fd: its descriptors, where it has some
 * @at: its address, process or number, where it has one
 * @pages: its size, where it has one: chosen before it is taken
 * @stack: a process's
 */
struct slot {
	int fd[2];
	long at;
	unsigned int pages;
	char stack[PAGE];
};

/**
 * struct charge - what a thing costs of one resource
 * @res: the resource
 * @amount: units; 0: as many as the thing has pages
 * @err: what the call says when this is refused
 */
struct charge {
	int res;
	unsigned int amount;
	int err;
};

#define CHARGES 3

/**
 * struct thing - a kind of thing
 * @name: for people
 * @charge: what is charged, in the order in which it is
 * @take: take one, or say -errno
 * @drop: give it back; when it returns it is given back
 */
struct thing {
	const char *name;
	struct charge charge[CHARGES];
	long (*take)(struct slot *s);
	void (*drop)(struct slot *s);
};

/* A file of the taker's own, and which of its bytes are locked, by twos. */
static int own_file;
static bool byte_is_locked[4096];

static long say(long result)
{
	return result < 0 ? -errno : 0;
}

static long take_fd(struct slot *s, int fd)
{
	s->fd[0] = fd;
	return say(fd);
}

static long take_file(struct slot *s)
{
	return take_fd(s, open("/dev/null", O_RDWR));
}

static long take_tcp(struct slot *s)
{
	return take_fd(s, socket(AF_INET, SOCK_STREAM, 0));
}

static long take_udp(struct slot *s)
{
	return take_fd(s, socket(AF_INET6, SOCK_DGRAM, 0));
}

static long take_unix(struct slot *s)
{
	return take_fd(s, socket(AF_UNIX, SOCK_STREAM, 0));
}

static long take_pty(struct slot *s)
{
	return take_fd(s, open("/dev/ptmx", O_RDWR | O_NOCTTY));
}

static void drop_fd(struct slot *s)
{
	close(s->fd[0]);
}

static long take_pipe(struct slot *s)
{
	return say(pipe(s->fd));
}

static long take_pair(struct slot *s)
{
	return say(socketpair(AF_UNIX, SOCK_DGRAM, 0, s->fd));
}

static void drop_two(struct slot *s)
{
	close(s->fd[0]);
	close(s->fd[1]);
}

/*
 * Shares all with the taker, so that it costs a task and nothing else: not even
 * a signal when it dies.
 */
static __attribute__((noreturn)) int wait_for_death(void *arg)
{
	for (;;)
		syscall(SYS_pause);
}

static long take_process(struct slot *s)
{
	s->at = clone(wait_for_death, s->stack + sizeof(s->stack),
		      CLONE_VM | CLONE_FILES | CLONE_FS, NULL);
	return say(s->at);
}

static void drop_process(struct slot *s)
{
	kill(s->at, SIGKILL);
	waitpid(s->at, NULL, __WALL);
}

static long take_flock(struct slot *s)
{
	long err = take_fd(s, open("/dev/zero", O_RDWR));

	if (err)
		return err;
	err = say(flock(s->fd[0], LOCK_SH));
	if (err)
		close(s->fd[0]);
	return err;
}

static long lock_byte(long at, short type)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = at,
		.l_len = 1,
	};

	return say(fcntl(own_file, F_SETLK, &lock));
}

/* Every other byte, since neighbours would become one lock. */
static long take_range(struct slot *s)
{
	long err;

	for (s->at = 0; byte_is_locked[s->at / 2];)
		s->at += 2;
	err = lock_byte(s->at, F_WRLCK);
	byte_is_locked[s->at / 2] = !err;
	return err;
}

static void drop_range(struct slot *s)
{
	lock_byte(s->at, F_UNLCK);
	byte_is_locked[s->at / 2] = false;
}

static long take_signal(struct slot *s)
{
	return say(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 0 }));
}

static void drop_signal(struct slot *s)
{
	const struct timespec now = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigtimedwait(&set, NULL, &now);
}

static long take_pages(struct slot *s, int prot)
{
	void *at = mmap(NULL, s->pages * PAGE, prot,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	s->at = (long)at;
	return at == MAP_FAILED ? -errno : 0;
}

static void drop_pages(struct slot *s)
{
	munmap((void *)s->at, s->pages * PAGE);
}

static long take_private(struct slot *s)
{
	return take_pages(s, PROT_READ | PROT_WRITE);
}

/* Private only once it is written to. */
static long take_writable(struct slot *s)
{
	long err = take_pages(s, PROT_NONE);

	if (err)
		return err;
	err = say(mprotect((void *)s->at, s->pages * PAGE,
			   PROT_READ | PROT_WRITE));
	if (err)
		drop_pages(s);
	return err;
}

static long take_locked(struct slot *s)
{
	long err = take_pages(s, PROT_READ);

	if (err)
		return err;
	err = say(mlock((void *)s->at, s->pages * PAGE));
	if (err)
		drop_pages(s);
	return err;
}

static long take_segment(struct slot *s)
{
	s->at = shmget(IPC_PRIVATE, s->pages * PAGE, 0600);
	return say(s->at);
}

static void drop_segment(struct slot *s)
{
	shmctl(s->at, IPC_RMID, NULL);
}

#define CHARGE(res, amount, err) { STOCKVZ_RES_##res, amount, err }

static const struct thing things[] = {
	{ "file", { CHARGE(NUMFILE, 1, ENFILE) }, take_file, drop_fd },
	{ "pipe", { CHARGE(NUMFILE, 2, ENFILE) }, take_pipe, drop_two },
	{ "tcp socket",
	  { CHARGE(NUMTCPSOCK, 1, ENOBUFS), CHARGE(NUMFILE, 1, ENFILE) },
	  take_tcp, drop_fd },
	{ "udp socket",
	  { CHARGE(NUMOTHERSOCK, 1, ENOBUFS), CHARGE(NUMFILE, 1, ENFILE) },
	  take_udp, drop_fd },
	{ "unix socket",
	  { CHARGE(NUMOTHERSOCK, 1, ENOMEM), CHARGE(NUMFILE, 1, ENFILE) },
	  take_unix, drop_fd },
	{ "socket pair",
	  { CHARGE(NUMOTHERSOCK, 2, ENOMEM), CHARGE(NUMFILE, 2, ENFILE) },
	  take_pair, drop_two },
	{ "process", { CHARGE(NUMPROC, 1, ENOMEM) }, take_process, drop_process },
	{ "pty", { CHARGE(NUMFILE, 1, ENFILE), CHARGE(NUMPTY, 1, ENOMEM) },
	  take_pty, drop_fd },
	{ "flock", { CHARGE(NUMFILE, 1, ENFILE), CHARGE(NUMFLOCK, 1, ENOMEM) },
	  take_flock, drop_fd },
	{ "range lock", { CHARGE(NUMFLOCK, 1, ENOLCK) }, take_range, drop_range },
	{ "signal", { CHARGE(NUMSIGINFO, 1, EAGAIN) }, take_signal, drop_signal },
	{ "mapping", { CHARGE(PRIVVMPAGES, 0, ENOMEM) }, take_private, drop_pages },
	{ "made writable", { CHARGE(PRIVVMPAGES, 0, ENOMEM) }, take_writable,
	  drop_pages },
	{ "locked mapping", { CHARGE(LOCKEDPAGES, 0, ENOMEM) }, take_locked,
	  drop_pages },
	{ "segment",
	  { CHARGE(SHMPAGES, 0, ENOMEM), CHARGE(PRIVVMPAGES, 0, ENOMEM),
	    CHARGE(NUMFILE, 1, ENFILE) },
	  take_segment, drop_segment },
};

#endif
