// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "exec.h"
#include "fd.h"
#include "log.h"
#include "proxy.h"
#include "report.h"
#include "visit.h"

static const struct {
	const char *path, *name;
} shells[] = {
	{ "/bin/bash", "-bash" },
	{ "/usr/bin/bash", "-bash" },
	{ "/bin/sh", "-sh" },
};

/* The admin's own terminal, as it was. */
static struct termios saved_mode;
static bool saved;

static void restore_terminal(void)
{
	if (saved)
		tcsetattr(0, TCSADRAIN, &saved_mode);
	saved = false;
}

static void raw_terminal(void)
{
	struct termios raw;

	if (tcgetattr(0, &saved_mode))
		return;
	raw = saved_mode;
	cfmakeraw(&raw);
	saved = !tcsetattr(0, TCSADRAIN, &raw);
}

static void copy_size(int from, int to)
{
	struct winsize size;

	if (!ioctl(from, TIOCGWINSZ, &size))
		ioctl(to, TIOCSWINSZ, &size);
}

/*
 * A new terminal in the container's devpts. The path is the container's to
 * play with: what it leads to is looked at before it is used.
 */
static int open_master(void)
{
	const uint64_t resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
	int auto_fd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int master = fd_resolve(root, "dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK, resolve);
	struct statfs fs;
	int unlock = 0;

	errno = master < 0 ? -master : 0;
	if (errno)
		report_fail(VZ_NOENV, "Unable to open a terminal in the container");
	if (fstatfs(master, &fs) || fs.f_type != DEVPTS_SUPER_MAGIC ||
	    ioctl(master, TIOCSPTLCK, &unlock))
		report_fail(VZ_NOENV, "What the container has for terminals is something else");
	return master;
}

static void take_terminal(void)
{
	int master = open_master();
	int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (slave < 0 || ioctl(slave, TIOCSCTTY, 0) ||
	    dup2(slave, 0) < 0 || dup2(slave, 1) < 0 || dup2(slave, 2) < 0)
		report_fail(VZ_NOENV, "Unable to use the terminal");
	report_send_fd(master);
}

static void exec_shell(void)
{
	const char *term = getenv("TERM");
	char term_var[64];
	char *env[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HISTFILE=/dev/null",
		"USER=root",
		"HOME=/root",
		"LOGNAME=root",
		term_var,
		NULL
	};

	snprintf(term_var, sizeof(term_var), "TERM=%s", term ? term : "linux");
	report_ready();
	for (size_t i = 0; i < sizeof(shells) / sizeof(*shells); i++) {
		char *argv[] = { (char *)shells[i].name, NULL };

		execve(shells[i].path, argv, env);
	}
	report_fail(VZ_NOINIT, "Unable to execute a shell in the container");
}

static void on_signal(struct proxy *proxy)
{
	struct signalfd_siginfo info;

	if (read(proxy->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		copy_size(0, proxy->pump[0].to);
	else
		/* Hung up or told to end: so is the shell, and we end with it. */
		pidfd_send_signal(proxy->pidfd, SIGHUP, NULL, 0);
}

static int open_signals(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, old);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void init_pump(struct pump *p, int from, int to, const char *text)
{
	*p = (struct pump){ .from = from, .to = to };
	p->used = snprintf(p->buf, sizeof(p->buf), "%s", text);
	if (p->used >= sizeof(p->buf))
		p->used = sizeof(p->buf) - 1;
}

static void talk(struct visit *v, int master, const char *typed)
{
	static struct proxy proxy;
	char line[PUMP_SIZE] = "";
	sigset_t old;

	if (typed)
		snprintf(line, sizeof(line), "%s\n", typed);
	init_pump(&proxy.pump[0], 0, master, line);
	init_pump(&proxy.pump[1], master, 1, "");
	proxy.pump[0].eof = "\004";
	proxy.pump[1].outward = true;
	proxy.nr = 2;
	proxy.pidfd = v->pidfd;
	proxy.signals = open_signals(&old);
	proxy.on_signal = on_signal;

	copy_size(0, master);
	raw_terminal();
	proxy_run(&proxy, 0);
	restore_terminal();
	fd_close(&proxy.signals);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static int enter(struct visit *v, const char *typed)
{
	int auto_fd master = -1;
	int code, status, ret;
	pid_t pid = visit_fork(v);

	if (pid < 0)
		return VZ_NORESOURCE;
	if (!pid) {
		visit_enter(v);
		take_terminal();
		exec_shell();
	}
	ret = report_wait(v->sock, VISIT_TIMEOUT, &master);
	if (ret || master < 0) {
		visit_kill(v);
		return ret ? ret : vz_err(VZ_NOENV, "No terminal came out of the container");
	}
	vz_log(0, "entered into CT %u", v->ct->id);
	talk(v, master, typed);
	vz_log(0, "exited from CT %u", v->ct->id);
	visit_wait(v, &code, &status);
	return 0;
}

int ct_enter(struct ct *ct, const char *typed)
{
	struct visit v;
	int ret;

	/* Half of a command may be another one. */
	if (typed && strlen(typed) > PUMP_SIZE - sizeof("\n"))
		return vz_err(VZ_BADVALUE, "The command is too long");
	ret = visit_begin(&v, ct);
	if (!ret)
		ret = enter(&v, typed);
	visit_end(&v);
	return ret;
}
