#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# IP_ADDR: the addresses that the container has. IPDELALL=yes: those noted before
# are no more. VE_STATE: starting or running.
#
# vzctl itself has set up venet0 already, from outside. Here it is written down
# for whatever sets up the network inside, lest that undo it.

list=
for address in $IP_ADDR; do
	list="$list ${address%%/*}"
done

# The lines between our marks, anew
interfaces() {
	sed '/^# venet0: begin, by vzctl$/,/^# venet0: end$/d' /etc/network/interfaces 2>/dev/null
	[ -n "$list" ] || return 0
	echo '# venet0: begin, by vzctl'
	echo 'auto venet0'
	echo 'iface venet0 inet manual'
	echo '	up ip link set venet0 up'
	echo '	up ip addr add 127.0.0.2/32 dev venet0 || true'
	k=0
	for address in $list; do
		case $address in
		*:*)
			echo "	up ip -6 addr add $address/128 dev venet0 || true"
			echo '	up ip -6 route add default dev venet0 || true'
			;;
		*)
			echo "	up ip addr add $address/32 dev venet0 label venet0:$k || true"
			echo '	up ip route add default dev venet0 || true'
			;;
		esac
		k=$((k + 1))
	done
	echo '# venet0: end'
}

# systemd-networkd leaves alone what it is told in the very words of the kernel's tables.
networkd() {
	echo '# by vzctl'
	echo '[Match]'
	echo 'Name=venet0'
	echo '[Network]'
	echo 'DHCP=no'
	echo 'LinkLocalAddressing=no'
	echo 'IPv6AcceptRA=no'
	echo 'KeepConfiguration=yes'
	echo '[Address]'
	echo 'Address=127.0.0.2/32'
	echo 'Scope=host'
	k=0
	for address in $list; do
		echo '[Address]'
		case $address in
		*:*) echo "Address=$address/128" ;;
		*)
			echo "Address=$address/32"
			echo "Label=venet0:$k"
			;;
		esac
		k=$((k + 1))
	done
	case $list in
	*.*)
		echo '[Route]'
		echo 'Destination=0.0.0.0/0'
		echo 'Scope=link'
		;;
	esac
	case $list in
	*:*)
		echo '[Route]'
		echo 'Destination=::/0'
		;;
	esac
}

# ifcfg NAME ADDRESS
ifcfg() {
	replace "/etc/sysconfig/network-scripts/ifcfg-$1" <<END
DEVICE=$1
BOOTPROTO=none
ONBOOT=yes
NM_CONTROLLED=no
ARPCHECK=no
IPADDR=$2
NETMASK=255.255.255.255
END
}

network_scripts() {
	rm -f /etc/sysconfig/network-scripts/ifcfg-venet0*
	[ -n "$list" ] || return 0
	ifcfg venet0 127.0.0.2
	echo default dev venet0 >/etc/sysconfig/network-scripts/route-venet0
	k=0
	six=
	for address in $list; do
		case $address in
		*:*) six="$six $address/128" ;;
		*) ifcfg "venet0:$k" "$address" ;;
		esac
		k=$((k + 1))
	done
	[ -z "$six" ] || cat >>/etc/sysconfig/network-scripts/ifcfg-venet0 <<END
IPV6INIT=yes
IPV6_AUTOCONF=no
IPV6ADDR_SECONDARIES="${six# }"
IPV6_DEFAULTDEV=venet0
END
}

if [ -d /etc/network ]; then
	interfaces | replace /etc/network/interfaces || fail 34 "cannot write /etc/network/interfaces"
fi
if [ -d /etc/systemd/network ] &&
	{ [ -e /lib/systemd/systemd-networkd ] || [ -e /usr/lib/systemd/systemd-networkd ]; }; then
	networkd | replace /etc/systemd/network/10-venet0.network ||
		fail 34 "cannot write to /etc/systemd/network"
fi
if [ -d /etc/sysconfig/network-scripts ]; then
	network_scripts || fail 34 "cannot write to /etc/sysconfig/network-scripts"
fi
if [ -d /etc/NetworkManager/conf.d ]; then
	printf '[keyfile]\nunmanaged-devices=interface-name:venet0\n' |
		replace /etc/NetworkManager/conf.d/venet.conf
fi
exit 0
