/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets for a worker to make.
 *
 * Include once, in the file that has the tests, after fixture.h and fds.h.
 */
#ifndef SELFTESTS_NUMSOCK_H
#define SELFTESTS_NUMSOCK_H

#include <poll.h>
#include <sys/socket.h>

static inline long make(long domain_type, long protocol)
{
	return keep(socket(domain_type >> 16, domain_type & 0xffff, protocol));
}

#define MAKE(box, domain, type, protocol) \
	IN(box, make, (domain) << 16 | (type), protocol)

/* From the first that was opened. */
static inline long accept_one(long timeout_ms, long b)
{
	struct pollfd p = { .fd = fds[0], .events = POLLIN };

	if (poll(&p, 1, timeout_ms) != 1)
		return -EAGAIN;
	return keep(accept4(fds[0], NULL, NULL, SOCK_NONBLOCK));
}

#endif
