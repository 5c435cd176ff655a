# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Which kernel a guest boots. Sourced by run; needs $vm, $cache and fail().
#
# find_kernel WHICH sets
#	release		6.1.0-1-amd64
#	vmlinux		the kernel, uncompressed: half of a boot under emulation went into unpacking
#	modroot		the directory that holds lib/modules/$release
#	kdir		what the module is built against

# A kernel image holds the compressed kernel at an offset that its header tells
# (Documentation/arch/x86/boot.rst in the kernel). Four bytes of length follow it.
unpack_vmlinux()
{
	local image=$1 sects offset length tool

	sects=$(od -An -tu1 -j 0x1f1 -N 1 "$image")
	offset=$(od -An -tu4 -j 0x248 -N 4 "$image")
	length=$(od -An -tu4 -j 0x24c -N 4 "$image")
	offset=$(((sects + 1) * 512 + offset))
	case $(od -An -tx4 -j $offset -N 4 "$image") in
	*587a37fd) tool=xz ;;
	*fd2fb528) tool=zstd ;;
	*) fail "$image is compressed in a way unknown here" ;;
	esac
	dd if="$image" bs=1M iflag=skip_bytes,count_bytes skip=$offset count=$((length - 4)) \
		status=none | $tool -dc
}

# fetch_package RELEASE DIR: what the distribution's kernel package holds, unpacked in DIR
fetch_package()
{
	local name try

	mkdir -p "$2"
	for try in 1 2 3; do
		for name in "linux-image-$1" "linux-image-$1-unsigned"; do
			(cd "$2" && apt-get -qq -o APT::Sandbox::User=root download "$name") \
				>>"$2/log" 2>&1 && break 2
		done
		if [ "$try" = 3 ]; then
			echo "vm: linux-image-$1 cannot be downloaded: $(tail -n 1 "$2/log")" >&2
			echo "vm: if a newer one is out: apt-get update && make deps" >&2
			return 1
		fi
		sleep $((try * 5))
	done
	dpkg-deb -x "$2"/*.deb "$2" && rm -f "$2"/*.deb "$2/log"
}

# cache_kernel RELEASE: fills $cache/kernel/RELEASE; built aside and renamed, so that what
# has the name is whole. Modules are uncompressed for the same reason as the kernel is.
cache_kernel()
{
	local dir=$cache/kernel/$1 new

	mkdir -p "$cache/kernel"
	new=$(mktemp -d "$dir.XXXXXX")
	echo "vm: fetching linux-image-$1" >&2
	fetch_package "$1" "$new" &&
		unpack_vmlinux "$new/boot/vmlinuz-$1" >"$new/vmlinux" &&
		find "$new/lib/modules" -name '*.ko.xz' -exec xz -d {} + &&
		depmod -b "$new" "$1" &&
		chmod 755 "$new" &&
		mv -T "$new" "$dir" 2>/dev/null
	rm -rf "$new"
	[ -e "$dir/vmlinux" ] || fail "no kernel $1 to boot"
}

find_kernel()
{
	if [ -d "$1" ]; then
		# As a kernel package unpacks: boot/vmlinuz-RELEASE and lib/modules/RELEASE.
		modroot=$(cd "$1" && pwd)
		set -- "$modroot"/boot/vmlinuz-*
		if [ $# != 1 ] || [ ! -e "$1" ]; then
			fail "$modroot/boot does not hold one vmlinuz"
		fi
		release=${1##*/vmlinuz-}
		vmlinux=$1
		kdir=$modroot/lib/modules/$release/build
		[ -d "$kdir" ] || kdir=/usr/src/linux-headers-$release
		[ -e "$modroot/lib/modules/$release/modules.dep" ] || depmod -b "$modroot" "$release"
		return
	fi
	kdir=$("$vm/headers" "$1")
	[ -n "$kdir" ] || fail "no kernel headers of $1 are installed: run make deps"
	release=${kdir##*/linux-headers-}
	modroot=$cache/kernel/$release
	vmlinux=$modroot/vmlinux
	[ -e "$vmlinux" ] || cache_kernel "$release"
}
