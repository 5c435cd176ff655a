#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs on the host: make the OS template NAME in the file OUTPUT, from where this
# machine gets its own packages.
#
# What apt and the hooks expand is not for this shell:
# shellcheck disable=SC2016
set -eu

case $NAME in
debian-11-*) suite=bullseye ;;
debian-12-*) suite=bookworm ;;
debian-13-*) suite=trixie ;;
*)
	echo "$NAME: not a Debian release that is known here" >&2
	exit 1
	;;
esac
case $NAME in
*-x86_64) arch=amd64 ;;
*-aarch64) arch=arm64 ;;
*)
	echo "$NAME: not an architecture that is known here" >&2
	exit 1
	;;
esac

command -v mmdebstrap >/dev/null || {
	echo "mmdebstrap is needed: apt-get install mmdebstrap" >&2
	exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
chmod 0755 "$work"

# Of all that apt knows here, Debian's own suites of this release. What has not
# been downloaded yet has no origin.
apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)' \
	'Created-By: Packages' |
	while IFS='|' read -r origin uri release component; do
		case $origin/$release in
		Debian/"$suite" | Debian/"$suite"-updates | Debian/"$suite"-security)
			echo "deb $uri $release $component" ;;
		esac
	done | sort -u >"$work/sources.list"
[ -s "$work/sources.list" ] || {
	echo "apt knows no Debian $suite here: add it to the sources, and run apt-get update" >&2
	exit 1
}

# The keys that it trusts, those that a source names for itself among them
mkdir "$work/keys"
for key in /etc/apt/trusted.gpg.d/* $(grep -rhoiE 'signed-by[=:][[:space:]]*/[^] ]+' \
	/etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | sed 's:^[^/]*::' | sort -u); do
	[ ! -f "$key" ] || cp "$key" "$work/keys/"
done
chmod -R a+rX "$work/keys"

# How it reaches them: proxies and the like
apt-config dump --format '%F "%v";%n' Acquire |
	grep -vE '^Acquire(::(IndexTargets|Languages|Changelogs|CompressionTypes|cdrom).*)? "' \
		>"$work/apt.conf"

# Small, but what an administrator reaches for first is there. Documentation
# stays out of the template only: what is installed later comes with its own.
# Names, keys and proxies of this machine do not go into it.
mmdebstrap --variant=minbase --format=tar --architectures="$arch" \
	--keyring="$work/keys" --aptopt="$work/apt.conf" \
	--dpkgopt='path-exclude=/usr/share/man/*' \
	--dpkgopt='path-exclude=/usr/share/info/*' \
	--dpkgopt='path-exclude=/usr/share/locale/*' \
	--dpkgopt='path-exclude=/usr/share/doc/*' \
	--dpkgopt='path-include=/usr/share/doc/*/copyright' \
	--include=systemd,systemd-sysv,dbus,iproute2,iputils-ping,procps,netbase \
	--include=passwd,login,bash,less,ca-certificates \
	--customize-hook='chroot "$1" passwd --lock root >/dev/null' \
	--customize-hook='chroot "$1" systemctl --quiet set-default multi-user.target' \
	--customize-hook='rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap' \
	--customize-hook='mv "$1"/etc/apt/sources.list.d/*sources.list "$1"/etc/apt/sources.list' \
	--customize-hook='rm -f "$1"/etc/resolv.conf && : >"$1"/etc/resolv.conf' \
	--customize-hook='echo localhost >"$1"/etc/hostname' \
	--customize-hook=': >"$1"/etc/fstab' \
	"$suite" "$OUTPUT" "$work/sources.list"
