// SPDX-License-Identifier: GPL-2.0
#include <stddef.h>
#include <string.h>

#include "cmd.h"
#include "life.h"
#include "lib/run.h"

static const struct {
	const char *name;
	unsigned int which;
	long offset;		/* in struct life; -1: nothing here to be switched */
} options[] = {
	{ "--force", LIFE_START, offsetof(struct life, force) },
	{ "--wait", LIFE_START, offsetof(struct life, wait) },
	{ "--skip-remount", LIFE_START, offsetof(struct life, skip_remount) },
	{ "--skip-fsck", LIFE_START, -1 },
	{ "--skip_ve_setup", LIFE_START, -1 },
	{ "--fast", LIFE_STOP, offsetof(struct life, fast) },
	{ "--skip-umount", LIFE_STOP, offsetof(struct life, skip_umount) },
	{ }
};

static int set_option(struct life *life, unsigned int which, const char *arg)
{
	for (size_t i = 0; options[i].name; i++) {
		if (!(options[i].which & which) || strcmp(options[i].name, arg))
			continue;
		if (options[i].offset >= 0)
			*((bool *)((char *)life + options[i].offset)) = true;
		return 0;
	}
	return vz_err(VZ_SYNTAX, "Invalid option: %s", arg);
}

int life_options(struct life *life, unsigned int which, int argc, char **argv)
{
	int ret = 0;

	*life = (struct life){ };
	for (int i = 1; !ret && i < argc; i++)
		ret = set_option(life, which, argv[i]);
	return ret;
}

int life_may_start(const struct ct *ct, const struct life *life)
{
	if (!life->force && conf_get_bool(&ct->conf, "DISABLED", false))
		return vz_err(VZ_STARTDISABLED, "Container start disabled");
	if (!ct_has_private(ct))
		return vz_err(VZ_PRIVATEMISSING, "Container private area %s does not exist",
			      ct->private);
	return 0;
}

int life_start(struct ct *ct, const struct life *life)
{
	int ret = life_may_start(ct, life);

	if (ret)
		return ret;
	if (ct_running(ct, NULL) > 0)
		return vz_err(VZ_RUNNING, "Container is already running");
	/* Whoever mounted it by hand may have done so before the scripts were there. */
	if (!life->skip_remount)
		ret = ct_umount(ct);
	return ret ? ret : ct_start(ct, life->wait);
}

int life_stop(struct ct *ct, const struct life *life)
{
	if (ct_running(ct, NULL) <= 0)
		vz_log(-1, "Unable to stop: container is not running");
	return life->skip_umount ? ct_halt(ct, life->fast) : ct_stop(ct, life->fast);
}
