// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"
#include "lock.h"

int make_dirs(const char *path, mode_t mode)
{
	char copy[PATH_MAX];
	char *slash = copy;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return -ENAMETOOLONG;

	do {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		if (mkdir(copy, slash ? 0755 : mode) < 0 && errno != EEXIST)
			return -errno;
		if (slash)
			*slash = '/';
	} while (slash);
	return 0;
}

/* In a group of its own: what it starts is ended with it. */
static void exec_program(char *const argv[], int input)
{
	sigset_t none;

	setpgid(0, 0);
	if (input < 0)
		input = open("/dev/null", O_RDONLY);
	if (input >= 0 && dup2(input, STDIN_FILENO) < 0)
		_exit(126);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], argv);
	_exit(errno == ENOENT ? 127 : 126);
}

int run_program(char *const argv[], int input)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (!pid)
		exec_program(argv, input);
	setpgid(pid, pid);

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
		if (vz_cancelled)
			kill(-pid, SIGTERM);
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* rm walks by file descriptors: what is a link inside leads it nowhere. */
int remove_tree(const char *path)
{
	char *argv[] = { "rm", "-rf", "--one-file-system", "--", (char *)path, NULL };

	return run_program(argv, -1);
}

/* The new one has a name that is no number: whoever reads the directory passes it over. */
int replace_file(const char *dir, unsigned int id, void (*print)(FILE *to, const void *arg),
		 const void *arg)
{
	char path[PATH_MAX], new[PATH_MAX];
	int ret = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%u", dir, id);
	snprintf(new, sizeof(new), "%s/.%u", dir, id);
	f = fopen(new, "we");
	if (!f)
		return -errno;
	print(f, arg);
	if (fflush(f) || ferror(f))
		ret = -errno;
	if (fclose(f) && !ret)
		ret = -errno;
	if (!ret && rename(new, path))
		ret = -errno;
	if (ret)
		unlink(new);
	return ret;
}

char *read_text(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	ssize_t len;

	if (!file)
		return NULL;
	len = getdelim(&text, &size, '\0', file);
	if (len < 0 && !ferror(file) && text)
		*text = '\0';	/* an empty file */
	if (ferror(file)) {
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}
