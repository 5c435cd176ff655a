// SPDX-License-Identifier: GPL-2.0
/* The shares of beancounters over netlink. */
#include <linux/slab.h>
#include <net/genetlink.h>

#include "face.h"
#include "fair/fair.h"

static const int attr_of_knob[UB_KNOBS] = {
	[UB_CPUUNITS] = STOCKVZ_A_UB_CPUUNITS,
	[UB_CPULIMIT] = STOCKVZ_A_UB_CPULIMIT,
	[UB_CPUS] = STOCKVZ_A_UB_CPUS,
};

static const int attr_of_mask[UB_MASKS] = {
	[UB_CPUMASK] = STOCKVZ_A_UB_CPUMASK,
	[UB_NODEMASK] = STOCKVZ_A_UB_NODEMASK,
};

static void parse_attr(const struct nlattr *attr, struct fair_change *change)
{
	unsigned int i;

	for (i = 0; i < UB_KNOBS; i++)
		if (nla_type(attr) == attr_of_knob[i]) {
			change->knobs |= BIT(i);
			change->knob[i] = nla_get_u32(attr);
		}
	for (i = 0; i < UB_MASKS; i++)
		if (nla_type(attr) == attr_of_mask[i]) {
			change->masks |= BIT(i);
			change->mask[i] = nla_data(attr);
		}
	if (nla_type(attr) == STOCKVZ_A_UB_CONTAINERS)
		change->containers = nla_data(attr);
}

/**
 * parse_share() - what a request wants changed of a share
 * @info: the request, in which texts stay
 * @change: where to
 */
void parse_share(struct genl_info *info, struct fair_change *change)
{
	const struct nlattr *attr;
	int rest;

	memset(change, 0, sizeof(*change));
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rest)
		parse_attr(attr, change);
}

/**
 * put_share() - the attributes of a share; what nobody has set has none
 * @skb: where to
 * @ub: whose; NULL is the host
 *
 * Context: process, may sleep.
 * Return: 0, -ENOMEM, -EMSGSIZE.
 */
int put_share(struct sk_buff *skb, struct ub *ub)
{
	struct fair_values *values = kmalloc(sizeof(*values), GFP_KERNEL);
	unsigned int i;
	int err = 0;

	if (!values)
		return -ENOMEM;
	fair_get(ub, values);
	for (i = 0; !err && i < UB_KNOBS; i++)
		if (values->knob[i])
			err = nla_put_u32(skb, attr_of_knob[i], values->knob[i]);
	for (i = 0; !err && i < UB_MASKS; i++)
		if (values->mask[i][0])
			err = nla_put_string(skb, attr_of_mask[i], values->mask[i]);
	kfree(values);
	return err;
}
