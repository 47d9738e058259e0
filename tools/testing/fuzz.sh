#!/bin/bash
# Coverage-guided fuzzing of `wire` and `engine` on this machine's own Rust.
#
#   fuzz.sh [--build] ['parse engine ...']     DURATION=SECONDS for each target (default 60),
#                                               FUZZ_SEED=N the same way each time
#
# --build only builds. What a run learns stays in build/fuzz/corpus, so that the next one
# goes on from there. A finding is made small, kept in build/fuzz/findings, and makes this
# end with 1; 4 means that this machine cannot build the targets.
set -euo pipefail
. "$(dirname "$0")/../sandbox/lib.sh"
cd "$TREE"

declare -A LONGEST=([parse]=64 [round_trip]=128 [engine]=4096 [paths]=4096 [netlink]=1024)
ALL='parse round_trip engine paths netlink'
OUT=build/fuzz

cannot() {
	printf 'error: %s\n' "$@" >&2
	exit 4
}

# libFuzzer is C++, and comes as source with the crate.
need_compilers() {
	command -v cargo >/dev/null || cannot "no cargo on this machine (install Rust, e.g. apt-get install cargo)"
	command -v "${CXX:-c++}" >/dev/null && return
	if [[ -z ${CXX-} && $(id -u) -eq 0 ]] && command -v apt-get >/dev/null; then
		say "fuzz: installing g++ with apt-get"
		apt-get install -y --no-install-recommends g++ ||
			{ apt-get update && apt-get install -y --no-install-recommends g++; } || true
	fi
	command -v "${CXX:-c++}" >/dev/null || cannot "no C++ compiler on this machine (e.g. apt-get install g++)"
}

# What cargo-fuzz would pass, which wants a nightly compiler for its sanitizers; there is no
# unsafe code for those to watch. The triple keeps the flags from build scripts.
build() {
	local host flags='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4'
	flags+=' -Cllvm-args=-sanitizer-coverage-inline-8bit-counters'
	flags+=' -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares'
	host=$(rustc -vV | sed -n 's/^host: //p')
	BIN=$OUT/cargo/$host/release
	# What rustc leaves meanwhile has the same names each time: several may ask at once.
	probe=$(mktemp -d)
	trap 'rm -rf "$probe"' EXIT
	# shellcheck disable=SC2086 # Several flags.
	echo 'fn main() {}' | rustc $flags --crate-type lib --emit obj --out-dir "$probe" - 2>/dev/null ||
		cannot "this rustc does not know the pass sancov-module: $(rustc --version)"
	say "fuzz: building"
	(cd rust/fuzz && CARGO_TARGET_DIR=$TREE/$OUT/cargo RUSTFLAGS=$flags \
		cargo build --release --quiet --target "$host")
}

# One target; its lines of progress are those where the number of runs is a power of two.
run() {
	local target=$1 log=$OUT/$1.log status=0 dirs=("$OUT/corpus/$1") kept before
	mkdir -p "$OUT/corpus/$target" "$OUT/findings"
	for kept in corpus regressions; do
		[[ ! -d rust/fuzz/$kept/$target ]] || dirs+=("rust/fuzz/$kept/$target")
	done
	before=$(date +%s)
	say "fuzz: $target for $DURATION s"
	set +e
	"$BIN/$target" -max_total_time="$DURATION" -max_len="${LONGEST[$target]}" -timeout=10 -seed="${FUZZ_SEED:-0}" \
		-rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$OUT/findings/$target-" \
		"${dirs[@]}" 2>&1 | tee "$log" | grep --line-buffered -E 'INITED|pulse'
	status=${PIPESTATUS[0]}
	set -e
	summary "$target" "$log" $(($(date +%s) - before)) "$status"
	((status == 0)) || finding "$target" "$log"
}

# summary TARGET LOG SECONDS STATUS: a line of the closing table.
summary() {
	local runs cover corpus
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$2")
	read -r cover corpus < <(sed -nE 's/.* cov: ([0-9]+) .* corp: ([0-9]+).*/\1 \2/p' "$2" | tail -n 1) || true
	printf '%-12s %12s %9s %8s %8s  %s\n' "$1" "${runs:-?}" $((${runs:-0} / ($3 > 0 ? $3 : 1))) \
		"${cover:-?}" "${corpus:-?}" "$(if (($4 == 0)); then echo none; else echo FOUND; fi)" >>"$SUMMARY"
}

# Makes what failed small and says how to go on.
finding() {
	local target=$1 artifact small=$OUT/findings/$1-small
	FOUND=1
	artifact=$(sed -n 's/.*Test unit written to //p' "$2" | tail -n 1)
	grep -aE -A 3 'panicked at|ERROR: libFuzzer' "$2" | grep -av '^stack backtrace' >&2 || true
	[[ -n $artifact ]] || return 0
	say "fuzz: making $artifact small"
	if ! "$BIN/$target" -minimize_crash=1 -max_total_time=20 -exact_artifact_path="$small" \
		"$artifact" >"$OUT/minimize.log" 2>&1 || [[ ! -s $small ]]; then
		cp "$artifact" "$small"
	fi
	cat >&2 <<-END
		finding: $small, $(stat -c %s "$small") octets: $(base64 -w 0 "$small")
		    look:  FUZZ_TRACE=1 $BIN/$target $small
		    keep:  cp $small rust/fuzz/regressions/$target/SAY-WHAT-IT-WAS
	END
}

DURATION=${DURATION:-60}
[[ $DURATION =~ ^[1-9][0-9]*$ ]] || die "SECONDS='$DURATION' is no number of seconds" "e.g.: make fuzz T=engine SECONDS=600"
only_build=0 FOUND=0
if [[ ${1-} == --build ]]; then
	only_build=1
	shift
fi
targets=${1:-$ALL}
for target in $targets; do
	[[ -n ${LONGEST[$target]-} ]] || die "no fuzz target '$target'" "there are: $ALL"
done

mkdir -p "$OUT"
need_compilers
build
((only_build == 0)) || exit 0
SUMMARY=$probe/summary
printf '%-12s %12s %9s %8s %8s  %s\n' target runs runs/s edges corpus finding >"$SUMMARY"
for target in $targets; do
	run "$target"
done
echo
cat "$SUMMARY"
((FOUND == 0)) || die "the fuzzer has found something" "see above, and $OUT/findings"
