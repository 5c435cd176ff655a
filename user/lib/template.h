/* SPDX-License-Identifier: GPL-2.0 */
/* OS templates: TEMPLATE/cache/NAME.tar, plain or compressed. */
#ifndef _VZ_TEMPLATE_H
#define _VZ_TEMPLATE_H

#include <stddef.h>

#include "conf.h"

/* 0 or exit code, printed. */
int template_find(const struct conf *conf, const char *name, char *path, size_t size);
/* Into a directory that is there and empty. 0 or exit code, printed. */
int template_unpack(const char *archive, const char *dir);

/* Length of a template's name in "NAME.tar.gz"; 0 when it is no template */
size_t template_name_len(const char *file);

#endif /* _VZ_TEMPLATE_H */
