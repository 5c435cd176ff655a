#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# NAMESERVER: addresses. SEARCHDOMAIN: domains. VE_STATE: starting or running.

# Who writes another file for it would write over ours.
[ ! -L /etc/resolv.conf ] || rm -f /etc/resolv.conf
{
	[ -z "$SEARCHDOMAIN" ] || echo "search $SEARCHDOMAIN"
	for server in $NAMESERVER; do
		echo "nameserver $server"
	done
	[ ! -e /etc/resolv.conf ] || grep -vE '^(nameserver|search|domain)[[:space:]]' /etc/resolv.conf
} | replace /etc/resolv.conf || fail 72 "cannot write /etc/resolv.conf"
