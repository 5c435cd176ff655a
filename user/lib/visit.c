// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "fd.h"
#include "init.h"
#include "log.h"
#include "report.h"
#include "userns.h"
#include "visit.h"

#define NAMESPACES \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP)

static int find_container(struct visit *v)
{
	int auto_fd dir = cg_open(v->ct->id);

	if (dir < 0 || cg_init(dir, &v->init) < 0)
		return vz_err(VZ_NOTRUNNING, "Container is not running");
	v->leaf = cg_visitors(dir, v->ct->uid_base);
	if (v->leaf < 0)
		return vz_err(VZ_NOENV, "Unable to make a cgroup for visitors: %s",
			      strerror(-v->leaf));
	return 0;
}

int visit_begin(struct visit *v, const struct ct *ct)
{
	int sock[2];
	int ret;

	*v = (struct visit){ .ct = ct, .init = -1, .leaf = -1, .self = -1, .home = NO_HOME,
			     .sock = -1, .peer = -1, .pidfd = -1 };
	ret = find_container(v);
	if (ret)
		return ret;
	v->self = pidfd_open(getpid(), 0);
	if (v->self < 0 || home_keep(&v->home) || report_open(sock))
		return vz_err(VZ_SYSTEM, "Unable to prepare for a visit: %m");
	v->peer = sock[0];
	v->sock = sock[1];
	return 0;
}

static pid_t clone_into(struct visit *v)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_INTO_CGROUP,
		.pidfd = (uintptr_t)&v->pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = v->leaf,
	};

	return syscall(SYS_clone3, &args, sizeof(args));
}

pid_t visit_fork(struct visit *v)
{
	pid_t pid;
	int err;

	/* Kept from here to execve() in the child: nobody inside may trace it. */
	prctl(PR_SET_DUMPABLE, 0);
	/*
	 * To have the child begin there: a container that freezes it at the door
	 * would read of the host's mounts and network as long as it likes. Of the
	 * pid namespace this is for children only.
	 */
	pid = setns(v->init, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET) ? -1 : clone_into(v);
	if (!pid) {
		home_close(&v->home);
		return 0;
	}
	err = errno;
	home_return(&v->home);
	if (setns(v->self, CLONE_NEWPID)) {
		vz_err(VZ_SYSTEM, "Unable to come back from the container: %m");
		_exit(VZ_SYSTEM);
	}
	if (pid < 0)
		vz_err(VZ_NORESOURCE, "Unable to start a process in the container: %s",
		       strerror(err));
	fd_close(&v->peer);
	return pid;
}

void visit_enter(const struct visit *v)
{
	report_use(v->peer);
	if (setns(v->init, NAMESPACES))
		report_fail(VZ_NOENV, "Unable to enter the container");
	errno = -userns_become_root();
	if (errno)
		report_fail(VZ_NOENV, "Unable to become root of the container");
	if (chdir("/"))
		report_fail(VZ_NOENV, "Unable to enter the container's root");
	/* When nobody waits for it any more, there is no reason to run. */
	prctl(PR_SET_PDEATHSIG, SIGHUP);
	setsid();
	init_clean_process();
	init_confine();
}

int visit_wait(struct visit *v, int *code, int *status)
{
	siginfo_t info;

	while (waitid(P_PIDFD, v->pidfd, &info, WEXITED))
		if (errno != EINTR)
			return -errno;
	*code = info.si_code;
	*status = info.si_status;
	return 0;
}

void visit_kill(struct visit *v)
{
	int code, status;

	pidfd_send_signal(v->pidfd, SIGKILL, NULL, 0);
	visit_wait(v, &code, &status);
}

void visit_end(struct visit *v)
{
	fd_close(&v->init);
	fd_close(&v->leaf);
	fd_close(&v->self);
	home_close(&v->home);
	fd_close(&v->sock);
	fd_close(&v->peer);
	fd_close(&v->pidfd);
}
