// SPDX-License-Identifier: GPL-2.0
/*
 * vzctl set: change parameters, of the running container at once, and with
 * --save of its configuration. Nothing is saved unless everything was applied.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "lib/cgroup.h"
#include "lib/dist.h"
#include "lib/dns.h"
#include "lib/fd.h"
#include "lib/io.h"
#include "lib/lock.h"
#include "lib/names.h"
#include "lib/net.h"
#include "lib/netdev.h"
#include "lib/run.h"
#include "lib/share.h"
#include "lib/ubnl.h"
#include "lib/veth.h"
#include "netif.h"
#include "options.h"

struct set {
	struct ct *ct;
	struct conf changes;
	bool save, force;
	bool reset_ub;
	bool map_name;
	const char *setmode;
	const char *sample;
	char *password;
	struct netif_options netif;

	struct ubnl *nl;	/* NULL: --force, and no module */
	bool running;
};

/* Ours alone: a list of processes shows the arguments to everybody. */
static char *take_password(char *arg)
{
	char *copy = strdup(arg);

	explicit_bzero(arg, strlen(arg));
	return copy;
}

static int own_option(const char *name, const char *value, void *arg)
{
	struct set *set = arg;
	int ret = value ? netif_option(&set->netif, name, value) : -1;

	if (ret >= 0)
		return ret;
	if (!strcmp(name, "save"))
		set->save = true;
	else if (!strcmp(name, "force"))
		set->force = true;
	else if (!strcmp(name, "skip_arpdetect"))
		conf_set(&set->ct->conf, "SKIP_ARPDETECT", "yes");
	else if (!strcmp(name, "reset_ub"))
		set->reset_ub = true;
	else if (!strcmp(name, "applyconfig"))
		set->sample = value;
	else if (!strcmp(name, "userpasswd"))
		set->password = take_password((char *)value);
	else if (!strcmp(name, "setmode"))
		set->setmode = value;
	else if (!strcmp(name, "applyconfig_map"))
		set->map_name = true;

	if ((set->setmode == value && value && strcmp(value, "restart") &&
	     strcmp(value, "ignore")) ||
	    (!strcmp(name, "applyconfig_map") && strcmp(value, "name")))
		return vz_err(VZ_BADVALUE, "Bad parameter for --%s: %s", name, value);
	return 0;
}

static int parse(struct set *set, int argc, char **argv)
{
	static const struct own_option own[] = {
		{ "save", false }, { "force", false }, { "reset_ub", false },
		{ "skip_arpdetect", false }, { "setmode", true }, { "applyconfig", true },
		{ "applyconfig_map", true }, { "userpasswd", true },
		{ "netif_add", true }, { "netif_del", true }, { "ifname", true },
		{ "mac", true }, { "host_ifname", true }, { "host_mac", true },
		{ "bridge", true }, { "mac_filter", true }, { "netdev_add", true },
		{ "netdev_del", true }, { }
	};
	int ret = parse_options(set->ct, argc, argv, 0, own, own_option, set, &set->changes);

	return ret ?: netif_finish(&set->netif, &set->changes);
}

/* What a sample says of who a container is does not go over to another one. */
static bool is_identity(const char *key)
{
	static const char *const keys[] = {
		"HOSTNAME", "IP_ADDRESS", "OSTEMPLATE", "VE_ROOT", "VE_PRIVATE", "DESCRIPTION",
		"NAME", "VEID", "NETIF", "NETDEV", NULL
	};

	for (const char *const *own = keys; *own; own++)
		if (!strcmp(*own, key))
			return true;
	return false;
}

static int add_sample_var(struct set *set, const struct conf_var *var, const char *file)
{
	const struct param *param = param_by_key(var->key);
	char value[PATH_MAX];
	bool wrong;

	/* What stands on the command line goes before it. */
	if (is_identity(var->key) || conf_get(&set->changes, var->key))
		return 0;
	wrong = param && param_parse(param, var->value, false, value, sizeof(value)) == -EINVAL;
	/* As in a container's own file */
	if (wrong && (param->flags & PARAM_IDLE)) {
		vz_log(-1, "Warning: %s: bad value for %s: %s, ignored", file, var->key,
		       var->value);
		return 0;
	}
	if (wrong)
		return vz_err(VZ_BADCONF, "Error: %s: bad value for %s: %s", file, var->key,
			      var->value);
	if (conf_set(&set->changes, var->key, param ? value : var->value) < 0)
		return vz_err(VZ_SYSTEM, "Error: out of memory");
	return 0;
}

static int add_sample(struct set *set)
{
	struct conf sample = { 0 };
	char path[PATH_MAX];
	int ret;

	if (!set->sample)
		return 0;
	if (!*set->sample || *set->sample == '.' || strchr(set->sample, '/'))
		return vz_err(VZ_BADVALUE, "Bad parameter for --applyconfig: %s", set->sample);
	sample_path(path, sizeof(path), set->sample);
	ret = conf_read(&sample, path);
	if (ret)
		return vz_err(VZ_APPLYCONFIG, "Error: cannot read %s: %s", path, strerror(-ret));

	for (size_t i = 0; i < sample.nr && !ret; i++)
		ret = add_sample_var(set, &sample.vars[i], path);
	if (!ret && conf_set(&set->changes, "ORIGIN_SAMPLE", set->sample) < 0)
		ret = vz_err(VZ_SYSTEM, "Error: out of memory");
	conf_free(&sample);
	return ret;
}

/* What is to be, or is if that does not change. */
static const char *wanted(const struct set *set, const char *key)
{
	return conf_get(&set->changes, key) ?: conf_get(&set->ct->conf, key);
}

static int check_param(const struct set *set, const struct param *param)
{
	const struct ct *ct = set->ct;

	if (!ct->id && param_resource(param) < 0 && !(param->flags & PARAM_CT0))
		return vz_err(VZ_BADVALUE, "Error: --%s cannot be set for CT0", param->opt);
	if ((param->flags & PARAM_SAVE) && !set->save)
		return vz_err(!strcmp(param->key, "NAME") ? VZ_NAME : VZ_SYNTAX,
			      "Error: --%s needs --save", param->opt);
	if ((param->flags & PARAM_STOPPED) && set->running)
		return vz_err(VZ_RUNNING, "Error: --%s cannot be set while the container runs",
			      param->opt);
	return 0;
}

static int check_params(const struct set *set)
{
	const char *name = conf_get(&set->changes, "NAME");
	int ret = 0;

	for (size_t i = 0; i < set->changes.nr && !ret; i++) {
		const struct param *param = param_by_key(set->changes.vars[i].key);

		if (param)
			ret = check_param(set, param);
	}
	if (!ret && name && *name)
		ret = name_check(name, set->ct->id);
	if (!ret && conf_get(&set->changes, "NODEMASK") && !wanted(set, "CPUMASK"))
		ret = vz_err(VZ_BADVALUE, "Error: --nodemask needs --cpumask");
	return ret;
}

static int check_password(const struct set *set)
{
	const char *colon = set->password ? strchr(set->password, ':') : NULL;

	if (!set->password)
		return 0;
	if (!colon || colon == set->password || !colon[1] || strchr(set->password, '\n'))
		return vz_err(VZ_BADVALUE,
			      "Bad parameter for --userpasswd: not USER:PASSWORD");
	if (!set->ct->id)
		return vz_err(VZ_BADVALUE, "Error: --userpasswd cannot be set for CT0");
	return 0;
}

static int check_flags(const struct set *set)
{
	if (set->force && !set->save)
		return vz_err(VZ_SYNTAX, "Error: --force needs --save");
	if (set->setmode && !strcmp(set->setmode, "restart") && !set->save)
		return vz_err(VZ_SYNTAX, "Error: --setmode restart needs --save");
	if (set->reset_ub && (set->changes.nr || set->password))
		return vz_err(VZ_SYNTAX, "Error: --reset_ub goes with no other option");
	if (!set->ct->has_conf && set->ct->id)
		return vz_err(VZ_NOCONF, "Container config file does not exist");
	return 0;
}

/* The module, and with it the container's state. CT0 always runs. */
static int look(struct set *set)
{
	int code, running;

	if (set->force) {
		set->nl = ubnl_open();
	} else {
		set->nl = ubnl_open_or_tell(&code);
		if (!set->nl)
			return code;
	}
	running = set->ct->id ? ct_running(set->ct, NULL) : 1;
	if (running < 0 && !set->force)
		return vz_err(VZ_SYSTEM, "Error: cannot tell whether the container runs: %s",
			      strerror(-running));
	set->running = set->nl && running > 0;
	return 0;
}

static int check(struct set *set)
{
	int ret = check_flags(set);

	if (!ret)
		ret = check_password(set);
	if (!ret)
		ret = look(set);
	if (!ret)
		ret = add_sample(set);
	if (!ret)
		ret = check_params(set);
	return ret;
}

/* The host has a share of the CPU. Nothing else of it is limited. */
static bool is_idle(const struct set *set, const struct param *param)
{
	return (param->flags & PARAM_IDLE) || (!set->ct->id && strcmp(param->key, "CPUUNITS"));
}

static void warn_of_idle_params(const struct set *set)
{
	char names[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < set->changes.nr; i++) {
		const struct param *param = param_by_key(set->changes.vars[i].key);

		if (param && is_idle(set, param) && used < sizeof(names))
			used += snprintf(names + used, sizeof(names) - used, "%s%s",
					 used ? ", " : "", param->opt);
	}
	if (*names)
		vz_log(-1, "Warning: no effect %s: %s",
		       set->ct->id ? "in this release" : "on the host", names);
}

static int apply_limits(struct set *set, const struct ub_limits *limits)
{
	int ret;

	if (!limits->set || !set->ct->id)
		return 0;
	ret = ubnl_ub_set(set->nl, set->ct->id, limits);
	if (ret)
		return vz_err(VZ_SETUBC, "Unable to set UBC parameters: %s", ubnl_error(set->nl));
	vz_log(0, "UB limits were set successfully");
	ubnl_warn_note(set->nl);
	ubnl_warn_idle(set->nl, limits);
	cg_guarantee();
	return 0;
}

static int apply_io(struct set *set)
{
	int auto_fd cgroup = set->ct->id ? cg_open(set->ct->id) : -1;

	return cgroup < 0 ? 0 : io_set(set->ct, cgroup, &set->changes);
}

/* They only say what follows from RAM and swap: nothing, where that was set by itself. */
static void warn_of_void_params(const struct set *set, const struct ub_limits *limits)
{
	static const struct {
		const char *key, *opt;
		unsigned int res;
	} voids[] = {
		{ "VM_OVERCOMMIT", "vm_overcommit", STOCKVZ_RES_PRIVVMPAGES },
		{ "MEMGUARANTEE", "memguarantee", STOCKVZ_RES_VMGUARPAGES },
	};

	for (size_t i = 0; i < sizeof(voids) / sizeof(*voids); i++)
		if (conf_get(&set->changes, voids[i].key) &&
		    !(limits->set & (1u << voids[i].res)))
			vz_log(-1, "Warning: --%s has no effect: %s is set, or RAM is not limited",
			       voids[i].opt, ub_name(voids[i].res));
}

/* The limits among the changes, and what follows from them. */
static int changed_limits(const struct set *set, struct ub_limits *limits)
{
	int ret = ct_changed_limits(set->ct, &set->changes, limits);

	if (!ret)
		warn_of_void_params(set, limits);
	return ret;
}

static int apply_share(struct set *set)
{
	struct share share;
	int ret = share_read(&share, &set->ct->conf, &set->changes);

	if (ret)
		return ret;
	for (int i = 0; i < SHARE_NR; i++)
		if (share.set & (1u << i))
			vz_log(0, "Setting %s: %s", share_params[i].what,
			       wanted(set, share_params[i].key));
	return ct_set_share(set->ct, set->nl, &share);
}

/* Run a distribution's script inside, with these variables for it: NULL ends them. */
static int run_dist_script(struct set *set, const char *action, char *const vars[])
{
	char *env[8] = { "VE_STATE=running" };
	char *text;
	int ret = dist_script(set->ct, action, &text);

	if (ret || !text)
		return ret;
	for (size_t i = 0; vars[i] && i + 2 < sizeof(env) / sizeof(*env); i++)
		env[i + 1] = vars[i];
	ret = ct_script(set->ct, text, env);
	free(text);
	return ret;
}

static char *variable(const char *name, const char *value)
{
	char *var = NULL;

	return asprintf(&var, "%s=%s", name, value ?: "") < 0 ? NULL : var;
}

static int apply_hostname(struct set *set)
{
	const char *hostname = conf_get(&set->changes, "HOSTNAME");
	char *vars[3] = { NULL };
	int ret;

	if (!hostname || !*hostname)
		return 0;
	vz_log(0, "Set hostname: %s", hostname);
	vars[0] = variable("HOSTNM", hostname);
	vars[1] = variable("IP_ADDR", wanted(set, "IP_ADDRESS"));
	ret = run_dist_script(set, "SET_HOSTNAME", vars);
	free(vars[0]);
	free(vars[1]);
	return ret ? vz_err(VZ_HOSTNAME, "Unable to set hostname %s", hostname) : 0;
}

/* The kernel's tables first: then it works, whatever is written in files inside. */
static int apply_addresses(struct set *set, int netns)
{
	const char *list = conf_get(&set->changes, "IP_ADDRESS");
	char *vars[3] = { NULL };
	int ret;

	if (!list)
		return 0;
	ret = net_set(set->ct, netns, list);
	if (ret)
		return ret;
	vars[0] = variable("IP_ADDR", list);
	vars[1] = variable("IPDELALL", "yes");
	ret = run_dist_script(set, "ADD_IP", vars);
	free(vars[0]);
	free(vars[1]);
	return ret ? vz_err(VZ_CANTADDIP, "Unable to note the addresses inside") : 0;
}

static int apply_network(struct set *set)
{
	const char *netif = conf_get(&set->changes, "NETIF");
	const char *netdev = conf_get(&set->changes, "NETDEV");
	int auto_fd netns = -1;
	pid_t init;
	int ret;

	if (!conf_get(&set->changes, "IP_ADDRESS") && !netif && !netdev)
		return 0;
	ret = ct_running(set->ct, &init);
	netns = ret > 0 && init ? net_open(init) : -ESRCH;
	if (netns < 0)
		return vz_err(VZ_CANTADDIP, "Unable to open the network of the container: %s",
			      strerror(-netns));
	ret = apply_addresses(set, netns);
	if (!ret && netif)
		ret = veth_set(set->ct, netns, netif);
	if (!ret && netdev)
		ret = netdev_set(set->ct, netns, netdev);
	return ret;
}

static int apply_dns(struct set *set)
{
	bool servers = conf_get(&set->changes, "NAMESERVER");
	char *vars[3] = { NULL };
	int ret;

	if (!servers && !conf_get(&set->changes, "SEARCHDOMAIN"))
		return 0;
	vars[0] = dns_variable("NAMESERVER", wanted(set, "NAMESERVER"));
	vars[1] = dns_variable("SEARCHDOMAIN", wanted(set, "SEARCHDOMAIN"));
	ret = run_dist_script(set, "SET_DNS", vars);
	free(vars[0]);
	free(vars[1]);
	return ret ? vz_err(servers ? VZ_NAMESERVER : VZ_SEARCHDOMAIN,
			    "Unable to set the name servers") : 0;
}

/* A container that is down is started for it, and stopped again. */
static int apply_password(struct set *set)
{
	char *vars[2] = { NULL };
	int ret = 0;

	if (!set->password)
		return 0;
	if (!set->running)
		ret = ct_check(set->ct);
	if (!ret && !set->running)
		ret = ct_start(set->ct, false);
	if (ret)
		return ret;

	vars[0] = variable("USERPW", set->password);
	if (run_dist_script(set, "SET_USERPASS", vars))
		ret = vz_err(VZ_PASSWORD, "Password change failed");
	if (vars[0])
		explicit_bzero(vars[0], strlen(vars[0]));
	free(vars[0]);
	if (!set->running && ct_stop(set->ct, true) && !ret)
		ret = VZ_CANTSTOP;
	return ret;
}

static int apply_running(struct set *set)
{
	struct ub_limits limits;
	int ret;

	if (set->reset_ub) {
		ret = ct_check(set->ct);
		return ret ? ret : apply_limits(set, &set->ct->limits);
	}
	ret = changed_limits(set, &limits);
	if (!ret)
		ret = apply_io(set);
	if (!ret)
		ret = apply_limits(set, &limits);
	if (!ret)
		ret = apply_share(set);
	if (!ret)
		ret = apply_network(set);
	if (!ret)
		ret = apply_hostname(set);
	if (!ret)
		ret = apply_dns(set);
	return ret;
}

/* Of a container that is down there is nothing to change but the file. */
static int apply_stopped(const struct set *set)
{
	struct ub_limits limits;
	int ret = changed_limits(set, &limits);

	if (ret)
		return ret;
	if (set->reset_ub || (limits.set && !set->save))
		return vz_err(VZ_NOTRUNNING,
			      "Unable to apply UBC parameters: container is not running");
	for (int i = 0; i < SHARE_NR; i++)
		if (conf_get(&set->changes, share_params[i].key) && !set->save)
			return vz_err(VZ_NOTRUNNING,
				      "Unable to apply CPU parameters: container is not running");
	return 0;
}

static int apply(struct set *set)
{
	int ret = set->running ? apply_running(set) : apply_stopped(set);

	if (!ret)
		ret = apply_password(set);
	if (!ret)
		warn_of_idle_params(set);
	else if (set->save && set->changes.nr)
		vz_log(-1, "Error: failed to apply some parameters, %s",
		       "not saving configuration file!");
	return ret;
}

static int save(struct set *set)
{
	const char *file = set->ct->conf_file;
	const char *onboot = conf_get(&set->changes, "ONBOOT");
	const char *name = conf_get(&set->changes, "NAME");
	bool renamed = name && strcmp(name, set->ct->name);
	int ret;

	/* There are programs that fall over when it is missing. */
	if (set->ct->id && !*(onboot ?: conf_get(&set->ct->conf, "ONBOOT") ?: ""))
		conf_set(&set->changes, "ONBOOT", "auto");
	/* Whatever fails, it has a name that leads to it. */
	ret = name && *name ? name_link(name, set->ct->id) : 0;
	if (ret)
		return ret;
	if (name && !*name) {
		conf_set(&set->changes, "NAME", NULL);
		name = "";
	}

	ret = conf_save(file, &set->changes);
	if (renamed)
		name_unlink(ret < 0 ? name : set->ct->name, set->ct->id);
	if (ret < 0)
		return vz_err(VZ_SAVECONF, "Error: cannot save %s: %s", file, strerror(-ret));
	if (ret)
		vz_log(0, "CT configuration saved to %s", file);
	else
		vz_log(0, "No changes in CT configuration, not saving");
	return 0;
}

static int finish(struct set *set)
{
	/* From the look at whose the name is until the file says so. */
	int auto_fd lock = conf_get(&set->changes, "NAME") || set->map_name ? lock_all() : -1;

	if (set->map_name && *set->ct->name && !set->changes.nr)
		return name_link(set->ct->name, set->ct->id);
	if (set->save)
		return save(set);
	if (set->changes.nr)
		vz_log(0, "WARNING: Settings were not saved to config %s(use --save flag)",
		       set->running ? "and will be lost after CT restart " : "");
	return 0;
}

int cmd_set(struct ct *ct, int argc, char **argv)
{
	struct set set = { .ct = ct, .netif.ct = ct };
	int ret = parse(&set, argc, argv);

	if (!ret)
		ret = check(&set);
	if (!ret)
		ret = apply(&set);
	if (!ret)
		ret = finish(&set);
	ubnl_close(set.nl);
	conf_free(&set.changes);
	netif_free(&set.netif);
	free(set.password);
	return ret;
}
