#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What is in a private area is the container's, and may be there to deceive. A start
# either stays within it or fails with one line, and the host stays as it was.

# Single quotes: it is the shell inside that is to expand it. Functions: check calls them.
# shellcheck disable=SC2016,SC2317
# shellcheck source=selftests/lib/ct.sh
. "${0%/*}/../lib/ct.sh"

id=9003
root=$ct_private/$id
ct_setup
ct_gone $id
plan 44

# What a container could reach if it got out.
host_files()
{
	find /etc /root /dev -xdev -exec ls -ldn {} + |
		grep -vE ' /(etc/vz|dev/(pts|shm|tty|hvc|vport|console))'
}

fresh()
{
	ct_gone $id
	ct_new $id
}

untouched()
{
	[ "$(host_files)" = "$files" ] || { diff <(echo "$files") <(host_files); false; }
}

one_line()
{
	local out

	out=$(vzctl start "$id" 2>&1 >/dev/null | grep -v '^Container start failed')
	if [ "$(wc -l <<<"$out")" != 1 ] || ! grep -qE -- "$1" <<<"$out"; then
		echo "$out"
		false
	fi
}

# refuses CODE REASON: the area as it is now cannot be started
refuses()
{
	local code=$1 reason=$2

	check "$what: the start fails with $code" exits "$code" vzctl start "$id"
	check "$what: one line says why" one_line "$reason"
	check "$what: nothing is left of it" within 10 ct_same_state "$before"
	check "$what: the host is as it was" untouched
}

# replace NAME TARGET: a symbolic link in its place
replace()
{
	rm -rf "${root:?}/$1"
	ln -s "$2" "$root/$1"
}

fresh
vzctl --quiet start $id && vzctl --quiet stop $id --fast
fresh
before=$(host_state)
files=$(host_files)

what='/dev -> /etc'
replace dev /etc
refuses 47 '/dev.*symbolic link'

what='/proc -> /etc'
fresh
replace proc ../../../../../../etc
refuses 47 '/proc.*symbolic link'

what='/sys -> nowhere'
fresh
replace sys /no/such/place
refuses 47 '/sys.*symbolic link'

what='/dev is a file'
fresh
rm -rf "${root:?}/dev"
: >"$root/dev"
refuses 47 '/dev.*not a directory'

what='/sbin/init -> nowhere'
fresh
replace sbin/init /no/such/init
refuses 47 'Unable to start init'

what='/sbin/init -> a program of the host'
fresh
cat >/tmp/ct-evil <<'END'
#!/bin/sh
: >/tmp/ct-evil-was-here
END
chmod +x /tmp/ct-evil
replace sbin/init /tmp/ct-evil
refuses 47 'Unable to start init'
check "$what: which did not run" not test -e /tmp/ct-evil-was-here
rm -f /tmp/ct-evil

what='/etc -> /'
fresh
replace etc /
check "$what: it starts, within its own root" vzctl start $id
check "$what: it stops" vzctl stop $id --fast
check "$what: the host is as it was" untouched

# ---- a container that misbehaves while it runs
fresh
mknod "$root/disk" b "$(stat -c '%d' /vz | awk '{ print int($1 / 256) }')" 0
mknod "$root/mem" c 1 1
chmod 666 "$root/disk" "$root/mem"
vzctl --quiet start $id
what='a node in the private area'
check "$what cannot be opened" mentions 'Permission denied|Operation not permitted' \
	vzctl exec2 "$id" 'head -c 1 /mem'
check "$what: and nodev cannot be taken off" not vzctl exec2 "$id" mount -o remount,bind,dev /
check "its root cannot make one" not vzctl exec2 $id mknod /dev/null2 c 1 3
sysrq()
{
	vzctl exec2 "$id" 'echo h >/proc/sysrq-trigger; umount /proc/sysrq-trigger
		echo h >/proc/sysrq-trigger'
	! dmesg | grep 'sysrq: HELP'
}
check "sysrq is out of reach, covered or not" sysrq
check "so is what the kernel runs for core dumps" not vzctl exec2 $id \
	'echo "|/bin/true" >/proc/sys/kernel/core_pattern'

check "it can nest cgroups so far only" vzctl exec2 $id \
	'cd /sys/fs/cgroup && for i in $(seq 100); do mkdir a && cd a || break; done; [ $i -lt 50 ]'

how_many()
{
	vzctl exec2 "$id" 'echo max >/sys/fs/cgroup/cgroup.max.descendants' 2>/dev/null
	cat "/sys/fs/cgroup/vz/$id/cgroup.max.descendants"
}
check "and so many only" says 4096 how_many

# Visitors come in through a cgroup that the container may do anything with: it has them
# frozen, and looks at the first of them.
freeze()
{
	vzctl exec3 "$id" busybox sh -c 'cd /sys/fs/cgroup && echo $$ >cgroup.procs && rmdir vzctl &&
		mkdir vzctl && echo 1 >vzctl/cgroup.freeze
		watch()
		{
			until read -r pid <vzctl/cgroup.procs; do usleep 10000; done
			for file in mountinfo net/dev; do
				cmp /proc/1/$file /proc/$pid/$file && echo $file
			done >/seen
		}
		watch >/dev/null 2>&1 </dev/null &'
}
frozen_out()
{
	# The command has to give up, and to leave nobody there.
	exits 15 timeout 100 vzctl exec3 "$id" busybox true &&
		[ -z "$(cat "/sys/fs/cgroup/vz/$id/vzctl/cgroup.procs")" ]
}

self()
{
	local sum

	sum=$(md5sum "$(command -v vzctl)")
	vzctl exec2 "$id" 'rm /bin/sh; ln -s /proc/self/exe /bin/sh'
	timeout 100 vzctl exec2 "$id" true && return 1
	[ "$sum" = "$(md5sum "$(command -v vzctl)")" ]
}
vzctl exec3 $id umount /dev/pts
check "a terminal that is none is found out" mentions 'failed$' vzctl enter $id </dev/null
check "a shell that leads back to the caller gets nowhere" self
freeze
check "a frozen door is given up" frozen_out
check "whoever stood there had nothing of the host about him" \
	says $'mountinfo\nnet/dev' cat "$root/seen"
check "it stops all the same" vzctl stop $id --fast
check "and leaves nothing" within 10 ct_same_state "$before"
check "the host is as it was" untouched

# Before init there is vzctl, with descriptors that lead to the host.
fresh
cat >/etc/vz/conf/$id.start <<'END'
ls /proc/1/fd && echo open >/init-is
true
END
sysctl=/proc/sys/fs/suid_dumpable
dumpable=$(cat $sysctl)
echo 1 >$sysctl
check "one that looks around before init starts" vzctl start $id
echo "$dumpable" >$sysctl
check "what is process 1 then shows nothing of itself" not test -e "$root/init-is"

ct_gone $id
finish
