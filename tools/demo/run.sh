#!/bin/bash
# `make demo`: boots the stock kernel and shows the module at work (guest.sh). The last line
# is `demo: ok`, or the reason why not. Pictures of the two stories with several paths are in
# build/demo/*.svg.
#
#   STACK=in-tree         those stories alone, of the kernel's own MPTCP, without the module
#   STACK='ours in-tree'  all of it, then those stories of the kernel's own: pictures of both
#   MIB=N                 how much nginx serves and curl fetches (52)
set -euo pipefail
. "$(dirname "$0")/../sandbox/lib.sh"
need_root
load_sandbox
cd "$TREE"

STACK=${STACK:-ours}
[[ $STACK =~ ^(ours|in-tree|ours in-tree)$ ]] ||
	die "no stack '$STACK'" "STACK is ours, in-tree or 'ours in-tree'"
rm -rf build/demo
mkdir -p build/demo
say "demo: choosing files, compiling the samples"
"$SANDBOX/enter.sh" tools/demo/files.sh "${MIB:-52}"

say "demo: a VM of Debian's own kernel $KREL; the module goes in when the demo is ready for it"
status=0
MODULE=0 FAST=${FAST-1} TIMEOUT=${TIMEOUT:-600} VM_LOGS=build/demo/vm \
	tools/vm/run.sh "STACK='$STACK' tools/demo/guest.sh" 2> >(tee build/demo/words >&2) || status=$?
if [[ $status == 0 ]]; then
	echo "demo: ok"
	exit 0
fi
reason=$(cat build/demo/reason 2>/dev/null || true)
[[ -n $reason ]] || reason=$(grep -a 'vm: ' build/demo/words | tail -n 1 | sed 's/.*vm: //')
echo "demo: failed: ${reason:-exit code $status}"
exit "$status"
