// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "field.h"
#include "json.h"
#include "run.h"

#define NSEC_PER_SEC	1000000000
#define FIELD_VALUE	512	/* room for the longest value */

/* How a value is come by, and how JSON shows it */
enum kind {
	KIND_CTID,
	KIND_TEXT,	/* a key of the configuration */
	KIND_WORDS,	/* the same, several words */
	KIND_NUMBER,	/* the same, missing is 0 in JSON */
	KIND_OPTIONAL,	/* the same, missing is null */
	KIND_YESNO,
	KIND_ONBOOT,
	KIND_SWITCHES,	/* name:on name:off ... */
	KIND_PRIVATE,
	KIND_ROOT,
	KIND_SMARTNAME,
	KIND_STATUS,
	KIND_VSWAP,
	KIND_LAYOUT,
	KIND_UPTIME,
	KIND_LOAD,	/* three averages */
	KIND_UBC,	/* barrier and limit, and what the kernel counts */
	KIND_DISK,	/* soft and hard limit, and usage */
};

struct field_type {
	const char *name;
	const char *header;
	int width;		/* negative: to the left */
	int header_width;	/* where it differs, for history's sake */
	enum kind kind;
	const char *key;
};

#define F(_name, _header, _width, _kind, _key)				\
	{ .name = _name, .header = _header, .width = _width, .kind = KIND_##_kind, .key = _key }
#define UBC(_name, _header, _key)	F(_name, _header, 10, UBC, _key)

static const struct field_type types[] = {
	F("ctid",		"CTID",		10,	CTID,		NULL),
	F("veid",		"CTID",		10,	CTID,		NULL),
	F("vpsid",		"CTID",		10,	CTID,		NULL),
	F("private",		"PRIVATE",	-32,	PRIVATE,	NULL),
	F("root",		"ROOT",		-32,	ROOT,		NULL),
	F("mount_opts",		"MOUNT_OPTS",	-16,	TEXT,		"MOUNT_OPTS"),
	{ "origin_sample",	"ORIGIN_SAMPLE", -32, 32, KIND_TEXT,	"ORIGIN_SAMPLE" },
	F("hostname",		"HOSTNAME",	-32,	TEXT,		"HOSTNAME"),
	F("name",		"NAME",		-32,	TEXT,		"NAME"),
	F("smart_name",		"SMARTNAME",	10,	SMARTNAME,	NULL),
	F("description",	"DESCRIPTION",	-32,	TEXT,		"DESCRIPTION"),
	F("ostemplate",		"OSTEMPLATE",	-32,	TEXT,		"OSTEMPLATE"),
	F("ip",			"IP_ADDR",	-15,	WORDS,		"IP_ADDRESS"),
	F("nameserver",		"NAMESERVER",	-15,	WORDS,		"NAMESERVER"),
	F("searchdomain",	"SEARCHDOMAIN",	-15,	WORDS,		"SEARCHDOMAIN"),
	F("status",		"STATUS",	-9,	STATUS,		NULL),
	UBC("kmemsize",		"KMEMSIZE",	"KMEMSIZE"),
	UBC("lockedpages",	"LOCKEDP",	"LOCKEDPAGES"),
	UBC("privvmpages",	"PRIVVMP",	"PRIVVMPAGES"),
	UBC("shmpages",		"SHMP",		"SHMPAGES"),
	UBC("numproc",		"NPROC",	"NUMPROC"),
	UBC("physpages",	"PHYSP",	"PHYSPAGES"),
	UBC("vmguarpages",	"VMGUARP",	"VMGUARPAGES"),
	UBC("oomguarpages",	"OOMGUARP",	"OOMGUARPAGES"),
	UBC("numtcpsock",	"NTCPSOCK",	"NUMTCPSOCK"),
	UBC("numflock",		"NFLOCK",	"NUMFLOCK"),
	UBC("numpty",		"NPTY",		"NUMPTY"),
	UBC("numsiginfo",	"NSIGINFO",	"NUMSIGINFO"),
	UBC("tcpsndbuf",	"TCPSNDB",	"TCPSNDBUF"),
	UBC("tcprcvbuf",	"TCPRCVB",	"TCPRCVBUF"),
	UBC("othersockbuf",	"OTHSOCKB",	"OTHERSOCKBUF"),
	UBC("dgramrcvbuf",	"DGRAMRB",	"DGRAMRCVBUF"),
	UBC("numothersock",	"NOTHSOCK",	"NUMOTHERSOCK"),
	UBC("dcachesize",	"DCACHESZ",	"DCACHESIZE"),
	UBC("numfile",		"NFILE",	"NUMFILE"),
	UBC("numiptent",	"NIPTENT",	"NUMIPTENT"),
	UBC("swappages",	"SWAPP",	"SWAPPAGES"),
	F("diskspace",		"DSPACE",	10,	DISK,		"DISKSPACE"),
	F("diskinodes",		"DINODES",	10,	DISK,		"DISKINODES"),
	F("laverage",		"LAVERAGE",	14,	LOAD,		NULL),
	F("uptime",		"UPTIME",	15,	UPTIME,		NULL),
	F("cpulimit",		"CPULIM",	7,	NUMBER,		"CPULIMIT"),
	F("cpuunits",		"CPUUNI",	7,	NUMBER,		"CPUUNITS"),
	F("cpus",		"CPUS",		5,	NUMBER,		"CPUS"),
	F("ioprio",		"IOP",		3,	NUMBER,		"IOPRIO"),
	F("iolimit",		"IOLIMIT",	10,	NUMBER,		"IOLIMIT"),
	F("iopslimit",		"IOPS",		4,	NUMBER,		"IOPSLIMIT"),
	F("onboot",		"ONBOOT",	6,	ONBOOT,		"ONBOOT"),
	F("bootorder",		"BOOTORDER",	10,	OPTIONAL,	"BOOTORDER"),
	F("layout",		"LAYOUT",	-6,	LAYOUT,		"VE_LAYOUT"),
	F("netfilter",		"NETFILTER",	-9,	TEXT,		"NETFILTER"),
	F("capability",		"CAPABILITY",	-15,	SWITCHES,	"CAPABILITY"),
	F("features",		"FEATURES",	-15,	SWITCHES,	"FEATURES"),
	F("vswap",		"VSWAP",	5,	VSWAP,		NULL),
	F("disabled",		"DISABL",	6,	YESNO,		"DISABLED"),
	F("vm_overcommit",	"VM_OVC",	6,	OPTIONAL,	"VM_OVERCOMMIT"),
	{ }
};

static const char *suffixes_of(const struct field_type *type)
{
	switch (type->kind) {
	case KIND_UBC:	return "mblf";
	case KIND_DISK:	return "sh";
	default:	return "";
	}
}

int field_find(const char *name, struct field *field)
{
	size_t len = strcspn(name, ".");

	for (const struct field_type *type = types; type->name; type++) {
		if (strlen(type->name) != len || strncmp(type->name, name, len))
			continue;
		field->type = type;
		field->suffix = name[len] ? name[len + 1] : '\0';
		if (!name[len])
			return 0;
		return field->suffix && !name[len + 2] &&
		       strchr(suffixes_of(type), field->suffix) ? 0 : -1;
	}
	return -1;
}

bool field_nth(unsigned int i, struct field *field)
{
	for (const struct field_type *type = types; type->name; type++) {
		const char *suffixes = suffixes_of(type);

		if (i <= strlen(suffixes)) {
			field->type = type;
			field->suffix = i ? suffixes[i - 1] : '\0';
			return true;
		}
		i -= strlen(suffixes) + 1;
	}
	return false;
}

bool field_is_alias(const struct field *field)
{
	return field->type->kind == KIND_CTID && field->type != types;
}

static const char *row_status(const struct row *row)
{
	if (row->running)
		return "running";
	if (ct_mounted(&row->ct))
		return "mounted";
	return ct_suspended(&row->ct) ? "suspended" : "stopped";
}

static const char *text_or_null(const char *text)
{
	return text && *text ? text : NULL;
}

static const char *number(char *buf, uint64_t value)
{
	snprintf(buf, FIELD_VALUE, "%llu", (unsigned long long)value);
	return buf;
}

/* What the kernel counts and enforces now; of one that is down, what it will. */
static const char *ubc_value(const struct field *field, const struct row *row, char *buf)
{
	int res = param_resource(param_by_key(field->type->key));
	const struct ub_limits *limits = &row->ct.limits;
	bool known = row->running && row->ub && (row->ub->known & (1u << res));
	const struct ub_res *live = known ? &row->ub->res[res] : NULL;
	bool configured = limits->set & (1u << res);

	switch (field->suffix) {
	case 'b':
		if (!live && !configured)
			return NULL;
		return number(buf, live ? live->barrier : limits->res[res].barrier);
	case 'l':
		if (!live && !configured)
			return NULL;
		return number(buf, live ? live->limit : limits->res[res].limit);
	case 'm':
		return live ? number(buf, live->maxheld) : NULL;
	case 'f':
		return live ? number(buf, live->failcnt) : NULL;
	default:
		return live ? number(buf, live->held) : NULL;
	}
}

static const char *disk_value(const struct field *field, const struct row *row, char *buf)
{
	const struct param *param = param_by_key(field->type->key);
	const char *text = text_or_null(conf_get(&row->ct.conf, field->type->key));
	uint64_t soft, hard;

	/* There is no quota yet, so nobody knows the usage. */
	if (!text || !field->suffix ||
	    param_parse_pair(param->type, text, &soft, &hard) == -EINVAL)
		return NULL;
	return number(buf, field->suffix == 's' ? soft : hard);
}

/* What is told of the CPU, or NULL. One that does not run may still have a cgroup. */
static const struct ub_cpu *cpu_of(const struct row *row)
{
	return row->running ? row->cpu : NULL;
}

static const char *uptime_value(const struct row *row, char *buf)
{
	const struct ub_cpu *cpu = cpu_of(row);
	unsigned long t = cpu ? cpu->uptime / NSEC_PER_SEC : 0;

	if (!cpu)
		return NULL;
	snprintf(buf, FIELD_VALUE, "%03lud%02luh:%02lum:%02lus", t / 86400, t / 3600 % 24,
		 t / 60 % 60, t % 60);
	return buf;
}

static const char *load_value(const struct row *row, char *buf)
{
	const struct ub_cpu *cpu = cpu_of(row);

	if (!cpu)
		return NULL;
	snprintf(buf, FIELD_VALUE, "%1.2f/%1.2f/%1.2f", cpu->load[0], cpu->load[1], cpu->load[2]);
	return buf;
}

static const char *onboot_value(const char *text)
{
	if (text && !strcasecmp(text, "yes"))
		return "yes";
	if (text && !strcasecmp(text, "no"))
		return "no";
	return NULL;
}

static bool text_is_addresses(const struct field_type *type)
{
	return type->key && !strcmp(type->key, "IP_ADDRESS");
}

/* Into buf, which has room for FIELD_VALUE; NULL when the value is missing */
static const char *field_value(const struct field *field, const struct row *row, char *buf)
{
	const struct field_type *type = field->type;
	const char *text = type->key ? conf_get(&row->ct.conf, type->key) : NULL;

	if (row->addresses && text_is_addresses(type))
		text = row->addresses;
	switch (type->kind) {
	case KIND_CTID:
		return number(buf, row->ct.id);
	case KIND_SMARTNAME:
		return *row->ct.name ? row->ct.name : number(buf, row->ct.id);
	case KIND_PRIVATE:
		return text_or_null(row->ct.private);
	case KIND_ROOT:
		return text_or_null(row->ct.root);
	case KIND_STATUS:
		return row_status(row);
	case KIND_VSWAP:
		return ct_vswap(&row->ct) ? "yes" : "no";
	case KIND_YESNO:
		return text && !strcasecmp(text, "yes") ? "yes" : "no";
	case KIND_ONBOOT:
		return onboot_value(text);
	case KIND_LAYOUT:
		return text_or_null(text) ?: "simfs";
	case KIND_UPTIME:
		return uptime_value(row, buf);
	case KIND_LOAD:
		return load_value(row, buf);
	case KIND_UBC:
		return ubc_value(field, row, buf);
	case KIND_DISK:
		return disk_value(field, row, buf);
	default:
		return text_or_null(text);
	}
}

/* Numbers before texts, and what is missing before both */
int field_compare(const struct field *field, const struct row *a, const struct row *b)
{
	char abuf[FIELD_VALUE], bbuf[FIELD_VALUE];
	const char *x = field_value(field, a, abuf);
	const char *y = field_value(field, b, bbuf);
	unsigned long long m, n;
	char *xend, *yend;

	if (!x || !y)
		return !!x - !!y;
	if (field->type->kind == KIND_LOAD && a->cpu->load[0] != b->cpu->load[0])
		return a->cpu->load[0] < b->cpu->load[0] ? -1 : 1;
	m = strtoull(x, &xend, 10);
	n = strtoull(y, &yend, 10);
	if (!*xend && !*yend && m != n)
		return m < n ? -1 : 1;
	return strcmp(x, y);
}

static void header_of(const struct field *field, char *buf, size_t size)
{
	const char dot[] = { '.', toupper((unsigned char)field->suffix), '\0' };

	snprintf(buf, size, "%s%s", field->type->header, field->suffix ? dot : "");
}

/* The last column is left as wide as it is: lines end without blanks. */
static void print_cell(const char *text, int width, bool last, FILE *out)
{
	if (last && width < 0)
		fprintf(out, "%s\n", text);
	else
		fprintf(out, "%*s%c", width, text, last ? '\n' : ' ');
}

void field_print_header(const struct field *field, bool last, FILE *out)
{
	char header[64];

	header_of(field, header, sizeof(header));
	print_cell(header, field->type->header_width ?: field->type->width, last, out);
}

void field_print(const struct field *field, const struct row *row, bool last, bool trim,
		 FILE *out)
{
	size_t width = abs(field->type->width);
	char buf[FIELD_VALUE], cut[FIELD_VALUE];
	const char *value = field_value(field, row, buf) ?: "-";

	/* Numbers stand to the right, and are never cut. */
	if (!last && trim && field->type->width < 0) {
		snprintf(cut, sizeof(cut), "%s", value);
		if (field->type->kind == KIND_WORDS)
			cut[strcspn(cut, " ")] = '\0';
		if (strlen(cut) > width)
			cut[width] = '\0';
		value = cut;
	}
	print_cell(value, field->type->width, last, out);
}

void field_print_name(const struct field *field, FILE *out)
{
	const char dot[] = { '.', field->suffix, '\0' };
	char name[64], header[64];

	snprintf(name, sizeof(name), "%s%s", field->type->name, field->suffix ? dot : "");
	header_of(field, header, sizeof(header));
	fprintf(out, "%-15s %-15s\n", name, header);
}

struct part {
	const char *name;
	char suffix;
};

/* An object with one number for each suffix */
static void json_parts(const struct field *field, const struct row *row, FILE *out)
{
	static const struct part ubc[] = {
		{ "held", 0 }, { "maxheld", 'm' }, { "barrier", 'b' }, { "limit", 'l' },
		{ "failcnt", 'f' }, { }
	};
	static const struct part disk[] = {
		{ "usage", 0 }, { "softlimit", 's' }, { "hardlimit", 'h' }, { }
	};
	const struct part *part = field->type->kind == KIND_UBC ? ubc : disk;
	const char *comma = "";
	char buf[FIELD_VALUE];

	fputs("{", out);
	for (; part->name; part++) {
		struct field one = { field->type, part->suffix };

		fprintf(out, "%s\n      \"%s\": %s", comma, part->name,
			field_value(&one, row, buf) ?: "null");
		comma = ",";
	}
	fputs("\n    }", out);
}

/*
 * "A:on B:off" as an object of booleans. Whoever edits the file may write commas, as on the
 * command line.
 */
static void json_switches(const char *text, FILE *out)
{
	const char *comma = "";
	char name[64], state[8];
	int used;

	if (!text) {
		fputs("null", out);
		return;
	}
	fputs("{", out);
	for (; sscanf(text, " %63[^: ]:%7[^, ]%n", name, state, &used) == 2; text += used) {
		used += strspn(text + used, ", ");
		fprintf(out, "%s\n      ", comma);
		json_string(out, name);
		fprintf(out, ": %s", !strcasecmp(state, "on") ? "true" : "false");
		comma = ",";
	}
	fputs("\n    }", out);
}

/* Configuration files hold what they hold: only a number goes out as one. */
static void json_number(const char *text, const char *missing, FILE *out)
{
	size_t len = text ? strspn(text, "0123456789.") : 0;

	fputs(len && !text[len] && text[0] != '.' && text[len - 1] != '.' ? text : missing, out);
}

static void json_load(const struct ub_cpu *cpu, FILE *out)
{
	if (cpu)
		fprintf(out, "[%.2f, %.2f, %.2f]", cpu->load[0], cpu->load[1], cpu->load[2]);
	else
		fputs("null", out);
}

void field_print_json(const struct field *field, const struct row *row, FILE *out)
{
	char buf[FIELD_VALUE];
	const char *value = field_value(field, row, buf);

	fprintf(out, "    \"%s\": ", field->type->name);
	switch (field->type->kind) {
	case KIND_CTID:
		fputs(value, out);
		break;
	case KIND_NUMBER:
		json_number(value, "0", out);
		break;
	case KIND_OPTIONAL:
		json_number(value, "null", out);
		break;
	case KIND_WORDS:
		json_words(out, value);
		break;
	case KIND_SWITCHES:
		json_switches(value, out);
		break;
	case KIND_VSWAP:
	case KIND_YESNO:
	case KIND_ONBOOT:
		fputs(!value ? "null" : !strcmp(value, "yes") ? "true" : "false", out);
		break;
	case KIND_UPTIME:
		fprintf(out, "%.3f", value ? (double)row->cpu->uptime / NSEC_PER_SEC : 0);
		break;
	case KIND_LOAD:
		json_load(cpu_of(row), out);
		break;
	case KIND_UBC:
	case KIND_DISK:
		json_parts(field, row, out);
		break;
	default:
		json_string(out, value);
	}
}
