// SPDX-License-Identifier: GPL-2.0
/* vzctl: find the command and the container, and let the one work on the other. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "lib/lock.h"
#include "lib/names.h"

#define CHANGES		(CMD_LOCK | CMD_CONF | CMD_AREA)

static const struct cmd commands[] = {
	{ "create", cmd_create, CMD_LOCK,
	  "[--ostemplate NAME] [--config NAME] [--layout simfs]\n"
	  "\t[--private PATH] [--root PATH] [--hostname NAME] [--name NAME]\n"
	  "\t[--description TEXT] [--ipadd ADDRESS] [--diskspace SOFT[:HARD]]\n"
	  "\t[--diskinodes SOFT[:HARD]] [--local_uid ID] [--local_gid ID]" },
	{ "destroy", cmd_destroy, CHANGES, "" },
	{ "delete", cmd_destroy, CHANGES, NULL },
	{ "mount", cmd_mount, CHANGES, "" },
	{ "umount", cmd_umount, CHANGES, "" },
	{ "start", cmd_start, CHANGES, "[--force] [--wait]" },
	{ "stop", cmd_stop, CHANGES, "[--fast] [--skip-umount]" },
	{ "restart", cmd_restart, CHANGES, "[--fast] [--force] [--wait]" },
	{ "suspend", cmd_chkpnt, CMD_LOCK | CMD_CONF, "" },
	{ "resume", cmd_chkpnt, CMD_LOCK | CMD_CONF, "" },
	{ "chkpnt", cmd_chkpnt, CMD_LOCK | CMD_CONF, "--suspend | --resume" },
	{ "restore", cmd_chkpnt, CMD_LOCK | CMD_CONF, NULL },
	{ "status", cmd_status, 0, "" },
	{ "why", cmd_why, 0, "[--json]" },
	{ "audit", cmd_audit, 0, "" },
	{ "enter", cmd_enter, CMD_CONF, "[--exec COMMAND...]" },
	{ "exec", cmd_exec, CMD_CONF, "COMMAND..." },
	{ "exec2", cmd_exec, CMD_CONF, "COMMAND..." },
	{ "exec3", cmd_exec, CMD_CONF, "COMMAND..." },
	{ "set", cmd_set, CMD_LOCK | CMD_CT0,
	  "[--save [--force]] [--setmode restart|ignore] [--PARAMETER VALUE]...\n"
	  "\t[--reset_ub] [--applyconfig NAME] [--userpasswd USER:PASSWORD]" },
	{ }
};

static void print_version(FILE *out)
{
	/* The first line is what other programs read: our place in their history. */
	fprintf(out, "vzctl version %s\n", VZCTL_VERSION);
}

static void print_usage(FILE *out)
{
	print_version(out);
	fprintf(out, "stockvz %s, licensed under the GNU GPL version 2\n\n", STOCKVZ_VERSION);
	fprintf(out, "Usage: vzctl [--quiet] [--verbose] COMMAND CTID|NAME [OPTION]...\n");
	fprintf(out, "       vzctl --help | --version\n\n");
	for (const struct cmd *cmd = commands; cmd->name; cmd++)
		if (cmd->help)
			fprintf(out, "vzctl %s CTID%s%s\n", cmd->name, *cmd->help ? " " : "",
				cmd->help);
	fprintf(out, "\nThe parameters of set are in vzctl(8).\n");
}

static const struct cmd *find_command(const char *name)
{
	for (const struct cmd *cmd = commands; cmd->name; cmd++)
		if (!strcmp(cmd->name, name))
			return cmd;
	return NULL;
}

/* Can the command work on this container as it is configured? */
static int check_ct(const struct cmd *cmd, const struct ct *ct)
{
	if ((cmd->flags & CMD_CONF) && !ct->has_conf)
		return vz_err(VZ_NOCONF, "Container config file does not exist");
	if (!(cmd->flags & CMD_AREA))
		return 0;
	if (!*ct->root)
		return vz_err(VZ_NOROOT, "Error: VE_ROOT is not set");
	if (!*ct->private)
		return vz_err(VZ_NOPRIVATE, "Error: VE_PRIVATE is not set");
	return 0;
}

static int run_command(const struct cmd *cmd, unsigned int id, int argc, char **argv)
{
	static struct ct ct;
	int ret = ct_load(&ct, id);

	if (!ret)
		ret = check_ct(cmd, &ct);
	if (!ret)
		ret = cmd->fn(&ct, argc, argv);
	ct_free(&ct);
	return ret;
}

static int run_locked(const struct cmd *cmd, unsigned int id, int argc, char **argv)
{
	int ret;

	catch_cancel();
	ret = lock_ct(id);
	if (ret)
		return ret;
	ret = run_command(cmd, id, argc, argv);
	unlock_ct(id);
	return ret;
}

static int dispatch(const struct cmd *cmd, bool skiplock, int argc, char **argv)
{
	unsigned int id;
	int ret;

	if (argc < 2)
		return vz_err(VZ_BADVALUE, "CT ID missing");
	if (geteuid())
		return vz_err(VZ_PERM, "This program can only be run under root.");
	if (!conf_global())
		return VZ_NOGLOBALCONF;
	log_open("vzctl", conf_global());

	ret = name_to_id(argv[1], &id);
	if (ret)
		return ret;
	if (!id && !(cmd->flags & CMD_CT0))
		return vz_err(VZ_BADVALUE, "Only set actions are allowed for CT0");
	log_ctid(id);

	/* From here on the command's name stands where its options begin. */
	argv[1] = argv[0];
	if ((cmd->flags & CMD_LOCK) && !skiplock)
		return run_locked(cmd, id, argc - 1, argv + 1);
	return run_command(cmd, id, argc - 1, argv + 1);
}

/* What is opened next must not be taken for a standard stream. */
static void open_standard_streams(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const struct cmd *cmd;
	bool skiplock = false;

	open_standard_streams();
	/* A caller that ignores it would have us know nothing of our children's ends. */
	signal(SIGCHLD, SIG_DFL);
	umask(022);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);

	for (argc--, argv++; argc && !strncmp(*argv, "--", 2); argc--, argv++) {
		if (!strcmp(*argv, "--quiet")) {
			log_quiet();
		} else if (!strcmp(*argv, "--verbose")) {
			log_verbose();
		} else if (!strcmp(*argv, "--skiplock")) {
			skiplock = true;
		} else if (!strcmp(*argv, "--version")) {
			print_version(stdout);
			return VZ_OK;
		} else if (!strcmp(*argv, "--help")) {
			print_usage(stdout);
			return VZ_OK;
		} else {
			return vz_err(VZ_SYNTAX, "Bad option: %s", *argv);
		}
	}
	if (!argc) {
		print_usage(stderr);
		return VZ_SYNTAX;
	}

	cmd = find_command(*argv);
	if (!cmd)
		return vz_err(VZ_SYNTAX, "Bad command: %s", *argv);
	return dispatch(cmd, skiplock, argc, argv);
}
