#!/bin/bash
# Builds the module for the sandbox's kernel, inside the sandbox, into build/sandbox; with
# KERNEL=debug for the debug kernel, into build/debug.
#
#   build-module.sh [make argument...]    OUTPUT=DIR: elsewhere; FRESH=1: from nothing
#   SOURCE=DIR                            the module of that directory, not ours
set -euo pipefail
. "$(dirname "$0")/lib.sh"
need_root
load_sandbox
out=${OUTPUT:-$(module_dir)}
cd "$TREE"

# One build at a time into one place.
mkdir -p "$(dirname "$out")"
exec 7>"$out.lock"
flock 7

# Objects of another kernel or compiler are not reused.
stamp="$(readlink -f "$(sandbox_link)") $KSRC"
if [[ -n ${FRESH-} || $(cat "$out/.sandbox" 2>/dev/null) != "$stamp" ]]; then
	rm -rf "$out"
	mkdir -p "$out"
	echo "$stamp" >"$out/.sandbox"
fi

# What does not build must not leave an older module for somebody to test.
failed() {
	rm -f "$out"/*.ko
	die "the module does not build for $KREL" "its messages are above"
}

# shellcheck disable=SC2086 # MAKE_ARGS is a list.
"$SANDBOX/enter.sh" make -s -j"$(nproc)" -C "$KSRC" $MAKE_ARGS M="/src${SOURCE:+/$SOURCE}" MO="/src/$out" "${@:-modules}" || failed
say "module: $(echo "$out"/*.ko) for $KREL"
