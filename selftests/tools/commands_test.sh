#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vzcfgvalidate, vzsplit, vzmemcheck, vzcalc, vzcpucheck and vzubc as commands: what they
# say and exit with, and that wrong use and broken files change nothing. What the host has,
# and what its beancounters hold, is made up: mounted over the files of /proc for us alone.
#
# Functions are called by name, and what is quoted is meant as it stands:
# shellcheck disable=SC2016,SC2317

# shellcheck source=selftests/lib/ct.sh
. "${0%/*}/../lib/ct.sh"

id=9201		# runs
down=9202	# does not
conf=/etc/vz/conf

if [ -z "$alone" ]; then
	ct_setup
	ct_gone $id $down
	ct_new $id 'NAME="counted"'
	ln -sf $conf/$id.conf /etc/vz/names/counted
	vzctl --quiet start $id
	alone=yes unshare --mount --propagation private "$0"
	status=$?
	ct_gone $id $down
	rm -f $conf/ve-half* /etc/vz/names/counted
	exit $status
fi

dir=$(mktemp -d)
mount -t tmpfs -o mode=700 tmpfs "$dir"
cd "$dir" || exit 1
plan 124

# over FILE: what is read from standard input stands there from now on
over()
{
	local from

	from=$(mktemp "$dir/over.XXXXXX")
	cat >"$from"
	mount --bind "$from" "$1"
}

# unchanged FILE COMMAND...: the file is as it was, and nothing has come beside it
unchanged()
{
	local file=$1 before

	shift
	before=$(ls "${file%/*}"; md5sum "$file")
	"$@" || return
	diff <(echo "$before") <(ls "${file%/*}"; md5sum "$file")
}

# lines N FROM COMMAND...: so many lines of what it says, from that one on
lines()
{
	local nr=$1 from=$2

	shift 2
	"$@" | tail -n "+$from" | head -n "$nr"
}

over /proc/meminfo <<'END'
MemTotal:         102400 kB
MemFree:           50000 kB
SwapTotal:         51200 kB
END
over /proc/cpuinfo <<'END'
processor	: 0
bogomips	: 50.50

processor	: 1
bogomips	: 49.50
END
echo 1000 | over /proc/sys/kernel/threads-max

# 2 MiB of kernel memory held, 4 MiB allowed
rows()
{
	cat <<-END
		      $1:  kmemsize        1048576 1048576 2000000 2097152 0
		            lockedpages     0 0 8 8 0
		            privvmpages     1024 1024 4000 4096 3
		            numproc         20 30 100 100 0
		            physpages       256 256 0 9223372036854775807 0
		            vmguarpages     0 0 2048 9223372036854775807 0
		            oomguarpages    512 512 1024 9223372036854775807 0
		            tcpsndbuf       262144 262144 1 524288 0
		            tcprcvbuf       262144 262144 1 524288 0
		            othersockbuf    262144 262144 1 524288 0
		            dgramrcvbuf     262144 262144 1 524288 0
	END
}
table=/proc/bc/resources
{
	echo 'Version: 2.5'
	echo '       uid  resource   held   maxheld   barrier   limit   failcnt'
	rows $id
	rows $down
	rows 0
} | over $table

# What the beancounter above was made from
cat >$conf/$id.conf <<'END'
NAME="counted"
NUMPROC="100"
VMGUARPAGES="2048:unlimited"
OOMGUARPAGES="1024:unlimited"
PRIVVMPAGES="4000:4096"
KMEMSIZE="2000000:2097152"
TCPSNDBUF="1:524288"
TCPRCVBUF="1:524288"
OTHERSOCKBUF="1:524288"
DGRAMRCVBUF="1:524288"
CPUUNITS="700"
END
sed 's/counted/down/; s/700/8000/' $conf/$id.conf >$conf/$down.conf

# ---- vzmemcheck: of the one that runs, and of 40 MiB, 100 MiB and 150 MiB

percent='   5.00   10.00    1.00    2.67    5.33    4.00    8.00   13.33'
megabytes='   2.00    4.00    1.00    4.00    8.00    6.00   12.00   20.00'
whole='  40.00   40.00  100.00  150.00  150.00  150.00  150.00  150.00'
check "vzmemcheck: percent" says "$percent" lines 1 4 vzmemcheck
check "vzmemcheck: says so" says 'Output values in %' lines 1 1 vzmemcheck
check "vzmemcheck: two lines of headers" says \
	' LowMem  LowMem     RAM MemSwap MemSwap   Alloc   Alloc   Alloc
   util  commit    util    util  commit    util  commit   limit' lines 2 2 vzmemcheck
check "vzmemcheck -A: megabytes" says "$megabytes" lines 1 4 vzmemcheck -A
check "vzmemcheck -A: and what there is" says "$whole" lines 1 5 vzmemcheck -A
check "vzmemcheck -v: by container" says "$id       $percent" lines 1 4 vzmemcheck -v
check "vzmemcheck -v: and all of them" says "Summary:   $percent" lines 1 6 vzmemcheck -v
check "vzmemcheck: wrong use" exits 1 vzmemcheck -x
check "vzmemcheck: an argument" exits 1 vzmemcheck $id
check "vzmemcheck: --help" mentions '^Usage: vzmemcheck' vzmemcheck --help

# ---- vzcalc

figures()
{
	vzcalc "$@" | sed 's/  */ /g'
}
check "vzcalc" says "Resource Current(%) Promised(%) Max(%)
Memory 5.00 10.00 13.33" figures $id
check "vzcalc -v" says 'Resource Current(%) Promised(%) Max(%)
Low Mem 5.00 10.00 10.00
Total RAM 1.00 n/a n/a
Mem + Swap 2.67 5.33 n/a
Alloc. Mem 4.00 8.00 13.33
Num. Proc 2.00 n/a 10.00
--------------------------------------------
Memory 5.00 10.00 13.33' figures -v counted
check "vzcalc: no such container" wrong 1 '^Container configuration file: .*/9203.conf not found' \
	vzcalc 9203
check "vzcalc: no container at all" wrong 1 '^Invalid CT ID: nobody' vzcalc nobody
check "vzcalc: wrong use" exits 1 vzcalc
check "vzcalc: two containers" exits 1 vzcalc $id $down
sed -i '/^KMEMSIZE/d' $conf/$down.conf
check "vzcalc: a limit is missing" wrong 1 '^Error: parameter KMEMSIZE not found' vzcalc $down
echo 'KMEMSIZE="much"' >>$conf/$down.conf
check "vzcalc: a limit is nonsense" wrong 1 'bad value for KMEMSIZE: much' vzcalc $down
printf 'PHYSPAGES="0:1000"\nSWAPPAGES="0:1000"\n' >$conf/$down.conf
check "vzcalc: nothing to compute of vSwap" exits 1 vzcalc $down
rm $conf/$down.conf

# ---- vzcpucheck: 25 * (50.5 + 49.5) = 2500

check "vzcpucheck" says 'Current CPU utilization: 1700
Power of the node: 2500' vzcpucheck
check "vzcpucheck -v" says "$id 700 28.00%" \
	eval "vzcpucheck -v | grep '^$id' | tr -s '\t' ' '"
check "vzcpucheck -v: the host" says "0 1000 40.00%" \
	eval "vzcpucheck -v | grep '^0' | tr -s '\t' ' '"
echo 'CPUUNITS="900"' >$conf/0.conf
check "vzcpucheck: the host's own file" mentions 'utilization: 1600' vzcpucheck
rm $conf/0.conf
sed -i 's/700/1501/' $conf/$id.conf
check "vzcpucheck: too much" says 'Current CPU utilization: 2501
Power of the node: 2500
Warning: hardware node is overcommitted' vzcpucheck
check "vzcpucheck: too much is no failure" exits 0 vzcpucheck
check "vzcpucheck: wrong use" exits 2 vzcpucheck $id
echo 'processor : 0' | over /proc/cpuinfo
check "vzcpucheck: a host that does not say" wrong 1 '/proc/cpuinfo does not say' vzcpucheck

# ---- vzubc

check "vzubc: what matters of a container" says 7 eval "vzubc -q $id | grep -c '^ *[a-z]*|'"
check "vzubc: by name" mentions "^CT $id " vzubc counted
check "vzubc: and no other" not mentions "^CT ($down|0) " vzubc $id
check "vzubc: all" says "CT $id
CT $down
CT 0" eval 'vzubc | grep ^CT | cut -d" " -f1,2'
check "vzubc: a row" says '     numproc|  20   20%  20%|  30   30%  30%| 100 | 100 |    - ' \
	eval "vzubc $id | grep numproc | sed 's/^ //'"
check "vzubc: one that is not there" wrong 0 '^Warning: there is no beancounter 5$' vzubc 5
check "vzubc: no container at all" wrong 0 '^Warning: there is no container nobody$' vzubc nobody
check "vzubc: nothing but that one" says '' vzubc 5
failures()
{
	vzubc "$@" "$id" | awk -F'|' '/privvm/ { print $6 + 0 }'
}
check "vzubc -r" says 3 failures -r -rd store
check "vzubc -r: nothing new" says 0 failures -r -rd store
check "vzubc -rc" says 3 failures -rc -r -rd store
chmod 777 store
check "vzubc -r: where others can write" wrong 1 'has to be ours alone' vzubc -r -rd store
check "vzubc -r: no such place" wrong 1 'cannot use /none/store' vzubc -r -rd /none/store
check "vzubc -f" says '       numpty|   1   50%  50%|   2  100% 100%|   2 |   2 |    - ' \
	eval "echo '5: numpty 1 2 2 2 0' | vzubc -f - | grep numpty"
check "vzubc -f: no such file" wrong 1 'cannot read /none: No such file' vzubc -f /none
check "vzubc -f: another version" wrong 1 'unknown version' vzubc -f <(echo Version: 2.6)
check "vzubc -f: no table" wrong 1 'no table of beancounters' vzubc -f /etc/passwd
check "vzubc -f: whose is it" wrong 1 'does not say whose' \
	vzubc -r -rd own -f <(echo numpty 1 2 2 2 0)
check "vzubc: -q and -v" wrong 1 'do not go together' vzubc -q -v
check "vzubc: -w and -c" wrong 1 'do not go together' vzubc -w -c
check "vzubc: -qh alone" wrong 1 'need --quiet or --color' vzubc -qh 1
check "vzubc: -qh nonsense" wrong 1 'Bad part of a barrier: x' vzubc -q -qh x
check "vzubc: wrong use" exits 1 vzubc -z
mkdir bin
printf '#!/bin/bash\nprintf "<%%s>" "$@"\n' >bin/watch
chmod +x bin/watch
check "vzubc -w: its words stay as they are" says \
	"<-x><-d><-n><5><--></usr/sbin/vzubc><-rd></tmp/vzubc.store><-q><-f><\$(a b)><--><$id>" \
	env PATH="$dir/bin:$PATH" vzubc -w -wd -wn 5 -q -f '$(a b)' $id

echo 'Version: 2.6' | over $table
check "vzmemcheck: another version" eval 'vzmemcheck 2>&1 >/dev/null | grep "unknown version"'
check "vzmemcheck: its exit code" exits 1 vzmemcheck
umount $table

# ---- vzcfgvalidate: what is shipped, on a host that has enough

over /proc/meminfo <<'END'
MemTotal:       33554432 kB
SwapTotal:      33554432 kB
END
for sample in "$conf"/ve-*.conf-sample; do
	check "vzcfgvalidate: ${sample##*/}" says 'Validation completed: success' \
		vzcfgvalidate "$sample"
done
umount /proc/meminfo

check "vzcfgvalidate: more swap than there is" eval \
	"vzcfgvalidate $conf/ve-vswap-256m.conf-sample 2>&1 | grep 'Error: SWAPPAGES: .* swap, 12800'"
check "vzcfgvalidate: its exit code" exits 2 vzcfgvalidate $conf/ve-vswap-256m.conf-sample
check "vzcfgvalidate: by other rules" exits 2 vzcfgvalidate -v no $conf/ve-vswap-256m.conf-sample
check "vzcfgvalidate: vSwap where there is none" exits 2 vzcfgvalidate -v yes \
	$conf/ve-basic.conf-sample

fresh()
{
	{ echo '# mine'; cat $conf/ve-basic.conf-sample; echo 'FOREIGN=kept'; } >"$dir/a.conf"
}

# A rule of each kind; that each of them is found and cured is told by rules_test.
fresh
sed -i 's/^NUMPROC=.*/NUMPROC="200:240"/; s/^KMEMSIZE=.*/KMEMSIZE="1000:2000"/' a.conf
check "vzcfgvalidate: two that are broken" unchanged "$dir/a.conf" eval \
	"[ \$(vzcfgvalidate a.conf 2>&1 | grep -c '^Error: ') = 2 ]"
check "vzcfgvalidate: says that it failed" unchanged "$dir/a.conf" \
	mentions '^Validation completed: failed$' vzcfgvalidate a.conf
check "vzcfgvalidate: exits with 2" unchanged "$dir/a.conf" exits 2 vzcfgvalidate a.conf
check "vzcfgvalidate -i: no" unchanged "$dir/a.conf" exits 2 eval \
	"printf 'n\nn\n' | vzcfgvalidate -i a.conf"
check "vzcfgvalidate -i: nobody answers" unchanged "$dir/a.conf" exits 2 eval \
	"vzcfgvalidate -i a.conf </dev/null"
check "vzcfgvalidate -i: one of them" exits 2 eval "printf 'y\nn\n' | vzcfgvalidate -i a.conf"
check "vzcfgvalidate -i: that one" says 'NUMPROC="240"' grep ^NUMPROC a.conf
check "vzcfgvalidate -i: not the other" says 'KMEMSIZE="1000:2000"' grep ^KMEMSIZE a.conf
check "vzcfgvalidate -i: the other" exits 0 eval "echo y | vzcfgvalidate -i a.conf"
check "vzcfgvalidate: now it is right" mentions '^Validation completed: success$' \
	vzcfgvalidate a.conf
ln -s a.conf link
sed -i 's/^SHMPAGES=.*/SHMPAGES="1:2"/' a.conf
check "vzcfgvalidate -r: by a link" exits 0 vzcfgvalidate -r link
check "vzcfgvalidate -r: the link stays" test -L link
check "vzcfgvalidate -r: what it did" says 'SHMPAGES="2"' grep ^SHMPAGES a.conf
check "vzcfgvalidate -r: all else is as it was" says 2 grep -cxE '# mine|FOREIGN=kept' a.conf
check "vzcfgvalidate -r: nothing to do" unchanged "$dir/a.conf" exits 0 vzcfgvalidate -r a.conf
sed -i '/^NUMFILE/d; s/^SHMPAGES=.*/SHMPAGES="1:2"/' a.conf
check "vzcfgvalidate -r: what is missing is left" exits 2 vzcfgvalidate -r a.conf
check "vzcfgvalidate -r: the rest is done" says 'SHMPAGES="2"' grep ^SHMPAGES a.conf

# ---- what cannot be read, understood or written

check "vzcfgvalidate: wrong use" exits 1 vzcfgvalidate
check "vzcfgvalidate: -r and -i" exits 1 vzcfgvalidate -r -i a.conf
check "vzcfgvalidate: -v nonsense" wrong 1 'Bad parameter for -v: x' vzcfgvalidate -v x a.conf
check "vzcfgvalidate: no such file" wrong 1 'cannot read b.conf: No such file' \
	vzcfgvalidate -r b.conf
check "vzcfgvalidate: a directory" exits 1 vzcfgvalidate -r "$dir"
fresh
echo 'this is no assignment' >>a.conf
check "vzcfgvalidate: a line that is none" unchanged "$dir/a.conf" \
	wrong 0 "can't parse a.conf:31 " vzcfgvalidate -r a.conf
echo 'NUMPROC="many"' >>a.conf
check "vzcfgvalidate: a value that is none" unchanged "$dir/a.conf" eval \
	"vzcfgvalidate -r a.conf 2>&1 | grep 'Error: a.conf: bad value for NUMPROC: many'"
check "vzcfgvalidate: its exit code, too" unchanged "$dir/a.conf" exits 1 vzcfgvalidate -r a.conf
fresh
sed -i 's/^KMEMSIZE=.*/KMEMSIZE="9999999999999999999999"/' a.conf
check "vzcfgvalidate: a value that is too large" unchanged "$dir/a.conf" \
	wrong 0 'too large value for KMEMSIZE=.* was truncated' vzcfgvalidate -r a.conf
printf 'A=1\n\0\1\n' >a.conf
check "vzcfgvalidate: no text" unchanged "$dir/a.conf" exits 1 vzcfgvalidate -r a.conf

mkdir ro
fresh
sed 's/^SHMPAGES=.*/SHMPAGES="1:2"/' a.conf >ro/a.conf
mount --bind "$dir/ro" "$dir/ro"
mount -o remount,ro,bind "$dir/ro"
check "vzcfgvalidate -r: cannot be saved" unchanged "$dir/ro/a.conf" eval \
	"vzcfgvalidate -r ro/a.conf 2>&1 | grep 'cannot save ro/a.conf: Read-only'"
check "vzcfgvalidate -r: exits with 1" unchanged "$dir/ro/a.conf" exits 1 \
	vzcfgvalidate -r ro/a.conf

sleep 1000 &
echo $! >/vz/lock/$id.lck
sed 's/^SHMPAGES=.*/SHMPAGES="1:2"/' a.conf >$conf/$id.conf
check "vzcfgvalidate -r: a container that is being changed" unchanged $conf/$id.conf eval \
	"vzcfgvalidate -r $conf/../conf/$id.conf 2>&1 | grep '^Container already locked$'"
check "vzcfgvalidate: looking is free" exits 2 vzcfgvalidate $conf/$id.conf
kill $!
rm /vz/lock/$id.lck
check "vzcfgvalidate -r: the lock is given back" eval \
	"vzcfgvalidate -r $conf/$id.conf && [ ! -e /vz/lock/$id.lck ]"

# ---- vzsplit: what it makes is a sample, and right

over /proc/meminfo <<'END'
MemTotal:        4194304 kB
SwapTotal:       2097152 kB
END
check "vzsplit" says 'NUMPROC="2096"' eval "vzsplit -n 10 -v no 2>/dev/null | grep ^NUMPROC"
check "vzsplit: asks" says 'PHYSPAGES="0:103577"' eval \
	"echo 10 | vzsplit -v yes 2>/dev/null | grep -o 'PHYS.*'"
check "vzsplit -s" says 'SWAPPAGES="0:25600"' eval \
	"vzsplit -n 10 -v yes -s 1024000 2>/dev/null | grep SWAP"
check "vzsplit -f" exits 0 vzsplit -n 10 -v no -f half
check "vzsplit -f: nothing is left beside it" says "$conf/ve-half.conf-sample" \
	eval "echo $conf/ve-half*"
check "vzsplit -f: it is right" exits 0 vzcfgvalidate $conf/ve-half.conf-sample
check "vzsplit -f: one that exists stays" unchanged $conf/ve-half.conf-sample eval \
	"vzsplit -n 3 -f half 2>&1 | grep 've-half.conf-sample: File exists'"
check "vzsplit -f: its exit code" exits 1 vzsplit -n 3 -f half
check "vzsplit -f: vzctl finds it" exits 91 \
	vzctl --quiet create $down --config half --ostemplate none
check "vzsplit: too many" eval "vzsplit -n 5000 2>&1 | grep 'at most 1152 containers'"
check "vzsplit: too many, with a file" exits 1 vzsplit -n 5000 -f half2
check "vzsplit: there is none then" test ! -e $conf/ve-half2.conf-sample
for wrong in '-n 0' '-n x' '-n -1' '-n 5x' '-s -1' '-s x' '-f a/b' '-f .a' '-v maybe' \
	'-n 99999999999999999999'; do
	# shellcheck disable=SC2086 # words
	check "vzsplit $wrong" wrong 1 '^Bad ' vzsplit $wrong
done
check "vzsplit: nobody answers" exits 1 eval "vzsplit </dev/null"
check "vzsplit: wrong use" exits 1 vzsplit 5

cd /
umount "$dir/ro" "$dir" 2>/dev/null
finish
