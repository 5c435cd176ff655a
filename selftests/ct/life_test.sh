#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A container comes up as a machine of its own and goes without a trace.

# Single quotes: it is the shell inside that is to expand it. Functions: check calls them.
# shellcheck disable=SC2016,SC2317
# shellcheck source=selftests/lib/ct.sh
. "${0%/*}/../lib/ct.sh"

id=9001
ct_setup
ct_gone $id
ct_new $id 'HOSTNAME="small.example"' 'NUMPROC="100:100"'
before=$(host_state)
netns_before=$(nr_netns)
plan 35

inside()
{
	vzctl exec2 "$id" "$@"
}

own_namespace()
{
	[ "$(readlink "/proc/$(ct_init "$id")/ns/$1")" != "$(readlink "/proc/self/ns/$1")" ]
}

no_vzctl()
{
	! readlink /proc/[0-9]*/exe | grep vzctl
}

# ---- up
nice=$(command -v nice)
check "start succeeds" sh -c "
	echo -500 >/proc/self/oom_score_adj; exec ${nice:+nice -n 5} vzctl start $id"
check "it runs" says "CTID $id exist mounted running" vzctl status $id
check "no process of ours is left" no_vzctl
check "a second start is refused" exits 32 vzctl start $id
for ns in user mnt pid uts ipc net cgroup; do
	check "it has its own $ns namespace" own_namespace $ns
done

# ---- inside
own_processes()
{
	inside ps -o comm | sort -u | grep -vE '^(COMMAND|sh|ps)$'
}
check "ps shows its own processes only" says init own_processes
check "its hostname is the configured one" says small.example inside hostname
check "its root is root" says 0:0 inside 'echo $(id -u):$(id -g)'
check "its root is nobody on the host" says 65536 \
	awk '{ print $3; exit }' "/proc/$(ct_init "$id")/uid_map"
check "its files belong to root inside" says 0 inside stat -c %u /etc/inittab
new_file()
{
	inside touch /new && stat -c %u "$ct_private/$id/new"
}
init_descriptors()
{
	local fd

	for fd in "/proc/$(ct_init "$id")/fd"/*; do
		echo "${fd##*/} $(readlink "$fd")"
	done | tr '\n' ' '
}
init_environment()
{
	tr '\0' '\n' <"/proc/$(ct_init "$id")/environ" | cut -d= -f1 | tr '\n' ' '
}
check "a new file belongs to root on disk" says 0 new_file
check "init holds nothing but /dev/null" says "0 /dev/null 1 /dev/null 2 /dev/null " \
	init_descriptors
check "the environment of init is clean" says "HOME TERM PATH container " init_environment
importance()
{
	local pid

	pid=$(ct_init "$id")
	cat "/proc/$pid/oom_score_adj"
	cut -d' ' -f19 "/proc/$pid/stat"
}
check "it is as important as any process, whoever started it" says $'0\n0' importance
check "loopback is up" mentions '1 packets received' inside ping -c 1 127.0.0.1
check "the host's root is out of reach" says '' inside 'find / -xdev -name vz'
check "sysfs is read-only" mentions 'Read-only' inside 'echo 1 >/sys/kernel/uevent_seqnum'
check "cgroups are its own" says '0::/vzctl' inside cat /proc/self/cgroup
check "terminals are its own" says ptmx inside ls /dev/pts
check "user_beancounters shows its own rows only" says "$id:" \
	inside "awk '/[0-9]:/ { print \$1 }' /proc/user_beancounters"
check "all 24 of them" says 26 inside 'wc -l </proc/user_beancounters'
check "with its own limits" says '100 100' \
	inside "awk '\$1 == \"numproc\" { print \$4, \$5 }' /proc/user_beancounters"

# ---- down
check "stop succeeds" vzctl stop $id
check "it is down" says "CTID $id exist unmounted down" vzctl status $id
check "stopping it again is no failure" vzctl stop $id
check "its beancounter is gone" within 10 not grep -q " $id:" /proc/user_beancounters

vzctl --quiet start $id
vzctl exec2 $id 'for i in 1 2 3 4 5; do setsid sleep 1000 & done'
check "stop --fast takes everybody along" vzctl stop $id --fast
check "no mount, cgroup, process or lock is left" within 10 ct_same_state "$before"
check "no network namespace is left" within 10 ct_no_more_netns "$netns_before"

ct_gone $id
finish
