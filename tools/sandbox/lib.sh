# shellcheck shell=bash
# Shared by the sandbox and VM scripts: words on the screen, paths, cache keys.

# Raise when prepare.sh builds the root differently from the same package list.
RECIPE=2

TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034 # SANDBOX and TREE are for those who source this file.
SANDBOX=$TREE/tools/sandbox
CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/rust-mptcp

say() { printf '[%4ds] %s\n' "$SECONDS" "$*" >&2; }

die() {
	printf 'error: %s\n' "$1" >&2
	shift
	(($# == 0)) || printf '       %s\n' "$@" >&2
	exit 1
}

need_root() {
	[[ $(id -u) -eq 0 ]] ||
		die "this needs root (it makes and enters a Debian root, and boots a VM from it)" \
			"try: sudo make ..., or a root shell"
}

# The package list without comments, one name a line.
package_list() { sed 's/#.*//' "$SANDBOX/packages.txt" | tr -s ' \t' '\n' | sed '/^$/d'; }

# Names the sandbox that this tree wants; the kernel and tool versions come into
# the name of the directory that the link leads to, once they are known.
sandbox_link() {
	local want
	want=$({ echo "recipe $RECIPE"; package_list | sort; } | sha256sum | cut -c1-10)
	echo "$CACHE/sandbox-$want"
}

# Sets ROOT, KREL, KSRC, VMLINUZ and MAKE_ARGS: of the prepared sandbox's own kernel, or of
# the one that KERNEL names.
load_sandbox() {
	local link
	link=$(sandbox_link)
	[[ -f $link/info ]] || die "no sandbox yet" "run: make sandbox"
	# shellcheck disable=SC2034
	ROOT=$(readlink -f "$link")/root
	# shellcheck disable=SC1091
	. "$link/info"
	load_kernel
}

# shellcheck disable=SC2034
load_kernel() {
	local hash
	case ${KERNEL:-stock} in
	stock) ;;
	debug)
		hash=$(grep ^CONFIG_ "$TREE/tools/debug/kernel.config" | sort | sha256sum | cut -c1-8)
		KREL=${KREL%%[+-]*}-debug-$hash
		KSRC=${KSRC/source/debug}-$hash
		VMLINUZ=$KSRC/arch/x86/boot/bzImage
		MAKE_ARGS="LLVM=1 LOCALVERSION=-debug-$hash"
		;;
	*) die "no kernel '$KERNEL'" "KERNEL is stock or debug" ;;
	esac
}

# Where the module for that kernel is, below the tree.
module_dir() {
	if [[ ${KERNEL:-stock} == stock ]]; then echo build/sandbox; else echo "build/$KERNEL"; fi
}
