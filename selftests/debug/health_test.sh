#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# After everything else, on a kernel that watches itself: it still does, and nothing
# of ours was leaked, neither while the module was loaded nor by its unloading.

# shellcheck source=selftests/lib/ct.sh
. "$(dirname "$0")/../lib/ct.sh"

kmemleak=/sys/kernel/debug/kmemleak

[ -w "$kmemleak" ] || skip_all "needs a kernel with kmemleak"

# leak PATTERN: what leaked has this in its record. It must be unreferenced in two scans,
# and some seconds old.
# shellcheck disable=SC2317 # called by check
leak()
{
	for _ in 1 2; do
		sleep 6
		echo scan >"$kmemleak"
	done
	grep -E -B 12 -A 12 -- "$1" "$kmemleak"
}

# With the module its names are gone: left are bare addresses.
plan 4
check "lockdep has not given up" grep -qE 'debug_locks: +1$' /proc/lockdep_stats
check "nothing leaked while it was loaded" not leak '\[stockvz\]|stockvz_'
check "it unloads" within 30 rmmod stockvz
check "nothing leaked by unloading" not leak '\[stockvz\]|stockvz_|\] 0xffffffffc0'
modprobe stockvz
finish
