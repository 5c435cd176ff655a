/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parameters of a container: how each is called on the command line and in
 * the configuration file, and what its value may look like.
 */
#ifndef _VZ_PARAM_H
#define _VZ_PARAM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/stockvz.h>

#define UB_NR		(STOCKVZ_RES_MAX + 1)
#define UB_MAX		((uint64_t)STOCKVZ_VALUE_MAX)	/* no limit */

/* Some have written the largest int for it. */
static inline bool ub_unlimited(uint64_t value)
{
	return value == UB_MAX || value == INT_MAX;
}

struct ub_limit {
	uint64_t barrier;
	uint64_t limit;
};

struct ub_limits {
	uint32_t set;		/* bit n: resource n has one */
	struct ub_limit res[UB_NR];
};

/* "numproc" for 5; "dummy" for the unused rows; NULL beyond the last */
const char *ub_name(unsigned int res);

enum param_type {
	PARAM_STRING,		/* anything on one line */
	PARAM_LIST,		/* words, blank between them; repeated: they gather */
	PARAM_IP,		/* a list of addresses */
	PARAM_NETFILTER,	/* disabled, stateless, stateful or full */
	PARAM_IPTABLES,		/* names of modules, comma or blank between them; they gather */
	PARAM_SWITCHES,		/* name:on or name:off, the same; each replaces what was */
	PARAM_YESNO,
	PARAM_ONBOOT,		/* yes, no or auto */
	PARAM_NUMBER,		/* min..max */
	PARAM_FLOAT,
	PARAM_GUARANTEE,	/* percent of RAM, or auto */
	PARAM_PATH,		/* absolute, "$VEID" allowed and kept */
	PARAM_HOSTNAME,
	PARAM_NAME,
	PARAM_TEMPLATE,		/* the name of a template: no path */
	PARAM_ITEMS,		/* barrier[:limit] of counted things */
	PARAM_BYTES,		/* barrier[:limit], suffixes allowed */
	PARAM_PAGES,
	PARAM_KBYTES,		/* soft[:hard] of disk space */
	PARAM_PAIR,		/* soft[:hard] of inodes */
	PARAM_RAM,		/* bytes, kept as 0:pages */
	PARAM_CPULIMIT,		/* percent, with or without its sign */
	PARAM_MASK,		/* "0,2-3", all, or auto for CPUs */
	PARAM_IOLIMIT,		/* bytes per second, bare MiB on the command line */
	PARAM_IOPSLIMIT,	/* requests per second */
};

#define PARAM_IDLE	0x01	/* saved, but nothing acts on it in this release */
#define PARAM_STOPPED	0x02	/* not to be changed while the container runs */
#define PARAM_SAVE	0x04	/* makes no sense without --save */
#define PARAM_CREATE	0x08	/* an option of create too */
#define PARAM_CT0	0x10	/* like the beancounters: the host may have it */
#define PARAM_UB	0x20	/* of a beancounter, a container's or not */

struct param {
	const char *opt;	/* without the two dashes */
	const char *key;
	enum param_type type;
	unsigned int flags;
	long min, max;		/* of a PARAM_NUMBER */
};

const struct param *param_by_key(const char *key);
const struct param *param_by_opt(const char *opt);
extern const struct param params[];	/* ends with an empty one */

/* Which resource a parameter limits, or -1 */
int param_resource(const struct param *param);

/*
 * Check a value and bring it into the form that is kept. 0, -EINVAL when it is
 * wrong, -ERANGE when it was too large and has been cut.
 */
int param_parse(const struct param *param, const char *text, bool cmdline, char *out, size_t size);

/* "B:L" or "V" in the parameter's unit. 0, -EINVAL, or -ERANGE when it was cut. */
int param_parse_pair(enum param_type type, const char *text, uint64_t *barrier, uint64_t *limit);

/* Add what a value in the form that is kept says of a resource, if it says anything. */
void param_limit(const struct param *param, const char *value, struct ub_limits *limits);

#endif /* _VZ_PARAM_H */
