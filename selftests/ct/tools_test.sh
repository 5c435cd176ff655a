#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vzctl create, set, status and destroy, vzlist and vzpkg list: what they do, what they
# say, and that wrong use is refused in one line and changes nothing.
#
# Functions are called by name, and what is quoted is meant as it stands:
# shellcheck disable=SC2016,SC2317

# shellcheck source=selftests/lib/ct.sh
. "$(dirname "$0")/../lib/ct.sh"

# No container is started here, so that any tree will do for one.
[ "$(id -u)" = 0 ] || skip_all "needs root"
command -v vzctl >/dev/null || skip_all "vzctl is not installed"
[ -d /sys/module/stockvz ] || modprobe -q stockvz || skip_all "no stockvz module"
tar --version 2>/dev/null | grep -q GNU || skip_all "needs GNU tar"

conf=/etc/vz/conf
cache=/vz/template/cache
plan 75

# ---- a template, with a trap in it: links that lead out of it

mkdir -p $cache /tmp/tree/{etc,sbin}
: >/tmp/tree/sbin/init
chmod +x /tmp/tree/sbin/init
ln -s /etc /tmp/tree/escape
tar -C /tmp/tree -czf $cache/tiny-1-x86_64.tar.gz .
tar -C /tmp/tree -cf $cache/plain-1-x86_64.tar .
rm -rf /tmp/tree
ct_gone 701 702 703
rm -f $conf/70?.* /etc/vz/names/{box,other}

# The same of create, which says so once more
wrong_create()
{
	local code=$1 pattern=$2 out status

	shift 2
	out=$(vzctl create "$@" 2>&1 >/dev/null)
	status=$?
	[ "$status" = "$code" ] && grep -qE -- "$pattern" <<<"$out" &&
		[ "$(tail -n 1 <<<"$out")" = "Creation of container private area failed" ] && return
	echo "exit status $status, not $code; it said: $out"
	false
}

# What is there of containers and their files
inventory()
{
	find /vz -mindepth 1 -maxdepth 2 | sort
	find /etc/vz -type f -exec md5sum {} + | sort
	find /etc/vz -type l | sort
}

# unchanged COMMAND...: all of it failed or not, nothing is different afterwards
unchanged()
{
	local before

	before=$(inventory)
	"$@" || return
	diff <(printf '%s\n' "$before") <(inventory)
}

# ---- the front door

check "--version is one line" says "vzctl version 4.12.0" vzctl --version
check "--help begins with the version" mentions '^vzctl version 4\.' vzctl --help
check "no command" exits 20 vzctl
check "unknown option" wrong 20 'Bad option: --frob' vzctl --frob status 701
check "unknown command" wrong 20 '^Bad command: frob$' vzctl frob 701
check "no CTID" wrong 21 '^CT ID missing$' vzctl start
check "a CTID that is none" wrong 21 '^Bad CT ID 70x$' vzctl start 70x
check "a CTID too large" wrong 21 '^Bad CT ID 2147483645$' vzctl start 2147483645
check "the host is not to be started" wrong 21 '^Only set actions are allowed for CT0$' vzctl start 0
for command in start stop mount umount exec enter destroy restart; do
	check "$command: unknown CTID" unchanged wrong 14 '^Container config file does not exist$' \
		vzctl $command 701 x
done
check "status of what is not there" says "CTID 701 deleted unmounted down" vzctl status 701
check "status, quietly, says the same" says "CTID 701 deleted unmounted down" \
	vzctl --quiet status 701

# ---- create

check "create: missing template" unchanged wrong_create 91 'not found' 701 --ostemplate none
check "create: template with a path" unchanged wrong 21 'Bad parameter for --ostemplate' \
	vzctl create 701 --ostemplate ../../x
check "create: missing sample" unchanged wrong_create 82 've-none.conf-sample' 701 --config none
check "create: ploop" unchanged wrong 99 'ploop' vzctl create 701 --layout ploop
check "create: unknown option" unchanged wrong 20 'unrecognized option' vzctl create 701 --frob
check "create: bad value" unchanged wrong 21 'Bad parameter for --hostname: a b' \
	vzctl create 701 --hostname 'a b'
head -c 100 $cache/tiny-1-x86_64.tar.gz >$cache/torn-1-x86_64.tar.gz
check "create: torn template" unchanged exits 3 vzctl --quiet create 701 --ostemplate torn-1-x86_64
check "create" vzctl create 701 --ostemplate tiny-1-x86_64 --config stock --name box \
	--hostname box.example.com --description 'costs $5, "all" `in`'
check "create: the private area is filled" test -x /vz/private/701/sbin/init
check "create: its parent is shut" says 700 stat -c %a /vz/private
check "create: \$VEID stays as it is" grep -qF 'VE_PRIVATE="/vz/private/$VEID"' $conf/701.conf
check "create: ONBOOT is there" grep -q '^ONBOOT=' $conf/701.conf
check "create: the file can be sourced" bash -c \
	". $conf/701.conf && [ \"\$DESCRIPTION\" = 'costs \$5, \"all\" \`in\`' ]"
check "status by name" says "CTID 701 exist unmounted down" vzctl status box
check "create: it exists" unchanged wrong_create 44 'already exists' 701 --ostemplate tiny-1-x86_64
check "create: the name is taken" unchanged wrong_create 131 'Conflict: name box' 702 \
	--ostemplate tiny-1-x86_64 --name box
check "create from a plain archive" vzctl --quiet create 702 --ostemplate plain-1-x86_64

# ---- set

printf '%s\n' '#UUID: 1b671a64-40d5-491e-99b0-da01ff1f3341' 'FOREIGN="kept"' >>$conf/701.conf
check "set: not running, not saved" unchanged wrong 31 'Unable to apply UBC parameters' \
	vzctl set 701 --numproc 50
check "set --save" vzctl set 701 --numproc 50:60 --numfile 1000 --privvmpages 100 --onboot yes --save
check "set: what it saved" grep -qx -e 'NUMPROC="50:60"' $conf/701.conf
check "set: two plain numbers" grep -qx 'PRIVVMPAGES="100:100"' $conf/701.conf
check "set: comments and foreign lines survive" says 2 grep -cE '^(#UUID: 1b67|FOREIGN="kept")' \
	$conf/701.conf
check "set: nothing new" unchanged mentions '^No changes in CT configuration' \
	vzctl set 701 --onboot yes --save
for value in 10K 1: :1 -5 unlimitedx '' 9223372036854775808; do
	check "set: --numproc '$value'" unchanged wrong 21 '^Bad parameter for --numproc' \
		vzctl set 701 --numproc "$value" --save
done
check "set: --name needs --save" unchanged wrong 131 'needs --save' vzctl set 701 --name other
check "set: the name is taken" unchanged wrong 131 'Conflict' vzctl set 702 --name box --save
check "set: what panels set" vzctl set 701 --capability net_admin:on --features ppp:on \
	--devnodes net/tun:rw --devices c:10:200:rw --devices b:7:all:r --save
check "set: all of it is kept" grep -qx 'DEVICES="c:10:200:rw b:7:all:r"' $conf/701.conf
mkdir $conf/701.conf.tmp
check "set: a name that cannot be saved: 139" exits 139 vzctl --quiet set 701 --name other --save
rmdir $conf/701.conf.tmp
check "set: it has the old one still" says "CTID 701 exist unmounted down" vzctl status box
check "set: and no other" not test -L /etc/vz/names/other
check "set: another name" vzctl set 701 --name other --save
check "set: the old name is gone" not vzctl start box
check "set: applyconfig" vzctl set 701 --applyconfig light --save
check "set: the sample's values" says 40 sed -n 's/^NUMPROC="\(.*\)"/\1/p' $conf/701.conf
printf '%s\n' 'NUMPROC="41"' 'FEATURES="nfs:on fuse:on"' >$conf/ve-foreign.conf-sample
check "set: what does nothing and is wrong in a sample is said" mentions \
	'bad value for FEATURES: nfs:on fuse:on, ignored' vzctl set 701 --applyconfig foreign --save
check "set: and the rest is applied" grep -qx 'NUMPROC="41.*"' $conf/701.conf
rm $conf/ve-foreign.conf-sample

# ---- a broken configuration

sed -i 's/^NUMPROC=.*/NUMPROC="many"/' $conf/702.conf
check "start: nonsense in the file" unchanged mentions 'bad value for NUMPROC: many' vzctl start 702
check "start: its exit code" exits 85 vzctl --quiet start 702
check "status in spite of it" says "CTID 702 exist unmounted down" vzctl --quiet status 702
printf 'A=1\n\0\1\n' >$conf/702.conf
check "set: not a text file" unchanged exits 139 vzctl --quiet set 702 --onboot no --save

# ---- vzlist

check "vzlist -H -o" says "       701 stopped   other" vzlist -H -o ctid,status,name 701
check "vzlist: unknown field" wrong 1 '^Unknown field: frob$' vzlist -o frob
check "vzlist: bad CTID" wrong 1 '^CT ID 70x is invalid.$' vzlist 70x

# ---- destroy

mkdir -p /vz/dump
: >/vz/dump/Dump.701
sed -i '1i DUMPDIR="/vz/dump"' $conf/701.conf
check "a dump file makes it suspended" says "CTID 701 exist unmounted down suspended" vzctl status 701
check "for vzlist, too" says suspended vzlist -H -o status 701
check "destroy" vzctl destroy 701
check "destroy: no other will wake up from its memory" not test -e /vz/dump/Dump.701
check "destroy: the file is kept aside" test -e $conf/701.conf.destroyed -a ! -e $conf/701.conf
check "destroy: the tree goes" within 20 not test -e /vz/vztmp
vzctl --quiet destroy 702

finish
