# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What a guest finds inside. Sourced by run; needs $top, $build, $tmp, $logs,
# $release, $modroot and $module.

# The first ones lead to the disks and the ports, the rest is for tests to load.
boot_modules=(virtio_pci virtio_blk virtio_console crc32c_generic ext4)
more_modules=(overlay loop fuse veth dummy tun bridge ipvlan macvlan
	unix_diag inet_diag tcp_diag udp_diag raw_diag netlink_diag af_packet_diag
	bfq sctp vsock nf_tables nft_chain_nat nft_compat iptable_filter iptable_nat)

# What busybox has not, or not well enough for tests.
programs=(bash timeout ip ss unshare nsenter prlimit setpriv taskset flock strace)

# stage_modules ROOT: the kernel modules of a guest in memory, indexed
stage_modules()
{
	local word file to

	# A kernel may have all of them built in.
	mkdir -p "$1/lib/modules/$release"
	# modprobe knows the dependencies; "builtin x" is its other answer.
	{
		modprobe -d "$modroot" -S "$release" -a -D "${boot_modules[@]}"
		modprobe -q -d "$modroot" -S "$release" -a -D "${more_modules[@]}" || true
	} | sort -u | while read -r word file; do
		[ "$word" = insmod ] || continue
		file=${file%% *}
		to=$1/lib/modules/${file##*/lib/modules/}
		mkdir -p "${to%/*}"
		cp "$file" "$to"
	done
	cp "$modroot/lib/modules/$release"/modules.{order,builtin,builtin.modinfo} \
		"$1/lib/modules/$release"
	stage_stockvz "$1/lib/modules/$release"
	depmod -b "$1" "$release"
}

# stage_stockvz DIR: our modules, where modules from outside the kernel belong, and as
# they would be installed: what a debugger reads is nine tenths of them
stage_stockvz()
{
	local ko

	[ -n "$module" ] || return 0
	mkdir -p "$1/extra"
	for ko in stockvz holder/stockvz_holder server/stockvz_server; do
		objcopy --strip-debug "$build/$release/$ko.ko" "$1/extra/${ko##*/}.ko"
	done
}

# stage_system ROOT: a minimal machine
stage_system()
{
	local dir p

	mkdir -p "$1"/usr/{bin,sbin,lib,lib64} \
		"$1"/{dev,etc,mnt,proc,root,run/lock,sys,tmp,var/lib,var/log,var/tmp}
	ln -s ../run "$1/var/run"
	ln -s ../run/lock "$1/var/lock"
	for dir in bin sbin lib lib64; do
		ln -s "usr/$dir" "$1/$dir"
	done
	chmod 1777 "$1/tmp" "$1/var/tmp"
	echo 'root:x:0:0:root:/root:/bin/bash
nobody:x:65534:65534:nobody:/:/usr/sbin/nologin' >"$1/etc/passwd"
	echo 'root:x:0:
tty:x:5:
nogroup:x:65534:' >"$1/etc/group"
	echo '127.0.0.1 localhost vm' >"$1/etc/hosts"

	busybox --install -s "$1/usr/bin"
	cp --remove-destination "$(command -v busybox)" "$1/usr/bin"
	# Where the kernel looks for it.
	ln -s ../bin/modprobe "$1/usr/sbin/modprobe"
	for p in "${programs[@]}"; do
		p=$(command -v "$p") && cp -L --remove-destination "$p" "$1/usr/bin"
	done
	return 0
}

# stage_product ROOT: the tools, as they install themselves, and the tests of this tree.
# What belongs into /vz goes to $tmp/vz: a disk of its own is mounted there.
stage_product()
{
	mkdir -p "$1"
	# "-o all": what is built is not looked at again.
	make -s -o all -C "$top/user" install O="$build/user" DESTDIR="$1" \
		UNITDIR=/usr/lib/systemd/system >"$logs/install" 2>&1 || {
		cat "$logs/install" >&2
		fail "the tools cannot be installed into the guest"
	}
	mv "$1/vz" "$tmp/vz"
	[ ! -d "$build/selftests" ] || cp -a "$build/selftests" "$1/selftests"
}

# stage_libraries ROOT: the shared libraries of every program in it
stage_libraries()
{
	find "$1/usr" "$1/selftests" -type f -perm /111 ! -name '*.sh' -print0 2>/dev/null |
		xargs -0 -n 1 ldd 2>/dev/null |
		sed -nE 's/.*(=> |^\s)(\/[^ ]+) \(0x.*/\2/p' | sort -u |
		while read -r lib; do
			mkdir -p "$1${lib%/*}"
			cp -L "$lib" "$1$lib"
		done
}

# stage_pack ROOT FILE
stage_pack()
{
	(cd "$1" && find . | cpio -o -H newc -R 0:0 --quiet) >"$2"
}
