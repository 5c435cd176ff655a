// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec.h"
#include "files.h"
#include "lock.h"
#include "log.h"
#include "script.h"

static void script_path(char *buf, size_t size, const char *who, const char *kind)
{
	snprintf(buf, size, "%s/conf/%s.%s", vz_confdir(), who, kind);
}

static void exec_script(const struct ct *ct, char *path)
{
	char veid[32], conf[PATH_MAX + 16];
	char *argv[] = { path, NULL };
	char *more[] = { veid, conf, NULL };
	char *env[CT_ENV_MAX];
	sigset_t none;

	snprintf(veid, sizeof(veid), "VEID=%u", ct->id);
	snprintf(conf, sizeof(conf), "VE_CONFFILE=%s", ct->conf_file);
	ct_join_env(env, more);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(path, argv, env);
	_exit(127);
}

static int run_one(const struct ct *ct, const char *who, const char *kind)
{
	char path[PATH_MAX];
	int status = 0;
	pid_t pid;

	script_path(path, sizeof(path), who, kind);
	if (access(path, X_OK))
		return 0;
	vz_log(1, "Running %s", path);
	pid = fork();
	if (!pid)
		exec_script(ct, path);
	if (pid < 0)
		return vz_err(VZ_ACTIONSCRIPT, "Unable to run %s: %m", path);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return vz_err(VZ_ACTIONSCRIPT, "Unable to wait for %s: %m", path);
		if (vz_cancelled)
			kill(pid, SIGTERM);
	}
	if (status)
		return vz_err(VZ_ACTIONSCRIPT, "Action script %s failed", path);
	return 0;
}

int script_run(const struct ct *ct, const char *kind, bool down)
{
	char own[16];
	int ret;

	snprintf(own, sizeof(own), "%u", ct->id);
	ret = run_one(ct, down ? own : "vps", kind);
	return ret ? ret : run_one(ct, down ? "vps" : own, kind);
}

char *script_text(const struct ct *ct, const char *kind)
{
	char path[PATH_MAX], own[16];

	snprintf(own, sizeof(own), "%u", ct->id);
	script_path(path, sizeof(path), own, kind);
	return read_text(path);
}
