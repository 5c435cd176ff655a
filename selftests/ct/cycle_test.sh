#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Starting and stopping leaves nothing behind, however often it is done.
#	CT_CYCLES=n	how often (200)

# Functions: check calls them.
# shellcheck disable=SC2317
# shellcheck source=selftests/lib/ct.sh
. "${0%/*}/../lib/ct.sh"

cycles=${CT_CYCLES:-200}
id=9004
many=(9010 9011 9012 9013 9014 9015 9016 9017)
ct_setup
ct_gone $id "${many[@]}"
ct_new $id
for one in "${many[@]}"; do
	ct_new "$one"
done
plan 7

cycle()
{
	local i

	for ((i = 1; i <= cycles; i++)); do
		if ! vzctl --quiet start "$id" || ! vzctl --quiet stop "$id" --fast; then
			echo "in cycle $i"
			return 1
		fi
	done
}

# all VERB [OPTION]: of many at once
all()
{
	local one pid pids=() bad=0

	for one in "${many[@]}"; do
		vzctl --quiet "$1" "$one" "${@:2}" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || bad=1
	done
	return "$bad"
}

nr_running()
{
	find /sys/fs/cgroup/vz -mindepth 1 -maxdepth 1 -type d | wc -l
}

# The first time makes what is made once: the cgroup vz, caches of the kernel.
vzctl --quiet start $id && vzctl --quiet stop $id --fast
before=$(host_state)
netns=$(nr_netns)

check "$cycles times start and stop" cycle
check "no mount, cgroup, process, loop device or lock is left" within 10 ct_same_state "$before"
check "no network namespace is left" within 20 ct_no_more_netns "$netns"
check "${#many[@]} start at the same time" all start
check "and all run" says ${#many[@]} nr_running
check "and stop at the same time" all stop --fast
check "leaving nothing" within 20 ct_same_state "$before"

ct_gone $id "${many[@]}"
finish
