// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "text.h"
#include "worker.h"

long fork_pausing(long a, long b)
{
	pid_t self = getpid(), pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == self)
			pause();
		_exit(0);
	}
	return sys(pid);
}

long reap(long pid, long b)
{
	kill(pid, SIGKILL);
	return sys(waitpid(pid, NULL, 0)) == pid ? 0 : -ECHILD;
}

bool is_asleep(pid_t pid)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	return text_in(path, text, sizeof(text), sizeof(text)) > 0 && strstr(text, "(sleep) S");
}
