#!/bin/bash
# Plants one bug after the other in a copy of the engine, and sees that the simulation finds each
# within 1,000 seeds. The bugs are planted/*.patch; the copy is below build/planted.
#
#   planted.sh [name...]
#
# The tree itself is never touched. A patch that does not apply any more is a failure: mend it.
set -euo pipefail
. "$(dirname "$0")/../../sandbox/lib.sh"

patches=$TREE/tools/testing/sim/planted
place=$TREE/build/planted
seeds=${SEEDS:-1000}
export CARGO_TARGET_DIR=$place/target
# A bug costs a build: quick to make is better than quick to run.
export RUSTFLAGS="${RUSTFLAGS-} -Awarnings"
export CARGO_PROFILE_SIM_LTO=off CARGO_PROFILE_SIM_CODEGEN_UNITS=16 CARGO_PROFILE_SIM_DEBUG=0

# Every copy is newer than what was built before, so that Cargo builds it.
fresh_copy() {
	rm -rf "$place/rust"
	mkdir -p "$place/rust"
	(cd "$TREE/rust" && cp -R Cargo.toml host.rs wire engine sim "$place/rust")
}

# Runs the copy; the first thing that it finds is left in $place/found.
sweep() {
	(cd "$place/rust" && cargo build --quiet --profile sim --package rust_mptcp_sim)
	"$CARGO_TARGET_DIR/sim/sim" --quiet --seeds "$seeds" >"$place/found"
}

names=("$@")
if ((${#names[@]} == 0)); then
	for patch in "$patches"/*.patch; do
		names+=("$(basename "$patch" .patch)")
	done
fi

fresh_copy
say "planted: the engine as it is"
sweep || {
	tail -n 5 "$place/found"
	die "the engine itself fails: see to that first (make sim)"
}
missed=0
for name in "${names[@]}"; do
	patch=$patches/$name.patch
	[[ -f $patch ]] || die "no planted bug '$name'" "there are: $(cd "$patches" && echo *.patch | sed 's/\.patch//g')"
	fresh_copy
	patch --quiet --strip=1 --directory="$place" <"$patch" ||
		die "$patch does not apply any more" "make it anew against the engine as it is"
	if sweep; then
		echo "MISS $name: $seeds seeds passed"
		missed=$((missed + 1))
	else
		echo "ok   $name: $(grep -m 1 '^FAIL' "$place/found" | cut -c6-140)"
	fi
done
echo "${#names[@]} bugs planted, $missed not found"
((missed == 0))
