#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vzub: a beancounter on a cgroup that is no container's. What is done there is limited and
# counted; wrong use, and what belongs to containers, is refused and changes nothing.
#
# Functions are called by name, and what is not quoted is numbers or paths without blanks.
# shellcheck disable=SC2086,SC2317

# shellcheck source=selftests/lib/ct.sh
. "${0%/*}/../lib/ct.sh"

ub=9191
ct=9192
root=/sys/fs/cgroup
group=/vzub_test
other=/vzub_test_2
plan 44

ct_setup
ct_gone $ct $ub
mkdir -p $root$group $root$other

# number ID RESOURCE COLUMN: held 2, maxheld 3, barrier 4, limit 5, failcnt 6
number()
{
	awk -v res=$2 -v n=$3 '$1 == res { print $n }' /proc/bc/$1/resources
}

# sleepers GROUP N: so many programs more in the cgroup, or as many as may be. The shell that
# starts them came from outside, and is not charged.
sleepers()
{
	(
		echo $BASHPID >$root$1/cgroup.procs
		exec busybox sh -c "for i in \$(busybox seq $2); do busybox sleep 1000 & done"
	) >/dev/null 2>&1 </dev/null
}

# Which beancounters there are, where, and how they are limited
state()
{
	vzub list
	awk '{ print FILENAME, $1, $4, $5 }' /proc/bc/[1-9]*/resources 2>/dev/null
}

# unchanged COMMAND...: all of it failed or not, nothing is different afterwards
unchanged()
{
	local before

	before=$(state)
	"$@" || return
	[ "$before" = "$(state)" ] || { diff <(echo "$before") <(state); false; }
}

# ---- how it is used

check "--version is one line" mentions '^vzub of stockvz [0-9.]+$' vzub --version
check "--help names the commands" mentions 'vzub attach ID CGROUP' vzub --help
check "no command" exits 20 vzub
check "unknown command" wrong 20 '^Bad command: frob$' vzub frob
check "unknown option" wrong 20 '^Bad option: --frob$' vzub --frob list
check "no cgroup" wrong 20 'needs a number and a cgroup' vzub create $ub
check "no parameter" wrong 20 'set needs a parameter' vzub set $ub
check "a number that is none" wrong 21 '^Bad number of a beancounter: 9x$' vzub destroy 9x
check "the host's number" wrong 21 '^Bad number of a beancounter: 0$' vzub create 0 $group
check "a path from nowhere" wrong 21 '^Bad path of a cgroup: vzub_test$' vzub create $ub vzub_test
check "what is no beancounter" wrong 20 "unrecognized option '--hostname'" \
	vzub create $ub $group --hostname x
check "a wrong value" unchanged wrong 21 '^Bad parameter for --numproc: 3x$' \
	vzub create $ub $group --numfile 100 --numproc 3x
check "a cgroup that is not there" unchanged wrong 1 'no such cgroup' \
	vzub create $ub $group/none --numproc 3
check "the root" unchanged wrong 1 'the root cgroup' vzub create $ub / --numproc 3
check "nobody to be set" unchanged wrong 1 'no such beancounter' vzub set $ub --numproc 3
check "nobody to be attached" unchanged wrong 1 'no such beancounter' vzub attach $ub $group
check "nobody to be destroyed" unchanged wrong 1 'no such beancounter' vzub destroy $ub

# ---- create

check "create" vzub --quiet create $ub $root$group/ --numproc 3 --kmemsize 16M:17M --ram 256M
check "list" mentions "^ *$ub $group\$" vzub list
check "a number of things" says "3:3" echo "$(number $ub numproc 4):$(number $ub numproc 5)"
check "bytes" says "16777216:17825792" \
	echo "$(number $ub kmemsize 4):$(number $ub kmemsize 5)"
check "memory" says "0:65536" echo "$(number $ub physpages 4):$(number $ub physpages 5)"
check "the number is in use" unchanged wrong 1 'the beancounter exists' \
	vzub create $ub $other --numproc 5
check "the cgroup is in use" unchanged wrong 1 'under a beancounter already' \
	vzub create 9193 /$group --numproc 5

sleepers $group 3
check "three programs" says "3 0" echo "$(number $ub numproc 2) $(number $ub numproc 6)"
sleepers $group 1
check "no fourth" says "3 1" echo "$(number $ub numproc 2) $(number $ub numproc 6)"
sleepers $other 1
check "but elsewhere" says "3 1" echo "$(number $ub numproc 2) $(number $ub numproc 6)"

# ---- set and attach

check "set: wrong" unchanged wrong 21 'Bad parameter for --numproc' \
	vzub set $ub --numfile 50 --numproc -1
check "set" vzub set $ub --numproc 4:5
check "set: what was not named stays" says 17825792 number $ub kmemsize 5
sleepers $group 3
check "set: one more, at once" says "4 2" echo "$(number $ub numproc 2) $(number $ub numproc 6)"
check "attach" vzub attach $ub $other
check "attach: elsewhere" mentions "^ *$ub $other\$" vzub list
vzub set $ub --numproc 6
sleepers $group 1
sleepers $other 1
check "attach: who is there now pays" says 5 number $ub numproc 2

# ---- containers

ct_new $ct
check "a container's number, which is down" unchanged wrong 21 "^Error: $ct is a container" \
	vzub create $ct $group
check "a container's cgroup" unchanged wrong 21 'is for containers' \
	vzub create 9193 $root//vz/$ct/x
if vzctl --quiet start $ct; then
	for command in "set $ct --numproc 1" "attach $ct $group" "destroy $ct"; do
		check "a container that runs: ${command%% *}" unchanged \
			wrong 21 "^Error: $ct is a container" vzub $command
	done
else
	for command in set attach destroy; do
		skip "a container that runs: $command" "no container can be started here"
	done
fi
ct_gone $ct
ct_new $ub
check "a container with our number does not start" unchanged not vzctl --quiet start $ub

# ---- destroy

check "destroy: elsewhere" unchanged wrong 21 "is not on $group\$" vzub destroy $ub $group
check "destroy: it is ours in spite of that container" vzub destroy $ub $root$other
ct_gone $ub
check "destroy: what it holds it holds" says 5 number $ub numproc 2
sleepers $other 1
echo 1 >$root$group/cgroup.kill
echo 1 >$root$other/cgroup.kill
check "destroy: it goes with the last program" within 20 not test -e /proc/bc/$ub
within 20 rmdir $root$group $root$other
finish
