# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# QEMU's command line and life. Sourced by run; run_guest sets $qemu_status.

# Whether stock kernels start under KVM here is found out by starting one; nested or
# stripped-down hypervisors have a /dev/kvm that does not carry them. Asked once per boot
# of this machine.
accelerator()
{
	local answer

	if [ -n "${STOCKVZ_ACCEL:-}" ]; then
		echo "$STOCKVZ_ACCEL"
		return
	fi
	[ -w /dev/kvm ] || { echo tcg; return; }
	answer=$cache/accel.$(cat /proc/sys/kernel/random/boot_id)
	(
		flock 9
		[ ! -e "$answer" ] || exit
		rm -f "$cache"/accel.*
		if STOCKVZ_ACCEL=kvm "$vm/run" --no-build --no-module --timeout 20 \
			--name kvm -- true 9>&- >/dev/null 2>&1; then
			echo kvm >"$answer"
		else
			echo tcg >"$answer"
		fi
	) 9>"$cache/.accel.lock"
	cat "$answer"
}

# Whether the guest died of a breakpoint that was not there. While the kernel rewrites a
# function's entry (int3 first, the new instruction later), QEMU 7.2's translator may keep
# code made from the int3 for ever if another CPU translates that very page at that moment.
# The oops shows it: the byte before RIP, <marked> in the dump, is not cc.
emulator_fault()
{
	local byte

	[ "$(accelerator)" = tcg ] || return
	byte=$(sed -n '/int3: 0000 \[#1\]/,/Code: /s/.*Code: .*\(..\) <...*/\1/p' "$logs/console")
	[ -n "$byte" ] && [ "$byte" != cc ]
}

run_guest()
{
	local port accel cmdline n=0
	local qemu=(qemu-system-x86_64 -M q35 -nodefaults -no-user-config -display none -no-reboot
		-smp "$cpus" -m "$mem" -kernel "$vmlinux" -initrd "$tmp/initrd")

	if [ -n "$icount" ]; then
		# A string move would count once for each byte: take those features away.
		qemu+=(-accel tcg -cpu 'max,-erms,-fsrm' -icount 'shift=0,sleep=off')
		accel=tcg
	else
		accel=$(accelerator)
		case $accel in
		kvm) qemu+=(-accel kvm -cpu host) ;;
		*) qemu+=(-accel "tcg,thread=$threads" -cpu max) ;;
		esac
	fi

	# Any oops ends the guest at once (-no-reboot turns the restart into an exit), and the
	# log is large enough to hold all of a long run. Lockups are judged late: under
	# emulation on a busy machine a CPU may really stand still for many seconds.
	cmdline="console=ttyS0 rdinit=/init panic=-1 oops=panic loglevel=5 log_buf_len=16M
		watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120"
	# There an idle guest's clock runs as fast as it can, also while a disk is waited for.
	[ -z "$icount" ] || cmdline+=" sysctl.kernel.hung_task_timeout_secs=0"
	[ "$image" = quick ] || cmdline+=" systemd.unit=vm-agent.service systemd.show_status=no"
	qemu+=(-append "${cmdline//[$'\n\t']/ }")

	qemu+=("${drives[@]}" -device virtio-serial-pci)
	for port in stdout stderr kmsg result; do
		n=$((n + 1))
		qemu+=(-chardev "file,id=$port,path=$logs/$port"
			-device "virtserialport,nr=$n,chardev=$port")
	done
	# The output goes straight to ours; the rest is for the verdict.
	mkfifo "$logs/stdout" "$logs/stderr"
	cat "$logs/stdout" &
	cat "$logs/stderr" >&2 &

	if [ -n "$shell" ]; then
		qemu+=(-chardev "stdio,id=console,mux=on,signal=off,logfile=$logs/console"
			-serial chardev:console -mon chardev=console)
	else
		qemu+=(-serial "file:$logs/console")
	fi

	# In the background, because only then a signal to this script is heard at once;
	# the explicit input keeps the terminal for --shell.
	timeout --foreground -k 5 "$timeout" "${qemu[@]}" <&0 2>"$logs/qemu" &
	qemu_pid=$!
	wait "$qemu_pid"
	qemu_status=$?
	qemu_pid=

	# Should QEMU not even have opened them, the readers still wait for a writer.
	exec 8<>"$logs/stdout" 9<>"$logs/stderr" 8>&- 9>&-
	wait
	rm -f "$logs/stdout" "$logs/stderr"
	[ -z "$shell" ] || stty sane 2>/dev/null || true
}
