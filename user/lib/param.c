// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "param.h"

static const char *const ub_names[UB_NR] = {
	[STOCKVZ_RES_KMEMSIZE]		= "kmemsize",
	[STOCKVZ_RES_LOCKEDPAGES]	= "lockedpages",
	[STOCKVZ_RES_PRIVVMPAGES]	= "privvmpages",
	[STOCKVZ_RES_SHMPAGES]		= "shmpages",
	[STOCKVZ_RES_NUMPROC]		= "numproc",
	[STOCKVZ_RES_PHYSPAGES]		= "physpages",
	[STOCKVZ_RES_VMGUARPAGES]	= "vmguarpages",
	[STOCKVZ_RES_OOMGUARPAGES]	= "oomguarpages",
	[STOCKVZ_RES_NUMTCPSOCK]	= "numtcpsock",
	[STOCKVZ_RES_NUMFLOCK]		= "numflock",
	[STOCKVZ_RES_NUMPTY]		= "numpty",
	[STOCKVZ_RES_NUMSIGINFO]	= "numsiginfo",
	[STOCKVZ_RES_TCPSNDBUF]		= "tcpsndbuf",
	[STOCKVZ_RES_TCPRCVBUF]		= "tcprcvbuf",
	[STOCKVZ_RES_OTHERSOCKBUF]	= "othersockbuf",
	[STOCKVZ_RES_DGRAMRCVBUF]	= "dgramrcvbuf",
	[STOCKVZ_RES_NUMOTHERSOCK]	= "numothersock",
	[STOCKVZ_RES_DCACHESIZE]	= "dcachesize",
	[STOCKVZ_RES_NUMFILE]		= "numfile",
	[STOCKVZ_RES_NUMIPTENT]		= "numiptent",
	[STOCKVZ_RES_SWAPPAGES]		= "swappages",
};

#define P(_opt, _key, _type, _flags)					\
	{ .opt = _opt, .key = _key, .type = PARAM_##_type, .flags = _flags }
#define NUMBER(_opt, _key, _flags, _min, _max)				\
	{ .opt = _opt, .key = _key, .type = PARAM_NUMBER, .flags = _flags, \
	  .min = _min, .max = _max }

/* The last 65536 of all ids is not to be had: it holds (uid_t)-1. */
#define UID_BASE_MAX	(UINT_MAX - 2 * 65536L + 1)

const struct param params[] = {
	P("numproc",		"NUMPROC",	ITEMS, PARAM_UB),
	P("numtcpsock",		"NUMTCPSOCK",	ITEMS, PARAM_UB),
	P("numothersock",	"NUMOTHERSOCK",	ITEMS, PARAM_UB),
	P("numfile",		"NUMFILE",	ITEMS, PARAM_UB),
	P("numflock",		"NUMFLOCK",	ITEMS, PARAM_UB),
	P("numpty",		"NUMPTY",	ITEMS, PARAM_UB),
	P("numsiginfo",		"NUMSIGINFO",	ITEMS, PARAM_UB),
	P("numiptent",		"NUMIPTENT",	ITEMS, PARAM_UB),
	P("kmemsize",		"KMEMSIZE",	BYTES, PARAM_UB),
	P("tcpsndbuf",		"TCPSNDBUF",	BYTES, PARAM_UB),
	P("tcprcvbuf",		"TCPRCVBUF",	BYTES, PARAM_UB),
	P("othersockbuf",	"OTHERSOCKBUF",	BYTES, PARAM_UB),
	P("dgramrcvbuf",	"DGRAMRCVBUF",	BYTES, PARAM_UB),
	P("dcachesize",		"DCACHESIZE",	BYTES, PARAM_UB),
	P("vmguarpages",	"VMGUARPAGES",	PAGES, PARAM_UB),
	P("oomguarpages",	"OOMGUARPAGES",	PAGES, PARAM_UB),
	P("lockedpages",	"LOCKEDPAGES",	PAGES, PARAM_UB),
	P("privvmpages",	"PRIVVMPAGES",	PAGES, PARAM_UB),
	P("shmpages",		"SHMPAGES",	PAGES, PARAM_UB),
	P("physpages",		"PHYSPAGES",	PAGES, PARAM_UB),
	P("swappages",		"SWAPPAGES",	PAGES, PARAM_UB),
	P("ram",		"PHYSPAGES",	RAM, PARAM_UB),
	P("swap",		"SWAPPAGES",	RAM, PARAM_UB),
	P("avnumproc",		"AVNUMPROC",	ITEMS, PARAM_IDLE),

	P("root",		"VE_ROOT",	PATH, PARAM_STOPPED | PARAM_CREATE),
	P("private",		"VE_PRIVATE",	PATH, PARAM_STOPPED | PARAM_CREATE),
	P("hostname",		"HOSTNAME",	HOSTNAME, PARAM_CREATE),
	P("name",		"NAME",		NAME, PARAM_SAVE | PARAM_CREATE),
	P("description",	"DESCRIPTION",	STRING, PARAM_CREATE),
	P("ostemplate",		"OSTEMPLATE",	TEMPLATE, PARAM_SAVE | PARAM_CREATE),
	P("onboot",		"ONBOOT",	ONBOOT, 0),
	NUMBER("bootorder",	"BOOTORDER",	0, 0, INT_MAX),
	P("disabled",		"DISABLED",	YESNO, 0),
	NUMBER("stop-timeout",	"STOP_TIMEOUT",	PARAM_SAVE, 0, INT_MAX),
	NUMBER("local_uid",	"LOCAL_UID",	PARAM_STOPPED | PARAM_CREATE, 65536, UID_BASE_MAX),
	NUMBER("local_gid",	"LOCAL_GID",	PARAM_STOPPED | PARAM_CREATE, 65536, UID_BASE_MAX),

	P("ipadd",		"IP_ADDRESS",	IP, PARAM_CREATE),
	P("nameserver",		"NAMESERVER",	LIST, 0),
	P("searchdomain",	"SEARCHDOMAIN",	LIST, 0),
	P("diskspace",		"DISKSPACE",	KBYTES, PARAM_IDLE | PARAM_CREATE),
	P("diskinodes",		"DISKINODES",	PAIR, PARAM_IDLE | PARAM_CREATE),
	NUMBER("quotatime",	"QUOTATIME",	PARAM_IDLE, 0, INT_MAX),
	NUMBER("quotaugidlimit", "QUOTAUGIDLIMIT", PARAM_IDLE, 0, INT_MAX),
	P("diskquota",		"DISK_QUOTA",	YESNO, PARAM_IDLE),
	P("mount_opts",		"MOUNT_OPTS",	STRING, PARAM_IDLE),
	P("vm_overcommit",	"VM_OVERCOMMIT", FLOAT, 0),
	P("memguarantee",	"MEMGUARANTEE",	GUARANTEE, 0),
	NUMBER("cpuunits",	"CPUUNITS",	PARAM_CT0, 8, 500000),
	NUMBER("cpuweight",	"CPUUWEIGHT",	PARAM_IDLE, 0, INT_MAX),
	P("cpulimit",		"CPULIMIT",	CPULIMIT, 0),
	NUMBER("cpus",		"CPUS",		0, 0, 4096),
	P("cpumask",		"CPUMASK",	MASK, 0),
	P("nodemask",		"NODEMASK",	MASK, 0),
	NUMBER("ioprio",	"IOPRIO",	PARAM_CT0, 0, 7),
	P("iolimit",		"IOLIMIT",	IOLIMIT, PARAM_CT0),
	P("iopslimit",		"IOPSLIMIT",	IOPSLIMIT, PARAM_CT0),
	P("meminfo",		"MEMINFO",	STRING, PARAM_IDLE),
	P("netfilter",		"NETFILTER",	NETFILTER, PARAM_IDLE),
	P("iptables",		"IPTABLES",	IPTABLES, PARAM_IDLE),
	P("capability",		"CAPABILITY",	SWITCHES, PARAM_IDLE),
	P("features",		"FEATURES",	SWITCHES, PARAM_IDLE),
	P("devices",		"DEVICES",	LIST, PARAM_IDLE),
	P("devnodes",		"DEVNODES",	LIST, PARAM_IDLE),
	{ }
};

const char *ub_name(unsigned int res)
{
	if (res >= UB_NR)
		return NULL;
	return ub_names[res] ?: "dummy";
}

const struct param *param_by_key(const char *key)
{
	for (const struct param *p = params; p->key; p++)
		if (!strcmp(p->key, key))
			return p;
	return NULL;
}

const struct param *param_by_opt(const char *opt)
{
	for (const struct param *p = params; p->key; p++)
		if (!strcmp(p->opt, opt))
			return p;
	return NULL;
}

int param_resource(const struct param *param)
{
	for (unsigned int i = 0; i < UB_NR; i++)
		if (ub_names[i] && !strcasecmp(ub_names[i], param->key))
			return i;
	return -1;
}

/* They stay at the largest number instead of wrapping. */
static uint64_t add_cut(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t mul_cut(uint64_t a, uint64_t b)
{
	return b && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

/* Digits to a number; NULL when there is none. */
static const char *scan_digits(const char *text, uint64_t *out)
{
	if (!isdigit((unsigned char)*text))
		return NULL;
	for (*out = 0; isdigit((unsigned char)*text); text++)
		*out = add_cut(mul_cut(*out, 10), *text - '0');
	return text;
}

/* How many bytes a suffix stands for; 0 for no suffix. */
static uint64_t suffix_unit(char suffix)
{
	switch (toupper((unsigned char)suffix)) {
	case 'B': return 1;
	case 'K': return 1UL << 10;
	case 'M': return 1UL << 20;
	case 'G': return 1UL << 30;
	case 'T': return 1UL << 40;
	case 'P': return sysconf(_SC_PAGESIZE);
	default: return 0;
	}
}

/* The size of the unit that a bare number of this type counts, in bytes */
static uint64_t type_unit(enum param_type type)
{
	switch (type) {
	case PARAM_BYTES:
	case PARAM_RAM:
		return 1;
	case PARAM_KBYTES:
		return 1024;
	case PARAM_PAGES:
		return sysconf(_SC_PAGESIZE);
	default:
		return 0;	/* things to count: no suffix, no fraction */
	}
}

/*
 * A number with its suffix, up to end, in units of the type. The part behind
 * the dot is turned into bytes by itself: nine digits of it are plenty.
 */
static int scan_value(enum param_type type, const char *text, const char *end, uint64_t *out)
{
	uint64_t unit = type_unit(type), suffix = unit ?: 1;
	uint64_t whole, fraction = 0, scale = 1;
	__uint128_t value;

	text = scan_digits(text, &whole);
	if (!text)
		return -EINVAL;

	if (unit && *text == '.') {
		if (!isdigit((unsigned char)*++text))
			return -EINVAL;
		for (; isdigit((unsigned char)*text); text++) {
			if (scale == 1000000000)
				continue;
			fraction = fraction * 10 + (*text - '0');
			scale *= 10;
		}
	}
	if (unit && text < end && suffix_unit(*text))
		suffix = suffix_unit(*text++);
	if (text != end)
		return -EINVAL;

	value = (__uint128_t)whole * suffix + (__uint128_t)fraction * suffix / scale;
	value /= unit ?: 1;
	if (whole == UINT64_MAX || value > UB_MAX) {
		*out = UB_MAX;
		return -ERANGE;
	}
	*out = value;
	return 0;
}

static int scan_bound(enum param_type type, const char *text, const char *end, uint64_t *out)
{
	static const char unlimited[] = "unlimited";

	if (end - text == sizeof(unlimited) - 1 && !strncasecmp(text, unlimited, end - text)) {
		*out = UB_MAX;
		return 0;
	}
	return scan_value(type, text, end, out);
}

int param_parse_pair(enum param_type type, const char *text, uint64_t *barrier, uint64_t *limit)
{
	const char *colon = strchr(text, ':');
	const char *end = text + strlen(text);
	int first = scan_bound(type, text, colon ?: end, barrier);
	int second = 0;

	*limit = *barrier;
	if (colon)
		second = scan_bound(type, colon + 1, end, limit);
	if (first == -EINVAL || second == -EINVAL)
		return -EINVAL;
	return first ?: second;
}

void param_limit(const struct param *param, const char *value, struct ub_limits *limits)
{
	int res = param_resource(param);
	uint64_t barrier, limit;

	if (res < 0 || !value || !*value ||
	    param_parse_pair(param->type, value, &barrier, &limit) == -EINVAL)
		return;
	limits->set |= 1u << res;
	limits->res[res].barrier = barrier;
	limits->res[res].limit = limit;
}

static void print_bound(char *out, size_t size, uint64_t value)
{
	if (value == UB_MAX)
		snprintf(out, size, "unlimited");
	else
		snprintf(out, size, "%llu", (unsigned long long)value);
}

/* There are programs that only read these as two plain numbers. */
static bool plain_numbers(const struct param *param)
{
	return param->type == PARAM_KBYTES || param->type == PARAM_PAIR ||
	       !strcmp(param->key, "PRIVVMPAGES") || !strcmp(param->key, "VMGUARPAGES");
}

static int parse_bounds(const struct param *param, const char *text, char *out, size_t size)
{
	uint64_t barrier, limit;
	char b[24], l[24];
	int ret = param_parse_pair(param->type, text, &barrier, &limit);

	if (ret == -EINVAL)
		return ret;
	if (plain_numbers(param)) {
		snprintf(out, size, "%llu:%llu", (unsigned long long)barrier,
			 (unsigned long long)limit);
		return ret;
	}
	print_bound(b, sizeof(b), barrier);
	print_bound(l, sizeof(l), limit);
	if (barrier == limit)
		snprintf(out, size, "%s", l);
	else
		snprintf(out, size, "%s:%s", b, l);
	return ret;
}

/* An amount of memory, rounded up to pages, as a limit with no barrier */
static int parse_ram(const char *text, char *out, size_t size)
{
	uint64_t page = sysconf(_SC_PAGESIZE), bytes;
	int ret = scan_bound(PARAM_RAM, text, text + strlen(text), &bytes);

	if (ret == -EINVAL)
		return ret;
	if (bytes == UB_MAX)
		snprintf(out, size, "0:unlimited");
	else
		snprintf(out, size, "0:%llu", (unsigned long long)(bytes + page - 1) / page);
	return ret;
}

static int parse_number(const struct param *param, const char *text, char *out, size_t size)
{
	uint64_t value;
	const char *end = scan_digits(text, &value);

	if (!end || *end || value < (uint64_t)param->min || value > (uint64_t)param->max)
		return -EINVAL;
	snprintf(out, size, "%llu", (unsigned long long)value);
	return 0;
}

/* Up to two digits behind a dot: the number a hundred times */
static const char *scan_hundredths(const char *text, uint64_t *out)
{
	static const unsigned int worth[] = { 10, 1 };

	text = scan_digits(text, out);
	if (!text)
		return NULL;
	*out = mul_cut(*out, 100);
	if (*text != '.')
		return text;
	if (!isdigit((unsigned char)*++text))
		return NULL;
	for (size_t i = 0; i < 2 && isdigit((unsigned char)*text); i++, text++)
		*out = add_cut(*out, worth[i] * (*text - '0'));
	return text;
}

/* More than 4096 CPUs is more than there are; less than a tenth is none that could run. */
#define CPULIMIT_MAX 40960000
#define CPULIMIT_MIN 10

/* Percent of one CPU; with a percent sign, of all that there are */
static int parse_cpulimit(const char *text, char *out, size_t size)
{
	uint64_t value;
	const char *end = scan_hundredths(text, &value);
	int ret = 0;

	if (!end)
		return -EINVAL;
	if (!strcmp(end, "%")) {
		if (value > 10000)
			return -EINVAL;
		value *= sysconf(_SC_NPROCESSORS_ONLN);
		end++;
	}
	if (*end || (value && value < CPULIMIT_MIN))
		return -EINVAL;
	if (value > CPULIMIT_MAX) {
		value = CPULIMIT_MAX;
		ret = -ERANGE;
	}
	if (value % 100)
		snprintf(out, size, "%llu.%02u", (unsigned long long)value / 100,
			 (unsigned int)(value % 100));
	else
		snprintf(out, size, "%llu", (unsigned long long)value / 100);
	return ret;
}

/* "0,2-3": numbers and spans of them. What there is of it, the kernel will say. */
static bool is_number_list(const char *text)
{
	uint64_t first, last;

	do {
		text = scan_digits(text, &first);
		if (text && *text == '-') {
			text = scan_digits(text + 1, &last);
			if (text && last < first)
				return false;
		}
	} while (text && *text++ == ',');
	return text && !text[-1];
}

static int parse_mask(const struct param *param, const char *text, char *out, size_t size)
{
	bool word = !strcmp(text, "all") ||
		    (!strcmp(text, "auto") && !strcmp(param->key, "CPUMASK"));

	/* What the module takes: STOCKVZ_A_UB_CPUMASK. */
	if (!(word || is_number_list(text)) || strlen(text) > 1023)
		return -EINVAL;
	snprintf(out, size, "%s", text);
	return 0;
}

/* The kernel takes no limit of 1, and 0 is none. */
static int keep_limit(uint64_t value, char *out, size_t size)
{
	int ret = value > INT_MAX ? -ERANGE : 0;

	if (value == 1)
		return -EINVAL;
	snprintf(out, size, "%llu", (unsigned long long)(ret ? INT_MAX : value));
	return ret;
}

/* Bytes per second; a bare number on the command line counts MiB */
static int parse_iolimit(const char *text, bool cmdline, char *out, size_t size)
{
	const char *end = text + strlen(text);
	uint64_t value;
	int ret;

	if (!strcasecmp(text, "unlimited"))
		return keep_limit(0, out, size);
	if (end > text && strchr("pPtT", end[-1]))
		return -EINVAL;
	ret = scan_value(PARAM_BYTES, text, end, &value);
	if (ret == -EINVAL)
		return ret;
	if (cmdline && end > text && isdigit((unsigned char)end[-1]))
		value = mul_cut(value, 1 << 20);
	return keep_limit(value, out, size);
}

static int parse_iopslimit(const char *text, char *out, size_t size)
{
	uint64_t value;
	const char *end = scan_digits(text, &value);

	if (!strcasecmp(text, "unlimited"))
		return keep_limit(0, out, size);
	return end && !*end ? keep_limit(value, out, size) : -EINVAL;
}

/* Percent of the container's RAM, with or without its sign */
static int parse_guarantee(const char *text, char *out, size_t size)
{
	uint64_t value;
	const char *end = scan_digits(text, &value);

	if (!strcasecmp(text, "auto"))
		snprintf(out, size, "auto");
	else if (end && value <= 100 && (!*end || !strcmp(end, "%")))
		snprintf(out, size, "%llu", (unsigned long long)value);
	else
		return -EINVAL;
	return 0;
}

static bool is_float(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits)
		return false;
	if (text[digits] == '.')
		digits += 1 + strspn(text + digits + 1, "0123456789");
	return !text[digits];
}

/* The word as it stands in the list, or NULL */
static const char *one_of(const char *text, const char *const words[])
{
	while (*words && strcasecmp(text, *words))
		words++;
	return *words;
}

static bool all_in(const char *text, const char *extra)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr(extra, *text))
			return false;
	return true;
}

static bool is_hostname(const char *text)
{
	return strlen(text) <= 64 && all_in(text, "-._") && !strchr("-.", *text);
}

/* A name of digits alone would be taken for a number. "" removes the name. */
static bool is_name(const char *text)
{
	if (strlen(text) > 63 || !all_in(text, " -+_.") || *text == '.' || *text == ' ')
		return false;
	return !*text || text[strspn(text, "0123456789")];
}

static bool is_template(const char *text)
{
	return *text && *text != '.' && *text != '-' && strlen(text) < 256 &&
	       all_in(text, "-+_.");
}

static bool is_line(const char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			return false;
	return true;
}

static bool is_path(const char *text)
{
	return *text == '/' && strlen(text) < PATH_MAX && is_line(text);
}

/* One address, perhaps with the length of its prefix */
static bool is_address(const char *text, size_t len)
{
	unsigned char addr[sizeof(struct in6_addr)];
	char copy[INET6_ADDRSTRLEN + 4];
	char *slash;

	if (!len || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	slash = strchr(copy, '/');
	if (slash) {
		*slash++ = '\0';
		if (!*slash || slash[strspn(slash, "0123456789.")])
			return false;
	}
	return inet_pton(AF_INET, copy, addr) == 1 || inet_pton(AF_INET6, copy, addr) == 1;
}

static bool is_address_list(const char *text)
{
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t len = strcspn(text, " ");

		if (!is_address(text, len))
			return false;
		text += len;
	}
	return true;
}

/* What OpenVZ could let a container have of them */
static const char *const iptables_modules[] = {
	"iptable_filter", "iptable_mangle", "iptable_nat",
	"ip6table_filter", "ip6table_mangle", "ip6table_nat",
	"ip_conntrack", "ip_conntrack_ftp", "ip_conntrack_irc", "ip_nat_ftp", "ip_nat_irc",
	"ip6t_REJECT", "ipt_conntrack", "ipt_helper", "ipt_length", "ipt_limit", "ipt_LOG",
	"ipt_mac", "ipt_multiport", "ipt_owner", "ipt_recent", "ipt_REDIRECT", "ipt_REJECT",
	"ipt_state", "ipt_TCPMSS", "ipt_tos", "ipt_ttl", "xt_mac", NULL
};

/* The same list with blanks between them */
static int parse_iptables(const char *text, char *out, size_t size)
{
	char *word, *rest;

	if (snprintf(out, size, "%s", text) >= (int)size)
		return -EINVAL;
	for (char *c = out; *c; c++)
		if (*c == ',')
			*c = ' ';
	for (rest = strdupa(out); (word = strsep(&rest, " "));)
		if (*word && !one_of(word, iptables_modules))
			return -EINVAL;
	return 0;
}

/* What the kernel calls CAP_CHOWN, and so on: those that OpenVZ had */
static const char *const capabilities[] = {
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID",
	"SETUID", "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST",
	"NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO",
	"SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE",
	"AUDIT_CONTROL", "SETFCAP", "SETVEID", "VE_ADMIN", NULL
};

static const char *const features[] = {
	"sysfs", "nfs", "sit", "ipip", "ppp", "ipgre", "bridge", "nfsd", NULL
};

/* With blanks between them, each as it stands in the table */
static int parse_switches(const struct param *param, const char *text, char *out, size_t size)
{
	static const char *const states[] = { "on", "off", NULL };
	const char *const *names = !strcmp(param->key, "FEATURES") ? features : capabilities;
	char *word, *rest = strdupa(text);
	size_t used = 0;

	while ((word = strsep(&rest, ", "))) {
		const char *name, *state;

		if (!*word)
			continue;
		name = one_of(strsep(&word, ":"), names);
		state = word ? one_of(word, states) : NULL;
		if (!name || !state)
			return -EINVAL;
		used += snprintf(out + used, size - used, "%s%s:%s", used ? " " : "", name, state);
		if (used >= size)
			return -EINVAL;
	}
	return used ? 0 : -EINVAL;
}

static bool is_right(const struct param *param, const char *text)
{
	static const char *const yesno[] = { "yes", "no", NULL };
	static const char *const onboot[] = { "yes", "no", "auto", NULL };
	static const char *const netfilter[] = {
		"disabled", "stateless", "stateful", "full", NULL
	};

	switch (param->type) {
	case PARAM_YESNO:	return one_of(text, yesno);
	case PARAM_ONBOOT:	return one_of(text, onboot);
	case PARAM_NETFILTER:	return one_of(text, netfilter);
	case PARAM_FLOAT:	return is_float(text);
	case PARAM_PATH:	return is_path(text);
	case PARAM_HOSTNAME:	return is_hostname(text);
	case PARAM_NAME:	return is_name(text);
	case PARAM_TEMPLATE:	return is_template(text);
	case PARAM_IP:		return is_address_list(text);
	default:		return is_line(text);
	}
}

int param_parse(const struct param *param, const char *text, bool cmdline, char *out, size_t size)
{
	switch (param->type) {
	case PARAM_ITEMS:
	case PARAM_BYTES:
	case PARAM_PAGES:
	case PARAM_KBYTES:
	case PARAM_PAIR:
		return parse_bounds(param, text, out, size);
	case PARAM_RAM:
		return parse_ram(text, out, size);
	case PARAM_NUMBER:
		return parse_number(param, text, out, size);
	case PARAM_CPULIMIT:
		return parse_cpulimit(text, out, size);
	case PARAM_MASK:
		return parse_mask(param, text, out, size);
	case PARAM_IOLIMIT:
		return parse_iolimit(text, cmdline, out, size);
	case PARAM_IOPSLIMIT:
		return parse_iopslimit(text, out, size);
	case PARAM_GUARANTEE:
		return parse_guarantee(text, out, size);
	case PARAM_IPTABLES:
		return parse_iptables(text, out, size);
	case PARAM_SWITCHES:
		return parse_switches(param, text, out, size);
	default:
		if (!is_right(param, text))
			return -EINVAL;
		return snprintf(out, size, "%s", text) < (int)size ? 0 : -EINVAL;
	}
}
