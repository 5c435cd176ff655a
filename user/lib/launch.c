// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "devs.h"
#include "dist.h"
#include "dns.h"
#include "exec.h"
#include "fd.h"
#include "home.h"
#include "init.h"
#include "launch.h"
#include "lock.h"
#include "log.h"
#include "net.h"
#include "netdev.h"
#include "report.h"
#include "rootfs.h"
#include "run.h"
#include "script.h"
#include "userns.h"
#include "veth.h"

/* All but the cgroup namespace: that is made from within, to have its root there. */
#define NAMESPACES \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)

/* Seconds until init runs: each of the scripts before it may take its time. */
#define LAUNCH_TIMEOUT (NR_SCRIPTS * CT_SCRIPT_TIMEOUT)
/* Seconds for a system to come up. */
#define BOOT_TIMEOUT 300
#define BOOT_PAUSE_MS 200

enum { SCRIPT_HOSTNAME, SCRIPT_IP, SCRIPT_DNS, SCRIPT_START, NR_SCRIPTS };

/* A variable is in a script's environment, and freed with it. */
static int variable(char **var, const char *name, const char *value)
{
	return asprintf(var, "%s=%s", name, value ?: "") < 0 ? VZ_SYSTEM : 0;
}

static int hostname_script(struct ct *ct, struct init_script *script)
{
	*script = (struct init_script){
		.what = "set the hostname",
		.line = ct->hostname,
		.file = "/etc/hostname",
		.code = VZ_HOSTNAME,
	};
	if (!*ct->hostname)
		return 0;
	return variable(&script->env[0], "HOSTNM", ct->hostname) ?:
	       variable(&script->env[1], "IP_ADDR", conf_get(&ct->conf, "IP_ADDRESS")) ?:
	       dist_script(ct, "SET_HOSTNAME", &script->text);
}

/* Who never had an address has no file that tells of one. */
static int ip_script(struct ct *ct, struct init_script *script)
{
	const char *list = conf_get(&ct->conf, "IP_ADDRESS");

	*script = (struct init_script){ .what = "note the addresses", .code = VZ_CANTADDIP };
	if (!list)
		return 0;
	return variable(&script->env[0], "IP_ADDR", list) ?:
	       variable(&script->env[1], "IPDELALL", "yes") ?:
	       dist_script(ct, "ADD_IP", &script->text);
}

static int dns_script(struct ct *ct, struct init_script *script)
{
	const char *servers = conf_get(&ct->conf, "NAMESERVER");
	const char *domains = conf_get(&ct->conf, "SEARCHDOMAIN");

	*script = (struct init_script){ .what = "set the name servers", .code = VZ_NAMESERVER };
	if (!servers && !domains)
		return 0;
	script->env[0] = dns_variable("NAMESERVER", servers);
	script->env[1] = dns_variable("SEARCHDOMAIN", domains);
	if (!script->env[0] || !script->env[1])
		return VZ_SYSTEM;
	return dist_script(ct, "SET_DNS", &script->text);
}

static int read_scripts(struct ct *ct, struct init_script scripts[NR_SCRIPTS])
{
	int ret = hostname_script(ct, &scripts[SCRIPT_HOSTNAME]);

	if (!ret)
		ret = ip_script(ct, &scripts[SCRIPT_IP]);
	if (!ret)
		ret = dns_script(ct, &scripts[SCRIPT_DNS]);
	scripts[SCRIPT_START] = (struct init_script){
		.what = "prepare the start",
		.text = script_text(ct, "start"),
		.code = VZ_ACTIONSCRIPT,
	};
	return ret;
}

static void free_scripts(struct init_script scripts[NR_SCRIPTS])
{
	for (size_t i = 0; i < NR_SCRIPTS; i++) {
		free(scripts[i].text);
		free(scripts[i].env[0]);
		free(scripts[i].env[1]);
	}
}

/* Where the container's files have its own ids: a detached mount in *tree. */
static int make_tree(struct ct *ct, int *tree)
{
	int auto_fd userns = userns_make(ct->uid_base);
	int ret;

	if (userns < 0)
		return vz_err(VZ_NOENV, "Unable to map the ids of the container: %s",
			      strerror(-userns));
	*tree = rootfs_clone(ct->root);
	if (*tree < 0)
		return vz_err(VZ_MOUNT, "Unable to copy the mount of %s: %s", ct->root,
			      strerror(-*tree));
	ret = rootfs_shift(*tree, userns);
	if (ret == -EINVAL)
		return vz_err(VZ_MOUNT, "Unable to shift ids: a file system in %s does not support it",
			      ct->root);
	if (ret)
		return vz_err(VZ_MOUNT, "Unable to shift ids in %s: %s", ct->root, strerror(-ret));
	return 0;
}

static pid_t clone_init(int cgroup, int *pidfd)
{
	struct clone_args args = {
		.flags = NAMESPACES | CLONE_PIDFD | CLONE_INTO_CGROUP,
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = cgroup,
	};

	return syscall(SYS_clone3, &args, sizeof(args));
}

/* Like fork(). We are back when it returns; the child is where the tree is. */
static pid_t clone_onto(struct ct *ct, int tree, int cgroup, int *pidfd)
{
	struct home home;
	int err = -home_keep(&home);
	pid_t pid = -1;

	if (!err) {
		err = -rootfs_attach(tree, ct->root);
		pid = err ? -1 : clone_init(cgroup, pidfd);
		if (pid < 0 && !err)
			err = errno;
		if (pid)
			home_return(&home);
	}
	home_close(&home);
	errno = err;
	return pid;
}

static int network(struct ct *ct, pid_t pid)
{
	int auto_fd netns = net_open(pid);
	int ret;

	if (netns < 0)
		return vz_err(VZ_NOENV, "Unable to open the network of the container: %s",
			      strerror(-netns));
	ret = net_set(ct, netns, conf_get(&ct->conf, "IP_ADDRESS") ?: "");
	if (!ret)
		ret = veth_set(ct, netns, conf_get(&ct->conf, "NETIF") ?: "");
	if (!ret)
		ret = netdev_set(ct, netns, conf_get(&ct->conf, "NETDEV") ?: "");
	return ret;
}

/* What only the host may do for it. */
static int settle(struct ct *ct, pid_t pid)
{
	int ret = userns_map(pid, ct->uid_base);

	if (ret)
		return vz_err(VZ_NOENV, "Unable to map the ids of the container: %s",
			      strerror(-ret));
	return network(ct, pid);
}

static int see_off(struct ct *ct, pid_t pid, int sock)
{
	int ret = settle(ct, pid);

	if (ret)
		return ret;
	ret = report_go(sock);
	if (ret)
		return vz_err(VZ_NOENV, "The container's first process is gone: %s",
			      strerror(-ret));
	return report_wait(sock, LAUNCH_TIMEOUT, NULL);
}

static int run_job(struct ct *ct, struct init_job *job, int tree, int cgroup, int sock)
{
	int auto_fd pidfd = -1;
	siginfo_t info;
	pid_t pid;
	int ret;

	userns_lift_limits();
	pid = clone_onto(ct, tree, cgroup, &pidfd);
	if (!pid)
		init_main(job);
	if (pid < 0)
		return vz_err(VZ_NOENV, "Unable to make the container's first process: %m");
	fd_close(&job->sock);
	ret = see_off(ct, pid, sock);
	if (ret) {
		pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		waitid(P_PIDFD, pidfd, &info, WEXITED);
	}
	return ret;
}

static int launch_with(struct ct *ct, int cgroup, const struct init_script *scripts)
{
	int auto_fd devs = devs_create(ct->uid_base);
	int auto_fd tree = -1;
	int auto_fd ours = -1;
	struct init_job job = {
		.ct = ct, .devs = devs, .sock = -1,
		.scripts = scripts, .nr_scripts = NR_SCRIPTS,
	};
	int sock[2];
	int ret;

	if (devs < 0)
		return vz_err(VZ_MOUNT, "Unable to make /dev: %s", strerror(-devs));
	ret = make_tree(ct, &tree);
	if (ret)
		return ret;
	ret = report_open(sock);
	if (ret)
		return vz_err(VZ_SYSTEM, "Unable to make a socket: %s", strerror(-ret));
	job.sock = sock[0];
	ours = sock[1];
	ret = run_job(ct, &job, tree, cgroup, ours);
	fd_close(&job.sock);
	return ret;
}

int launch(struct ct *ct, int cgroup)
{
	struct init_script scripts[NR_SCRIPTS] = { 0 };
	int ret = read_scripts(ct, scripts);

	if (!ret)
		ret = launch_with(ct, cgroup, scripts);
	free_scripts(scripts);
	return ret;
}

static bool is_systemd(pid_t init)
{
	char path[32], target[256];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/exe", init);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = 0;
	return !strcmp(basename(target), "systemd");
}

/* Memory that does not grow: what is more than an answer is no answer. */
static int open_answer(size_t size)
{
	int fd = memfd_create("answer", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && (ftruncate(fd, size) || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW)))
		fd_close(&fd);
	return fd;
}

/* What systemctl says, in one word; "" for nothing. */
static int ask_systemd(struct ct *ct, char *word, size_t size, int timeout)
{
	char *argv[] = { "systemctl", "is-system-running", "--wait", NULL };
	int auto_fd out = open_answer(size - 1);
	const struct ct_exec_opts opts = {
		.in = -1, .out = out, .err = -1, .timeout = timeout,
	};
	ssize_t len;

	if (out < 0)
		return -errno;
	if (ct_exec(ct, argv, &opts) < 0)
		return -ESRCH;
	len = pread(out, word, size - 1, 0);
	word[len > 0 ? len : 0] = 0;
	word[strcspn(word, "\n")] = 0;
	return 0;
}

static int wait_systemd(struct ct *ct)
{
	const struct timespec pause = { .tv_nsec = BOOT_PAUSE_MS * 1000 * 1000 };
	long end = now_ms() + BOOT_TIMEOUT * 1000L;
	char word[32];

	while (!vz_cancelled) {
		long left = (end - now_ms()) / 1000;
		int ret = left > 0 ? ask_systemd(ct, word, sizeof(word), left) : -ETIMEDOUT;

		if (ret)
			return ret;
		if (!strcmp(word, "running") || !strcmp(word, "degraded"))
			return 0;
		if (!strcmp(word, "maintenance") || !strcmp(word, "stopping"))
			return -EIO;
		/* Nobody to be asked yet. */
		nanosleep(&pause, NULL);
	}
	return -EINTR;
}

int launch_wait(struct ct *ct)
{
	pid_t init;

	if (ct_running(ct, &init) <= 0 || !init)
		return -ESRCH;
	/* Of any other init nothing is known but that it runs. */
	return is_systemd(init) ? wait_systemd(ct) : 0;
}
