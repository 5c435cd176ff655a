/* SPDX-License-Identifier: GPL-2.0 */
/* What becomes a container's init, from the moment that it has namespaces of its own. */
#ifndef _VZ_INIT_H
#define _VZ_INIT_H

#include "ct.h"

/* A text for a shell, and what its environment has beside the usual variables. */
struct init_script {
	const char *what;	/* for messages: what it does */
	char *text;		/* NULL: there is none */
	char *env[3];		/* beside VE_STATE */
	int code;		/* exit code of ours when it fails; 0: its own */
	/* Not needed when this is the first line of that file; NULL: always */
	const char *line, *file;
};

struct init_job {
	const struct ct *ct;
	int sock;		/* see report.h */
	int devs;		/* /dev: devs_create() */
	/* Run inside before init, in this order. */
	const struct init_script *scripts;
	size_t nr_scripts;
};

void init_main(const struct init_job *job) __attribute__((noreturn));

/* What every program inside starts from: no mask, no handlers, no descriptors but 0 to 2. */
void init_clean_process(void);

/* Nothing that comes later may do more than a container may. Reports a failure, and exits. */
void init_confine(void);

#endif /* _VZ_INIT_H */
