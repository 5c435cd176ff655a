// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/stockvz: what works on this kernel, and if not, why. For people; tools
 * ask over netlink. No container may read it: it tells of the whole host.
 */
#include <linux/proc_fs.h>
#include <linux/utsname.h>

#include "face.h"
#include "hook/hook.h"
#include "res/res.h"
#include "ub/meter.h"
#include "ub/owner.h"

/**
 * feature_state() - the state of a feature
 * @feature: its bit
 * @s: where to
 *
 * Return: false if there is no such feature.
 */
bool feature_state(unsigned int feature, struct feature_state *s)
{
	static const enum stockvz_state state[] = {
		[HOOK_OFF] = STOCKVZ_STATE_OFF,
		[HOOK_ON] = STOCKVZ_STATE_ON,
		[HOOK_PARTLY] = STOCKVZ_STATE_DEGRADED,
		[HOOK_WAITS] = STOCKVZ_STATE_WAITING,
	};

	s->name = hook_feature_name(feature);
	if (!s->name)
		return false;
	s->state = state[hook_feature(feature, &s->why, &s->symbol)];
	return true;
}

static void show_feature(struct seq_file *m, const struct feature_state *s)
{
	if (s->state == STOCKVZ_STATE_ON)
		seq_printf(m, "%-14s on\n", s->name);
	else if (s->state == STOCKVZ_STATE_DEGRADED)
		seq_printf(m, "%-14s degraded: %s\n", s->name, s->why);
	else if (s->state == STOCKVZ_STATE_WAITING)
		seq_printf(m, "%-14s waiting: %s\n", s->name, s->why);
	else if (s->symbol)
		seq_printf(m, "%-14s off: %s: %s\n", s->name, s->symbol, s->why);
	else
		seq_printf(m, "%-14s off: %s\n", s->name, s->why);
}

static int status_show(struct seq_file *m, void *v)
{
	struct feature_state s;
	struct owner_stats o;
	unsigned int i;

	seq_printf(m, "%-14s %s\n", "version", STOCKVZ_VERSION);
	seq_printf(m, "%-14s %u\n", "abi", STOCKVZ_ABI);
	seq_printf(m, "%-14s %s\n", "kernel", init_uts_ns.name.release);
	for (i = 0; i < HOOK_FEATURES; i++)
		if (feature_state(i, &s))
			show_feature(m, &s);
	owner_stats(&o);
	seq_printf(m, "%-14s %lu\n", "owned", o.owned);
	seq_printf(m, "%-14s %lu\n", "healed", o.healed);
	seq_printf(m, "%-14s %lu\n", "watched", meters_watched());
	seq_printf(m, "%-14s %lu\n", "nomem", ub_nomem());
	seq_printf(m, "%-14s %lu\n", "underflows", ub_underflows());
	seq_printf(m, "%-14s %lu\n", "kmem-crowded", kmem_crowded());
	seq_printf(m, "%-14s %lu\n", "events-dropped", events_dropped());
	return 0;
}

/**
 * status_init() - make the file
 *
 * Return: 0, -ENOMEM.
 */
int status_init(void)
{
	return proc_create_single("stockvz", 0400, NULL, status_show) ?
	       0 : -ENOMEM;
}

/**
 * status_exit() - take it away; waits for readers
 */
void status_exit(void)
{
	remove_proc_entry("stockvz", NULL);
}
