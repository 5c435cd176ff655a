#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# I/O of containers: the share of who has a higher priority, limits in bytes and requests
# per second, on the disk that /vz is on; what is counted; what cannot be done is said.
#
# Functions are called by name, what is quoted is meant as it stands, and what is not is
# numbers or paths without blanks.
# shellcheck disable=SC2016,SC2034,SC2086,SC2317

# shellcheck source=selftests/lib/ct.sh
. "${0%/*}/../lib/ct.sh"

a=9014
b=9015
group=/sys/fs/cgroup/vz/$a
MiB=1048576

ct_setup
ct_gone $a $b
grep -qw io /sys/fs/cgroup/cgroup.controllers || skip_all "no io controller"
ct_new $a
ct_new $b
{ vzctl --quiet start $a && vzctl --quiet start $b; } || skip_all "no container can be started here"
# The disk that a container's files are on
disk=$(mountpoint -d /vz)
[ -e /sys/dev/block/$disk/partition ] && disk=$(cat /sys/dev/block/$disk/../dev)
queue=/sys/dev/block/$disk/queue
[ -w $queue/scheduler ] || skip_all "/vz is on no disk"
usual=$(sed 's/.*\[\(.*\)\].*/\1/' $queue/scheduler)
plan 34

acct()
{
	awk -v n=$2 '$1 == n { print $2 }' /proc/bc/$1/ioacct
}

# A container's writers go on as long as there is a file.
start_writing()
{
	vzctl exec2 $1 "touch /go; while [ -e /go ]; do
		dd if=/dev/zero of=/data.\$\$ bs=${2:-256}k count=64 conv=notrunc ${3-oflag=direct} 2>/dev/null
	done" </dev/null >/dev/null 2>&1 &
}

stop_writing()
{
	local id

	for id; do
		rm -f /vz/private/$id/go
	done
	wait
	for id; do
		rm -f /vz/private/$id/data.*
	done
}

# rates SECONDS NAME ID...: bytes of each in a second, as /proc/bc has it
rates()
{
	local seconds=$1 name=$2 id before=() i=0

	shift 2
	for id; do
		before+=("$(acct $id $name)")
	done
	sleep $seconds
	for id; do
		echo $((($(acct $id $name) - before[i++]) / seconds))
	done | xargs
}

# near PERCENT WANT GOT
near()
{
	{ [ $(($3 * 100)) -ge $(($2 * (100 - $1))) ] && [ $(($3 * 100)) -le $(($2 * (100 + $1))) ]; } ||
		{ echo "$3, not $2 within $1 %"; false; }
}

# between LOW HIGH ONE OTHER: so many percent of the other
between()
{
	local percent=$((${4:-0} ? $3 * 100 / $4 : 0))

	note "$3 and $4 bytes a second: $percent %" >&3
	{ [ $percent -ge $1 ] && [ $percent -le $2 ]; } ||
		{ echo "$3 is $percent % of $4, not $1 to $2"; false; }
}

# refused CODE COMMAND...: nothing is different afterwards
refused()
{
	local before

	before=$(cat /etc/vz/conf/$a.conf $group/io.{max,weight})
	exits "$@" && [ "$before" = "$(cat /etc/vz/conf/$a.conf $group/io.{max,weight})" ]
}

exec 3>&1

# ---- ioprio

check "nobody said anything" says "prio: 4" cat /proc/bc/$a/ioprio
echo none >$queue/scheduler
check "--ioprio on a disk without weights: said" mentions \
	"Warning: ioprio has no effect on the disk $disk: " vzctl set $a --ioprio 7 --save
check "--ioprio: kept all the same" grep -qx 'IOPRIO="7"' /etc/vz/conf/$a.conf
check "--ioprio: the kernel's weight" says "default 128" head -n 1 $group/io.weight
check "--ioprio: in /proc/bc" says "prio: 7" cat /proc/bc/$a/ioprio
for prio in 0 1 2 3 4 5 6; do
	vzctl --quiet set $a --ioprio $prio >/dev/null 2>&1
	[ "$(cat /proc/bc/$a/ioprio)" = "prio: $prio" ] || break
done
check "each of them" eval '[ $prio = 6 ]'

modprobe -q bfq
if echo bfq >$queue/scheduler 2>/dev/null; then
	# Who has just started is otherwise helped, whatever the weights.
	echo 0 >$queue/iosched/low_latency
	check "with bfq there is nothing to be said" not mentions Warning vzctl set $a --ioprio 7
	vzctl --quiet set $b --ioprio 0
	check "bfq: its weight" says "default 64" head -n 1 /sys/fs/cgroup/vz/$b/io.bfq.weight
	start_writing $a
	start_writing $a
	start_writing $b
	start_writing $b
	sleep 3
	read -r one other <<<"$(rates 12 write $a $b)"
	check "7 against 0: about twice as much" between 140 280 $one $other
	vzctl --quiet set $a --ioprio 0
	vzctl --quiet set $b --ioprio 7
	sleep 2
	read -r one other <<<"$(rates 12 write $b $a)"
	check "the other way round, while they write" between 140 280 $one $other
	vzctl --quiet set $a --ioprio 4
	vzctl --quiet set $b --ioprio 4
	sleep 2
	read -r one other <<<"$(rates 12 write $b $a)"
	check "alike" between 70 140 $one $other
	stop_writing $a $b
	echo $usual >$queue/scheduler
else
	for i in 1 2 3 4 5; do
		skip "weights" "this kernel has no bfq"
	done
fi

# ---- iolimit

check "--iolimit" mentions 'Setting iolimit: 10485760 bytes/sec' vzctl set $a --iolimit 10 --save
check "--iolimit: saved in bytes" grep -qx 'IOLIMIT="10485760"' /etc/vz/conf/$a.conf
check "--iolimit: on the disk" says "$disk rbps=10485760 wbps=10485760 riops=max wiops=max" \
	cat $group/io.max
start_writing $a 64
sleep 2
read -r one <<<"$(rates 10 write $a)"
note "10 MiB/s: $one bytes a second"
check "10 MiB/s written is what there is" near 5 $((10 * MiB)) $one
vzctl --quiet set $a --iolimit 4M
sleep 2
read -r one <<<"$(rates 10 write $a)"
note "4 MiB/s: $one bytes a second"
check "4 MiB/s, while it writes" near 5 $((4 * MiB)) $one
stop_writing $a

# What is written behind its back counts as well: 64 MiB of RAM for what waits.
vzctl --quiet set $a --iolimit 10M --ram 64M
start_writing $a 64 ''
sleep 5
read -r one <<<"$(rates 10 write $a)"
note "10 MiB/s through the page cache: $one bytes a second"
check "through the page cache no more than that" eval '[ $one -le $((11 * MiB)) ]'
stop_writing $a

dd if=/dev/zero of=/vz/private/$a/data.in bs=1M count=64 conv=fsync 2>/dev/null
echo 1 >/proc/sys/vm/drop_caches
vzctl exec2 $a 'while dd if=/data.in of=/dev/null bs=64k iflag=direct 2>/dev/null; do :; done' \
	</dev/null >/dev/null 2>&1 &
reader=$!
sleep 2
read -r one <<<"$(rates 10 read $a)"
note "10 MiB/s: $one bytes a second"
check "10 MiB/s read" near 5 $((10 * MiB)) $one
rm -f /vz/private/$a/data.in
wait $reader

check "--iolimit 0" vzctl --quiet set $a --iolimit 0
check "--iolimit 0: none" says "" cat $group/io.max
start_writing $a
sleep 1
read -r one <<<"$(rates 4 write $a)"
check "without limit there is more" eval '[ $one -gt $((12 * MiB)) ]'
stop_writing $a

# ---- iopslimit

check "--iopslimit" mentions 'Setting iopslimit: 100 iops' vzctl set $a --iopslimit 100
start_writing $a 4
sleep 2
read -r one <<<"$(rates 10 write $a)"
note "100 requests of 4 KiB: $((one / 4096)) a second"
check "100 requests a second" near 10 $((100 * 4096)) $one
stop_writing $a
vzctl --quiet set $a --iopslimit unlimited

# ---- what is counted

before="$(acct $a write) $(acct $a dirty)"
vzctl exec2 $a 'dd if=/dev/zero of=/data.x bs=64k count=100 oflag=direct' >/dev/null 2>&1
check "ioacct: written" near 5 6553600 $(($(acct $a write) - ${before% *}))
check "ioacct: dirty is no less than written" eval '[ $(acct $a dirty) -ge $(acct $a write) ]'

# ---- what cannot be

check "not a priority" refused 21 vzctl --quiet set $a --ioprio 8 --save
check "not a limit" refused 21 vzctl --quiet set $a --iolimit fast --save
check "too slow for the kernel" refused 21 vzctl --quiet set $a --iopslimit 1 --save
check "not for the host" exits 21 vzctl --quiet set 0 --ioprio 5
sed -i "\$aVE_PRIVATE=\"/dev/shm\"" /etc/vz/conf/$a.conf
check "on no disk" refused 148 vzctl --quiet set $a --iolimit 5M --save
check "on no disk: said" mentions 'Unable to limit I/O: /dev/shm is on no disk' \
	vzctl set $a --iolimit 5M
sed -i '/dev.shm/d' /etc/vz/conf/$a.conf

# ---- and again

vzctl --quiet stop $a --fast
vzctl --quiet start $a 2>/dev/null
check "a start has it from the file" says "prio: 7 $disk rbps=10485760 wbps=10485760 riops=max wiops=max" \
	eval 'echo $(cat /proc/bc/$a/ioprio $group/io.max)'

ct_gone $a $b
finish
