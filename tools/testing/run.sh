#!/bin/bash
# `make test`: every test there is, and a plain closing line
#
#   N passed, N failed, N skipped
#
# The VM tests take longest, so what can do without undisturbed time goes on beside them.
# Ends non-zero if anything failed or nothing ran. Everything printed is also in
# build/test/, a log a step. In a hurry, any of: make test ONLY='host lint build net bench',
# make test ONLY=net NET='tools/testing/net/connect*.sh'. LONG=1: the long forms.
# KERNEL=debug: the module and its tests on the debug kernel, in build/test-debug/.
set -euo pipefail
. "$(dirname "$0")/../sandbox/lib.sh"
. "$TREE/tools/testing/steps.sh"
cd "$TREE"

OUT=build/test SLOW=${SLOW:-1}
if [[ ${KERNEL:-stock} == debug ]]; then
	OUT=build/test-debug SLOW=5
fi
COUNTS=$OUT/counts KO=$(module_dir)/rust_mptcp.ko
ONLY=${ONLY:-host lint build net bench}

for part in $ONLY; do
	[[ $part =~ ^(host|lint|build|net|bench)$ ]] || die "no part '$part'" "there are: host lint build net bench"
done

rm -rf "$OUT"
mkdir -p "$OUT/net"
: >"$COUNTS"

wants() { [[ " $ONLY " == *" $1 "* ]]; }

# parts NAME...: those of them that are wanted, one after the other.
parts() {
	local part
	for part; do
		! wants "$part" || "test_$part"
	done
}

# In a process group of its own, so that all of it ends with us; the lowest priority, so that
# the VM does not notice. Its results are printed when it is done.
start_beside() {
	say "test: beside the VM, what is wanted of: $* ($OUT/beside.log)"
	set -m
	(
		renice -n 19 -p "$BASHPID" >/dev/null
		parts "$@"
	) >"$OUT/beside.log" 2>&1 </dev/null &
	BESIDE=$!
	set +m
	trap 'kill -- -"$BESIDE" 2>/dev/null' EXIT
}

finish_beside() {
	say "test: waiting for what runs beside the VM ($OUT/beside.log)"
	wait "$BESIDE" || failure "FAIL what runs beside the VM broke off ($OUT/beside.log)"
	trap - EXIT
	cat "$OUT/beside.log"
}

if wants net && { wants host || wants lint || wants bench; }; then
	parts build
	start_beside host lint bench
	parts net
	finish_beside
else
	parts host lint build net bench
fi

read -r passed failed skipped < <(
	awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$COUNTS")
echo
[[ ! -s $OUT/failures ]] || { echo "failures (logs in $OUT):" && cat "$OUT/failures"; }
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
