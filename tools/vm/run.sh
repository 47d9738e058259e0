#!/bin/bash
# Boots the kernel of the sandbox, inserts the module, runs one command in the guest and
# ends with that command's exit code.
#
#   run.sh 'command line for bash'
#
#   MODULE=PATH   the module to insert, a path below this tree; 0: none
#   TIMEOUT=SECS  for the command (default 1200); what it was doing then goes to the log
#   VM_LOGS=DIR   below this tree, for console.log and output.log (default build/vm)
#   VM_CPUS, VM_MEM   default 2 and 2G (the debug kernel: 3G)
#   FAST=1        boot in a third of the time, without udev (fast.sh)
#   ICOUNT=1      one emulated CPU on which an instruction takes a nanosecond of the guest's
#                 time and waiting takes no time of ours: figures repeat; always FAST
#   VM_APPEND=    more words for the kernel's command line
#   VM_PLUGIN=    a plugin for qemu with its arguments, if emulated and FAST
#   KERNEL=debug  the kernel of tools/debug instead of the stock one; always FAST
#   SPLAT=ignore  a kernel warning does not make a successful command fail
#
# Ends with 124 after a timeout, 99 for a success beside a kernel warning, 255 if the
# guest died, 126 if the module could not be inserted. The reason is the last line.
set -euo pipefail
. "$(dirname "$0")/../sandbox/lib.sh"
. "$TREE/tools/vm/complaints.sh"

# Can this host run an ordinary guest under KVM? /dev/kvm may be there and not do it, so
# boot the kernel without a root: it works if it gets as far as missing one.
probe_kvm() {
	local known
	known=$CACHE/kvm-$(uname -r)-$KREL
	if [[ ! -s $known ]]; then
		if [[ -w /dev/kvm ]] && timeout 30 "$SANDBOX/enter.sh" qemu-system-x86_64 \
			-accel kvm -cpu host -m 512 -nodefaults -display none -no-reboot -serial stdio \
			-kernel "$VMLINUZ" -append 'console=ttyS0 panic=-1' </dev/null 2>&1 |
			grep -q 'Unable to mount root fs'; then
			echo yes >"$known"
		else
			echo no >"$known"
		fi
		say "vm: KVM works here: $(<"$known") (remembered in $known)"
	fi
	[[ $(<"$known") == yes ]]
}

boot() {
	# no_timer_check: on a busy host the timer of an emulated guest is late for that check, and the guest dies.
	local limit=$((timeout + 120)) accel=tcg vng=--disable-kvm append="oops=panic no_timer_check ${VM_APPEND-}"
	local cpus=${VM_CPUS:-2} mem=2G guest_timeout=$timeout options=() boot
	if [[ -n ${ICOUNT-} ]]; then
		# Without the two a copied octet is one instruction (rep movsb), and copying hides the rest.
		# A guest that waits for its disc sees days go by, so only our own clock can limit it.
		options=(-icount 'shift=0,sleep=off' -cpu 'max,-erms,-fsrm')
		cpus=1 guest_timeout=999999999 FAST=1
	elif probe_kvm; then
		accel=kvm vng=--disable-microvm
	fi
	[[ -z ${VM_PLUGIN-} ]] || options+=(-plugin "$VM_PLUGIN")
	local guest="/src/tools/vm/guest.sh /src/$logs $module $guest_timeout"
	if [[ ${KERNEL:-stock} == debug ]]; then
		# Every report of KASAN, not the first alone; and a slow machine is no stuck one.
		append+=" kasan_multi_shot watchdog_thresh=60 log_buf_len=4M" mem=3G FAST=1
	fi
	if [[ -n ${FAST-} ]]; then
		boot=(/src/tools/vm/fast.sh "$VMLINUZ" "$cpus" "${VM_MEM:-$mem}" "$accel" "$append" "$guest" "${options[@]}")
	else
		boot=(env "PATH=/src/tools/vm/bin:$PATH" vng "$vng" -r "$VMLINUZ" --rw --verbose
			--cpus "$cpus" --memory "${VM_MEM:-$mem}"
			--append "$append" -- "$guest")
	fi
	# --foreground, for Ctrl-C to reach the guest; KILL, because unshare ignores less.
	# Pipes, because qemu opens its output files anew and would truncate them. The guest
	# writes its own output to stdout only, so stderr is the kernel's console.
	rm -f "$logs/console"
	mkfifo "$logs/console"
	tee "$logs/console.log" <"$logs/console" | grep --line-buffered -aE -A 25 "$COMPLAINTS" >&2 &
	set +e
	timeout --foreground --signal=KILL "$limit" "$SANDBOX/enter.sh" "${boot[@]}" \
		</dev/null 2>"$logs/console" | tee "$logs/output.log"
	status=${PIPESTATUS[0]}
	wait
	set -e
	rm "$logs/console"
}

# Turns vng's status and the logs into our exit code and its reason.
verdict() {
	local returned complaint
	returned=$(grep -aoE 'script returned \{?-?[0-9]+' "$logs/console.log" | grep -oE '[0-9]+$' || true)
	# The last word of a dead kernel, or the first complaint of one that lives.
	complaint=$({ grep -a 'Kernel panic' "$logs/console.log" || grep -aE "$COMPLAINTS" "$logs/console.log"; } |
		head -n 1 | sed 's/^\[[^]]*\] *//; s/\r//' || true)
	if [[ $status == 137 && -z $returned ]]; then
		say "vm: no answer from the guest within $((timeout + 120)) s, killed (see $logs/console.log)"
		exit 124
	elif [[ -z $returned ]]; then
		[[ -n $complaint ]] || tail -n 20 "$logs/console.log" >&2
		say "vm: the guest died${complaint:+: $complaint} (see $logs/console.log)"
		exit 255
	elif [[ -f $logs/timeout ]]; then
		say "vm: the command ran longer than TIMEOUT=$timeout s (its tasks: $logs/console.log)"
		exit 124
	elif [[ $status == 0 && -n $complaint && ${SPLAT-} != ignore ]]; then
		say "vm: the command succeeded, but the kernel complained: $complaint"
		exit 99
	fi
	say "vm: exit code $status${complaint:+, and the kernel complained: $complaint}"
	exit "$status"
}

[[ $# -eq 1 && -n $1 ]] || die "what shall the guest run?" "make vm CMD='ip mptcp limits'"
need_root
load_sandbox
cd "$TREE"
module=${MODULE:-0} timeout=${TIMEOUT:-1200} logs=${VM_LOGS:-build/vm} status=
[[ $module == 0 || -f $module ]] || die "no module $module" "build it with: make sandbox-module"
[[ $timeout =~ ^[1-9][0-9]{0,8}$ ]] || die "TIMEOUT=$timeout is no number of seconds" "make vm TIMEOUT=60 CMD='...'"

# One VM at a time on a machine: two would starve each other under emulation. One with ICOUNT
# does not mind: time stands still in it while others run.
if [[ -z ${ICOUNT-} ]]; then
	exec 8>/tmp/rust-mptcp-vm.lock
	flock -n 8 || {
		say "vm: another one is running on this machine, waiting"
		flock 8
	}
fi
mkdir -p "$logs"
rm -f "$logs/timeout"
printf '%s\n' "$1" >"$logs/command"
say "vm: booting $KREL"
boot
verdict
