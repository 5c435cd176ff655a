// SPDX-License-Identifier: GPL-2.0
#include "why.h"

void why_add(const struct ubnl_event *refusal, void *arg)
{
	struct why *why = arg;

	if (why->nr < WHY_MAX)
		why->refusal[why->nr++] = *refusal;
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t sum(uint64_t held, uint64_t amount)
{
	return held > UB_MAX || amount > UB_MAX - held ? UB_MAX : held + amount;
}

/* Of these the barrier and the limit are to be the same. */
static bool is_twin(unsigned int res)
{
	return (1u << res) & (1u << STOCKVZ_RES_NUMPROC | 1u << STOCKVZ_RES_NUMTCPSOCK |
			      1u << STOCKVZ_RES_NUMOTHERSOCK | 1u << STOCKVZ_RES_SHMPAGES |
			      1u << STOCKVZ_RES_NUMFILE | 1u << STOCKVZ_RES_NUMPTY |
			      1u << STOCKVZ_RES_NUMSIGINFO | 1u << STOCKVZ_RES_NUMIPTENT);
}

bool why_cure(const struct why *why, unsigned int res, uint64_t held, const struct ub_res *now,
	      uint64_t *barrier, uint64_t *limit)
{
	bool twin = is_twin(res) || now->barrier == now->limit;

	*barrier = now->barrier;
	*limit = now->limit;
	for (size_t i = 0; i < why->nr; i++) {
		const struct ubnl_event *r = &why->refusal[i];
		uint64_t need = sum(max(held, r->held), r->amount);

		if (r->resource != res || r->bound == STOCKVZ_BOUND_MEMORY)
			continue;
		/* Below the barrier a request still has the limit to pass. */
		if (r->bound == STOCKVZ_BOUND_BARRIER)
			*barrier = max(*barrier, need);
		*limit = max(*limit, need);
	}
	if (*barrier == now->barrier && *limit == now->limit)
		return false;
	if (twin)
		*barrier = *limit = max(*barrier, *limit);
	return true;
}

const char *why_unit(unsigned int res)
{
	for (const struct param *p = params; p->key; p++) {
		if (param_resource(p) != (int)res)
			continue;
		if (p->type == PARAM_PAGES)
			return " pages";
		return p->type == PARAM_BYTES ? " bytes" : "";
	}
	return "";
}
