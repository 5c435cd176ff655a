// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ct.h"
#include "fd.h"
#include "userns.h"

#define NR(array) (sizeof(array) / sizeof(*(array)))

/* What a process gets that comes to life on a machine of its own. */
#define NOFILE_SOFT 1024
#define NOFILE_HARD 1048576

static struct {
	int resource;
	struct rlimit own;
} lifted[] = {
	{ .resource = RLIMIT_MSGQUEUE },
	{ .resource = RLIMIT_SIGPENDING },
	{ .resource = RLIMIT_MEMLOCK },
};

static int write_map(pid_t pid, const char *file, const char *map)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return file_write_at(AT_FDCWD, path, map);
}

int userns_map(pid_t pid, unsigned int base)
{
	char map[48];
	int ret;

	snprintf(map, sizeof(map), "0 %u %u\n", base, CT_UIDS);
	ret = write_map(pid, "uid_map", map);
	return ret ? ret : write_map(pid, "gid_map", map);
}

static int userns_open(pid_t pid)
{
	char path[48];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int userns_make(unsigned int base)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));
	int ret;

	if (pid < 0)
		return -errno;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	ret = userns_map(pid, base);
	if (!ret)
		ret = userns_open(pid);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return ret;
}

int userns_become_root(void)
{
	/*
	 * Still as the host's root, whose quota of keys the container cannot
	 * use up. A kernel without keys has none to leak.
	 */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		return -errno;
	if (setgroups(0, NULL) || setresgid(0, 0, 0) || setresuid(0, 0, 0))
		return -errno;
	/* Other ids make it what fs.suid_dumpable says, and that may be anything. */
	return prctl(PR_SET_DUMPABLE, 0) ? -errno : 0;
}

void userns_lift_limits(void)
{
	const struct rlimit files = { NOFILE_SOFT, NOFILE_HARD };
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	/* Who starts it may be a service that the kernel is to spare. */
	setpriority(PRIO_PROCESS, 0, 0);
	file_write_at(AT_FDCWD, "/proc/self/oom_score_adj", "0");
	for (size_t i = 0; i < NR(lifted); i++) {
		getrlimit(lifted[i].resource, &lifted[i].own);
		setrlimit(lifted[i].resource, &none);
	}
	/* Not more than the machine allows: then what the admin has must do. */
	setrlimit(RLIMIT_NOFILE, &files);
}

int userns_lower_limits(void)
{
	for (size_t i = 0; i < NR(lifted); i++)
		if (setrlimit(lifted[i].resource, &lifted[i].own))
			return -errno;
	return 0;
}
