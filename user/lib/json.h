/* SPDX-License-Identifier: GPL-2.0 */
/* Just enough to print JSON. */
#ifndef _VZ_JSON_H
#define _VZ_JSON_H

#include <stdio.h>

/* Quoted and escaped; null for NULL */
void json_string(FILE *out, const char *text);
/* The words of a list, as an array */
void json_words(FILE *out, const char *list);

#endif /* _VZ_JSON_H */
