#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Beancounters by the tools: every parameter in every form, put into force and saved; what
# vzlist shows; why something was refused and what helps; and the audit.
#
# Functions are called by name, what is quoted is meant as it stands, and what is not is
# numbers or words.
# shellcheck disable=SC2016,SC2317,SC2086,SC2046

# shellcheck source=selftests/lib/ct.sh
. "${0%/*}/../lib/ct.sh"

id=9011
items='numproc numtcpsock numothersock numfile numflock numpty numsiginfo numiptent'
bytes='kmemsize tcpsndbuf tcprcvbuf othersockbuf dgramrcvbuf dcachesize'
pages='vmguarpages oomguarpages lockedpages privvmpages shmpages physpages swappages'
max=9223372036854775807

ct_setup
ct_gone $id
ct_new $id
vzctl --quiet start $id || skip_all "no container can be started here"
plan 45

# in_force RESOURCE: barrier and limit as the kernel has them
in_force()
{
	awk -v r="$1" '$1 == r { print $4 ":" $5 }' /proc/bc/$id/resources
}

saved()
{
	sed -n "s/^${1^^}=\"\(.*\)\"/\1/p" /etc/vz/conf/$id.conf
}

# sets VALUE IN_FORCE SAVED RESOURCE...: all of them, at once and in the file
sets()
{
	local value=$1 force=$2 file=$3 res want bad=0 options=()

	shift 3
	for res; do
		options+=("--$res" "$value")
	done
	vzctl --quiet set $id "${options[@]}" --save || bad=1
	for res; do
		want=$file
		# Two plain numbers, for programs that read nothing else
		case $res in privvmpages | vmguarpages) want=$force ;; esac
		[ "$(in_force "$res")" = "$force" ] && [ "$(saved "$res")" = "$want" ] && continue
		echo "$res: in force $(in_force "$res"), saved $(saved "$res")"
		bad=1
	done
	return $bad
}

# refuses VALUE RESOURCE...: and leaves everything as it is
refuses()
{
	local value=$1 res bad=0 before

	shift
	before=$(cat /proc/bc/$id/resources /etc/vz/conf/$id.conf)
	for res; do
		vzctl set $id --"$res" "$value" --save 2>&1 |
			grep -q "^Bad parameter for --$res: " || { echo "$res: $value"; bad=1; }
	done
	[ "$before" = "$(cat /proc/bc/$id/resources /etc/vz/conf/$id.conf)" ] && return $bad
}

# ---- set
# What is being counted moves, but stays below all of these.

all="$items $bytes $pages"
check "barrier and limit" sets 2000000:3000000 2000000:3000000 2000000:3000000 $all
check "one value for both" sets 4000000 4000000:4000000 4000000 $all
check "unlimited" sets unlimited $max:$max unlimited $all
check "a barrier only" sets 5000000:unlimited 5000000:$max 5000000:unlimited $all
check "a limit below the barrier" sets 6000000:5000000 6000000:5000000 6000000:5000000 $all
check "the largest number is unlimited" sets $max $max:$max unlimited $all
check "bytes: B" sets 9000000b 9000000:9000000 9000000 $bytes
check "bytes: K" sets 9000k:9001K 9216000:9217024 9216000:9217024 $bytes
check "bytes: M" sets 100M:100m 104857600:104857600 104857600 $bytes
check "bytes: G" sets 1.5G 1610612736:1610612736 1610612736 $bytes
check "bytes: T" sets 1T 1099511627776:1099511627776 1099511627776 $bytes
check "bytes: P" sets 10000P 40960000:40960000 40960000 $bytes
check "pages: M" sets 256M:1G 65536:262144 65536:262144 $pages
check "pages: P" sets 70000P 70000:70000 70000 $pages
check "pages: K" sets 400001K 100000:100000 100000 $pages
check "pages: T" sets 1T 268435456:268435456 268435456 $pages
# conf_test has all of them.
check "things have no suffix" refuses 10K numproc numiptent
check "things have no halves" refuses 1.5 numproc numiptent
for value in '' : 1: :1 -5 ' 1' 1x unlimitedx 1:2:3 9223372036854775808; do
	check "not a value: '$value'" refuses "$value" numproc kmemsize shmpages
done
check "ram and swap" vzctl --quiet set $id --ram 512M --swap 1G --save
check "ram and swap in force" says "0:131072 0:262144" \
	eval 'echo $(in_force physpages) $(in_force swappages)'
vzctl --quiet set $id --numproc 77
check "reset_ub goes with nothing else" exits 20 vzctl --quiet set $id --reset_ub --numproc 5
check "reset_ub puts the file into force" eval \
	'vzctl --quiet set $id --reset_ub && [ "$(in_force numproc)" = $max:$max ]'
check "that of the host too" vzctl --quiet set 0 --reset_ub

# ---- vzlist

columns()
{
	local res bad=0 want got

	vzctl --quiet set $id --numfile 1234:2345
	for res in $all; do
		want=$(awk -v r="$res" '$1 == r { print $4, $5, $6 }' /proc/bc/$id/resources)
		got=$(vzlist -H -o "$res.b,$res.l,$res.f" $id | xargs)
		[ "$want" = "$got" ] || { echo "$res: $got, not $want"; bad=1; }
		vzlist -H -o "$res,$res.m" $id | grep -qE '^ *[0-9]+ +[0-9]+$' || bad=1
	done
	return $bad
}
check "vzlist: every resource, every column" columns

# ---- why

vzctl --quiet set $id --numfile unlimited --numproc unlimited
held=$(awk '$1 == "numproc" { print $2 }' /proc/bc/$id/resources)
check "why: nothing yet" says "Nothing that was refused to container $id is remembered." \
	vzctl why $id
vzctl --quiet set $id --numproc $((held + 4)) --save
check "a crowd does not fit" not vzctl exec2 $id 'for i in 1 2 3 4 5 6 7 8; do sleep 3 & done; wait'
check "why: who asked for what in which call" mentions \
	" numproc: barrier $((held + 4)), held $((held + 4)), asked for 1 by .* \(pid [0-9]+\) in (v?fork|clone3?)" \
	vzctl why $id
cure=$(vzctl why $id | grep '^vzctl set')
check "why: what helps" grep -qx "vzctl set $id --numproc [0-9]*:[0-9]* --save" <<<"$cure"
check "why: as JSON" mentions '^      "resource": "numproc",$' vzctl why $id -j
vzctl --quiet stop $id --fast
check "why: also when it is stopped" eval '[ "$(vzctl why $id | grep "^vzctl set")" = "$cure" ]'
check "the cure can be taken" eval "${cure:-false} >/dev/null"
check "why: it helps" mentions '^The limits of now would let it through' vzctl why $id

# ---- audit

vzctl --quiet start $id
vzctl exec2 $id 'sleep 1000 >/dev/null 2>&1 &
	(exec 3>/tmp/x; flock 3; exec sleep 1000 >/dev/null 2>&1) &
	sleep 1' >/dev/null 2>&1 </dev/null
check "audit: what is there is what is charged" within 20 vzctl audit $id
sleep 1000 &
stranger=$!
mkdir -p /sys/fs/cgroup/vz/$id/guest
echo $stranger >/sys/fs/cgroup/vz/$id/guest/cgroup.procs ||
	echo $stranger >/sys/fs/cgroup/vz/$id/cgroup.procs
check "audit: a task that was moved in" eval \
	'vzctl audit $id; [ $? = 4 ] && vzctl audit $id 2>&1 | grep -E "^numproc .* -1: "'
kill $stranger
vzctl --quiet stop $id --fast
check "audit: a container that is down" exits 31 vzctl --quiet audit $id

ct_gone $id
finish
