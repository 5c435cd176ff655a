/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fair share of CPU (and of whatever else the kernel has a scheduler for): values
 * that admins set are kept with the beancounter (ub/share.h) and written to files of the
 * cgroup that is bound to it, by which mainline's group scheduler does the rest. A file
 * that nothing of ours is wanted in stays as somebody else has set it; one that we have
 * written is, when the cgroup is given up, as it would be without us.
 *
 * To add a knob: a name in enum ub_knob, a row in knobs[] of fair.c for its range and one
 * in netlink_share.c for its attribute. To add a file: a name in enum ub_share_file and a
 * struct fair_file in files[] of fair.c.
 *
 * Locks. The settle_mutex of ub.c is held over all that reads or changes what files have
 * (struct ub_applied) and over changes of struct ub_share; the latter hold share_lock,
 * too, so that readers need not wait for files.
 */
#ifndef STOCKVZ_FAIR_H
#define STOCKVZ_FAIR_H

#include "ub/bind.h"
#include "ub/share.h"

/**
 * struct fair_file - a file of a cgroup that follows from what is wanted
 * @absent: what to tell an admin if the cgroup does not have it
 * @refused: what to tell if it does not take what we write
 * @knobs: which numbers it follows from, as bits; of lists the version tells
 * @want: what is to be there, as any number that stands for it; 0 if nothing of ours
 * @write: write it, or what would be there without us for a @want of 0; returns 0, or
 *	-ENOENT or -ENODEV if there is no such file (any more), or the file's own errno
 *
 * Both are called with settle_mutex held, may sleep, and find the cgroup in b->dir and
 * what is wanted in b->ub->share.
 */
struct fair_file {
	const char *absent;
	const char *refused;
	u32 knobs;
	u64 (*want)(const struct ub_binding *b);
	int (*write)(const struct ub_binding *b, u64 want);
};

/**
 * struct fair_change - what to set
 * @knobs: which numbers, as bits
 * @masks: which lists
 * @knob: the values
 * @mask: the values; "" or "all" for all that there are
 * @containers: for the host only: the cgroup that the containers are in, or NULL
 */
struct fair_change {
	u32 knobs;
	u32 masks;
	u64 knob[UB_KNOBS];
	const char *mask[UB_MASKS];
	const char *containers;
};

/**
 * struct fair_values - what is wanted, to be read
 * @knob: 0 for nothing
 * @mask: "" for all
 */
struct fair_values {
	u64 knob[UB_KNOBS];
	char mask[UB_MASKS][UB_MASK_SIZE];
};

int fair_set(u32 id, const struct fair_change *change, const char **why);
int fair_set_host(const struct fair_change *change, const char **why);
void fair_get(struct ub *ub, struct fair_values *values);
const char *fair_changed(struct ub *ub, struct ub_binding *now, struct ub_binding *old);
void fair_exit(void);

/* For the files of this room. */
int fair_apply(struct ub_binding *b, enum ub_share_file file, u64 want);

/* What a cgroup has that nobody drives, and the most that are a weight by the usual scale. */
#define FAIR_UNITS_DEFAULT 1000
#define FAIR_USUAL_MOST 100000

/* siblings.c */
struct ub_siblings *fair_siblings_in(const struct cgroup *dir);
void fair_count(struct ub_binding *b);
void fair_weigh(struct ub_binding *b);
void fair_uncount(struct ub_binding *b);

/* cpu.c */
extern const struct fair_file fair_cpu_weight, fair_cpu_max;
void fair_weigh_dir(const struct ub_siblings *s);
void fair_weigh_host(u64 units);
int fair_move_host(const char *path, u64 units, const char **why);
u64 fair_host_units(void);

/* cpuset.c */
extern const struct fair_file fair_cpuset_cpus, fair_cpuset_mems;
int fair_parse_mask(enum ub_mask mask, const char *list, char *text, const char **why);

#endif
