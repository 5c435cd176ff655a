#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The CPU share of a container by the tools: at a start, while it runs, in its file; the
# host's; and that the container cannot help itself to more.

# Functions are called by name, and what is quoted is for the shell inside.
# shellcheck disable=SC2016,SC2317

# shellcheck source=selftests/lib/ct.sh
. "${0%/*}/../lib/ct.sh"

id=9021
other=9022
cg=/sys/fs/cgroup/vz/$id
ct_setup
ct_gone $id $other
ct_new $id 'CPUUNITS="2500"' 'CPULIMIT="75.5"' 'CPUMASK="0"'
ct_new $other
rm -f /etc/vz/conf/0.conf
vzctl --quiet start $id || skip_all "no container can be started here"
plan 48
cpus=$(nproc)

# file NAME: a file of the container's cgroup
file()
{
	cat "$cg/$1"
}

saved()
{
	sed -n "s/^$1=\"\(.*\)\"/\1/p" "/etc/vz/conf/${2:-$id}.conf"
}

set_it()
{
	vzctl --quiet set "$id" "$@"
}

# refused CODE OPTION...: with one line, and nothing is another than before
refused()
{
	local code=$1 before

	shift
	before=$(cat "$cg"/cpu.weight "$cg"/cpu.max "$cg"/cpuset.* "/etc/vz/conf/$id.conf")
	exits "$code" vzctl set "$id" "$@" --save || return
	[ "$before" = "$(cat "$cg"/cpu.weight "$cg"/cpu.max "$cg"/cpuset.* \
		"/etc/vz/conf/$id.conf")" ]
}

check "a start puts the units into force" says 250 file cpu.weight
check "and the limit, with its fraction" says '75500 100000' file cpu.max
check "and the mask" says 0 file cpuset.cpus

check "cpuunits: at once" set_it --cpuunits 4000
check "they are the weight" says 400 file cpu.weight
check "they are not saved" says 2500 saved CPUUNITS
check "cpuunits: saved" set_it --cpuunits 5000 --save
check "they are the weight" says 500 file cpu.weight
check "they are in the file" says 5000 saved CPUUNITS
check "it says what it does" mentions 'Setting CPU units: 6000' vzctl set $id --cpuunits 6000

check "cpulimit: at once and saved" set_it --cpulimit 50 --save
check "it is the limit" says '50000 100000' file cpu.max
check "cpulimit: percent of all" set_it --cpulimit 25%
check "it is the limit" says "$((25000 * cpus)) 100000" file cpu.max
check "cpus: the lower of both" set_it --cpulimit 0 --cpus 1 --save
if [ "$cpus" -gt 1 ]; then
	check "it is the limit" says '100000 100000' file cpu.max
else
	check "all that there are is no limit" says 'max 100000' file cpu.max
fi
check "no limit" set_it --cpus 0 --cpulimit 0
check "there is none" says 'max 100000' file cpu.max

check "cpumask: all" set_it --cpumask all --save
check "there is none" says "$(cat /sys/fs/cgroup/cpuset.cpus.effective)" file \
	cpuset.cpus.effective
check "cpumask: those of a node" set_it --cpumask auto --nodemask 0
check "they are the node's" says "$(cat /sys/devices/system/node/node0/cpulist)" file cpuset.cpus
check "and so is the memory" says 0 file cpuset.mems

for option in '--cpuunits 7' '--cpuunits 500001' '--cpulimit 101%' '--cpulimit -1' \
	'--cpulimit 0.01' '--cpumask 1-' '--cpumask x' '--nodemask auto'; do
	# shellcheck disable=SC2086 # two words
	check "$option is refused, and nothing changes" refused 21 $option
done
check "CPUs that are not there are refused, too" refused 2 --cpumask 4000

# What a container of the host's ids may do with the files is not more than to look.
before=$(file cpu.weight; file cpu.max; file cpuset.cpus)
check "the container cannot help itself" vzctl exec2 $id 'cd /sys/fs/cgroup
	for f in cpu.weight cpu.weight.nice cpu.idle cpu.max cpu.max.burst cpuset.cpus \
		cpuset.cpus.partition cpuset.mems cgroup.max.depth memory.max; do
		[ -e $f ] || continue
		chmod 666 $f; chown 0:0 $f
		for value in 10000 max 0-63 1 "" root; do
			echo "$value" >$f && { echo "$f takes $value"; exit 1; }
		done
	done 2>/dev/null
	true'
check "nothing of it has changed" says "$before" eval \
	'file cpu.weight; file cpu.max; file cpuset.cpus'
check "the files are the host's" says 0:0 stat -c %u:%g "$cg/cpu.weight"

# What is not saved is gone with the next start.
check "it is restarted" vzctl --quiet restart $id --fast
check "with what was saved" says '500 0' eval 'echo $(file cpu.weight) $(saved CPULIMIT)'

# ---- the host, and what is beside
check "another one starts with what everybody has" vzctl --quiet start $other
check "it has that" says 100 cat /sys/fs/cgroup/vz/$other/cpu.weight
check "the containers' directory has the sum" says 600 cat /sys/fs/cgroup/vz/cpu.weight
check "the host has units of its own" vzctl --quiet set 0 --cpuunits 2000 --save
check "the containers have so much less" says 300 cat /sys/fs/cgroup/vz/cpu.weight
check "they are in its file" says 2000 saved CPUUNITS 0
check "it is not limited, and that is said" \
	mentions '^Warning: no effect on the host: (oomguarpages|ioprio), (oomguarpages|ioprio)$' \
	vzctl set 0 --cpuunits 2000 --oomguarpages unlimited --ioprio 5 --save
check "limits are kept all the same" says 'unlimited 5' \
	eval 'echo $(saved OOMGUARPAGES 0) $(saved IOPRIO 0)'
check "what it cannot have at all is refused" exits 21 vzctl --quiet set 0 --hostname host
vzctl --quiet stop $other --fast
check "who goes takes its weight along" says 250 cat /sys/fs/cgroup/vz/cpu.weight
vzctl --quiet set 0 --cpuunits 1000 >/dev/null
vzctl --quiet stop $id --fast
rm -f /etc/vz/conf/0.conf
check "of one that is down nothing can be set but its file" exits 31 \
	vzctl --quiet set $id --cpuunits 1000

ct_gone $id $other
finish
