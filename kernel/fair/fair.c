// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps what admins want and has the files of the bound cgroup follow: what is in which
 * file is for the others here to say.
 */
#include <linux/slab.h>
#include <linux/string.h>

#include "fair.h"

static const struct fair_file *const files[UB_SHARE_FILES] = {
	[UB_CPU_WEIGHT] = &fair_cpu_weight,
	[UB_CPU_MAX] = &fair_cpu_max,
	[UB_CPUSET_CPUS] = &fair_cpuset_cpus,
	[UB_CPUSET_MEMS] = &fair_cpuset_mems,
};

/* What a number may be, 0 apart. */
static const struct {
	u64 min, max;
	const char *bad;
} knobs[UB_KNOBS] = {
	[UB_CPUUNITS] = { 8, 500000, "cpuunits are 8 to 500000, or 0 for none" },
	[UB_CPULIMIT] = { 10, 40960000, "a cpulimit is 0.1 to 409600 percent, or 0 for none" },
	[UB_CPUS] = { 1, 4096, "cpus are 1 to 4096, or 0 for all" },
};

/* Over every write to ub->share; the writer holds settle_mutex besides. */
static DEFINE_MUTEX(share_lock);

/* The last that was given. settle_mutex */
static u64 version;

/**
 * fair_apply() - have a file of a cgroup say something, unless it does already
 * @b: binding of the cgroup
 * @file: which file
 * @want: see struct fair_file
 *
 * Context: process, settle_mutex held.
 * Return: 0 or an errno of fair_file.write.
 */
int fair_apply(struct ub_binding *b, enum ub_share_file file, u64 want)
{
	int err;

	/* What is not ours stays as somebody else has set it. */
	if (want == b->applied_share.file[file])
		return 0;
	err = files[file]->write(b, want);
	if (!err)
		b->applied_share.file[file] = want;
	return err;
}

static bool is_absent(int err)
{
	return err == -ENOENT || err == -ENODEV;
}

/*
 * Have all files of a cgroup follow. One that is not there is told of, one that refuses
 * is an error; either is tried again when there is occasion.
 */
static int follow(struct ub_binding *b, const char **why)
{
	const char *absent = NULL;
	int refused = 0;
	unsigned int i;

	for (i = 0; i < UB_SHARE_FILES; i++) {
		int err = fair_apply(b, i, files[i]->want(b));

		if (is_absent(err)) {
			absent = files[i]->absent;
		} else if (err) {
			*why = files[i]->refused;
			refused = err;
		}
	}
	if (!refused && absent)
		*why = absent;
	if (!refused && !absent)
		b->applied_share.version = b->ub->share.version;
	return refused;
}

/*
 * What is asked for is written, though it was before: somebody else may have written
 * there, and a controller that was taken away and given back has forgotten it.
 */
static void distrust(struct ub_binding *b, u32 knobs)
{
	unsigned int i;

	for (i = 0; i < UB_SHARE_FILES; i++)
		if (files[i]->knobs & knobs && b->applied_share.file[i])
			b->applied_share.file[i] = UB_UNSURE;
}

static void give_up(struct ub_binding *b)
{
	unsigned int i;

	for (i = 0; i < UB_SHARE_FILES; i++)
		fair_apply(b, i, 0);
	fair_uncount(b);
}

/**
 * fair_changed() - a beancounter may have another cgroup
 * @ub: the beancounter
 * @now: its cgroup, or NULL
 * @old: the one that it gave up, or NULL: it gets its files back as they would be
 *	without us
 *
 * Context: see ub_change_fn.
 * Return: as that.
 */
const char *fair_changed(struct ub *ub, struct ub_binding *now, struct ub_binding *old)
{
	const char *why = NULL;

	if (old)
		give_up(old);
	if (!now)
		return NULL;
	fair_count(now);
	if (now->applied_share.version != ub->share.version)
		follow(now, &why);
	fair_weigh(now);
	return why;
}

static void exchange(struct ub *ub, const struct ub_share *to)
{
	mutex_lock(&share_lock);
	ub->share = *to;
	mutex_unlock(&share_lock);
}

/**
 * struct request - to change a beancounter
 * @change: what was asked for
 * @mask: its lists, allocated: afterwards, what is to be freed
 * @why: what to tell an admin
 */
struct request {
	const struct fair_change *change;
	char *mask[UB_MASKS];
	const char **why;
};

static void swap_masks(struct ub_share *share, struct request *r)
{
	unsigned int i;

	for (i = 0; i < UB_MASKS; i++)
		if (r->change->masks & BIT(i))
			swap(share->mask[i], r->mask[i]);
}

/* What is to be, of what is and a request, whose lists it takes in exchange. */
static struct ub_share merge(const struct ub_share *was, struct request *r)
{
	struct ub_share to = *was;
	unsigned int i;

	to.version = ++version;
	for (i = 0; i < UB_KNOBS; i++)
		if (r->change->knobs & BIT(i))
			to.knob[i] = r->change->knob[i];
	for (i = 0; i < UB_MASKS; i++)
		if (r->change->masks & BIT(i))
			to.since[i] = version;
	swap_masks(&to, r);
	return to;
}

static int set(struct ub *ub, struct ub_binding *now, void *arg)
{
	struct request *r = arg;
	struct ub_share was = ub->share;
	struct ub_share to = merge(&was, r);
	const char *ignored;
	int err;

	exchange(ub, &to);
	if (!now)
		return 0;
	/* What is to be in the files depends on it. */
	fair_count(now);
	distrust(now, r->change->knobs);
	err = follow(now, r->why);
	if (err) {
		exchange(ub, &was);
		swap_masks(&to, r);
		fair_count(now);
		follow(now, &ignored);
	}
	fair_weigh(now);
	return err;
}

static int check_knobs(const struct fair_change *change, const char **why)
{
	unsigned int i;

	for (i = 0; i < UB_KNOBS; i++) {
		u64 value = change->knob[i];

		if (!(change->knobs & BIT(i)) || !value)
			continue;
		if (value >= knobs[i].min && value <= knobs[i].max)
			continue;
		*why = knobs[i].bad;
		return -EINVAL;
	}
	return 0;
}

/* NULL for all. */
static int read_mask(enum ub_mask i, const char *list, char **mask, const char **why)
{
	char *text;
	int err;

	if (!*list || !strcmp(list, "all"))
		return 0;
	text = kmalloc(UB_MASK_SIZE, GFP_KERNEL);
	if (!text) {
		*why = "out of memory";
		return -ENOMEM;
	}
	err = fair_parse_mask(i, list, text, why);
	if (!err)
		*mask = kstrdup(text, GFP_KERNEL);
	kfree(text);
	if (!err && !*mask) {
		*why = "out of memory";
		err = -ENOMEM;
	}
	return err;
}

/**
 * fair_set() - change what is wanted for a beancounter
 * @id: its number
 * @change: which values, and to what
 * @why: the reason of a failure, for people
 *
 * When it returns, the kernel's scheduler goes by the new values.
 *
 * Context: process, may sleep.
 * Return: 0, and @why has what an admin should know of, if anything; -ENOENT, -EINVAL
 * for a value that cannot be, -ENOMEM, or the errno of a file that refused. After a
 * failure nothing has changed.
 */
int fair_set(u32 id, const struct fair_change *change, const char **why)
{
	struct request r = { .change = change, .why = why };
	unsigned int i;
	int err;

	if (change->containers) {
		*why = "containers are in a cgroup of the host";
		return -EINVAL;
	}
	err = check_knobs(change, why);
	for (i = 0; !err && i < UB_MASKS; i++)
		if (change->masks & BIT(i))
			err = read_mask(i, change->mask[i], &r.mask[i], why);
	if (!err)
		err = ub_hold(id, set, &r, why);
	/* What was kept is not here any more, but what that replaced is. */
	for (i = 0; i < UB_MASKS; i++)
		kfree(r.mask[i]);
	return err;
}

/* The host can have nothing but units. */
static int check_host(const struct fair_change *change, const char **why)
{
	int err = check_knobs(change, why);

	if (err || !(change->masks || change->knobs & ~BIT(UB_CPUUNITS)))
		return err;
	*why = "the host can have cpuunits only";
	return -EINVAL;
}

/**
 * fair_set_host() - change the units of the host, and where the containers are
 * @change: what is set; with a cgroup, units count only if nobody has set any
 * @why: the reason of a failure, for people
 *
 * Context: process, may sleep.
 * Return: 0, -EINVAL, or an errno of fair_move_host().
 */
int fair_set_host(const struct fair_change *change, const char **why)
{
	int err = check_host(change, why);

	if (err)
		return err;
	if (change->containers)
		return fair_move_host(change->containers, change->knob[UB_CPUUNITS], why);
	if (change->knobs)
		fair_weigh_host(change->knob[UB_CPUUNITS]);
	return 0;
}

/**
 * fair_get() - read what is wanted for a beancounter
 * @ub: the beancounter, or NULL for the host
 * @values: where to
 *
 * Context: process, may sleep.
 */
void fair_get(struct ub *ub, struct fair_values *values)
{
	unsigned int i;

	memset(values, 0, sizeof(*values));
	if (!ub) {
		values->knob[UB_CPUUNITS] = fair_host_units();
		return;
	}
	mutex_lock(&share_lock);
	memcpy(values->knob, ub->share.knob, sizeof(values->knob));
	for (i = 0; i < UB_MASKS; i++)
		strscpy(values->mask[i], ub->share.mask[i] ?: "", UB_MASK_SIZE);
	mutex_unlock(&share_lock);
}
