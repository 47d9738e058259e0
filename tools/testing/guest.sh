#!/bin/bash
# In the guest: guest.sh LOGDIR MODULE test... runs our own tests one after the other. Each
# writes KTAP, here to LOGDIR/name.log and on the screen; LOGDIR/name.done says that it
# came to an end. What it makes the kernel complain about is a failure of its own, and on
# the debug kernel what it leaks.
#
#   SLOW=N      the machine is N times slower than the tests' own limits suppose
#   LONG=1      for the tests: the long form
#   SEED=N      for those that have one
logs=$1 module=$2
shift 2
# shellcheck disable=SC1090 # COMPLAINTS, the list that tools/vm/run.sh uses too.
. tools/vm/complaints.sh

# For the tests: the module, and the programs of the kernel's own selftests.
export RUST_MPTCP_KO=/src/$module SLOW=${SLOW:-1} LONG=${LONG-} SEED=${SEED-}
KSELFTESTS=$(echo /usr/src/linux-source-*/tools/testing/selftests/net/mptcp)
export KSELFTESTS

# Ends the log with a failure, each line of the rest behind it.
not_ok() {
	echo "not ok - $1"
	tail -n +2 <<<"$2" | sed 's/^/# /'
}

kmemleak=/sys/kernel/debug/kmemleak
[[ ! -w $kmemleak ]] || echo clear >$kmemleak

# Whatever a test leaves behind, the next one is about the module, unless it asked for a boot without.
inserted() { grep -q '^rust_mptcp ' /proc/modules; }
inserted && with_module=yes

worst=0
for test in "$@"; do
	[[ -z ${with_module-} ]] || inserted || insmod "$RUST_MPTCP_KO" || exit 1
	name=$(basename "$test" .sh) log=$logs/$(basename "$test" .sh).log
	limit=$(sed -nE 's/^# timeout: *([0-9]+).*/\1/p' "$test" | head -n 1)
	limit=$((${limit:-300} * SLOW))
	echo "# $name"
	dmesg --clear
	echo "rust_mptcp test: $name" >/dev/kmsg
	timeout --kill-after=5 "$limit" "$test" </dev/null 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	[[ $status != 124 && $status != 137 ]] ||
		echo "not ok - $name ended within $limit s" | tee -a "$log"
	# The whole of what it said, because the machine it was said on may be out of reach.
	complaint=$(dmesg | grep -E -m 1 -A 100 "$COMPLAINTS") &&
		not_ok "kernel log of $name: ${complaint%%$'\n'*}" "$complaint" | tee -a "$log"
	if [[ -w $kmemleak ]]; then
		leaked=$(tools/debug/leaks.sh) ||
			not_ok "memory after $name: ${leaked%%$'\n'*}" "$leaked" | tee -a "$log"
	fi
	# Exit code 4 means skipped, as in kselftest; results that say so are enough for the rest.
	if [[ $status != 0 && $status != 4 ]]; then
		worst=1
		grep -q '^not ok' "$log" || echo "not ok - $name ended with exit code $status" | tee -a "$log"
	fi
	touch "$logs/$name.done"
done
exit "$worst"
