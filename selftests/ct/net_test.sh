#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The network of containers: venet0, its addresses, and what the host has for them.

# Single quotes: it is the shell inside that is to expand it. Functions: check calls them.
# shellcheck disable=SC2016,SC2317
# shellcheck source=selftests/lib/ct.sh
. "${0%/*}/../lib/ct.sh"

one=9021
two=9022
ct_setup
ct_gone $one $two
state=$(host_state)
# The kernel keeps the memory of the last one.
unshare -n true
netns=$(nr_netns)

ct_new $one 'HOSTNAME="one.example.org"'
ct_new $two 'IP_ADDRESS="10.88.0.2 fd88::2"' 'NAMESERVER="192.0.2.53"' 'SEARCHDOMAIN="example.org"'
mkdir -p $ct_private/$two/etc/network
printf 'auto lo\niface lo inet loopback\n' >$ct_private/$two/etc/network/interfaces

# A machine beyond the host.
ip netns del out 2>/dev/null
ip netns add out
ip link add out0 type veth peer name eth0 netns out
ip addr add 10.89.0.1/24 dev out0
ip addr add fd89::1/64 dev out0 nodad
sysctl -qw net.ipv6.conf.all.forwarding=0 net.ipv6.conf.out0.accept_ra=1
ip link set out0 up
ip -n out addr add 10.89.0.2/24 dev eth0
ip -n out addr add fd89::2/64 dev eth0 nodad
ip -n out link set eth0 up
ip -n out link set lo up
# It takes them for neighbours: somebody has to answer for them.
ip -n out route add 10.88.0.0/24 dev eth0

inside()
{
	vzctl exec2 "$@"
}

# pings FROM ADDRESS: from a container, from the host, or from beyond it
pings()
{
	case $1 in
	host) ping -c 1 -W 5 "$2" ;;
	out) ip netns exec out ping -c 1 -W 5 "$2" ;;
	*) inside "$1" ping -c 1 -W 5 "$2" ;;
	esac
}

given()
{
	vzlist -H -t -o ip "$1" | sed 's/ *$//'
}

plan 80

# ---- one that has none, live
check "start without an address" vzctl start $one
check "it has a venet0" inside $one ip link show dev venet0
check "which is up, as venet is" mentions 'BROADCAST|POINTOPOINT' inside $one ip link show dev venet0
check "so has the host" ip link show dev venet0
check "an address is given to it" vzctl set $one --ipadd 10.88.0.1
check "it has it" mentions '10\.88\.0\.1/32.* venet0:0' inside $one ip addr show dev venet0
check "and the device's own" mentions '127\.0\.0\.2/32 scope host' inside $one ip addr show dev venet0
check "and a default route" mentions '^default dev venet0' inside $one ip route
check "the host has a route to it" mentions '^10\.88\.0\.1 dev venet0' ip route
check "and answers for it" mentions '10\.88\.0\.1 dev out0 proxy' ip neigh show proxy
check "it is noted" grep -qx 10.88.0.1 /var/lib/vzctl/veip/$one
check "but not in the configuration" not grep -q IP_ADDRESS /etc/vz/conf/$one.conf
check "vzlist shows it" says 10.88.0.1 given $one
check "the host reaches it" pings host 10.88.0.1
check "it reaches the host" pings $one 10.89.0.1
check "and what is beyond" pings $one 10.89.0.2
check "which reaches it, as if on its own wire" pings out 10.88.0.1

# ---- one that has them from the start
check "start with addresses" vzctl start $two
check "it has both" mentions 'fd88::2/128' inside $two ip addr show dev venet0
check "the host reaches the one" pings host 10.88.0.2
check "and the other" pings host fd88::2
check "containers reach each other" pings $one 10.88.0.2
check "the TTL of whom the host reaches by itself is whole" mentions 'ttl=64' pings host 10.88.0.2
check "a name server is written down" \
	mentions '^nameserver 192.0.2.53' inside $two cat /etc/resolv.conf
check "and a domain" mentions '^search example.org' inside $two cat /etc/resolv.conf
check "addresses are written down for who sets up the network inside" \
	mentions 'ip addr add 10.88.0.2/32 dev venet0 label venet0:0' inside $two cat /etc/network/interfaces
check "with what stood there before" \
	mentions '^iface lo inet loopback' inside $two cat /etc/network/interfaces

# ---- changes
check "with forwarding the host was made to go on believing its router" \
	says 2 cat /proc/sys/net/ipv6/conf/out0/accept_ra
sysctl -qw net.ipv6.conf.out0.accept_ra=1
check "an address that another one has: 78" exits 78 vzctl set $one --ipadd 10.88.0.2
check "changes nothing" says 10.88.0.1 given $one
check "an address more, and saved" vzctl set $one --ipadd 10.88.0.3 --ipadd fd88::0003 --save
check "saved with those given before" grep -q '^IP_ADDRESS="10.88.0.1 10.88.0.3 fd88::' /etc/vz/conf/$one.conf
check "it is there" pings host 10.88.0.3
check "IPv6 too" pings $one fd89::1
check "whoever forwards already is left alone" says 1 cat /proc/sys/net/ipv6/conf/out0/accept_ra
check "again: no harm" vzctl set $one --ipadd 10.88.0.3 --save
check "it still is there" pings host 10.88.0.3
check "away with one, written in another way" vzctl set $one --ipdel fd88:0::3 --save
check "it is gone inside" not grep -q fd88 <(inside $one ip addr show dev venet0)
check "and from the host's routes" not grep -q fd88::3 <(ip -6 route)
check "and not saved" grep -q '^IP_ADDRESS="10.88.0.1 10.88.0.3"' /etc/vz/conf/$one.conf
check "all of them" vzctl set $one --ipdel all
check "none is left" says - given $one
check "nor a route" not grep -q '10\.88\.0\.[13]' <(ip route)
check "nor a neighbour" not grep -q '10\.88\.0\.[13]' <(ip neigh show proxy)
check "nothing comes there" not pings host 10.88.0.1
ip route add 10.88.0.60 dev out0
check "an address that the host has a route to: 34" exits 34 vzctl set $one --ipadd 10.88.0.60
check "which stays" mentions '^10\.88\.0\.60 dev out0' ip route
ip route del 10.88.0.60
check "nonsense is refused: 21" exits 21 vzctl set $one --ipadd 10.88.0.999
check "name servers of a running one" vzctl set $two --nameserver 192.0.2.1 --nameserver 192.0.2.2
check "take the place of those before" \
	says $'search example.org\nnameserver 192.0.2.1\nnameserver 192.0.2.2' inside $two cat /etc/resolv.conf
check "rules are a container's own" inside $two ip rule add from 10.88.0.2 table 7
check "and its routes" inside $two ip route add 192.0.2.0/24 dev venet0 table 7
check "they are there" mentions 'from 10\.88\.0\.2 lookup 7' inside $two ip rule
check "not on the host" not grep -q 'lookup 7' <(ip rule)
cp "${0%/*}/firewall" $ct_private/$two/bin/
check "so is a firewall: it shuts itself in" inside $two firewall drop
check "nothing leaves it" not inside $two ping -c 1 -W 1 10.89.0.1
check "nobody else is shut in" pings host 10.89.0.2
check "it opens up" inside $two firewall accept
check "and is there again" pings $two 10.89.0.1
check "it gives itself an address" inside $two ip addr add 10.88.0.77/32 dev venet0
check "which is none" not inside $two ping -c 1 -W 1 -I 10.88.0.77 10.89.0.1

# ---- the neighbours
ip -n out addr add 10.88.0.50/32 dev eth0
ip -n out addr add fd88::50/128 dev eth0 nodad
ip netns exec out sysctl -qw net.ipv4.conf.eth0.arp_accept=1
check "an address that another machine has: a warning" \
	mentions 'Warning: another machine on the network has 10.88.0.50' vzctl set $one --ipadd 10.88.0.50
check "it is given all the same" mentions '10\.88\.0\.50' given $one
check "one of IPv6" mentions 'Warning: another machine .* has fd88::50' vzctl set $one --ipadd fd88::50
vzctl --quiet set $one --ipdel all
check "whoever does not want to know is not told" \
	not grep 'another machine' <(vzctl set $one --ipadd 10.88.0.50 --skip_arpdetect 2>&1)
vzctl --quiet set $one --ipdel all
echo 'ERROR_ON_ARPFAIL="yes"' >>/etc/vz/conf/$one.conf
check "or it is an error: 78" exits 78 vzctl set $one --ipadd 10.88.0.50
check "and changes nothing" says - given $one
check "one that nobody has" not grep 'another machine' <(vzctl set $one --ipadd 10.88.0.51 2>&1)
check "is made known" mentions '^10\.88\.0\.51 .*lladdr' ip -n out neigh show
vzctl --quiet set $one --ipdel all

# ---- the end
echo 10.88.0.2 >/var/lib/vzctl/veip/$one
check "stop" vzctl stop $one --fast
check "an address on its record that is another's by now stays that one's" \
	pings out 10.88.0.2
check "and is answered for" mentions '10\.88\.0\.2 dev out0 proxy' ip neigh show proxy
check "stop" vzctl stop $two --fast
check "no route is left" not grep -qE '10\.88|fd88' <(ip route; ip -6 route)
check "no neighbour is left" not grep -qE '10\.88|fd88' <(ip neigh show proxy; ip -6 neigh show proxy)
check "no note is left" not ls /var/lib/vzctl/veip/$one /var/lib/vzctl/veip/$two
check "one that ended by itself is cleared away" bash -c "
	vzctl start $two && vzctl exec2 $two kill -9 -1; vzctl stop $two --fast
	! ip route | grep -q 10.88"
ip link del out0
ip netns del out
ip link del venet0
check "the host is as it was" within 20 ct_same_state "$state"
check "no network namespace is left" within 20 ct_no_more_netns "$netns"

ct_gone $one $two
finish
