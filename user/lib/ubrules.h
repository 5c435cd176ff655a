/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which limits make sense together. A container whose limits contradict each
 * other gets less than it was promised, or fails where it need not.
 */
#ifndef _VZ_UBRULES_H
#define _VZ_UBRULES_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "host.h"
#include "param.h"

/* What rules speak of: the resources, and three more parameters */
enum {
	RULE_AVNUMPROC = UB_NR,
	RULE_DISKSPACE,
	RULE_DISKINODES,
	RULE_PARAMS,
};

struct bounds {
	bool set;
	uint64_t barrier;
	uint64_t limit;
};

struct ubrules {
	struct bounds of[RULE_PARAMS];
	bool vswap;		/* RAM and swap are limited, and the rest follows from these */
	bool quota;		/* there are limits on disk space that count */
};

enum finding_level { FINDING_ERROR, FINDING_WARNING, FINDING_ADVICE };

struct finding {
	enum finding_level level;
	unsigned int param;
	char text[160];		/* what is wrong, in one line */
	bool cure;		/* these would put it right */
	uint64_t barrier;
	uint64_t limit;
};

/* Of a parameter, as configuration files have it: "NUMPROC" */
const char *rule_key(unsigned int param);

/*
 * Take the parameters out of a configuration, vswap and quota too. A value that
 * makes no sense is named: 0 or VZ_FAILED.
 */
int ubrules_read(struct ubrules *rules, const struct conf *conf, const char *file);

/*
 * Look at everything and tell of what is wrong, the causes before what follows
 * from them. tell() returns true to have it put right, which is done at once.
 * The host is asked with vswap only. Returns how many errors and warnings there
 * are that were not put right.
 */
unsigned int ubrules_check(struct ubrules *rules, const struct host *host,
			   bool (*tell)(const struct finding *finding, void *arg), void *arg);

#endif /* _VZ_UBRULES_H */
