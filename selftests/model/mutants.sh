#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Breaks kernel/ub/counter.[ch] in one way after the other, as a tired programmer
# might, and demands that model_test notices. Run by "make mutants".

set -u -o pipefail
cd "$(dirname "$0")" || exit 1
ub=../../kernel/ub
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Few operations: what only ten million find would not be found every time.
operations=1000000
total=0 missed=0

build()
{
	# shellcheck disable=SC2086
	${CC:-gcc} ${CFLAGS:-} -w -Iinclude -I../../include -I"$tmp" \
		-o "$tmp/model_test" model_test.c ref.c "$tmp/counter.c" -pthread
}

# Races need luck: several tries.
survives()
{
	local seed

	for seed in 1 2 3 4 5 6; do
		timeout 10 "$tmp/model_test" $seed $operations >"$tmp/log" 2>&1 || return
	done
}

# mutant NAME SED-SCRIPT
mutant()
{
	total=$((total + 1))
	sed -E "$2" $ub/counter.h >"$tmp/counter.h"
	sed -E "$2" $ub/counter.c >"$tmp/counter.c"
	if cmp -s $ub/counter.h "$tmp/counter.h" && cmp -s $ub/counter.c "$tmp/counter.c"; then
		echo "not ok $total $1 # the mutation does not apply any more"
	elif ! build 2>"$tmp/log"; then
		sed 's/^/# /' "$tmp/log"
		echo "not ok $total $1 # it does not compile"
	elif survives; then
		echo "not ok $total $1 # nobody noticed"
	else
		echo "ok $total $1 # $(sed -nE '/^not ok/{s/^not ok [0-9]+ //p;q}' "$tmp/log")"
		return
	fi
	missed=$((missed + 1))
}

cp $ub/counter.[ch] "$tmp"
if ! build || ! survives; then
	cat "$tmp/log"
	echo "Bail out! The code fails as it is: what it does broken tells nothing."
	exit 1
fi

echo "TAP version 13"
mutant "refused at the barrier instead of beyond it" \
	's/amount > top - held/amount >= top - held/'
mutant "lets one too many in" \
	's/amount > top - held/amount > top - held + 1/'
mutant "the sum may wrap" \
	's/return held > top \|\| amount > top - held/return held + amount > top/'
mutant "held above the bound is not looked at" \
	's/return held > top \|\| /return /'
mutant "add first, look afterwards" \
	's/if \(unlikely\(ub_passes\(held, amount, top\)\)\)/held = atomic_long_add_return(amount, \&c->held) - amount;\n\t\tif (ub_passes(held, amount, top)) {\n\t\t\tatomic_long_sub(amount, \&c->held);/
	 s/^(\t+)goto refuse;/&\n\t\t}/
	 s/while \(!atomic_long_try_cmpxchg\(&c->held, &held, held \+ amount\)\)/while (0)/'
mutant "look, then add, not at once" \
	's/while \(!atomic_long_try_cmpxchg\(&c->held, &held, held \+ amount\)\)/while (0)/
	 s/^\tub_raise_maxheld\(c, held \+ amount\);/\tatomic_long_add(amount, \&c->held);\n&/'
mutant "a lost update" \
	's/while \(!atomic_long_try_cmpxchg\(&c->held, &held, held \+ amount\)\)/while (0)/
	 s/^\tub_raise_maxheld\(c, held \+ amount\);/\tatomic_long_set(\&c->held, held + amount);\n&/'
mutant "a batch is taken while there is room, as per-CPU reserves do" \
	's/ub_passes\(held, amount, top\)/ub_passes(held, amount + 1, top)/'
mutant "hard ignores the barrier" \
	's/return READ_ONCE\(c->hard\)/return READ_ONCE(c->limit)/'
mutant "hard ignores the limit" \
	's/return READ_ONCE\(c->hard\)/return READ_ONCE(c->barrier)/'
mutant "barrier and limit are read one after the other" \
	's/return READ_ONCE\(c->hard\)/{ unsigned long b = READ_ONCE(c->barrier), l = READ_ONCE(c->limit); return b < l ? b : l; }/'
mutant "soft stops at the barrier" \
	's/return READ_ONCE\(c->limit\)/return READ_ONCE(c->hard)/'
mutant "force stops at the limit" \
	's/return ULONG_MAX/return READ_ONCE(c->limit)/'
mutant "force over the limit counts as a failure" \
	's/^\tub_raise_maxheld\(c, held \+ amount\);/&\n\tif (held + amount > c->limit) atomic_long_inc(\&c->failcnt);/'
mutant "failcnt twice" \
	's/^\tatomic_long_inc\(&c->failcnt\);/&&/'
mutant "failcnt by the amount" \
	's/^\tatomic_long_inc\(&c->failcnt\);/\tatomic_long_add(amount, \&c->failcnt);/'
mutant "failcnt not at all" \
	's/^\tatomic_long_inc\(&c->failcnt\);//'
mutant "failcnt loses updates" \
	's/^\tatomic_long_inc\(&c->failcnt\);/\tatomic_long_set(\&c->failcnt, atomic_long_read(\&c->failcnt) + 1);/'
mutant "too large an amount is a refusal" \
	's/return -EINVAL/goto refuse/'
mutant "too large an amount is let in" \
	's/amount > UB_MAX/0/'
mutant "the largest amount is invalid" \
	's/amount > UB_MAX/amount >= UB_MAX/'
mutant "the wrong errno" \
	's/return -ENOMEM/return -EINVAL/'
mutant "maxheld follows a refusal" \
	's/^refuse:/&\n\tub_raise_maxheld(c, held + amount);/'
mutant "maxheld is not raised" \
	's/^\tub_raise_maxheld\(c, held \+ amount\);//'
mutant "maxheld is what was held before" \
	's/^\tub_raise_maxheld\(c, held \+ amount\);/\tub_raise_maxheld(c, held);/'
mutant "maxheld falls" \
	's/while \(held > \(unsigned long\)max\)/while (held != (unsigned long)max)/'
mutant "maxheld is lowered by a race" \
	's/while \(held > \(unsigned long\)max\)/if (held > (unsigned long)max)/
	 s/if \(atomic_long_try_cmpxchg\(&c->maxheld, &max, held\)\)/atomic_long_set(\&c->maxheld, held);/
	 s/^\t\t\tbreak;$//'
mutant "maxheld is tried once" \
	's/while \(held > \(unsigned long\)max\)/if (held > (unsigned long)max)/
	 s/if \(atomic_long_try_cmpxchg\(&c->maxheld, &max, held\)\)/atomic_long_try_cmpxchg(\&c->maxheld, \&max, held);/
	 s/^\t\t\tbreak;$//'
mutant "uncharge does not clamp" \
	's/left = amount > .*;/left = held - amount;/'
mutant "uncharge of all is taken for too much" \
	's/left = amount > /left = amount >= /; s/return amount <= /return amount < /'
mutant "uncharge of too much keeps what was there" \
	's/(left = amount > .* \?) 0 :/\1 held :/'
mutant "uncharge of too much goes unreported" \
	's/return amount <= .*;/return true;/'
mutant "uncharge loses updates" \
	's/while \(!atomic_long_try_cmpxchg\(&c->held, &held, left\)\)/while (0)/
	 s/^\treturn amount <= /\tatomic_long_set(\&c->held, left);\n&/'
mutant "uncharge forgives failcnt" \
	's/^\treturn amount <= /\tatomic_long_set(\&c->failcnt, 0);\n&/'
mutant "set swaps barrier and limit" \
	's/WRITE_ONCE\(c->barrier, barrier\)/WRITE_ONCE(c->barrier, limit)/
	 s/WRITE_ONCE\(c->limit, limit\)/WRITE_ONCE(c->limit, barrier)/'
mutant "set forgets the lower of the two" \
	's/^\tWRITE_ONCE\(c->hard, .*//'
mutant "set raises a barrier above the limit to it" \
	's/WRITE_ONCE\(c->limit, limit\)/WRITE_ONCE(c->limit, barrier > limit ? barrier : limit)/'
mutant "set lowers held to the limit" \
	's/^\tWRITE_ONCE\(c->limit, limit\);/&\n\tif ((unsigned long)atomic_long_read(\&c->held) > limit) atomic_long_set(\&c->held, limit);/'
mutant "set resets failcnt" \
	's/^\tWRITE_ONCE\(c->limit, limit\);/&\n\tatomic_long_set(\&c->failcnt, 0);/'
mutant "init leaves failures of an earlier life" \
	's/^\tatomic_long_set\(&c->failcnt, 0\);/\tatomic_long_set(\&c->failcnt, 1);/'
mutant "the refusal names the wrong bound" \
	's/STOCKVZ_BOUND_BARRIER : STOCKVZ_BOUND_LIMIT/STOCKVZ_BOUND_LIMIT : STOCKVZ_BOUND_BARRIER/'
mutant "the refusal tells held with the amount" \
	's/why->held = held;/why->held = held + amount;/'
mutant "the refusal is written where nothing was refused" \
	's/^\tub_raise_maxheld\(c, held \+ amount\);/&\n\twhy->amount = amount;/'
mutant "view tells held for maxheld" \
	's/n->maxheld = atomic_long_read\(&c->maxheld\)/n->maxheld = atomic_long_read(\&c->held)/'

echo "1..$total"
echo "# $((total - missed)) of $total mutants were noticed"
[ $missed = 0 ]
