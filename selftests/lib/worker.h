/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A task in some cgroup that does what the test tells it, one function after
 * the other. The test itself stays outside and is charged for nothing.
 *
 * The functions return what a test wants to know, or a negative errno.
 */
#ifndef SELFTESTS_WORKER_H
#define SELFTESTS_WORKER_H

#include <stdbool.h>
#include <sys/types.h>

#define WORKER_COMM "ub-worker"

/* What worker and test can both write to; anything but numbers goes here. */
#define WORKER_SHARED 65536

struct worker {
	pid_t pid;
	int fd;
	int done;	/* says that an answer is there */
	int channel;	/* to pass descriptors through */
	void *shared;
};

typedef long (*worker_fn)(long a, long b);

/* In the worker: where the shared memory is, and its end of the channel. */
extern void *worker_shared;
extern int worker_channel;

int worker_start(struct worker *w, const char *cgroup);
long worker_do(struct worker *w, worker_fn fn, long a, long b);
void worker_begin(struct worker *w, worker_fn fn, long a, long b);
long worker_end(struct worker *w);
void worker_stop(struct worker *w);

/* fork() into another cgroup. */
pid_t fork_into(const char *cgroup);

/* -errno of a system call that failed, or what it returned. */
long sys(long result);

/* Take a thing that was passed; send one. Returns the descriptor, or -errno. */
int fd_receive(int socket);
int fd_send(int socket, int fd);

#endif
