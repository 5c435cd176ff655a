/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Passes on what goes in and out of a container, so that no descriptor of the
 * host's, its terminals least of all, gets into the hands of those inside.
 */
#ifndef _VZ_PROXY_H
#define _VZ_PROXY_H

#include <stdbool.h>
#include <stddef.h>

#define PUMP_SIZE 16384

struct pump {
	int from, to;		/* -1: no more */
	/* Ours to close, as soon as the other one has come to its end. */
	bool own_from, own_to;
	const char *eof;	/* sent when from has ended; NULL for nothing */
	bool outward;		/* emptied before proxy_run() returns */
	size_t sent, used;	/* of buf */
	char buf[PUMP_SIZE];
};

struct proxy {
	struct pump pump[3];
	size_t nr;
	int pidfd;		/* it lasts as long as this process */
	/* Called for every signal that can be read from it; -1 for none */
	int signals;
	void (*on_signal)(struct proxy *proxy);
};

/*
 * Returns when the process ends. It is killed when the command is cancelled
 * and, for -ETIMEDOUT, after so many seconds (0: never).
 */
int proxy_run(struct proxy *proxy, int timeout);

#endif /* _VZ_PROXY_H */
