/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a process of the host comes into a running container.
 *
 * From the first moment it is in the container's cgroup and pid namespace, and
 * so pays for itself and can be seen there. What anybody may read of a process,
 * its mounts and its network, are the container's by then. Until it executes a
 * program it may not be looked into: it has something of the host about it still.
 */
#ifndef _VZ_VISIT_H
#define _VZ_VISIT_H

#include <sys/types.h>

#include "ct.h"
#include "home.h"

/* Seconds to come in: a container may freeze the cgroup where visitors are put. */
#define VISIT_TIMEOUT 30

struct visit {
	const struct ct *ct;
	int init;	/* pidfd of the container's init */
	int leaf;	/* cgroup for visitors */
	int self;	/* pidfd of ourselves: the way back to our pid namespace */
	struct home home; /* and to all else */
	int sock;	/* see report.h */
	int peer;	/* the child's end of it */
	int pidfd;	/* the visitor */
};

/* 0 or exit code, message printed. visit_end() is for either case. */
int visit_begin(struct visit *v, const struct ct *ct);
/*
 * Like fork(): 0 in the child, -1 for failure, message printed. The child goes
 * on with visit_enter().
 */
pid_t visit_fork(struct visit *v);
/* In the child: come in as root, or report and end. */
void visit_enter(const struct visit *v);
/* How the visitor ended, as waitid() tells; -errno. It is waited for. */
int visit_wait(struct visit *v, int *code, int *status);
/* The same for one that is not to end by itself. */
void visit_kill(struct visit *v);
void visit_end(struct visit *v);

#endif /* _VZ_VISIT_H */
