// SPDX-License-Identifier: GPL-2.0
/*
 * vzeventd: sees to containers whose init ended without vzctl having stopped
 * them. It keeps nothing in mind: the kernel tells what happened, and what is
 * to be done is done by vzctl, under the container's lock. Containers run
 * without it, but they do not come back from a reboot and leave their mount
 * and cgroup behind until the next command.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cgroup.h"
#include "lib/conf.h"
#include "lib/err.h"
#include "lib/fd.h"
#include "lib/files.h"
#include "lib/log.h"
#include "lib/ubnl.h"

/* Seconds for the rest of a container to follow its init. */
#define DYING_TIMEOUT 60
/* Before one starts again: its init may do nothing but reboot. */
#define REBOOT_PAUSE 2
/* Seconds for another command to let go of the container. */
#define LOCK_TIMEOUT 600

/* 1: there is a cgroup and nobody in it. 0: alive, or somebody was here before us. */
static int is_dead(unsigned int id)
{
	int auto_fd dir = cg_open(id);

	return dir >= 0 && !cg_populated(dir);
}

static int vzctl(const char *verb, unsigned int id)
{
	char ctid[16];
	char *argv[] = { "vzctl", "--quiet", (char *)verb, ctid, NULL };

	snprintf(ctid, sizeof(ctid), "%u", id);
	return run_program(argv, -1);
}

/*
 * Whoever holds the lock may be the one that stopped it, or be starting it
 * again: then there is nothing left to do when the lock is free.
 */
static int vzctl_when_free(const char *verb, unsigned int id)
{
	int status = VZ_OK;

	for (int tries = 0; tries < LOCK_TIMEOUT && is_dead(id); tries++) {
		status = vzctl(verb, id);
		if (status != VZ_LOCKED)
			break;
		sleep(1);
	}
	return status;
}

static void see_to(unsigned int id, bool reboot)
{
	int auto_fd dir = cg_open(id);
	int status = VZ_OK;

	log_ctid(id);
	if (dir < 0 || cg_wait_empty(dir, DYING_TIMEOUT * 1000))
		return;
	vz_log(0, "Container %u has %s", id, reboot ? "rebooted" : "halted");
	if (reboot) {
		sleep(REBOOT_PAUSE);
		status = vzctl_when_free("start", id);
	}
	if (status)
		vz_log(-1, "Container %u did not start again (exit code %d)", id, status);
	/* Does nothing to a container that runs. */
	if (status || !reboot)
		vzctl_when_free("umount", id);
}

/* A process for each, gone as soon as it is done: the next event may not wait. */
static void hand_over(unsigned int id, bool reboot)
{
	pid_t pid = fork();

	if (pid < 0)
		vz_log(-1, "Unable to see to container %u: %s", id, strerror(errno));
	if (pid)
		return;
	signal(SIGCHLD, SIG_DFL);
	see_to(id, reboot);
	_exit(0);
}

static void on_event(const struct ubnl_event *event, void *arg)
{
	(void)arg;
	if (event->cmd == STOCKVZ_CMD_CT_NTF)
		hand_over(event->id, event->ct_event == STOCKVZ_CT_EVENT_REBOOT);
}

/* Of those that died while nobody listened it is not known whether they wanted to reboot. */
static void sweep(void)
{
	int vz = openat(cg_root(), "vz", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = vz < 0 ? NULL : fdopendir(vz);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)*entry->d_name) && is_dead(atoi(entry->d_name)))
			hand_over(atoi(entry->d_name), false);
	if (dir)
		closedir(dir);
}

static int listen_for_events(struct ubnl *nl)
{
	int ret = ubnl_subscribe(nl, STOCKVZ_MCGRP_CONTAINERS);

	if (ret)
		return vz_err(VZ_SYSTEM, "Unable to listen for events: %s", ubnl_error(nl));
	do {
		sweep();
		do {
			ret = ubnl_events(nl, on_event, NULL);
		} while (ret >= 0 || ret == -EINTR);
		/* Some were lost: look at what is there. */
	} while (ret == -ENOBUFS);
	return vz_err(VZ_SYSTEM, "Unable to receive events: %s", strerror(-ret));
}

int main(int argc, char **argv)
{
	struct ubnl *nl;
	int ret = VZ_OK;

	if (argc == 2 && !strcmp(argv[1], "--version")) {
		printf("vzeventd version %s\n", STOCKVZ_VERSION);
		return VZ_OK;
	}
	if (argc > 1) {
		fprintf(stderr, "Usage: vzeventd [--version]\n");
		return VZ_SYNTAX;
	}
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	signal(SIGCHLD, SIG_IGN);
	if (!conf_global())
		return VZ_NOGLOBALCONF;
	log_open("vzeventd", conf_global());

	nl = ubnl_open_or_tell(&ret);
	if (!nl)
		return ret;
	ret = listen_for_events(nl);
	ubnl_close(nl);
	return ret;
}
