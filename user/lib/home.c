// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "err.h"
#include "fd.h"
#include "home.h"

int home_keep(struct home *home)
{
	*home = (struct home){
		.mnt = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC),
		.net = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC),
		.cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC),
		.root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	return home->mnt < 0 || home->net < 0 || home->root < 0 ? -errno : 0;
}

void home_return(const struct home *home)
{
	static const char text[] = "Unable to come back from the container\n";

	if (!setns(home->mnt, CLONE_NEWNS) && !setns(home->net, CLONE_NEWNET) &&
	    !fchdir(home->root) && !chroot(".") &&
	    (!fchdir(home->cwd) || !fchdir(home->root)))
		return;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(VZ_SYSTEM);
	_exit(VZ_SYSTEM);
}

void home_close(struct home *home)
{
	fd_close(&home->mnt);
	fd_close(&home->net);
	fd_close(&home->root);
	fd_close(&home->cwd);
}
