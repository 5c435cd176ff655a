#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# HOSTNM: the name. IP_ADDR: the container's addresses, if any. VE_STATE: starting
# or running.

short=${HOSTNM%%.*}
names=$HOSTNM
[ "$short" = "$HOSTNM" ] || names="$HOSTNM $short"

# The first address, without the length of its prefix
address=${IP_ADDR%% *}
address=${address%%/*}

[ -e /etc/hosts ] || cat >/etc/hosts <<END
127.0.0.1	localhost
::1		localhost ip6-localhost ip6-loopback
END
{
	grep -v '# set by vzctl$' /etc/hosts
	printf '%s\t%s\t# set by vzctl\n' "${address:-127.0.1.1}" "$names"
} | replace /etc/hosts || fail 70 "cannot write /etc/hosts"

echo "$HOSTNM" | replace /etc/hostname || fail 70 "cannot write /etc/hostname"

hostname "$HOSTNM" 2>/dev/null ||
	{ echo "$HOSTNM" >/proc/sys/kernel/hostname; } 2>/dev/null ||
	[ "$VE_STATE" = starting ] ||
	fail 70 "cannot set the hostname"
