#!/bin/bash
# Runs the kernel's own MPTCP selftests, unchanged, in a VM each, with the module
# inserted (or MODULE=0: against in-tree MPTCP), and sums up their KTAP.
#
#   run.sh ['mptcp_connect mptcp_join diag ...']   arguments: T='mptcp_join:-f:-k diag'
#
# Raw logs: build/selftests/<module|in-tree>/<name and arguments>/{output,console}.log
set -euo pipefail
. "$(dirname "$0")/../../sandbox/lib.sh"
need_root
load_sandbox
cd "$TREE"

which=$([[ ${MODULE:-0} == 0 ]] && echo in-tree || echo module)
dir=build/selftests/$which
there=$ROOT$KSRC/tools/testing/selftests/net/mptcp
tests=${1:-mptcp_connect}
worst=0

for entry in $tests; do
	name=${entry%%:*} args=
	[[ $entry == *:* ]] && args=${entry#*:}
	name=${name%.sh}
	[[ -x $there/$name.sh ]] || die "the kernel has no selftest '$name'" \
		"it has: $(cd "$there" && echo *.sh | sed 's/\.sh//g; s/mptcp_lib //')"
done

mkdir -p "$dir"
: >"$dir/summary"
for entry in $tests; do
	name=${entry%%:*} args=
	[[ $entry == *:* ]] && args=${entry#*:}
	name=${name%.sh} started=$SECONDS status=0
	# The parts of one script do not share their logs.
	part=$name${args//[^[:alnum:]_-]/}
	say "selftests: $part ($which)"
	mkdir -p "$dir/$part"
	# Twice the half hour that kselftest gives (settings: timeout=1800): emulation is slow.
	VM_LOGS=$dir/$part TIMEOUT=${TIMEOUT:-3600} "$TREE/tools/vm/run.sh" \
		"cd $KSRC/tools/testing/selftests/net/mptcp && exec ./$name.sh ${args//:/ }" || status=$?
	{
		"$SANDBOX/enter.sh" python3 -B tools/testing/ktap.py "$part" <"$dir/$part/output.log" || true
		echo "    $which, exit code $status, $((SECONDS - started)) s with the boot, logs in $dir/$part"
	} >>"$dir/summary"
	# 4 is kselftest's "skipped".
	((status == 0 || status == 4)) || worst=1
done

echo
cat "$dir/summary"
! grep -q 'FAILED:' "$dir/summary" || worst=1
exit "$worst"
