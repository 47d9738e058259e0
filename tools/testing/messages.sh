#!/bin/bash
# What the commands say when they cannot do their work: each ends non-zero, names what is
# missing and what to do. On the host, as root, without a VM. Ends non-zero if one does not.
set -euo pipefail
cd "$(dirname "$0")/../.."

place=$(mktemp -d /tmp/rust-mptcp-messages.XXXXXX)
trap 'rm -rf "$place"' EXIT
bad=0

# says NAME PATTERN... -- command...: it fails, and every pattern is in what it prints.
says() {
	local name=$1 patterns=() output pattern
	shift
	while [[ $1 != -- ]]; do
		patterns+=("$1")
		shift
	done
	shift
	if output=$("$@" 2>&1 </dev/null); then
		echo "not ok - $name: it succeeds"
		bad=1
		return
	fi
	for pattern in "${patterns[@]}"; do
		grep -qE -- "$pattern" <<<"$output" && continue
		echo "not ok - $name: no '$pattern' in:"
		echo "$output"
		bad=1
		return
	done
	echo "ok - $name"
}

# What a stranger would have cloned, readable by anybody; make decides nothing by our own MAKEFLAGS.
cp -r Makefile tools "$place"
chmod -R a+rX "$place"
unset MAKEFLAGS MAKELEVEL
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent)

says "no root: make" 'error: this needs root' 'sudo make' -- "${nobody[@]}" make -C "$place" sandbox
says "no root: make vm" 'error: this needs root' 'sudo make' -- "${nobody[@]}" make -C "$place" vm CMD=true

# A host with no more than this; no apt-get, so it is not of Debian's family.
mkdir "$place/bin"
for tool in bash dirname grep sed sort head cat; do
	ln -s "$(command -v "$tool")" "$place/bin/$tool"
done
# shellcheck disable=SC2016 # The inner shell expands it.
says "no debootstrap" 'error: neither mmdebstrap nor debootstrap is installed' 'dnf install debootstrap' 'MIRROR=' -- \
	env PATH="$place/bin" bash -c '. tools/sandbox/lib.sh; . tools/sandbox/host.sh; bootstrap_tool'
# shellcheck disable=SC2016
says "no Debian mirror known" 'error: found no Debian mirror' 'make MIRROR=' -- \
	env -u MIRROR PATH="$place/bin" bash -c '. tools/sandbox/lib.sh; . tools/sandbox/host.sh; find_mirror'

says "make KDIR without Rust metadata" 'has no Rust metadata' 'make rustavailable prepare' -- make KDIR="$place"
says "make vm without a command" 'error: what shall the guest run' "make vm CMD='" -- make vm CMD=
says "make test of an unknown part" "error: no part 'everything'" 'host lint build net' -- \
	make -C "$place" test ONLY=everything
says "make vm without the module" "error: no module $place/rust_mptcp.ko" 'build it with' -- \
	env MODULE="$place/rust_mptcp.ko" tools/vm/run.sh true
says "an unknown selftest" "error: the kernel has no selftest 'mptcp_everything'" 'it has: .*mptcp_connect' -- \
	env MODULE=0 tools/testing/selftests/run.sh mptcp_everything
exit "$bad"
