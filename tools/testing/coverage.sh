#!/bin/bash
# Line coverage of `wire` and `engine` by the host tests, the fuzz corpora included.
#
# Prints the files that are not covered whole, and the sums against GOAL (95 %); ends with 1
# below it. build/coverage/uncovered.txt has the lines, report.txt what is on the screen.
set -euo pipefail
. "$(dirname "$0")/../sandbox/lib.sh"
cd "$TREE"

command -v cargo >/dev/null || die "no cargo on this machine" "install Rust, e.g. apt-get install cargo"
OUT=$TREE/build/coverage
GOAL=${GOAL:-95}
HOST=$(rustc -vV | sed -n 's/^host: //p')
COMPONENT=$(rustc --print sysroot)/lib/rustlib/$HOST/bin

# llvm NAME argument...: the compiler's own tools where they are installed (llvm-tools),
# otherwise those of the sandbox, whose LLVM 19 reads what rustc up to 1.95 writes.
llvm() {
	local name=$1
	shift
	if [[ -x $COMPONENT/$name ]]; then
		"$COMPONENT/$name" "$@"
	else
		"$SANDBOX/enter.sh" "$name" "${@//$TREE/\/src}"
	fi
}

rm -rf "$OUT/raw"
mkdir -p "$OUT/raw"
export CARGO_TARGET_DIR=$OUT/cargo RUSTFLAGS=-Cinstrument-coverage LLVM_PROFILE_FILE=$OUT/raw/%p-%m.profraw

say "coverage: building the tests"
(cd rust && cargo test --no-run 2>&1) | tee "$OUT/build.log"
mapfile -t tests < <(sed -nE 's/^ *Executable .*\((.*)\)$/\1/p' "$OUT/build.log")
((${#tests[@]} > 0)) || die "cargo built no tests" "see $OUT/build.log"
say "coverage: running them"
(cd rust && cargo test --quiet) >"$OUT/tests.log" 2>&1 ||
	{ tail -n 40 "$OUT/tests.log" >&2; die "a test failed" "the whole log: $OUT/tests.log"; }

say "coverage: reading the profiles"
llvm llvm-profdata merge --sparse -o "$OUT/tests.profdata" "$OUT"/raw/*.profraw ||
	die "these LLVM tools do not read the profiles of $(rustc --version)" \
		"install those that go with it: rustup component add llvm-tools"
objects=()
for test in "${tests[@]}"; do
	objects+=(--object "$test")
done
llvm llvm-cov export --format=lcov --instr-profile "$OUT/tests.profdata" "${objects[@]}" >"$OUT/lcov.info"
"$SANDBOX/enter.sh" python3 -B tools/testing/coverage.py "$TREE" "$GOAL" build/coverage |
	tee "$OUT/report.txt"
