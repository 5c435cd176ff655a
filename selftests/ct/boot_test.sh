#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Containers that come up with the host and go down before it does.

# Single quotes: it is the script that is to expand it. Functions: check calls them.
# shellcheck disable=SC2016,SC2317
# shellcheck source=selftests/lib/ct.sh
. "${0%/*}/../lib/ct.sh"

yes=9031 first=9032 no=9033 auto=9034 disabled=9035
scripts=/etc/vz/conf
ct_setup
[ -d /run/systemd/system ] || skip_all "systemd does not run here"
[ -x /etc/init.d/vz ] || skip_all "vz is not installed"
systemctl stop vz
ct_gone $yes $first $no $auto $disabled
rm -f /var/lib/vzctl/ran
for id in $yes $first $no $auto $disabled; do
	ct_new "$id"
done
sed -i 's/^ONBOOT=.*/ONBOOT="yes"/' $scripts/{$yes,$first,$disabled}.conf
sed -i 's/^ONBOOT=.*/ONBOOT="auto"/' $scripts/$auto.conf
echo 'BOOTORDER="10"' >>$scripts/$first.conf
echo 'DISABLED="yes"' >>$scripts/$disabled.conf
for kind in mount umount; do
	printf '#!/bin/sh\necho %s $VEID >>/tmp/ct-order\n' $kind >$scripts/vps.$kind
	chmod +x $scripts/vps.$kind
done
rm -f /tmp/ct-order
cp /etc/vz/vz.conf /tmp/ct-vz.conf
echo 'VE_PARALLEL="1"' >>/etc/vz/vz.conf
plan 15

running()
{
	vzlist -1 | xargs
}

order()
{
	grep "^$1 " /tmp/ct-order | cut -d' ' -f2 | xargs
}

vzctl --quiet set 0 --cpuunits 2000 --save
check "the service starts" systemctl start vz
check "and with it those that say so" says "$yes $first" running
check "the one of higher order before the other" says "$first $yes" order mount
check "the host keeps its units" says 100 cat /sys/fs/cgroup/vz/cpu.weight
vzctl --quiet set 0 --cpuunits 1000
rm /etc/vz/conf/0.conf
check "it says that it runs" says 'OpenVZ is running...' /etc/init.d/vz status
vzctl --quiet start $auto
check "by its old name it is stopped, too" /etc/init.d/vz stop
check "systemd knows" exits 3 systemctl is-active --quiet vz
check "none is left" says '' running
check "nor is one mounted" not grep ' /vz/root/' /proc/self/mountinfo
check "the one of higher order last" says "$yes $auto $first" order umount

# Whoever is asked again does not forget who ran.
/etc/init.d/vz down

# Two of the same order, who wait for each other for a while. The other one has a number that
# comes before it as a text.
cp /tmp/ct-vz.conf /etc/vz/vz.conf
sed -i 's/^BOOTORDER=.*/BOOTORDER="9"/' $scripts/$first.conf
echo 'BOOTORDER="10"' | tee -a $scripts/$yes.conf >>$scripts/$auto.conf
for kind in mount umount; do
	cat >$scripts/vps.$kind <<-END
		#!/bin/sh
		echo $kind \$VEID >>/tmp/ct-order
		[ \$VEID != $first ] || exit 0
		for i in \$(seq 60); do
			[ \$(grep -c "^$kind " /tmp/ct-order) = 1 ] || exit 0
			sleep 1
		done
		echo $kind alone >>/tmp/ct-order
	END
done
rm -f /tmp/ct-order
check "the next time" systemctl start vz
check "those who say nothing are back if they ran" says "$yes $first $auto" running
check "those of one order started together, and the other then" \
	mentions "^($yes $auto|$auto $yes) $first\$" order mount
check "they stop" systemctl stop vz
check "together, and the other before" \
	mentions "^$first ($yes $auto|$auto $yes)\$" order umount

cp /tmp/ct-vz.conf /etc/vz/vz.conf
rm -f $scripts/vps.{mount,umount} /tmp/ct-order /tmp/ct-vz.conf /var/lib/vzctl/ran
ct_gone $yes $first $no $auto $disabled
finish
