#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A Debian with systemd as it comes out of the box. Needs a template: the first *.tar* in
# /vz/template/cache or /root.

# Functions: check calls them.
# shellcheck disable=SC2317
# shellcheck source=selftests/lib/ct.sh
. "${0%/*}/../lib/ct.sh"

id=9007
ct_setup
for template in /vz/template/cache/*.tar* /root/*.tar*; do
	[ -f "$template" ] && break
done
[ -f "$template" ] || skip_all "no template in /vz/template/cache or /root"
ct_gone $id
ct_new $id 'NUMPROC="200:200"' 'HOSTNAME="deb.example"' 'OSTEMPLATE="debian-12-x86_64"'
rm -rf "${ct_private:?}/$id"
mkdir $ct_private/$id
tar -C $ct_private/$id -xf "$template"
before=$(host_state)
plan 18

state()
{
	local said

	said=$(vzctl exec "$id" systemctl is-system-running)
	[ "$said" = running ] && return
	vzctl exec "$id" systemctl --failed --no-pager
	[ "$said" = degraded ]
}

own_processes()
{
	! vzctl exec "$id" ps axo comm= | grep -E 'vzctl|agent|kworker|sshd'
}

# refused NUMBER ARGUMENT...: root inside makes the system call and is told EPERM
refused()
{
	says 1 vzctl exec "$id" "perl -e 'syscall($(IFS=,; echo "$*")) < 0 and print \$!+0'"
}

check "start --wait" vzctl start $id --wait
check "process 1 is systemd" says systemd vzctl exec $id cat /proc/1/comm
check "the system is running, or degraded and says what it misses" state
check "it sees its own processes only" own_processes
check "it knows that it is in a container" mentions . vzctl exec $id systemd-detect-virt --container
if [ -e /etc/vz/dists/debian.conf ]; then
	check "its hostname is the configured one" says deb.example vzctl exec $id hostname
else
	skip "its hostname is the configured one" "the scripts for distributions are not installed"
fi
check "it has split its cgroup" test -d /sys/fs/cgroup/vz/$id/system.slice
check "all of it is charged to the container" mentions "^ *$id:" grep "$id:" /proc/user_beancounters
check "services can be started" vzctl exec2 $id systemd-run --wait -q true
check "a login shell works" mentions '^/root' sh -c "printf 'pwd; cd; pwd; exit\n' | vzctl enter $id"
# The host would let anybody: it is the container's filter that says no.
sysctl -qw vm.unprivileged_userfaultfd=1
check "no userfaultfd" refused 323 0
sysctl -qw vm.unprivileged_userfaultfd=0
# EACCES would be the host's kernel.perf_event_paranoid.
check "no perf_event_open" refused 298 0 0 0 -1 0
check "no bpf" refused 321 0 0 0
check "no open_by_handle_at" refused 304 0 0 0
check "restart --wait" vzctl restart $id --wait
check "it is up again" state
check "it shuts down when asked" timeout 300 vzctl stop $id
check "nothing is left" within 10 ct_same_state "$before"

ct_gone $id
finish
