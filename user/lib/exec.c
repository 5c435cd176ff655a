// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec.h"
#include "fd.h"
#include "init.h"
#include "log.h"
#include "proxy.h"
#include "report.h"
#include "visit.h"

char *const ct_env[] = {
	"HOME=/",
	"TERM=linux",
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	NULL
};

void ct_join_env(char *all[CT_ENV_MAX], char *const more[])
{
	size_t n = 0;

	for (size_t i = 0; ct_env[i]; i++)
		all[n++] = ct_env[i];
	while (more && *more && n < CT_ENV_MAX - 1)
		all[n++] = *more++;
	all[n] = NULL;
}

/* The program's three descriptors (-1: /dev/null), and our ends of the pipes behind them. */
struct stdio {
	int theirs[3];
	int ours[3];
};

static int open_pipe(struct stdio *io, int nr, uid_t owner)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	io->theirs[nr] = ends[nr != 0];
	io->ours[nr] = ends[nr == 0];
	/*
	 * Neither may we wait for the program nor must it find itself unable to
	 * open /dev/stdin and its like.
	 */
	if (fcntl(io->ours[nr], F_SETFL, O_NONBLOCK) || fchown(io->theirs[nr], owner, owner))
		return -1;
	return 0;
}

static int open_stdio(struct stdio *io, const struct ct_exec_opts *opts, uid_t owner)
{
	const int wanted[3] = { opts->in, opts->out, opts->err };
	int i;

	for (i = 0; i < 3; i++) {
		io->theirs[i] = -1;
		io->ours[i] = -1;
	}
	for (i = 0; i < 3; i++)
		if (wanted[i] >= 0 && open_pipe(io, i, owner))
			return -1;
	return 0;
}

static void close_all(int fds[3])
{
	for (int i = 0; i < 3; i++)
		fd_close(&fds[i]);
}

/* The container's, which may have put anything there. */
static int open_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		report_fail(VZ_NOENV, "Unable to open the container's /dev/null");
	errno = 0;
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		report_fail(VZ_NOENV, "What the container has for /dev/null is something else");
	return fd;
}

static void take_stdio(const int theirs[3])
{
	int high[3];
	int i;

	/* None of them may be where another one is to go. */
	for (i = 0; i < 3; i++)
		high[i] = fcntl(theirs[i] < 0 ? open_null() : theirs[i], F_DUPFD_CLOEXEC, 3);
	for (i = 0; i < 3; i++)
		if (high[i] < 0 || dup2(high[i], i) < 0)
			report_fail(VZ_SYSTEM, "Unable to pass on stdin and stdout");
}

/* What bash was to be given: at most -c and a text. */
static void exec_sh(char *const argv[])
{
	char *sh[] = { "sh", argv[1], argv[1] ? argv[2] : NULL, NULL };

	execv("/bin/sh", sh);
}

static void exec_program(const struct visit *v, char *const argv[],
			 const struct ct_exec_opts *opts, const int theirs[3])
{
	visit_enter(v);
	take_stdio(theirs);
	environ = (char **)(opts->env ? opts->env : ct_env);
	report_ready();
	execvp(argv[0], argv);
	if (opts->shell)
		exec_sh(argv);
	report_fail(VZ_NOINIT, "Unable to execute %s in the container",
		    opts->shell ? "a shell" : argv[0]);
}

static void add_pump(struct proxy *proxy, int from, int to, bool outward)
{
	struct pump *p = &proxy->pump[proxy->nr];

	if (from < 0 || to < 0)
		return;
	proxy->nr++;
	p->from = from;
	p->to = to;
	p->outward = outward;
	p->own_from = outward;
	p->own_to = !outward;
	p->eof = NULL;
	p->used = 0;
}

static int pass_on(struct visit *v, struct stdio *io, const struct ct_exec_opts *opts)
{
	struct proxy proxy = { .pidfd = v->pidfd, .signals = -1 };

	add_pump(&proxy, opts->in, io->ours[0], false);
	add_pump(&proxy, io->ours[1], opts->out, true);
	add_pump(&proxy, io->ours[2], opts->err, true);
	/* The pumps close them: not twice, they may be somebody else's by then. */
	for (int i = 0; i < 3; i++)
		io->ours[i] = -1;
	return proxy_run(&proxy, opts->timeout);
}

static int result(struct visit *v, bool late)
{
	int code, status;

	if (visit_wait(v, &code, &status))
		return -vz_err(VZ_SYSTEM, "Unable to wait for the program: %m");
	if (late)
		return -vz_err(VZ_TIMEOUT, "The program took too long and was killed");
	if (code == CLD_EXITED)
		return status;
	return vz_err(VZ_SYSTEM, "Got signal %d", status);
}

/* With the pipes open: start the program and see it through. */
static int run(struct visit *v, struct stdio *io, char *const argv[],
	       const struct ct_exec_opts *opts)
{
	pid_t pid = visit_fork(v);
	int ret;

	if (pid < 0)
		return -VZ_NORESOURCE;
	if (!pid)
		exec_program(v, argv, opts, io->theirs);
	close_all(io->theirs);
	ret = -report_wait(v->sock, VISIT_TIMEOUT, NULL);
	if (ret) {
		visit_kill(v);
		return ret;
	}
	return result(v, pass_on(v, io, opts));
}

static int exec_inside(struct visit *v, char *const argv[], const struct ct_exec_opts *opts)
{
	struct stdio io;
	int ret;

	if (open_stdio(&io, opts, v->ct->uid_base))
		ret = -vz_err(VZ_SYSTEM, "Unable to make pipes: %m");
	else
		ret = run(v, &io, argv, opts);
	close_all(io.theirs);
	close_all(io.ours);
	return ret;
}

int ct_exec(struct ct *ct, char *const argv[], const struct ct_exec_opts *opts)
{
	static const struct ct_exec_opts usual = { .in = 0, .out = 1, .err = 2 };
	struct visit v;
	int ret = -visit_begin(&v, ct);

	if (!ret)
		ret = exec_inside(&v, argv, opts ? opts : &usual);
	visit_end(&v);
	return ret;
}

int ct_script(struct ct *ct, const char *text, char *const env[])
{
	char *argv[] = { "bash", "-c", (char *)text, NULL };
	struct ct_exec_opts opts = {
		.shell = true, .in = -1, .out = 1, .err = 2, .timeout = CT_SCRIPT_TIMEOUT,
	};
	char *all[CT_ENV_MAX];
	int ret;

	ct_join_env(all, env);
	opts.env = all;
	ret = ct_exec(ct, argv, &opts);
	return ret < 0 ? -ret : ret;
}
