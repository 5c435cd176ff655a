/* SPDX-License-Identifier: GPL-2.0 */
/* What the tools say: to the terminal and to the log file. */
#ifndef _VZ_LOG_H
#define _VZ_LOG_H

#include <stdbool.h>

#include "err.h"

struct conf;

/* For the log file's lines: "vzctl", and the container or -1 for none. */
void log_open(const char *program, const struct conf *global);
void log_ctid(long id);

void log_quiet(void);
void log_verbose(void);		/* one level more for each call */

/* level < 0 is an error (stderr), 0 is for everybody, above only if asked for */
void vz_log(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Print the error and return its code: return vz_err(VZ_BADVALUE, "...") */
int vz_err(enum vz_exit code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif /* _VZ_LOG_H */
