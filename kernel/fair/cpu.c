// SPDX-License-Identifier: GPL-2.0
/*
 * cpuunits, cpulimit and cpus.
 *
 * Units are shares: of the cgroups in one directory, each gets CPU in the ratio of its
 * units. cpu.weight is units / 10, so that 1000 units are 1024 shares to the scheduler,
 * as they were in 2.6.32, and as a cgroup has that nobody drives. That ends at 100000
 * units; where a sibling has more, the units of all are divided by 50 instead. Only
 * what is rounded away is lost of the ratio.
 *
 * The host is a node among the containers, though these share one directory: that has
 * the sum of their weights, in relation to the host's units, so that a busy slice of
 * the host gets no less than it would as a sibling of them all.
 *
 * cpulimit and cpus are one limit, the lower of both: cpu.max.
 */
#include <linux/cpumask.h>
#include <linux/math64.h>

#include "fair.h"
#include "ub/cgfile.h"

#define WEIGHT_MIN 1
#define WEIGHT_DEFAULT 100
#define WEIGHT_MAX 10000

/* What units are divided by. */
#define USUAL_SCALE 10
#define COARSE_SCALE 50

/**
 * struct host - the host among the containers
 * @dir: where these are, counted; NULL while nobody has said
 * @units: what it has itself; 0 while nobody has said
 * @weight: what @dir has of ours, 0 for nothing, UB_UNSURE if that may be gone
 *
 * All under settle_mutex; @units is read without.
 */
static struct host {
	struct cgroup *dir;
	u64 units;
	u64 weight;
} host;

static int write_number(struct cgroup *dir, u64 weight)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", weight ?: WEIGHT_DEFAULT);
	return cgfile_write(dir, "cpu.weight", text);
}

/* The directory has what all in there have, who may be none. */
static void weigh_host(const struct ub_siblings *s)
{
	u64 sum = s ? s->units : 0;
	u64 weight = div64_u64(sum * WEIGHT_DEFAULT, host.units ?: FAIR_UNITS_DEFAULT);

	weight = sum ? clamp_t(u64, weight, WEIGHT_MIN, WEIGHT_MAX) : 0;
	if (weight != host.weight && !write_number(host.dir, weight))
		host.weight = weight;
}

/**
 * fair_weigh_dir() - the units in a directory have changed: the host's share follows
 * @s: those in it
 *
 * Context: process, settle_mutex held, may sleep.
 */
void fair_weigh_dir(const struct ub_siblings *s)
{
	if (s->dir == host.dir)
		weigh_host(s);
}

static u64 want_weight(const struct ub_binding *b)
{
	u64 scale = b->siblings && b->siblings->large ? COARSE_SCALE : USUAL_SCALE;
	u64 units = b->ub->share.knob[UB_CPUUNITS];

	return units ? max_t(u64, DIV_ROUND_CLOSEST_ULL(units, scale), WEIGHT_MIN) : 0;
}

static int write_weight(const struct ub_binding *b, u64 want)
{
	return write_number(b->dir, want);
}

/* In hundredths of a percent of one CPU. */
static u64 want_max(const struct ub_binding *b)
{
	const u64 *knob = b->ub->share.knob;
	u64 all = num_online_cpus() * 10000ULL;
	u64 worth = knob[UB_CPUS] * 10000;

	/* As many as there are, or more, is no limit. */
	return min_not_zero(min(knob[UB_CPULIMIT], all), worth < all ? worth : 0);
}

/* The kernel gives no less than a millisecond at a time. */
static int write_max(const struct ub_binding *b, u64 want)
{
	/* With the period that is there without us: to write "max" alone leaves ours. */
	char text[48] = "max 100000";

	if (want >= 100)
		snprintf(text, sizeof(text), "%llu 100000", want * 10);
	else if (want)
		snprintf(text, sizeof(text), "%llu 1000000", want * 100);
	return cgfile_write(b->dir, "cpu.max", text);
}

const struct fair_file fair_cpu_weight = {
	.absent = "stored only: the cgroup has no cpu controller",
	.refused = "the kernel does not let the cgroup have a weight",
	.knobs = BIT(UB_CPUUNITS),
	.want = want_weight,
	.write = write_weight,
};

const struct fair_file fair_cpu_max = {
	.absent = "stored only: the cgroup has no cpu controller",
	.refused = "the kernel does not let the cgroup have this limit",
	.knobs = BIT(UB_CPULIMIT) | BIT(UB_CPUS),
	.want = want_max,
	.write = write_max,
};

/**
 * fair_host_units() - what the host has itself
 *
 * Return: the number of cpuunits.
 */
u64 fair_host_units(void)
{
	return READ_ONCE(host.units) ?: FAIR_UNITS_DEFAULT;
}

static void leave_dir(void)
{
	if (!host.dir)
		return;
	if (host.weight)
		write_number(host.dir, 0);
	cgroup_put(host.dir);
	host.dir = NULL;
	host.weight = 0;
}

static void weigh_all(void)
{
	if (host.dir)
		weigh_host(fair_siblings_in(host.dir));
}

static int set_units(struct ub *ub, struct ub_binding *now, void *arg)
{
	WRITE_ONCE(host.units, *(u64 *)arg);
	if (host.weight)
		host.weight = UB_UNSURE;
	weigh_all();
	return 0;
}

static int set_dir(struct ub *ub, struct ub_binding *now, void *arg)
{
	struct host *to = arg;

	if (!host.units)
		WRITE_ONCE(host.units, to->units);
	if (to->dir != host.dir) {
		leave_dir();
		cgroup_get(to->dir);
		host.dir = to->dir;
	}
	weigh_all();
	return 0;
}

/**
 * fair_weigh_host() - change the host's units
 * @units: how many, or 0 for as many as a container has by default
 *
 * Context: process, may sleep.
 */
void fair_weigh_host(u64 units)
{
	const char *why;

	ub_hold(0, set_units, &units, &why);
}

/**
 * fair_move_host() - take another cgroup for the one that the containers are in
 * @path: of the v2 hierarchy; it gets a weight from now on
 * @units: what the host gets unless somebody has said; 0 for nothing
 * @why: the reason of a failure, for people
 *
 * Context: process, may sleep.
 * Return: 0, -ENOENT, -ENOTDIR, -EINVAL.
 */
int fair_move_host(const char *path, u64 units, const char **why)
{
	struct host to = { .dir = cgroup_get_from_path(path), .units = units };
	int err = -EINVAL;

	if (IS_ERR(to.dir)) {
		*why = "no such cgroup in the v2 hierarchy";
		return PTR_ERR(to.dir);
	}
	if (to.dir->level)
		err = ub_hold(0, set_dir, &to, why);
	else
		*why = "the root cgroup has no weight";
	cgroup_put(to.dir);
	return err;
}

/**
 * fair_exit() - leave no weight of ours behind; no beancounter is left
 */
void fair_exit(void)
{
	leave_dir();
}
