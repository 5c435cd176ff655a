/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A netlink client of the module for tests: written from the spec, so that the
 * tools' own client and this one check each other.
 *
 * Functions return 0 or a negative errno as the kernel gave it; ub_why() then
 * has the kernel's own words.
 */
#ifndef SELFTESTS_UB_H
#define SELFTESTS_UB_H

#include <stdbool.h>
#include <linux/stockvz.h>

#define UB_NR (STOCKVZ_RES_SWAPPAGES + 1)
#define UB_MAX 9223372036854775807UL

struct nl_msg;
struct nlmsghdr;

struct ub_row {
	unsigned long held;
	unsigned long maxheld;
	unsigned long barrier;
	unsigned long limit;
	unsigned long failcnt;
};

struct ub_state {
	unsigned int id;
	bool dying;
	unsigned int known;	/* bit n: resource n was told of */
	unsigned int cgroups;	/* how many */
	char cgroup[256];	/* the first, or as much of it */
	struct ub_row row[UB_NR];
};

struct ub_event {
	int cmd;
	unsigned int known;	/* bit n: attribute n was there */
	unsigned int id;
	unsigned int resource;
	unsigned int bound;
	unsigned int pid;
	unsigned int ct_event;
	unsigned int arch;
	int syscall;
	unsigned long amount;
	unsigned long held;
	unsigned long barrier;
	unsigned long limit;
	unsigned long time;
	unsigned long dropped;
	unsigned long count;
	unsigned long first;
	char comm[32];
};

int ub_new(unsigned int id, const char *cgroup);
int ub_del(unsigned int id);
int ub_attach(unsigned int id, const char *cgroup);
int ub_set(unsigned int id, int res, unsigned long barrier, unsigned long limit);
int ub_limit(unsigned int id, int res, unsigned long value);
int ub_get(unsigned int id, struct ub_state *state);
int ub_dump(struct ub_state *states, int max);
struct ub_row ub_row(unsigned int id, int res);
const char *ub_why(void);

/* Messages by hand, for what nobody sane would send. */
struct nl_msg *ub_msg(int cmd, int flags);
int ub_talk(struct nl_msg *msg, void (*reply)(struct nlmsghdr *nlh, void *arg),
	    void *arg);
void ub_forget_socket(void);
int ub_family(void);

int ub_events_open(void);
int ub_events_join(const char *group, int size);
int ub_event_next(struct ub_event *event, int timeout_ms);
void ub_events_drain(void);

/* What is remembered of a number, or of all for -1: how many, or a negative errno. */
int ub_refusals(long id, struct ub_event *events, int max);

/* A number of /proc/stockvz by its name; -1 if it has none. */
long ub_status(const char *name);

/* Is a resource counted on this kernel? As /proc/stockvz says. */
bool ub_counts(int res);

#endif
