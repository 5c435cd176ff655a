/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Netlink client of the stockvz module: one connection per command.
 *
 * Unless said otherwise a function returns 0 or a negative errno, and
 * ubnl_error() then has the module's own words.
 */
#ifndef _VZ_UBNL_H
#define _VZ_UBNL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip.h"
#include "param.h"
#include "share.h"

struct ubnl;

struct ub_res {
	uint64_t held;
	uint64_t maxheld;
	uint64_t barrier;
	uint64_t limit;
	uint64_t failcnt;
};

struct ub_state {
	unsigned int id;
	bool dying;		/* deleted, but something charged to it lives on */
	uint32_t known;		/* bit n: the module told of resource n */
	struct ub_res res[UB_NR];
	struct share share;	/* what nobody has set is 0 or "" */
	char cgroup[PATH_MAX];	/* from the root of cgroup v2, "" when none */
};

/* What a container used of the CPU since it was started */
struct ub_cpu {
	unsigned int id;
	uint64_t uptime, used, user, nice, system, idle, wait, throttled;	/* nanoseconds */
	double load[3];
};

struct ubnl_feature {
	char name[32];
	enum stockvz_state state;
	char reason[160];	/* "" when it is on */
};

struct ubnl_info {
	unsigned int abi;
	char version[64];
	char kernel[65];
	uint64_t events_dropped;
	size_t nr_features;
	struct ubnl_feature feature[64];
};

struct ubnl_event {
	int cmd;		/* STOCKVZ_CMD_REFUSAL_NTF, _CT_NTF or _REFUSALS_GET */
	unsigned int id;
	enum stockvz_resource resource;
	enum stockvz_bound bound;
	uint64_t amount, held, barrier, limit;
	unsigned int pid;
	char comm[STOCKVZ_COMM_LEN];
	int syscall;
	unsigned int arch;	/* AUDIT_ARCH_*: whose system calls are numbered so */
	uint64_t time;		/* nanoseconds since the epoch */
	uint64_t first;		/* of what is remembered: when it was first refused, */
	uint64_t count;		/* and how often */
	uint64_t dropped;
	enum stockvz_ct_event ct_event;
};

/* NULL and errno; ENOENT: the module is not there */
struct ubnl *ubnl_open(void);
/* The same, and says why not: *code becomes VZ_BADKERNEL or VZ_SYSTEM. */
struct ubnl *ubnl_open_or_tell(int *code);
void ubnl_close(struct ubnl *nl);
/* Why the last request failed: the module's text, or that of the errno. */
const char *ubnl_error(const struct ubnl *nl);
/* Warn of what the module had to say though the last request succeeded, if anything. */
void ubnl_warn_note(const struct ubnl *nl);

/* limits and cgroup (a path from the root of cgroup v2) may be NULL */
int ubnl_ub_new(struct ubnl *nl, unsigned int id, const struct ub_limits *limits,
		const char *cgroup);
int ubnl_ub_del(struct ubnl *nl, unsigned int id);
int ubnl_ub_set(struct ubnl *nl, unsigned int id, const struct ub_limits *limits);
int ubnl_ub_set_share(struct ubnl *nl, unsigned int id, const struct share *share);
/* Where the containers are, and the host's units unless somebody has set them */
int ubnl_host_set(struct ubnl *nl, const char *containers, unsigned int units);
int ubnl_ub_attach(struct ubnl *nl, unsigned int id, const char *cgroup);
/* -ENOENT: there is no such beancounter */
int ubnl_ub_get(struct ubnl *nl, unsigned int id, struct ub_state *state);
/* cb returns non-zero to stop; the dump then returns that value. */
int ubnl_ub_dump(struct ubnl *nl, int (*cb)(const struct ub_state *state, void *arg), void *arg);
/* cb is called for each beancounter that has a cgroup. */
int ubnl_cpu_dump(struct ubnl *nl, void (*cb)(const struct ub_cpu *cpu, void *arg), void *arg);
/* What was refused to a container, the oldest first; it may be long gone. */
int ubnl_refusals(struct ubnl *nl, unsigned int id,
		  void (*cb)(const struct ubnl_event *event, void *arg), void *arg);
int ubnl_info(struct ubnl *nl, struct ubnl_info *info);
/* Is the resource counted on this kernel? Its reason is "" when it is. */
const struct ubnl_feature *ubnl_feature(const struct ubnl_info *info, const char *name);

/* One warning that names the limits which the running module does not enforce. */
void ubnl_warn_idle(struct ubnl *nl, const struct ub_limits *limits);

/* Addresses: see the netlink spec. No address: all that the container has. */
int ubnl_ip_add(struct ubnl *nl, unsigned int id, const struct ip *ip, int netns);
int ubnl_ip_del(struct ubnl *nl, unsigned int id, const struct ip *ip);
/* cb is called for each address of each container. */
int ubnl_ip_dump(struct ubnl *nl, void (*cb)(unsigned int id, const struct ip *ip, void *arg),
		 void *arg);
/* Whose is it? 0: nobody's */
unsigned int ubnl_ip_owner(struct ubnl *nl, const struct ip *ip);

/*
 * Events of a group, STOCKVZ_MCGRP_*. A connection that has subscribed is good
 * for nothing else. Subscribe first, look at the state of things next, then
 * read: so none is missed. ubnl_events() waits for one message or more and hands
 * them to cb; -ENOBUFS means that some were lost: look at the state of things
 * again.
 */
int ubnl_subscribe(struct ubnl *nl, const char *group);
int ubnl_events(struct ubnl *nl, void (*cb)(const struct ubnl_event *event, void *arg), void *arg);

#endif /* _VZ_UBNL_H */
