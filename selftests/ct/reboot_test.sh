#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What becomes of containers whose init ends by itself, with vzeventd and without.

# Functions: check calls them.
# shellcheck disable=SC2317
# shellcheck source=selftests/lib/ct.sh
. "${0%/*}/../lib/ct.sh"

id=9005
ct_setup
systemctl -q stop vzeventd 2>/dev/null
ct_gone $id
ct_new $id 'NUMPROC="50:50"'
plan 16

new_init()
{
	local now

	now=$(ct_init "$id")
	[ -n "$now" ] && [ "$now" != "$init" ] && runs
}

runs()
{
	says "CTID $id exist mounted running" vzctl status "$id"
}

is_down()
{
	mentions ' down$' vzctl status "$id"
}

is_clean()
{
	says "CTID $id exist unmounted down" vzctl status "$id" &&
		[ ! -e "/sys/fs/cgroup/vz/$id" ] && ! grep -q " $id:" /proc/user_beancounters
}

stays_clean()
{
	sleep 2
	is_clean
}

barrier()
{
	awk -v id="$id:" '$1 == id { mine = 1 } mine && $1 == "numproc" { print $4; exit }' \
		/proc/user_beancounters
}

vzctl --quiet start $id && vzctl --quiet stop $id --fast
before=$(host_state)

vzeventd >/tmp/vzeventd.log 2>&1 &
daemon=$!
sleep 0.5
check "vzeventd runs" kill -0 $daemon

vzctl --quiet start $id
init=$(ct_init $id)
vzctl exec $id reboot
check "it comes back from a reboot" within 30 new_init
check "with its limits" says 50 barrier
init=$(ct_init $id)
vzctl exec $id reboot -f
check "and from one without ceremony" within 30 new_init

vzctl exec $id halt
check "halted from inside it is cleared away" within 30 is_clean
vzctl --quiet start $id
kill -9 "$(ct_init $id)"
check "so is one whose init was killed" within 30 is_clean

vzctl --quiet start $id
check "stop is not taken for something else" vzctl stop $id
check "and it stays down" stays_clean
vzctl --quiet start $id
vzctl --quiet restart $id
sleep 2
check "restart is left alone too" runs

kill $daemon
wait $daemon 2>/dev/null
check "containers outlive vzeventd" runs

# ---- nobody is there to see to it
init=$(ct_init $id)
vzctl exec $id reboot
check "without vzeventd a reboot is an end" within 30 is_down
check "start makes a new one of it" vzctl start $id
check "which runs" new_init
vzctl exec $id halt
within 30 is_down
check "umount clears a dead one away" vzctl umount $id
vzctl --quiet start $id
vzctl exec $id halt
within 30 is_down
vzeventd >>/tmp/vzeventd.log 2>&1 &
daemon=$!
check "vzeventd finds a dead one when it comes" within 30 is_clean
kill $daemon
wait $daemon 2>/dev/null
check "nothing is left" within 10 ct_same_state "$before"
[ $failures = 0 ] || note "$(cat /tmp/vzeventd.log)"
rm -f /tmp/vzeventd.log

ct_gone $id
finish
