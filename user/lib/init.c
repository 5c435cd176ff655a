// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "caps.h"
#include "exec.h"
#include "fd.h"
#include "init.h"
#include "report.h"
#include "rootfs.h"
#include "seccomp.h"
#include "userns.h"

static char *const init_env[] = {
	"HOME=/",
	"TERM=linux",
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"container=openvz",
	NULL
};

static const char *const inits[] = { "/sbin/init", "/etc/init", "/bin/init" };
static const char *const shells[] = { "/bin/bash", "/usr/bin/bash", "/bin/sh" };

void init_clean_process(void)
{
	sigset_t none;

	/* Handlers go with the old program, but what it ignored would stay so. */
	for (int sig = 1; sig <= SIGSYS; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	/* Not closed at once: one of them tells the parent how this ends. */
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
}

void init_confine(void)
{
	errno = -caps_drop();
	if (errno)
		report_fail(VZ_SETCAP, "Unable to drop capabilities");
	errno = -seccomp_apply();
	if (errno)
		report_fail(VZ_NOENV, "Unable to filter system calls");
}

static void become_container(void)
{
	/* The namespace's root is where we are now: in the container's own cgroup. */
	if (unshare(CLONE_NEWCGROUP))
		report_fail(VZ_NOENV, "Unable to make a cgroup namespace");
	errno = -userns_become_root();
	if (errno)
		report_fail(VZ_NOENV, "Unable to become root of the container");
}

static void set_hostname(const struct ct *ct)
{
	const char *name = *ct->hostname ? ct->hostname : "localhost";

	if (sethostname(name, strlen(name)))
		report_fail(VZ_HOSTNAME, "Unable to set the hostname %s", name);
}

static void loopback_up(void)
{
	int auto_fd sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	if (sock < 0 || ioctl(sock, SIOCSIFFLAGS, &ifr))
		report_fail(VZ_NOENV, "Unable to bring up the loopback interface");
}

static void null_stdio(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		report_fail(VZ_NOENV, "Unable to open /dev/null");
}

static void exec_shell(const struct init_script *script)
{
	char *argv[] = { "sh", "-c", script->text, NULL };
	char *more[] = {
		"VE_STATE=starting", script->env[0], script->env[1], script->env[2], NULL
	};
	char *env[CT_ENV_MAX];

	ct_join_env(env, more);
	for (size_t i = 0; i < sizeof(shells) / sizeof(*shells); i++)
		execve(shells[i], argv, env);
	_exit(127);
}

/* Does the file inside say just that? Then the script that writes it is not needed. */
static bool is_said(const struct init_script *script)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int auto_fd fd = script->file ? open(script->file, flags) : -1;
	char line[128];
	ssize_t len = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);

	if (len <= 0)
		return false;
	line[len] = 0;
	line[strcspn(line, "\n")] = 0;
	return !strcmp(line, script->line);
}

static void run_script(const struct init_script *script)
{
	int status = 0;
	pid_t pid;

	if (!script->text || is_said(script))
		return;
	pid = fork();
	if (!pid)
		exec_shell(script);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		report_fail(VZ_NOENV, "Unable to run a shell inside");
	errno = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		report_fail(VZ_NOINIT, "No shell inside to %s", script->what);
	if (WIFSIGNALED(status))
		report_fail(VZ_ACTIONSCRIPT, "The script that is to %s was killed", script->what);
	if (status)
		report_fail(script->code ? script->code : WEXITSTATUS(status),
			    "The script that is to %s failed", script->what);
}

static void exec_init(void)
{
	char *argv[] = { "init", NULL };

	report_ready();
	for (size_t i = 0; i < sizeof(inits) / sizeof(*inits); i++)
		execve(inits[i], argv, init_env);
	errno = 0;
	report_fail(VZ_NOINIT, "Unable to start init, probably incorrect template");
}

void init_main(const struct init_job *job)
{
	int tree;

	report_use(job->sock);
	report_await_go();

	become_container();
	tree = rootfs_take();
	rootfs_assemble(tree, job->devs);
	rootfs_enter(tree);
	set_hostname(job->ct);
	loopback_up();

	null_stdio();
	init_clean_process();
	setsid();
	errno = -userns_lower_limits();
	if (errno)
		report_fail(VZ_NOENV, "Unable to set resource limits");
	init_confine();
	for (size_t i = 0; i < job->nr_scripts; i++)
		run_script(&job->scripts[i]);
	exec_init();
	_exit(1);
}
