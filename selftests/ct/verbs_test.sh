#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the commands answer when it is not the time for them, and in what order the
# admin's scripts run.

# Single quotes: it is the shell inside that is to expand it. Functions: check calls them.
# shellcheck disable=SC2016,SC2317
# shellcheck source=selftests/lib/ct.sh
. "${0%/*}/../lib/ct.sh"

id=9006 other=9042
conf=/etc/vz/conf
ct_setup
ct_gone $id
ct_new $id
plan 75

# script NAME LINE: an action script that says that it ran, and what it was told
script()
{
	cat >"$conf/$1" <<-END
		#!/bin/sh
		echo "$1 \$VEID \${VE_CONFFILE##*/} \$HOME \$TERM" >>/tmp/ct-scripts
		${2:-}
	END
	chmod +x "$conf/$1"
}

no_scripts()
{
	rm -f $conf/vps.{pre,}mount $conf/vps.{,post}umount $conf/$id.{pre,}mount \
		$conf/$id.{,post}umount $conf/$id.{start,stop} /tmp/ct-scripts
}

ran()
{
	cut -d' ' -f1 /tmp/ct-scripts | tr '\n' ' '
}

# ---- a container that is down
check "start of one that is not there: 14" exits 14 vzctl start 9999
check "stop of one that is down: 0" vzctl stop $id
check "and it says so" mentions '^Unable to stop: container is not running$' vzctl stop $id
check "umount of one that is not mounted: 40" exits 40 vzctl umount $id
check "an option that start does not know: 20" exits 20 vzctl start $id --slowly
check "an option that stop does not know: 20" exits 20 vzctl stop $id --slowly
check "an option that enter does not know: 20" exits 20 vzctl enter $id --slowly

# ---- mounted
check "mount" vzctl mount $id
check "it is mounted" says "CTID $id exist mounted down" vzctl status $id
check "its files are where they should be" test -e /vz/root/$id/etc/inittab
check "set-uid programs of the container have no power on the host" \
	mentions 'nosuid,nodev' grep " /vz/root/$id " /proc/self/mountinfo
check "mount of a mounted one: 0" vzctl mount $id
check "umount" vzctl umount $id
check "it is not mounted" says "CTID $id exist unmounted down" vzctl status $id

# ---- locked
lock=/vz/lock/$id.lck
mkfifo /tmp/ct-fifo
bash -c 'read -r <>/tmp/ct-fifo' $'\e[31mrm\n' &
sleeper=$!
echo "$sleeper" >$lock
check "one that another tool works on: 9" exits 9 vzctl mount $id
check "and who it is, without what he would do to the terminal" \
	mentions "^Locked by: pid $sleeper, cmdline bash .*[?]\[31mrm[?]$" vzctl mount $id
printf '%s\nlocked\nflock\n' "$sleeper" >$lock
check "a pid that is another's by now locks nothing of ours" vzctl mount $id
kill $sleeper
rm /tmp/ct-fifo
vzctl --quiet umount $id
echo "$sleeper" >$lock
check "nor does that of nobody" vzctl mount $id
vzctl --quiet umount $id

# ---- a name that two want at the same time
what="one of them gets it, and the other 131"
one_name()
{
	local slow

	strace -o /dev/null -e trace=fsync -e inject=fsync:delay_enter=5000000:when=1 \
		vzctl set "$id" --name twin --save &
	slow=$!
	within 20 test -L /etc/vz/names/twin && exits 131 vzctl set "$other" --name twin --save &&
		wait "$slow"
}
: >$conf/$other.conf
if command -v strace >/dev/null; then
	check "$what" one_name
else
	skip "$what" "no strace to slow down one of them"
fi
rm -f $conf/$other.conf /etc/vz/names/twin
sed -i /^NAME/d $conf/$id.conf

# ---- running
check "one that is mounted can be started" sh -c "vzctl mount $id && vzctl start $id"
check "umount of a running one: 32" exits 32 vzctl umount $id
check "restart" vzctl restart $id --fast
check "it runs again" says "CTID $id exist mounted running" vzctl status $id
squatters=()
for dir in /sys/fs/cgroup/vz $conf /etc/vz/names; do
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		sh -c 'exec 9<"$0" && flock 9 && exec sleep 1000' "$dir" &
	squatters+=($!)
	within 10 not flock -n "$dir" true
done
check "what anybody may lock is not waited for" \
	timeout 100 vzctl set $id --vmguarpages 100 --name squatted --save
kill "${squatters[@]}"
vzctl --quiet set $id --name '' --save
check "stop --skip-umount" vzctl stop $id --fast --skip-umount
check "it is still mounted" says "CTID $id exist mounted down" vzctl status $id
vzctl --quiet umount $id
check "restart of one that is down starts it" vzctl restart $id

# ---- suspended
vzctl --quiet exec $id 'while :; do echo >>/ticks; usleep 10000; done >/dev/null 2>&1 &'
ticks()
{
	local before

	before=$(stat -c %s "$ct_private/$id/ticks")
	sleep 1
	[ "$(stat -c %s "$ct_private/$id/ticks")" -gt "$before" ]
}
check "something runs inside" within 20 ticks
check "suspend" vzctl suspend $id
check "nothing runs" not ticks
check "it is running all the same" says "CTID $id exist mounted running" vzctl status $id
check "resume" vzctl resume $id
check "it runs" within 20 ticks
check "suspend, as other programs say it" vzctl --quiet chkpnt $id --suspend
check "stop of a suspended one is gentle" not grep Killing <(vzctl stop $id 2>&1)
check "suspend of one that is down: 31" exits 31 vzctl suspend $id
check "a file of its memory is not to be had: 16" exits 16 vzctl chkpnt $id
vzctl --quiet start $id

what="a caller that does not care for his children does no harm"
heard=
if env --ignore-signal=CHLD true 2>/dev/null; then
	check "$what" env --ignore-signal=CHLD vzctl exec2 $id true
	# Whoever runs the tests may ignore that one already.
	heard='env --default-signal=PIPE'
else
	skip "$what" "no env that ignores signals"
fi
unheard()
{
	{ $heard vzctl restart "$id" --fast; echo $? >/tmp/ct-unheard; } 2>&1 | :
	says 0 cat /tmp/ct-unheard && says "CTID $id exist mounted running" vzctl status "$id"
}
check "a command that nobody listens to is carried through" unheard
rm -f /tmp/ct-unheard
vzctl --quiet stop $id --fast

# ---- what is kept for later
vzctl --quiet set $id --capability sys_time:on,chown:off --features nfs:on --save
check "switches are kept as OpenVZ keeps them" says 'CAPABILITY="SYS_TIME:on CHOWN:off"' \
	grep CAPABILITY $conf/$id.conf
vzctl --quiet set $id --capability net_raw:on,sys_time:off --features nfs:off --save
check "others stay as they are" says 'CAPABILITY="CHOWN:off NET_RAW:on SYS_TIME:off"' \
	grep CAPABILITY $conf/$id.conf
switches()
{
	vzlist -aj -o ctid,capability "$id" | grep -o '"[A-Z_]*": [a-z]*' | tr '\n' ' '
}
check "and are shown" says '"CHOWN": false "NET_RAW": true "SYS_TIME": false ' switches
sed -i '/CAPABILITY/s/ /,/g' $conf/$id.conf
check "as those with commas are" says '"CHOWN": false "NET_RAW": true "SYS_TIME": false ' switches
check "one that nobody knows: 21" exits 21 vzctl set $id --capability fly:on --save

# ---- not to be started
echo 'DISABLED="yes"' >>$conf/$id.conf
check "start of a disabled one: 105" exits 105 vzctl start $id
check "unless forced" vzctl start $id --force
check "restart of a disabled one: 105, and it goes on running" \
	sh -c "vzctl restart $id; [ \$? = 105 ] && vzctl status $id | grep -q running"
vzctl --quiet stop $id --fast
sed -i /DISABLED/d $conf/$id.conf
mv $ct_private/$id $ct_private/$id.away
check "start without a private area: 43" exits 43 vzctl start $id
mv $ct_private/$id.away $ct_private/$id

# ---- scripts
for kind in premount mount umount postumount; do
	script vps.$kind
	script $id.$kind
done
echo 'echo "$VEID-$HOME-$(id -u)-$(cat /proc/1/comm)" >/was-started' >$conf/$id.start
echo '[ /proc/self/fd/0 -ef /dev/null ] && touch /was-stopped' >$conf/$id.stop
rm -f /tmp/ct-scripts
vzctl --quiet start $id
check "scripts on the way up: the common one first" \
	says 'vps.premount 9006.premount vps.mount 9006.mount ' ran
check "they are told which container" says "vps.mount $id $id.conf / linux" \
	grep vps.mount /tmp/ct-scripts
check "the start script ran inside, before init" says "-/-0-vzctl" cat $ct_private/$id/was-started
rm -f /tmp/ct-scripts
vzctl --quiet stop $id
check "scripts on the way down: the container's own first" \
	says '9006.umount vps.umount 9006.postumount vps.postumount ' ran
check "the stop script ran inside, and had nothing of the host's" test -e $ct_private/$id/was-stopped
no_scripts
script $id.mount 'exit 1'
check "a mount script that fails: 79" exits 79 vzctl start $id
check "and it is not mounted" says "CTID $id exist unmounted down" vzctl status $id
no_scripts
echo 'exit 1' >$conf/$id.start
check "a start script that fails: 79" exits 79 vzctl start $id
check "and it does not run" says "CTID $id exist unmounted down" vzctl status $id
no_scripts

# ---- what a script mounts below VE_ROOT is there inside
mkdir -p /vz/shared $ct_private/$id/mnt
echo hello >/vz/shared/file
script $id.mount "mount --bind /vz/shared /vz/root/$id/mnt"
script $id.umount "umount /vz/root/$id/mnt"
vzctl --quiet start $id
check "what a mount script puts there is seen inside" says hello vzctl exec $id cat /mnt/file
vzctl --quiet stop $id --fast
echo "mount -o remount,bind,ro /vz/root/$id/mnt" >>$conf/$id.mount
vzctl --quiet start $id
for option in bind,rw rw; do
	check "what is read-only stays so: not remounted as $option" \
		not vzctl exec2 $id "mount -o remount,$option /mnt; echo >/mnt/file"
done
vzctl --quiet stop $id --fast
rm $conf/$id.umount
sed -i '$d' $conf/$id.mount
mkdir -p "/vz/shared/a dir"
cat >>$conf/$id.mount <<-END
	mount --make-private /vz/root/$id/mnt
	mount --bind /vz/shared "/vz/root/$id/mnt/a dir"
END
check "and goes with it, when no script takes it away" \
	sh -c "vzctl start $id && vzctl stop $id --fast"
check "all of it" not grep " /vz/root/$id" /proc/self/mountinfo
echo 'exit 1' >>$conf/$id.mount
vzctl --quiet mount $id
check "also when that script failed afterwards" not grep " /vz/root/$id" /proc/self/mountinfo
no_scripts

# ---- and what the host has mounted stays where it is
volume()
{
	mkdir -p "$1"
	mount --bind /vz/volume "$1"
}
mkdir /vz/volume
: >/vz/volume/file
volume /vz/shared/before
mkdir $ct_private/$id/mnt/deep
script $id.mount "mount --rbind /vz/shared /vz/root/$id/mnt/deep"
vzctl --quiet start $id
volume /vz/shared/later
volume $ct_private/$id/tmp
check "what is mounted in the private area is not in VE_ROOT" not test -e /vz/root/$id/tmp/file
check "what is mounted where a mount script bound is" test -e /vz/root/$id/mnt/deep/later/file
check "all of it goes" vzctl stop $id --fast
check "nothing of it is left there" not grep " /vz/root/$id" /proc/self/mountinfo
for dir in /vz/shared/before /vz/shared/later $ct_private/$id/tmp; do
	check "and stays at ${dir#/vz/}" test -e "$dir/file"
done
umount $ct_private/$id/tmp
vzctl --quiet start $id
check "those inside call the place what they like" vzctl exec2 $id 'mv /mnt "/m$(printf "\r")t"'
check "it goes all the same" vzctl stop $id --fast
mkdir -p /vz/cover $ct_private/$id/srv/b/later
ln -s /vz/shared /vz/cover/b
script $id.mount "cd /vz/root/$id/srv; mount -t tmpfs none b/later; mount --bind /vz/cover ."
vzctl --quiet start $id
check "one that another lies upon goes, too" vzctl stop $id --fast
check "nothing is left of both" not grep " /vz/root/$id" /proc/self/mountinfo
check "what a link in the other one leads to stays" test -e /vz/shared/later/file
umount /vz/shared/before /vz/shared/later
no_scripts
rm -rf /vz/shared /vz/volume /vz/cover

ct_gone $id
finish
