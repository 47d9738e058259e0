#!/bin/bash
# `make test`: every test there is, cheapest first, and a plain closing line
#
#   N passed, N failed, N skipped
#
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

for part in $ONLY; do
	"test_$part"
done

read -r passed failed skipped < <(
	awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$COUNTS")
echo
[[ ! -s $OUT/failures ]] || { echo "failures (logs in $OUT):" && cat "$OUT/failures"; }
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
