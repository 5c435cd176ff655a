# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by the container tests, which run as root on a host that is theirs alone: a
# machine with the module loaded, the tools installed, cgroup v2, and ext4 on /vz. One
# line for each statement, in the kernel's own test format.

nr=0
failures=0

# plan N: how many statements there will be
plan()
{
	echo 'TAP version 13'
	echo "1..$1"
	planned=$1
}

# note TEXT...: for whoever reads the log
note()
{
	printf '%s\n' "$@" | sed 's/^/# /'
}

# result STATUS STATEMENT
result()
{
	nr=$((nr + 1))
	if [ "$1" = 0 ]; then
		echo "ok $nr $2"
	else
		failures=$((failures + 1))
		echo "not ok $nr $2"
	fi
}

# check STATEMENT COMMAND...: true when the command succeeds; what it says is kept
check()
{
	local statement=$1 out status

	shift
	out=$("$@" 2>&1)
	status=$?
	[ $status = 0 ] || note "$* ended with $status" "${out:-(no output)}"
	result $status "$statement"
}

# exits CODE COMMAND...
exits()
{
	local want=$1 status

	shift
	"$@"
	status=$?
	[ $status = "$want" ] || { echo "exit status $status, not $want"; false; }
}

# says TEXT COMMAND...: it succeeds, and this is all its output
says()
{
	local want=$1 out

	shift
	if ! out=$("$@") || [ "$out" != "$want" ]; then
		echo "it said: $out"
		false
	fi
}

# mentions PATTERN COMMAND...: whatever its status
mentions()
{
	local want=$1 out

	shift
	out=$("$@" 2>&1)
	grep -qE -- "$want" <<<"$out" || { echo "it said: $out"; false; }
}

# wrong CODE PATTERN COMMAND...: refused with that code, in one line that matches
wrong()
{
	local code=$1 pattern=$2 out status

	shift 2
	out=$("$@" 2>&1 >/dev/null)
	status=$?
	[ "$status" = "$code" ] && grep -qE -- "$pattern" <<<"$out" && [ "$(wc -l <<<"$out")" = 1 ] &&
		return
	echo "exit status $status, not $code; it said: $out"
	false
}

# not COMMAND...
not()
{
	! "$@"
}

# within SECONDS COMMAND...: it succeeds sooner or later
within()
{
	# Where all is slow a single look may take longer than that.
	local end=$((SECONDS + 5 * $1)) out

	shift
	until out=$("$@" 2>&1); do
		[ $SECONDS -lt $end ] || { echo "$out"; return 1; }
		sleep 0.1
	done
}

skip()
{
	nr=$((nr + 1))
	echo "ok $nr # SKIP $1: $2"
}

# skip_all REASON: this machine cannot run the test
skip_all()
{
	echo "1..0 # SKIP $1"
	exit 4
}

finish()
{
	[ $nr = "$planned" ] || { note "$nr statements, $planned were planned"; failures=1; }
	[ $failures = 0 ]
	exit
}

# ---- containers

ct_private=/vz/private

# A host that was never set up gets what "make install" would have put there, in short.
ct_setup()
{
	[ "$(id -u)" = 0 ] || skip_all "needs root"
	command -v vzctl >/dev/null || skip_all "vzctl is not installed"
	[ -d /sys/module/stockvz ] || modprobe -q stockvz || skip_all "no stockvz module"
	grep -q ' /sys/fs/cgroup cgroup2 ' /proc/mounts || skip_all "needs cgroup v2"
	busybox true || skip_all "needs a static busybox"

	mkdir -p /etc/vz/{conf,names,dists/scripts} /vz/{root,lock,dump} $ct_private
	chmod 0700 $ct_private /vz/root
	[ -e /etc/vz/vz.conf ] || cat >/etc/vz/vz.conf <<-'END'
		LOCKDIR="/vz/lock"
		TEMPLATE="/vz/template"
		VE_ROOT="/vz/root/$VEID"
		VE_PRIVATE="/vz/private/$VEID"
		LOGFILE="/var/log/vzctl.log"
	END
	[ -e /etc/vz/dists/default ] || : >/etc/vz/dists/default
}

# A whole system out of one program.
ct_fill()
{
	local root=$1

	mkdir -p "$root"/{bin,dev,etc,proc,root,run,sbin,sys,tmp,var}
	chmod 1777 "$root/tmp"
	cp "$(command -v busybox)" "$root/bin/busybox"
	ln -s ../bin/busybox "$root/sbin/init"
	chroot "$root" /bin/busybox --install -s /bin
	rm "$root/bin/init"
	cat >"$root/etc/inittab" <<-'END'
		::sysinit:/bin/true
		::shutdown:/bin/true
	END
	echo 'root::0:0:root:/root:/bin/sh' >"$root/etc/passwd"
	echo 'root:x:0:' >"$root/etc/group"
}

# ct_new ID [LINE...]: a small container, not started; the lines go to its configuration
ct_new()
{
	local id=$1

	shift
	[ -d $ct_private/.model ] || ct_fill $ct_private/.model
	cp -a $ct_private/.model "$ct_private/$id"
	{
		echo 'PHYSPAGES="0:65536"'
		echo 'SWAPPAGES="0:65536"'
		echo 'ONBOOT="no"'
		[ $# = 0 ] || printf '%s\n' "$@"
	} >"/etc/vz/conf/$id.conf"
}

# ct_gone ID...: away with it, whatever state it is in
ct_gone()
{
	local id

	for id; do
		vzctl --quiet stop "$id" --fast
		rm -rf "${ct_private:?}/$id" "/etc/vz/conf/$id".* "/vz/root/$id"
	done >/dev/null 2>&1
}

# What containers are made of and have to give back: one line for each thing.
host_state()
{
	local dir own

	own=$(sed -n 's/^0:://p' /proc/self/cgroup)
	grep ' /vz/' /proc/self/mountinfo | cut -d' ' -f5
	find /sys/fs/cgroup/vz -mindepth 1 -type d 2>/dev/null
	find /vz/lock -type f 2>/dev/null
	ls /sys/block
	# Who is where we are, or in a container: services of the host and threads of the
	# kernel come and go as they like.
	for dir in /proc/[0-9]*; do
		grep -qsE "^0::($own|/vz(/.*)?)$" "$dir/cgroup" && readlink "$dir/exe"
	done | grep -vE '/(readlink|bash|busybox|sed|grep|find|cut|sort|ls)$' | sort
}

# ct_same_state STATE: nothing has come and nothing gone since host_state said that
ct_same_state()
{
	local now

	now=$(host_state)
	[ "$now" = "$1" ] || { diff <(echo "$1") <(echo "$now"); false; }
}

# Network namespaces die some time after their last process. Only a cache that was shrunk
# counts what is in use rather than what is at hand.
nr_netns()
{
	local cache=/sys/kernel/slab/net_namespace

	echo 1 >$cache/shrink
	cut -d' ' -f1 $cache/objects
}

# ct_no_more_netns N
ct_no_more_netns()
{
	local now

	now=$(nr_netns)
	[ "$now" -le "$1" ] || { echo "$now network namespaces, there were $1"; false; }
}

# The pid of a container's init, as the host numbers it.
ct_init()
{
	local dir=/sys/fs/cgroup/vz/$1

	cat "$dir/init.scope/cgroup.procs" "$dir/cgroup.procs" 2>/dev/null | head -n 1
}
