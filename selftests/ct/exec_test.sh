#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Running things in a container: what goes in, what comes out, and nothing else.

# Single quotes: it is the shell inside that is to expand it. Functions: check calls them.
# shellcheck disable=SC2016,SC2317
# shellcheck source=selftests/lib/ct.sh
. "${0%/*}/../lib/ct.sh"

id=9002
ct_setup
ct_gone $id
ct_new $id
plan 35

check "exec in a container that is down: 8" exits 8 vzctl exec $id true
check "exec2: 31" exits 31 vzctl exec2 $id true
check "enter: 31" exits 31 vzctl enter $id
vzctl --quiet start $id || exit 1

# ---- exit codes
check "exec true: 0" vzctl exec $id true
check "exec false: 8" exits 8 vzctl exec $id false
check "exec2 false: 1" exits 1 vzctl exec2 $id false
check "exec2: the status of the command" exits 77 vzctl exec2 $id 'exit 77'
check "exec3: the status of the program" exits 5 vzctl exec3 $id sh -c 'exit 5'
check "exec2 of what a signal killed: 3" exits 3 vzctl exec2 $id 'kill -9 $$'
check "and it is said which" mentions 'Got signal 9' vzctl exec2 $id 'kill -9 $$'
check "exec2 of what is not there: the shell's 127" exits 127 vzctl exec2 $id /no/such
check "exec without a command: 20" exits 20 vzctl exec $id

# ---- words
check "words are joined and read by a shell again" says 'a b' vzctl exec $id echo '$(echo' a 'b)'
check "an empty word stays one" says 3 vzctl exec $id set -- x '' 'y;' echo '$#'
check "exec3 passes words as they are" says '$(echo a)' vzctl exec3 $id echo '$(echo a)'
check "exec - reads commands" says 42 vzctl exec $id - <<<'echo $((6 * 7))'

# ---- environment
environment()
{
	SECRET=1 vzctl exec3 "$id" cat /proc/self/environ | tr '\0' ' '
}
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
check "the environment is the documented one" says "HOME=/ TERM=linux PATH=$path " environment
check "the directory is /" says / vzctl exec $id pwd

# ---- streams
through()
{
	head -c 1000000 /dev/urandom >"$big"
	vzctl exec2 "$id" cat <"$big" >"$big.out"
	cmp "$big" "$big.out"
}
out_only()
{
	vzctl exec "$id" 'echo err >&2; echo out' 2>/dev/null
}
no_reader()
{
	yes | timeout 100 vzctl exec "$id" true
}
first_line()
{
	vzctl exec "$id" yes | head -n 1
}
# Whatever we have open, the program has its three.
descriptors()
{
	vzctl exec3 "$id" sh -c 'cd /proc/$$/fd
		for fd in [0-9]*; do [ ! -L $fd ] || echo $fd; done' 5</etc/passwd 7</ | tr '\n' ' '
}
big=$(mktemp)
check "a megabyte goes in and comes out unharmed" through
rm -f "$big" "$big.out"
check "stderr stays apart" says out out_only
check "a command that does not read does not hang" no_reader
check "nor one that leaves somebody behind" timeout 100 vzctl exec $id 'sleep 1000 & echo'
check "nor one that leaves somebody who talks" \
	sh -c "timeout 100 vzctl exec $id 'yes & echo' >/dev/null"
check "a reader that goes away ends what talks to it" says y first_line
check "the streams are pipes" says 'pipe pipe pipe' vzctl exec $id \
	'echo $(for i in 0 1 2; do readlink /proc/self/fd/$i | cut -d: -f1; done)'
check "no other descriptor comes along" says '0 1 2 ' descriptors
check "what writes to /dev/stdout can" says yes vzctl exec $id 'echo yes >/dev/stdout'

# ---- who and where
check "it is in the container's cgroup" says 0::/vzctl vzctl exec $id cat /proc/self/cgroup
bounds()
{
	vzctl exec "$id" 'cat /proc/1/status /proc/self/status' | grep ^CapBnd | sort -u | wc -l
}
check "it may do what init may and no more" says 1 bounds

none_asleep()
{
	! vzctl exec "$id" ps | grep -q '[s]leep 7777'
}
timeout 1 vzctl exec $id sleep 7777
check "a command ends when its caller does" within 5 none_asleep

# ---- enter
type_in()
{
	echo "$1" | vzctl enter "$id" "${@:2}"
}
check "enter: 0 whatever the shell returned" type_in 'exit 3'
check "on a terminal of the container's" mentions '^/dev/pts/0' type_in 'tty; exit'
check "with root's environment" mentions '^/root root' type_in 'echo $HOME $USER; exit'
check "enter --exec: not half of a command" exits 21 vzctl enter $id --exec \
	"$(head -c 17000 /dev/zero | tr '\0' :)"
check "enter --exec types the words" mentions '^typed 1' \
	type_in exit --exec echo typed '$((0 + 1))'

ct_gone $id
finish
