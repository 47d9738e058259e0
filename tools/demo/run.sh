#!/bin/bash
# `make demo`: boots the stock kernel and shows the module at work (guest.sh). The last line
# is `demo: ok`, or the reason why not. Pictures of the two stories with several paths are in
# build/demo/*.svg. `make pictures`: those stories alone, of both stacks; their pictures are the
# ones that the README shows.
#
#   STACK=in-tree         those stories alone, of the kernel's own MPTCP, without the module
#   STACK='ours in-tree'  all of it, then those stories of the kernel's own: pictures of both
#   PICTURES=DIRECTORY    where the pictures of both stacks go; no more than that
#   MIB=N                 how much nginx serves and curl fetches (52)
set -euo pipefail
. "$(dirname "$0")/../sandbox/lib.sh"
need_root
load_sandbox
cd "$TREE"

[[ -z ${PICTURES-} ]] || STACK='ours in-tree'
STACK=${STACK:-ours}
[[ $STACK =~ ^(ours|in-tree|ours in-tree)$ ]] ||
	die "no stack '$STACK'" "STACK is ours, in-tree or 'ours in-tree'"
rm -rf build/demo
mkdir -p build/demo

# vm LOGS COMMAND: ends the demo if it fails.
vm() {
	local status=0 reason
	MODULE=0 FAST=${FAST-1} TIMEOUT=${TIMEOUT:-900} VM_LOGS=$1 tools/vm/run.sh "$2" 2> >(tee build/demo/words >&2) || status=$?
	[[ $status != 0 ]] || return 0
	reason=$(cat build/demo/reason 2>/dev/null || true)
	[[ -n $reason ]] || reason=$(grep -a 'vm: ' build/demo/words | tail -n 1 | sed 's/.*vm: //')
	echo "demo: failed: ${reason:-exit code $status}"
	exit "$status"
}

if [[ $STACK == *ours* && -z ${PICTURES-} ]]; then
	say "demo: choosing files, compiling the samples"
	"$SANDBOX/enter.sh" tools/demo/files.sh "${MIB:-52}"
	say "demo: a VM of Debian's own kernel $KREL; the module goes in when the demo is ready for it"
	vm build/demo/vm tools/demo/guest.sh
fi
say "demo: two paths, in a VM on whose clock an instruction takes a nanosecond"
ICOUNT=1 vm build/demo/vm-paths "tools/demo/paths.sh '$STACK'"
[[ -z ${PICTURES-} ]] || install -Dm 644 -t "$PICTURES" build/demo/*.svg
echo "demo: ok"
