# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The disks of a guest. Sourced by run; make_disks fills $drives for QEMU.

drives=()

# add_drive NAME FILE [OPTION]: the guest finds it by its serial number
add_drive()
{
	drives+=(-drive "if=none,id=$1,file=$2,format=raw,cache=unsafe,discard=unmap${3:+,$3}"
		-device "virtio-blk-pci,drive=$1,serial=$1")
}

# make_ext4 FILE SIZE [DIR]: an ext4 that is ready, so that no kernel thread in the guest
# has to finish it
make_ext4()
{
	truncate -s "$2" "$1" &&
		mke2fs -q -F -t ext4 -m 0 -E lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0 \
			${3:+-d "$3"} "$1" "$2"
}

make_disks()
{
	local copy=$tmp/copy size f

	if [ "$image" != quick ]; then
		add_root_disk
	fi
	make_ext4 "$tmp/vz.img" 2G "$tmp/vz" || fail "cannot make the scratch disk"
	add_drive vz "$tmp/vz.img"

	[ ${#copies[@]} -gt 0 ] || return 0
	mkdir "$copy"
	for f in "${copies[@]}"; do
		cp -L --reflink=auto "$f" "$copy/" || fail "cannot copy $f"
	done
	size=$(du -sm "$copy" | cut -f 1)
	make_ext4 "$tmp/copy.img" $((size + size / 8 + 256))M "$copy" ||
		fail "cannot make the disk of copied files"
	rm -rf "$copy"
	add_drive copy "$tmp/copy.img"
}
