# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The Debian guest: a root disk made once by mmdebstrap and kept, and what is put into it
# at each boot. Sourced by run.

debian_packages=(systemd-sysv dbus kmod udev iproute2 iputils-ping procps util-linux bash e2fsprogs
	libnl-genl-3-200 libcap2 libseccomp2 tar gzip xz-utils zstd busybox-static)

# "debian-dkms" can build the module in the guest, for both kernels.
dkms_packages=(dkms linux-headers-amd64 linux-headers-6.12-amd64)

# What a throw-away guest without hardware and network does not need. Finding devices
# alone was a third of the boot: devtmpfs has all that there are.
masked=(systemd-udev-trigger.service systemd-udev-settle.service
	systemd-timesyncd.service systemd-pstore.service systemd-binfmt.service
	systemd-random-seed.service systemd-update-utmp.service modprobe@drm.service
	getty@tty1.service serial-getty@ttyS0.service e2scrub_reap.service
	apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer
	fstrim.timer systemd-tmpfiles-clean.timer)

# This machine's own package sources, and its own way to them.
apt_sources()
{
	apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' | sort -u
}

apt_options()
{
	apt-config dump --no-empty --format '%F "%v";%n' |
		grep -E '^Acquire::(https?|Check-Valid-Until|AllowInsecureRepositories|Retries)\b'
}

# make_debian FILE PACKAGE...: kernel modules come from the unpacked kernel packages, so
# that the image needs no boot loader, no initramfs and no kernel of its own
make_debian()
{
	local file=$1 root=$tmp/debian series suite

	shift
	[ "$(id -u)" = 0 ] || fail "the Debian image can only be made by root"
	# shellcheck source=/dev/null
	suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
	apt_options >"$tmp/apt.conf"
	apt_sources >"$tmp/sources.list"
	[ -s "$tmp/sources.list" ] || fail "apt knows no Debian packages here: run apt-get update"
	echo "vm: making the $image image, once (a minute or two)" >&2
	mmdebstrap --quiet --variant=minbase --format=directory \
		--aptopt="$tmp/apt.conf" --include="$(IFS=,; echo "$*")" \
		--dpkgopt='path-exclude=/usr/share/{doc,man,locale,info}/*' \
		"$suite" "$root" "$tmp/sources.list" >"$logs/mmdebstrap" 2>&1 || {
		tail -n 20 "$logs/mmdebstrap" >&2
		fail "mmdebstrap failed"
	}
	rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap"
	for series in $(<"$vm/series"); do
		(find_kernel "$series" && mkdir -p "$root/usr/lib/modules" &&
			cp -a "$modroot/lib/modules/$release" "$root/usr/lib/modules/") || exit
	done
	# An identity, lest every boot be a first boot.
	echo 5eed5eed5eed5eed5eed5eed5eed5eed >"$root/etc/machine-id"
	echo vm >"$root/etc/hostname"
	echo '127.0.0.1 localhost vm' >"$root/etc/hosts"
	make_ext4 "$file.new" 8G "$root" && mv "$file.new" "$file" ||
		fail "cannot make $file"
	rm -rf "$root"
}

# add_root_disk: writes are thrown away with the guest, unless --disk keeps them
add_root_disk()
{
	local packages=("${debian_packages[@]}") file key

	[ "$image" = debian ] || packages+=("${dkms_packages[@]}")
	key=$({ "$vm/headers"; declare -f make_debian; echo "${packages[@]}"; } |
		sha256sum | cut -c 1-12)
	file=$cache/$image-$key.img
	(
		flock 9
		[ -e "$file" ] || make_debian "$file" "${packages[@]}"
		# Those of other days and other packages go in time.
		touch "$file"
		find "$cache" -maxdepth 1 -name 'debian*.img' -mtime +14 -delete
	) 9>"$cache/.lock" || exit
	if [ -z "$disk" ]; then
		add_drive root "$file" snapshot=on
		return
	fi
	[ -e "$disk" ] || cp --sparse=always --reflink=auto "$file" "$disk" ||
		fail "cannot make $disk"
	add_drive root "$disk"
}

# stage_debian ROOT: ROOT/payload goes to the disk, ROOT/run/systemd lives for one boot
stage_debian()
{
	local units=$1/run/systemd/system modules=$1/payload/usr/lib/modules/$release unit

	mkdir -p "$units" "$1/payload"
	for unit in "${masked[@]}"; do
		ln -s /dev/null "$units/$unit"
	done
	cat >"$units/vm-agent.service" <<-'END'
		[Unit]
		Wants=multi-user.target
		After=multi-user.target
		AllowIsolate=yes
		[Service]
		ExecStart=/run/vm/agent
		StandardError=tty
		TTYPath=/dev/console
		Delegate=yes
		TasksMax=infinity
	END

	# The whole index, made here: the guest would be slow at it.
	[ -n "$module" ] || return 0
	mkdir -p "$modules"
	stage_stockvz "$modules"
	cp "$modroot/lib/modules/$release"/modules.{order,builtin,builtin.modinfo} "$modules"
	ln -s "$modroot/lib/modules/$release/kernel" "$modules/kernel"
	depmod -b "$1/payload/usr" "$release"
	rm "$modules/kernel"
}
