#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a container used of the CPU, as the host, the container and vzlist show it. How it is
# counted is for fair/vestat_test.
#
# Functions are called by name, what is quoted is meant as it stands, and what is not is
# numbers.
# shellcheck disable=SC2016,SC2317,SC2086

# shellcheck source=selftests/lib/ct.sh
. "${0%/*}/../lib/ct.sh"

id=9021

ct_setup
ct_gone $id
ct_new $id 'CPUUNITS="1234"' 'CPULIMIT="50"'
vzctl --quiet start $id || skip_all "no container can be started here"
plan 13

# row [COLUMN]: on the host
row()
{
	awk -v id=$id -v n="${1:-0}" '$1 == id { print $n; found = 1 } END { exit !found }' \
		/proc/vz/vestat
}

# used MILLISECONDS: so much at least, in user space and in the kernel
used()
{
	[ $(($(row 2) + $(row 3) + $(row 4))) -ge "$1" ]
}

# inside: its own row, below the two lines that all have
inside()
{
	vzctl exec $id cat /proc/vz/vestat | awk -v id=$id '
		NR == 1 && $0 !~ /^Version: 2.2 *$/ { exit 1 }
		NR == 2 && $1 != "VEID" { exit 1 }
		NR == 3 && $1 != id { exit 1 }
		END { exit NR != 3 }'
}

same_uptime()
{
	local before after list

	before=$(row 5)
	list=$(vzlist -H -o uptime $id | tr -d ' ' |
		awk -F'[dhms:]+' '{ print (($1 * 24 + $2) * 60 + $3) * 60 + $4 }')
	after=$(row 5)
	[ $((before / 1000)) -le "$list" ] && [ "$list" -le $((after / 1000)) ]
}

check "a row for it" row
check "what it does is in the row" eval \
	'vzctl exec $id "i=0; while [ \$i -lt 20000 ]; do i=\$((i + 1)); done" && within 10 used 20'
check "used is user, nice and system" eval \
	'awk -v id=$id "\$1 == id { d = \$9 / 1e6 - \$2 - \$3 - \$4; exit d < -1 || d > 4 }" /proc/vz/vestat'
check "inside it has its own row" inside
check "vzlist -o uptime" same_uptime
check "vzlist -o laverage" mentions '^ *[0-9]+\.[0-9][0-9](/[0-9]+\.[0-9][0-9]){2}$' \
	vzlist -H -o laverage $id
check "vzlist -j" mentions '"laverage": \[[0-9]+\.[0-9]{2}, [0-9]+\.[0-9]{2}, [0-9]+\.[0-9]{2}\],?$' \
	vzlist -j -o laverage,uptime $id
check "vzlist -o cpuunits,cpulimit" says "   1234      50" vzlist -H -o cpuunits,cpulimit $id
check "vzlist sorts by them" says "      $id" vzlist -H -o ctid -s laverage $id
before=$(row 5)
vzctl --quiet restart $id
check "a restart begins anew" [ "$(row 5)" -lt "$before" ]
vzctl --quiet stop $id --fast
check "no row when it is stopped" not row
check "vzlist has nothing then" says "             -               -" \
	vzlist -H -o laverage,uptime $id
check "nor in JSON" mentions '"laverage": null' vzlist -j -o laverage $id
ct_gone $id
finish
