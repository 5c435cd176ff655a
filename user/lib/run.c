// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "fd.h"
#include "files.h"
#include "io.h"
#include "launch.h"
#include "lock.h"
#include "log.h"
#include "net.h"
#include "netdev.h"
#include "rootfs.h"
#include "run.h"
#include "script.h"
#include "share.h"
#include "ubnl.h"
#include "veth.h"

/* How long processes that were killed may take to be gone. */
#define KILL_TIMEOUT 60
/* How often, and how far apart, a busy VE_ROOT is tried again. */
#define UMOUNT_TRIES 20
#define UMOUNT_PAUSE_MS 50

int ct_running(const struct ct *ct, pid_t *init)
{
	int auto_fd dir = cg_open(ct->id);
	int auto_fd pidfd = -1;
	int populated;

	if (init)
		*init = 0;
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	populated = cg_populated(dir);
	if (populated > 0 && init) {
		pid_t pid = cg_init(dir, &pidfd);

		*init = pid > 0 ? pid : 0;
	}
	return populated;
}

int ct_dump_file(const struct ct *ct, char *path, size_t size)
{
	const char *dir = conf_get(&ct->conf, "DUMPDIR");

	if (!dir || !*dir || snprintf(path, size, "%s/Dump.%u", dir, ct->id) >= (int)size)
		return -ENOENT;
	return 0;
}

bool ct_suspended(const struct ct *ct)
{
	char path[PATH_MAX];

	return !ct_dump_file(ct, path, sizeof(path)) && !access(path, F_OK);
}

bool ct_mounted(const struct ct *ct)
{
	return *ct->root && rootfs_mounted(ct->root);
}

int ct_mount(struct ct *ct)
{
	int ret;

	if (ct_mounted(ct))
		return 0;
	if (access(ct->private, F_OK))
		return vz_err(VZ_PRIVATEMISSING, "Container private area %s does not exist",
			      ct->private);
	ret = access(ct->root, F_OK) ? make_dirs(ct->root, 0700) : 0;
	if (ret)
		return vz_err(VZ_MKROOT, "Unable to create %s: %s", ct->root, strerror(-ret));
	ret = script_run(ct, "premount", false);
	if (ret)
		return ret;
	ret = rootfs_mount(ct->private, ct->root);
	if (ret)
		return vz_err(VZ_MOUNT, "Unable to mount %s on %s: %s", ct->private, ct->root,
			      strerror(-ret));
	ret = script_run(ct, "mount", false);
	if (ret) {
		int err = rootfs_umount(ct->root);

		if (err)
			vz_log(-1, "Unable to unmount %s: %s", ct->root, strerror(-err));
		return ret;
	}
	vz_log(0, "Container is mounted");
	return 0;
}

static void pause_ms(long ms)
{
	const struct timespec ts = { .tv_nsec = ms * 1000 * 1000 };

	nanosleep(&ts, NULL);
}

static void clear_network(const struct ct *ct)
{
	net_clear(ct);
	veth_clear(ct);
	netdev_clear(ct);
}

int ct_umount(struct ct *ct)
{
	int ret;

	/* Of one that ended by itself, the host still has routes, and misses devices. */
	if (!ct_running(ct, NULL))
		clear_network(ct);
	if (!ct_mounted(ct))
		return 0;
	ret = script_run(ct, "umount", true);
	if (ret)
		return ret;
	for (int tries = 0; tries < UMOUNT_TRIES; tries++) {
		ret = rootfs_umount(ct->root);
		if (ret != -EBUSY)
			break;
		pause_ms(UMOUNT_PAUSE_MS);
	}
	if (ret)
		return vz_err(VZ_UMOUNT, "Unable to unmount %s: %s", ct->root, strerror(-ret));
	vz_log(0, "Container is unmounted");
	return script_run(ct, "postumount", true);
}

/* Has somebody put the number on a cgroup that is no container's? See vzub(8). */
static bool is_lent(struct ubnl *nl, unsigned int id)
{
	struct ub_state state;

	return !ubnl_ub_get(nl, id, &state) && *state.cgroup && !cg_is_ours(state.cgroup);
}

static int delete_ub(const struct ct *ct)
{
	struct ubnl *nl = ubnl_open();
	int ret;

	/* A module that is not there has no beancounter left. */
	if (!nl)
		return 0;
	ret = is_lent(nl, ct->id) ? 0 : ubnl_ub_del(nl, ct->id);
	if (ret && ret != -ENOENT)
		ret = vz_err(VZ_SETUBC, "Unable to delete beancounter %u: %s", ct->id,
			     ubnl_error(nl));
	else
		ret = 0;
	ubnl_close(nl);
	return ret;
}

/* What a container leaves behind whose processes are gone. */
static int clear_away(struct ct *ct)
{
	int ret;

	clear_network(ct);
	ret = cg_remove(ct->id);
	if (ret)
		return vz_err(VZ_CANTSTOP, "Unable to remove the cgroup of the container: %s",
			      strerror(-ret));
	cg_guarantee();
	return delete_ub(ct);
}

/* Of one that ended by itself there is a cgroup without processes. */
static int clear_dead(struct ct *ct)
{
	int auto_fd dir = cg_open(ct->id);

	if (dir == -ENOENT)
		return 0;
	if (dir == -EOPNOTSUPP)
		return vz_err(VZ_BADKERNEL, "This host has no cgroup v2 for itself alone: boot it with systemd.unified_cgroup_hierarchy=1");
	if (dir < 0)
		return vz_err(VZ_SYSTEM, "Unable to open the cgroup of the container: %s",
			      strerror(-dir));
	vz_log(1, "Clearing away what is left of the container's last run");
	return clear_away(ct);
}

/* A beancounter without a cgroup: somebody removed that behind our back. */
static int make_ub(struct ct *ct, struct ubnl *nl)
{
	char path[32];
	int ret;

	cg_path(ct->id, path, sizeof(path));
	ret = ubnl_ub_new(nl, ct->id, &ct->limits, path);
	if (ret == -EEXIST && !is_lent(nl, ct->id) && !ubnl_ub_del(nl, ct->id))
		ret = ubnl_ub_new(nl, ct->id, &ct->limits, path);
	if (ret)
		return vz_err(VZ_SETUBC, "Unable to make beancounter %u: %s", ct->id,
			      ubnl_error(nl));
	return 0;
}

int ct_set_share(struct ct *ct, struct ubnl *nl, const struct share *share)
{
	if (!share->set)
		return 0;
	if (ubnl_ub_set_share(nl, ct->id, share))
		return vz_err(VZ_SETCPU, "Unable to set CPU parameters: %s", ubnl_error(nl));
	ubnl_warn_note(nl);
	return 0;
}

/* Everything, since one that lingers has yet what its last run had. */
static int set_whole_share(struct ct *ct, struct ubnl *nl)
{
	struct share share;
	int ret = share_read(&share, &ct->conf, NULL);

	if (ret)
		return ret;
	if (ubnl_host_set(nl, CG_PARENT, share_host_units()))
		vz_log(-1, "Warning: the host has no share of its own: %s", ubnl_error(nl));
	return ct_set_share(ct, nl, &share);
}

static int start_in_cgroup(struct ct *ct, struct ubnl *nl, int cgroup)
{
	int ret = make_ub(ct, nl);

	if (!ret)
		ret = set_whole_share(ct, nl);
	if (ret)
		return ret;
	cg_guarantee();
	/* What cannot be done about disks has been said: it may have moved to another one. */
	io_set(ct, cgroup, &ct->conf);
	ret = launch(ct, cgroup);
	if (!ret)
		return 0;
	/* Launching kills what it made, but what that had started may be about. */
	cg_kill(cgroup);
	cg_wait_empty(cgroup, KILL_TIMEOUT * 1000);
	return ret;
}

static int start_mounted(struct ct *ct, struct ubnl *nl)
{
	int auto_fd cgroup = cg_create(ct->id, ct->uid_base);
	int ret;

	if (cgroup < 0)
		return vz_err(VZ_NOENV, "Unable to create the cgroup of the container: %s",
			      strerror(-cgroup));
	ret = start_in_cgroup(ct, nl, cgroup);
	if (ret)
		clear_away(ct);
	return ret;
}

static int start(struct ct *ct)
{
	bool mounted = ct_mounted(ct);
	struct ubnl *nl;
	int ret;

	/* The root of the container would be the root of the host, or one of its users. */
	if (ct->uid_base < CT_UIDS)
		return vz_err(VZ_BADCONF, "LOCAL_UID=%u: the container needs ids of its own, from %u on",
			      ct->uid_base, CT_UIDS);
	/* Who cannot help it says so before anything has been touched. */
	ret = clear_dead(ct);
	if (ret)
		return ret;
	nl = ubnl_open_or_tell(&ret);
	if (!nl)
		return ret;
	ret = ct_mount(ct);
	if (!ret) {
		ret = start_mounted(ct, nl);
		if (ret && !mounted)
			ct_umount(ct);
	}
	ubnl_close(nl);
	return ret;
}

int ct_start(struct ct *ct, bool wait)
{
	int ret;

	vz_log(0, "Starting container...");
	ret = ct_check(ct);
	if (!ret)
		ret = start(ct);
	if (ret) {
		vz_log(-1, "Container start failed (try to check kernel messages, e.g. \"dmesg | tail\")");
		return ret;
	}
	if (!wait) {
		vz_log(0, "Container start in progress...");
		return 0;
	}
	vz_log(0, "Container start in progress, waiting ...");
	if (launch_wait(ct))
		return vz_err(VZ_WAIT, "Container wait failed");
	vz_log(0, "Container started successfully");
	return 0;
}

/* Whatever this init understands: halt knows how to tell it. */
static int ask_to_halt(struct ct *ct)
{
	char *argv[] = { "halt", NULL };
	const struct ct_exec_opts opts = {
		.in = -1, .out = -1, .err = -1, .timeout = ct->stop_timeout,
	};

	return ct_exec(ct, argv, &opts);
}

static int stop_gently(struct ct *ct, int cgroup)
{
	int ret = ask_to_halt(ct);

	if (vz_cancelled)
		return -EINTR;
	/* It may have gone so fast that it took the halt along. */
	return cg_wait_empty(cgroup, ret ? 1000 : ct->stop_timeout * 1000);
}

static int run_stop_script(struct ct *ct)
{
	char *text = script_text(ct, "stop");
	int ret = text ? ct_script(ct, text, NULL) : 0;

	free(text);
	return ret ? vz_err(VZ_ACTIONSCRIPT, "The container's stop script failed") : 0;
}

static int end_processes(struct ct *ct, int cgroup, bool fast)
{
	int ret = -ETIMEDOUT;

	if (!fast) {
		/* One that was suspended has to hear of it. */
		cg_freeze(cgroup, false);
		ret = run_stop_script(ct);
		if (ret)
			return ret;
		vz_log(0, "Stopping container ...");
		ret = stop_gently(ct, cgroup);
	}
	if (ret == -ETIMEDOUT) {
		vz_log(0, "Killing container ...");
		ret = cg_kill(cgroup);
		if (!ret)
			ret = cg_wait_empty(cgroup, KILL_TIMEOUT * 1000);
	}
	if (ret)
		return vz_err(VZ_CANTSTOP, "Unable to stop container: %s", strerror(-ret));
	return 0;
}

int ct_halt(struct ct *ct, bool fast)
{
	int auto_fd cgroup = cg_open(ct->id);
	int ret;

	if (cgroup < 0)
		return 0;
	if (cg_populated(cgroup)) {
		ret = end_processes(ct, cgroup, fast);
		if (ret)
			return ret;
		vz_log(0, "Container was stopped");
	}
	return clear_away(ct);
}

int ct_stop(struct ct *ct, bool fast)
{
	int ret = ct_halt(ct, fast);

	return ret ? ret : ct_umount(ct);
}
