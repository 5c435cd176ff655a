#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vSwap: RAM and swap are limited, and the rest follows from these, at the start and
# whenever they change; what the kernel is told of guarantees.
#
# Functions are called by name, what is quoted is meant as it stands, and what is not is
# numbers or paths without blanks.
# shellcheck disable=SC2016,SC2034,SC2086,SC2317

# shellcheck source=selftests/lib/ct.sh
. "${0%/*}/../lib/ct.sh"

id=9013
conf=/etc/vz/conf/$id.conf
group=/sys/fs/cgroup/vz/$id
max=9223372036854775807
# The most that anybody is guaranteed, in pages
most=$(awk '/^MemTotal/ { print int(int($2 / 4) / 4) * 3 }' /proc/meminfo)

ct_setup
ct_gone $id
# 64 MiB of RAM, 32 MiB of swap
ct_new $id 'PHYSPAGES="0:16384"' 'SWAPPAGES="0:8192"' 'SHMPAGES="5000:5001"'
vzctl --quiet start $id || skip_all "no container can be started here"
plan 32

# in_force RESOURCE...: barrier and limit as the kernel has them
in_force()
{
	local res

	for res; do
		awk -v r="$res" '$1 == r { print $4 ":" $5 }' /proc/bc/$id/resources
	done | xargs
}

# pages FILE: what a file of the cgroup says
pages()
{
	local n

	n=$(cat "$1")
	[ "$n" = max ] && echo max || echo $((n / 4096))
}

# All that can be set, and where it goes
settings()
{
	awk '{ print $1, $4, $5 }' /proc/bc/$id/resources
	cat $conf $group/memory.{low,max,swap.max}
}

# unchanged COMMAND...: it is refused, and nothing is different
unchanged()
{
	local before

	before=$(settings)
	exits 21 "$@" && [ "$before" = "$(settings)" ]
}

check "/proc/vz/vswap is there for tools" says "Version: 1.0" cat /proc/vz/vswap
check "and not in a container" vzctl exec2 $id '[ ! -e /proc/vz/vswap ]'
check "vzlist knows" says yes eval "vzlist -H -o vswap $id | xargs"

# ---- what follows

check "RAM and swap are the kernel's to limit" says "16384 8192" \
	eval 'echo $(pages $group/memory.max) $(pages $group/memory.swap.max)'
check "locked memory: RAM" says 16384:16384 in_force lockedpages
check "the guarantee when all is lost: RAM" says 16384:$max in_force oomguarpages
check "the guarantee of memory: RAM and swap" says 24576:$max in_force vmguarpages
check "address space: any amount" says $max:$max in_force privvmpages
check "what was set is not touched" says 5000:5001 in_force shmpages
check "the kernel spares so much" says 24576 pages $group/memory.low
check "their parent has as much to give" says 24576 pages $group/../memory.low

check "other RAM" vzctl --quiet set $id --ram 128M --save
check "is in force" says 32768 pages $group/memory.max
check "and so is what follows" says "32768:32768 32768:$max 40960:$max 5000:5001" \
	in_force lockedpages oomguarpages vmguarpages shmpages
check "what follows is not saved" not grep -qE 'LOCKEDPAGES|OOMGUARPAGES|VMGUARPAGES' $conf

check "--vm_overcommit" vzctl --quiet set $id --vm_overcommit 1.5 --save
check "--vm_overcommit: address space" says 61440:61440 in_force privvmpages
check "--vm_overcommit: saved" grep -qx 'VM_OVERCOMMIT="1.5"' $conf
check "--vm_overcommit: with other swap" eval \
	'vzctl --quiet set $id --swap 64M --save && says 73728:73728 in_force privvmpages'

check "--memguarantee" vzctl --quiet set $id --memguarantee 25% --save
check "--memguarantee: of RAM" says 8192:$max in_force vmguarpages
check "--memguarantee: the kernel is told" says "8192 8192" \
	eval 'echo $(pages $group/memory.low) $(pages $group/../memory.low)'
check "a guarantee without end ends" eval \
	'vzctl --quiet set $id --vmguarpages unlimited &&
	says "$most $most" eval "echo \$(pages $group/memory.low) \$(pages $group/../memory.low)"'

# ---- wrong use

for bad in '--vm_overcommit x' '--vm_overcommit -1' '--memguarantee 101' '--memguarantee much' \
	'--ram 1x' '--swap -1'; do
	# shellcheck disable=SC2086 # two words
	check "refused: $bad" unchanged vzctl --quiet set $id $bad --save
done
vzctl --quiet set $id --privvmpages unlimited --save
check "--vm_overcommit beside PRIVVMPAGES" mentions \
	'vm_overcommit has no effect: privvmpages is set' vzctl set $id --vm_overcommit 2

# ---- and again

vzctl --quiet stop $id --fast
check "who is gone is promised nothing" says 0 cat /sys/fs/cgroup/vz/memory.low
vzctl --quiet start $id
check "a start has it from the file" says "32768:32768 8192:$max $max:$max 5000:5001" \
	in_force lockedpages vmguarpages privvmpages shmpages

ct_gone $id
finish
