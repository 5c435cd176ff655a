/* SPDX-License-Identifier: GPL-2.0 */
/* The columns of vzlist. */
#ifndef _VZ_FIELD_H
#define _VZ_FIELD_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "ct.h"
#include "ubnl.h"

struct row {
	struct ct ct;
	bool running;
	struct ub_state *ub;	/* NULL when the kernel knows of none */
	struct ub_cpu *cpu;	/* the same */
	char *addresses;	/* those that a running one was given; NULL: ask the file */
};

struct field_type;

/* A column as it was asked for: "numproc.l" is a type and its suffix */
struct field {
	const struct field_type *type;
	char suffix;		/* 0, or one of m b l f s h */
};

/* 0, or -1 when there is no such field */
int field_find(const char *name, struct field *field);
/* The i-th of all of them, in the order of the man page; false beyond the last */
bool field_nth(unsigned int i, struct field *field);

int field_compare(const struct field *field, const struct row *a, const struct row *b);

void field_print_header(const struct field *field, bool last, FILE *out);
void field_print(const struct field *field, const struct row *row, bool last, bool trim,
		 FILE *out);
/* Name and header, for --list */
void field_print_name(const struct field *field, FILE *out);
/* "name": value */
void field_print_json(const struct field *field, const struct row *row, FILE *out);
/* Is it another name for a field that is in the list already? */
bool field_is_alias(const struct field *field);

#endif /* _VZ_FIELD_H */
