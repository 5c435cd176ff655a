#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# USERPW: user:password. A user that is not there is made.

user=${USERPW%%:*}

if ! id -u -- "$user" >/dev/null 2>&1; then
	useradd -m -- "$user" 2>/dev/null || adduser -D -- "$user" ||
		fail 74 "cannot add the user $user"
fi
printf '%s\n' "$USERPW" | chpasswd || fail 74 "cannot change the password of $user"
