/* SPDX-License-Identifier: GPL-2.0 */
/* Beancounters for people: in short numbers, and how near to their limits. */
#ifndef _VZ_UBTABLE_H
#define _VZ_UBTABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "ubtext.h"

#define UBTABLE_TEXT	16	/* room for the longest short number */

struct ubtable {
	bool verbose;		/* what is not limited, too */
	bool quiet;		/* only what matters */
	bool color;
	double near_held;	/* part of the barrier from which on it matters */
	double near_maxheld;
	bool failed_since;	/* failures since the last time */
	bool held_since;	/* how much more is held than the last time */
	int store;		/* see ubstore.h; used for the two above */
	bool printed;		/* something has been */
};

/* How much a row matters */
enum ubtable_weight { WEIGHT_NONE, WEIGHT_NEAR, WEIGHT_FAILED };

enum ubtable_weight ubtable_weight(const struct ubtable *table, const struct ub_res *res);
/* "13.7M"; pages become bytes; "- " for nothing and for no limit. Returns buf. */
char *ubtable_number(char buf[UBTABLE_TEXT], unsigned int res, uint64_t value);
/* "85%" */
char *ubtable_percent(char buf[UBTABLE_TEXT], uint64_t value, uint64_t of);

/* One beancounter, if there is anything to be shown of it: 0 or VZ_FAILED, printed. */
int ubtable_print(struct ubtable *table, const struct ub_rows *rows, FILE *out);
void ubtable_end(const struct ubtable *table, FILE *out);

#endif /* _VZ_UBTABLE_H */
