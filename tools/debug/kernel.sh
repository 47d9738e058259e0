#!/bin/bash
# Builds the debug kernel once: the sandbox's own source with tools/debug/kernel.config, by
# clang, because the kernel has KASAN and Rust together only there.
#
# It becomes a directory beside the source in the sandbox's root, named by its
# configuration; the root itself is named by kernel and compiler. JOBS=N: that many at once.
# An interrupted build goes on where it was.
set -euo pipefail
. "$(dirname "$0")/../sandbox/lib.sh"

CONFIG=tools/debug/kernel.config
# For the progress only.
ABOUT=2280

# Debian's source tree has been configured already, and a build elsewhere wants a clean one:
# so it gets a copy, of links, and the links to what was generated there are dropped.
copy_source() {
	[[ -d $ROOT$KSRC ]] && return
	rm -rf "$ROOT$KSRC.copy"
	cp -al "$ROOT$stock" "$ROOT$KSRC.copy"
	rm -f "$ROOT$KSRC.copy"/{vmlinux,Module.symvers}
	inside "make -s -C '$KSRC.copy' LLVM=1 mrproper"
	mv "$ROOT$KSRC.copy" "$ROOT$KSRC"
}

inside() { "$SANDBOX/enter.sh" --keep --root "$ROOT" sh -euc "$1" >>"$log" 2>&1; }

configure() {
	inside "cd '$KSRC' && KCONFIG_ALLCONFIG=/src/$CONFIG make -s $MAKE_ARGS allnoconfig"
}

# An option that does not come out is one whose needs are not met: no silent loss.
check_config() {
	local lost
	lost=$(grep '^CONFIG_' "$CONFIG" | grep -vxFf "$ROOT$KSRC/.config" || true)
	[[ -z $lost ]] || die "the debug kernel's configuration lost:" "$lost" "add in $CONFIG what they depend on"
}

report() {
	local steps
	while sleep 30; do
		steps=$(grep -cE '^  [A-Z]+ ' "$log" || true)
		say "debug kernel: $steps of about $ABOUT steps,$(tail -n 1 "$log" | tr -s ' ')"
	done
}

build() {
	report &
	# shellcheck disable=SC2064 # Now.
	trap "kill $!" EXIT
	inside "cd '$KSRC' && exec nice -n 15 make -j${JOBS:-$(nproc)} $MAKE_ARGS bzImage modules" &&
		inside "make -s -C '$KSRC' $MAKE_ARGS modules_install"
}

failed() {
	{ grep -aE -B 2 -A 10 'error:|Error [0-9]|\*\*\*' "$log" || cat "$log"; } | tail -n 40 >&2
	die "the debug kernel: $1" "full log: $log"
}

need_root
load_sandbox
stock=$KSRC
KERNEL=debug load_kernel
[[ -f $ROOT$KSRC/.built ]] && exit 0
log=$CACHE/debug-kernel.log
exec 9>"$CACHE/debug-kernel.lock"
flock -n 9 || {
	say "debug kernel: another run is building it, waiting"
	flock 9
}
[[ -f $ROOT$KSRC/.built ]] && exit 0

cd "$TREE"
say "debug kernel: building once into $ROOT$KSRC (log: $log)"
: >"$log"
copy_source || failed "its source cannot be copied"
configure || failed "it cannot be configured"
check_config
build || failed "it does not build"
touch "$ROOT$KSRC/.built"
say "debug kernel: ready"
