// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "clock.h"
#include "lock.h"
#include "proxy.h"

/*
 * Enough to empty a pipe. Without an end to it somebody whom the process has
 * left behind could keep us for ever.
 */
#define LAST_ROUNDS 32

enum { SLOT_PROCESS, SLOT_SIGNALS, SLOT_PUMPS };

/* Whoever is at the other end of what we close learns of it. */
static void stop(struct pump *p)
{
	if (p->own_from && p->from >= 0)
		close(p->from);
	if (p->own_to && p->to >= 0)
		close(p->to);
	p->from = -1;
	p->to = -1;
	p->used = 0;
}

/* False when there is nothing to be had at the moment, or ever again. */
static bool fill(struct pump *p)
{
	ssize_t n = read(p->from, p->buf, sizeof(p->buf));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0 && p->eof) {
		n = strlen(p->eof);
		memcpy(p->buf, p->eof, n);
		p->eof = NULL;
	}
	if (n > 0) {
		p->used = n;
		p->sent = 0;
		return true;
	}
	/* A terminal whose last user has gone says EIO. */
	stop(p);
	return false;
}

static void drain(struct pump *p)
{
	ssize_t n = write(p->to, p->buf + p->sent, p->used - p->sent);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		stop(p);
		return;
	}
	p->sent += n;
	if (p->sent == p->used)
		p->used = 0;
}

/* Each pump waits for one thing: for something to send, or to have it sent. */
static void arm(const struct pump *p, struct pollfd *slot)
{
	slot->fd = p->used ? p->to : p->from;
	slot->events = p->used ? POLLOUT : POLLIN;
}

static void work(struct pump *p, const struct pollfd *slot)
{
	if (slot->fd < 0 || !slot->revents)
		return;
	if (p->used)
		drain(p);
	else
		fill(p);
}

/* What the process wrote before it ended has still to come out; nothing goes in. */
static void finish(struct pump *p)
{
	struct pollfd slot = { .fd = p->to, .events = POLLOUT };

	for (int i = 0; p->outward && i < LAST_ROUNDS; i++) {
		if (!p->used && (p->from < 0 || !fill(p)))
			break;
		poll(&slot, 1, -1);
		drain(p);
	}
	stop(p);
}

/* One round: true when the process has ended. */
static bool turn(struct proxy *proxy)
{
	struct pollfd slots[SLOT_PUMPS + sizeof(proxy->pump) / sizeof(*proxy->pump)];
	size_t i;

	slots[SLOT_PROCESS] = (struct pollfd){ .fd = proxy->pidfd, .events = POLLIN };
	slots[SLOT_SIGNALS] = (struct pollfd){ .fd = proxy->signals, .events = POLLIN };
	for (i = 0; i < proxy->nr; i++)
		arm(&proxy->pump[i], &slots[SLOT_PUMPS + i]);
	/* A second at most between being cancelled and noticing it. */
	if (poll(slots, SLOT_PUMPS + proxy->nr, 1000) <= 0)
		return false;
	if (slots[SLOT_SIGNALS].revents)
		proxy->on_signal(proxy);
	for (i = 0; i < proxy->nr; i++)
		work(&proxy->pump[i], &slots[SLOT_PUMPS + i]);
	return slots[SLOT_PROCESS].revents;
}

int proxy_run(struct proxy *proxy, int timeout)
{
	long end = now_ms() + timeout * 1000L;
	bool ended = false, late = false;
	sighandler_t before;

	/* Whoever closes his end is seen by the failing write. */
	before = signal(SIGPIPE, SIG_IGN);
	while (!ended && !late && !vz_cancelled) {
		ended = turn(proxy);
		late = timeout && !ended && now_ms() > end;
	}
	if (!ended)
		pidfd_send_signal(proxy->pidfd, SIGKILL, NULL, 0);
	for (size_t i = 0; i < proxy->nr; i++)
		finish(&proxy->pump[i]);
	signal(SIGPIPE, before);
	return late ? -ETIMEDOUT : 0;
}
