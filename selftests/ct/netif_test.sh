#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Devices of a container beside venet0: veth pairs, and devices of the host.

# Functions: check calls them.
# shellcheck disable=SC2317
# shellcheck source=selftests/lib/ct.sh
. "${0%/*}/../lib/ct.sh"

one=9031
two=9032
bridge=brtest
for module in bridge dummy veth; do
	modprobe -q $module || skip_all "no module $module"
done
ct_setup
ct_gone $one $two
for dev in $bridge nd0 nd1; do
	ip link del "$dev" 2>/dev/null
done
state=$(host_state)
unshare -n true
netns=$(nr_netns)

ct_new $one
ct_new $two "NETIF=\"ifname=eth0,bridge=$bridge,mac=02:00:00:00:00:32\""
ip link add $bridge type bridge
ip addr add 10.90.0.1/24 dev $bridge
ip link set $bridge up
ip link add nd0 type dummy
ip link add nd1 type dummy
number=$(cat /sys/class/net/nd0/ifindex)
mac=$(cat /sys/class/net/nd0/address)

inside()
{
	vzctl exec2 "$@"
}

# inside_up ID ADDRESS
inside_up()
{
	inside "$1" "ip addr add $2/24 dev eth0 && ip link set eth0 up"
}

ping_once()
{
	case $1 in
	host) ping -c 1 -W 2 "$2" ;;
	*) inside "$1" ping -c 1 -W 2 "$2" ;;
	esac
}

# Neighbours believe in a MAC that they have just learnt for a second.
pings()
{
	within 20 ping_once "$@"
}

# in_net PID COMMAND...: the host's program in the network of that process
in_net()
{
	nsenter -t "$1" -n "${@:2}"
}

# send_on PID OTHER: nd0 goes to the other's network, and another device gets its number
send_on()
{
	in_net "$1" ip link set nd0 netns "$2" &&
		in_net "$1" ip link add fake index $((0x40000000 + number)) type veth peer name fake1
}

# call_back PID OTHER: it is there again, with another MAC and a name that the host has too
call_back()
{
	in_net "$2" ip link set nd0 netns "$1" && kill "$2" &&
		in_net "$1" ip link set nd0 address 02:00:00:00:00:99 &&
		in_net "$1" ip link property add dev nd0 altname nd1
}

# is_elsewhere PID OTHER...: in a network that none of the others is in
is_elsewhere()
{
	local net other

	net=$(readlink "/proc/$1/ns/net") || return 1
	for other in "${@:2}"; do
		[ "$net" != "$(readlink "/proc/$other/ns/net")" ] || return
	done
}

# The host's end of a device, as the file says
host_end()
{
	ip -o link show dev "$1" master "$bridge" up | grep -q "$1"
}

saved()
{
	sed -n "s/^$2=\"\(.*\)\"/\1/p" "/etc/vz/conf/$1.conf"
}

is_gone()
{
	! ip link show dev "$1" 2>/dev/null
}

# unchanged ID COMMAND...: it may fail, but the devices and the file stay as they are
unchanged()
{
	local id=$1 before now

	shift
	before=$(devices "$id")
	"$@" || return
	now=$(devices "$id")
	[ "$before" = "$now" ] || { diff <(echo "$before") <(echo "$now"); false; }
}

devices()
{
	inside "$1" ip -o link | sed 's/^[0-9]*: //;s/ qlen.*//' | sort
	ip -o link | sed 's/^[0-9]*: //' | sort
	cat "/etc/vz/conf/$1.conf"
}

plan 106

# ---- live
check "start without any" vzctl start $one
check "a device is given to it" mentions "Configure veth devices: veth$one.0" \
	vzctl set $one --netif_add eth0,,,,$bridge
check "it has it, with a MAC of its own" mentions '00:18:51' inside $one ip link show dev eth0
check "the host's end is in the bridge, and up" host_end veth$one.0
check "not in the configuration" not grep -q NETIF /etc/vz/conf/$one.conf
check "it sets it up" inside_up $one 10.90.0.2
check "the host reaches it" pings host 10.90.0.2
check "it reaches the host" pings $one 10.90.0.1
check "a second one, named on both sides" vzctl set $one \
	--netif_add eth1,02:00:00:00:01:01,second.0.,FE:FF:FF:FF:FF:FF --save
check "is there" mentions '02:00:00:00:01:01' inside $one ip link show dev eth1
check "as its other end is" mentions 'fe:ff:ff:ff:ff:ff' ip link show dev second.0.
check "the host believes no router there" says 0 cat /proc/sys/net/ipv6/conf/second.0./accept_ra
check "both are saved" mentions \
	"^ifname=eth0,bridge=$bridge,mac=00:18:51.*,host_ifname=veth$one.0,.*;ifname=eth1,mac=02:00:00:00:01:01,host_ifname=second.0.,host_mac=FE:FF:FF:FF:FF:FF$" \
	saved $one NETIF
check "away with the second" vzctl set $one --netif_del eth1 --save
check "it is gone inside" not inside $one ip link show dev eth1
check "and on the host" is_gone second.0.
check "and from the configuration" not grep -q eth1 /etc/vz/conf/$one.conf
check "a name on the host that another leaves at once" bash -c "
	vzctl set $one --netif_add eth1,,second0 && vzctl set $one --netif_del eth1 --netif_add eth2,,second0"
check "one is there" inside $one ip link show dev eth2
check "not the other" not inside $one ip link show dev eth1
check "away with it" vzctl set $one --netif_del eth2
check "the first has not noticed" pings host 10.90.0.2

# ---- one that has it from the start
check "start with one" vzctl start $two
check "it has the MAC that was wanted" mentions '02:00:00:00:00:32' inside $two ip link show dev eth0
check "its other end has a name" host_end veth$two.0
check "it sets it up" inside_up $two 10.90.0.3
check "containers reach each other over the bridge" pings $one 10.90.0.3

# ---- what a container says of others' addresses
check "one has an address on a device that is in no bridge" bash -c "
	vzctl set $one --netif_add eth3,,alone0 &&
	vzctl exec2 $one 'ip link set eth3 up && ip addr add 10.91.0.7/24 dev eth3'"
check "and not on the bridge" in_net "$(ct_init $one)" \
	bash -c "echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore"
check "nobody believes it" not mentions "another machine" vzctl set $two --ipadd 10.91.0.7
check "away with both" bash -c "vzctl set $one --netif_del eth3 && vzctl set $two --ipdel all"

# ---- changes of one that is there
check "another MAC of its own choice" inside $one \
	"ip link set eth0 down && ip link set eth0 address 02:00:00:00:00:77 && ip link set eth0 up"
check "takes it off the wire" not inside $one ping -c 1 -W 2 10.90.0.1
check "unless that is allowed" vzctl set $one --ifname eth0 --mac_filter off --save
check "then it is heard" pings $one 10.90.0.1
check "which is saved" mentions 'mac_filter=off' saved $one NETIF
check "a MAC from outside" vzctl set $one --ifname eth0 --mac 02:00:00:00:00:31 --mac_filter on --save
check "is there" mentions '02:00:00:00:00:31' inside $one ip link show dev eth0
check "and heard" pings $one 10.90.0.1
check "another name on the host" vzctl set $one --ifname eth0 --host_ifname other0 --save
check "is there" host_end other0
check "the old one is not" is_gone veth$one.0
check "it goes on" pings host 10.90.0.2
check "renamed inside" bash -c "
	vzctl exec2 $one 'ip link set eth0 down && ip link set eth0 name mine0'"
check "out of the bridge" vzctl set $one --ifname eth0 --bridge ''
check "it is out" not host_end other0
check "and in again" vzctl set $one --ifname eth0 --bridge $bridge --save
check "renamed back" bash -c "
	vzctl exec2 $one 'ip link set mine0 name eth0 && ip link set eth0 up'"
check "it goes on" pings host 10.90.0.2

check "added once more, with another MAC" vzctl set $one --netif_add eth0,02:00:00:00:00:35
check "it is changed" mentions '02:00:00:00:00:35' inside $one ip link show dev eth0
check "the rest of it is not" host_end other0
check "back to the other MAC" vzctl set $one --netif_add eth0,02:00:00:00:00:31 --save
check "it goes on" pings host 10.90.0.2

# ---- what is wrong changes nothing
check "a bad name: 21" unchanged $one exits 21 vzctl set $one --netif_add eth/1 --save
check "a long name: 21" unchanged $one exits 21 vzctl set $one --netif_add eth4567890123456 --save
check "a bad MAC: 21" unchanged $one exits 21 vzctl set $one --netif_add eth1,02:00:00:00:00 --save
check "a MAC of many: 21" unchanged $one exits 21 vzctl set $one --netif_add eth1,01:00:00:00:00:01 --save
check "too many fields: 21" unchanged $one exits 21 vzctl set $one --netif_add eth1,,,,br,x --save
check "one that it has, once more" unchanged $one vzctl set $one --netif_add eth0 --save
check "one that it has not is passed over" unchanged $one \
	mentions "does not have configured veth: eth5, skipped" vzctl set $one --netif_del eth5 --save
check "no such bridge: 130" unchanged $one exits 130 vzctl set $one --netif_add eth1,,,,nobridge --save
check "what is no bridge: 130" unchanged $one exits 130 vzctl set $one --netif_add eth1,,,,nd0 --save
check "a name that the host has: 130" unchanged $one exits 130 vzctl set $one --netif_add eth1,,nd0 --save
check "a change to such a name: 130" unchanged $one exits 130 \
	vzctl set $one --ifname eth0 --host_ifname nd0 --save
check "and that device stays what it is" says 1 cat /proc/sys/net/ipv6/conf/nd0/accept_ra
check "a MAC of which device? 20" unchanged $one exits 20 vzctl set $one --mac 02:00:00:00:00:31 --save
check "the host has none: 21" exits 21 vzctl set 0 --netif_add eth0 --save
check "it still goes on" pings host 10.90.0.2

# ---- devices of the host
check "a device of the host" vzctl set $one --netdev_add nd0
check "has left it" is_gone nd0
check "is inside" inside $one ip link show dev nd0
check "cannot be given again: 104" exits 104 vzctl set $two --netdev_add nd0
check "venet0 cannot: 21" exits 21 vzctl set $one --netdev_add venet0
check "one that is not there: 104" exits 104 vzctl set $one --netdev_add nd0 --netdev_add nd5
check "whatever it is called inside" inside $one ip link set nd0 name mine
check "it comes back" vzctl set $one --netdev_del nd0
check "under its name and its number" mentions "^$number: nd0" ip -o link show dev nd0
check "given again" vzctl set $one --netdev_add nd0
init=$(ct_init $one)
nsenter -t "$init" -n unshare -n sleep 1000 </dev/null >/dev/null 2>&1 &
inner=$!
check "a network inside of its own" within 20 is_elsewhere $inner "$init" $$
check "sent on inside, another put in its place" send_on "$init" $inner
check "what is not it does not come: 104" exits 104 vzctl set $one --netdev_del nd0
check "nothing is taken for it" is_gone nd0
check "nor has stayed" not bash -c "ip -o link | grep -E ': vz[0-9a-f]{8}'"
check "nor is it forgotten: 104" exits 104 vzctl set $one --netdev_del nd0
check "when it is back" call_back "$init" $inner
check "it comes, though it has a name of the host's beside" vzctl set $one --netdev_del nd0
check "under its name and its number" mentions "^$number: nd0" ip -o link show dev nd0
check "with its MAC" says "$mac" cat /sys/class/net/nd0/address
check "two of them, saved" bash -c "vzctl set $one --netdev_add nd0 --save &&
	vzctl set $one --netdev_add nd1 --save && grep -q '^NETDEV=\"nd0 nd1\"' /etc/vz/conf/$one.conf"

# ---- the end, and a beginning
check "stop" vzctl stop $one --fast
check "its veth device has gone" is_gone other0
check "those of the host have come back" bash -c "ip link show dev nd0 && ip link show dev nd1"
check "start" vzctl start $one
check "all of them are there again" says 3 inside $one 'ip -o link | grep -cE "eth0|nd0|nd1"'
check "one that ends by itself" kill -9 "$(ct_init $one)"
check "gives them back" within 20 bash -c "vzctl umount $one; ip link show dev nd0 && ip link show dev nd1"
check "nonsense in the configuration: 85" bash -c "
	sed -i 's/^NETIF=.*/NETIF=\"ifname=eth0,mac=x\"/' /etc/vz/conf/$one.conf
	vzctl start $one; [ \$? = 85 ]"
check "what OpenVZ said of netfilter is kept" bash -c "
	vzctl set $two --netfilter full --iptables ipt_state,iptable_nat --save &&
	grep -q '^IPTABLES=\"ipt_state iptable_nat\"' /etc/vz/conf/$two.conf"
check "but no nonsense: 21" bash -c "
	vzctl set $two --netfilter some; [ \$? = 21 ] && vzctl set $two --iptables some; [ \$? = 21 ]"
check "stop" vzctl stop $two --fast

echo "ifname=eth0,host_ifname=nd1,index=$number" >/run/vzctl/netif/$two
check "another device of a name that it had" exits 40 vzctl umount $two
check "is forgotten" not test -e /run/vzctl/netif/$two
check "and stays" ip link show dev nd1

ip link del $bridge
ip link del nd0
ip link del nd1
ip link del venet0
check "the host is as it was" within 20 ct_same_state "$state"
check "no network namespace is left" within 20 ct_no_more_netns "$netns"

ct_gone $one $two
finish
