# shellcheck shell=bash
# The parts of `make test`, sourced by run.sh. Each adds lines of three numbers (passed,
# failed, skipped) to $COUNTS and names what failed in $OUT/failures; none stops the rest.
# shellcheck disable=SC2153 # OUT, COUNTS, KO and SLOW are run.sh's.

count() { echo "$1 $2 $3" >>"$COUNTS"; }
failure() { echo "    $1" | tee -a "$OUT/failures"; }

# One test that is a command: check NAME command...
check() {
	local name=$1 started=$SECONDS
	shift
	say "test: $name"
	if "$@" >"$OUT/$name.log" 2>&1; then
		count 1 0 0
		echo "ok   $name ($((SECONDS - started)) s)"
	else
		count 0 1 0
		tail -n 40 "$OUT/$name.log"
		failure "FAIL $name ($OUT/$name.log)"
	fi
}

# --- the pure part and its simulation, on this machine's own Rust ---

in_crate() { (cd "$TREE/rust" && CARGO_TARGET_DIR=$TREE/build/cargo "$@"); }

test_host() {
	command -v cargo >/dev/null || {
		count 0 1 0
		failure "FAIL host tests: no cargo on this machine (install Rust, e.g. apt-get install cargo)"
		return
	}
	say "test: host tests"
	if cargo nextest --version >/dev/null 2>&1; then
		host_tests nextest nextest run --no-fail-fast
	else
		host_tests cargo test --no-fail-fast
	fi
	# Components of a toolchain that a distribution may package apart.
	optional_check clippy cargo clippy --all-targets --quiet -- -D warnings
	optional_check rustfmt cargo fmt --all --check
	optional_check rustfmt-fuzz cargo fmt --manifest-path fuzz/Cargo.toml --check
	short_fuzz
}

# Each target for a moment, the same way each time: what it finds is a regression or a new
# line's fault. For what nobody has found yet there is `make fuzz`.
short_fuzz() {
	local status=0 target
	say "test: fuzz targets"
	"$TREE/tools/testing/fuzz.sh" --build >"$OUT/fuzz-build.log" 2>&1 || status=$?
	if ((status == 4)); then
		echo "skip fuzz ($(grep '^error:' "$OUT/fuzz-build.log" | tail -n 1))"
		count 0 0 5
		return
	elif ((status != 0)); then
		count 0 1 0
		tail -n 40 "$OUT/fuzz-build.log"
		failure "FAIL fuzz targets do not build ($OUT/fuzz-build.log)"
		return
	fi
	for target in parse round_trip engine paths netlink; do
		FUZZ_SEED=1 DURATION=15 check "fuzz-$target" "$TREE/tools/testing/fuzz.sh" "$target" &
	done
	wait
}

optional_check() {
	local name=$1
	shift
	if cargo "${2%% *}" --version >/dev/null 2>&1; then
		check "$name" in_crate "$@"
	else
		echo "skip $name (not installed)"
		count 0 0 1
	fi
}

# host_tests FLAVOUR cargo-arguments...: the numbers are read off the runner's summary.
host_tests() {
	local flavour=$1 log=$OUT/host.log status=0 counts passed failed skipped
	shift
	in_crate cargo "$@" 2>&1 | tee "$log" || status=1
	if [[ $flavour == nextest ]]; then
		counts=$(sed 's/\x1b\[[0-9;]*m//g' "$log" | awk '/^ *Summary/ {
			for (i = 2; i <= NF; i++) {
				if ($i ~ /^passed/) p = $(i - 1)
				if ($i ~ /^(failed|timed)/) f += $(i - 1)
				if ($i ~ /^skipped/) s = $(i - 1)
			} } END { print p + 0, f + 0, s + 0 }')
	else
		counts=$(awk '/^test result:/ { p += $4; f += $6; s += $8 } END { print p + 0, f + 0, s + 0 }' "$log")
	fi
	read -r passed failed skipped <<<"$counts"
	# A crate that does not compile runs nothing; that is a failure, not an empty success.
	if ((failed == 0 && (status != 0 || passed == 0))); then failed=1; fi
	count "$passed" "$failed" "$skipped"
	((failed == 0)) || failure "FAIL host tests: $failed ($log)"
}

# --- rules of the tree, with the sandbox's python ---

# With its progress on screen, because the first time takes minutes.
prepared() {
	"$SANDBOX/prepare.sh" && return
	count 0 1 0
	failure "FAIL $1: no sandbox"
	return 1
}

test_lint() {
	local lint
	prepared lints || return 0
	for lint in tools/testing/lint/*.py; do
		grep -q '^#!' "$lint" || continue
		check "lint-$(basename "$lint" .py)" "$SANDBOX/enter.sh" python3 -B "$lint"
	done
	check messages tools/testing/messages.sh
	check module-lint module_lint
}

# Compiles all of it anew under the kernel's lint set; a warning is a failure.
module_lint() {
	OUTPUT=build/lint FRESH=1 "$SANDBOX/build-module.sh" CLIPPY=1 modules 2>&1 | tee "$OUT/clippy.out"
	! grep -aE '^(warning|error)|WARNING: modpost|: warning: ' "$OUT/clippy.out"
}

# --- the module ---

test_build() {
	prepared module || return 0
	check module "$SANDBOX/build-module.sh"
	check late-handshake env SOURCE=tools/testing/late OUTPUT="$(module_dir)-late" "$SANDBOX/build-module.sh"
}

# --- the module at work: tools/testing/net/*.sh in the guest ---

# A header line `# vm: own` asks for a boot of its own, `# vm: bare` for one without the
# module inserted, `# timeout: SECONDS` for more than 300, `# when: long` for LONG=1 or to be
# named in NET.
header() { sed -nE "s/^# $1: *([^ ]+).*/\1/p" "$2" | head -n 1; }

test_net() {
	local shared=() test
	[[ -s $KO ]] || {
		count 0 1 0
		failure "FAIL no module, so no test of it in a VM"
		return
	}
	# shellcheck disable=SC2086 # A pattern.
	for test in ${NET:-tools/testing/net/*.sh}; do
		[[ -x $test ]] || continue
		if [[ $(header when "$test") == long && -z ${LONG-}${NET-} ]]; then
			echo "skip $(basename "$test" .sh) (LONG=1 runs it)"
			count 0 0 1
			continue
		fi
		case $(header vm "$test") in
		own) boot_tests "$KO" "$test" ;;
		bare) boot_tests 0 "$test" ;;
		*) shared+=("$test") ;;
		esac
	done
	boot_tests "$KO" "${shared[@]}"
}

# boot_tests MODULE test...: in one boot, unless the guest dies: then the test that killed
# it has failed, and the rest go on in the next boot.
boot_tests() {
	local module=$1 left=() test name limit total
	shift
	left=("$@")
	while ((${#left[@]})); do
		total=60
		for test in "${left[@]}"; do
			limit=$(header timeout "$test")
			total=$((total + (${limit:-300} + 60) * SLOW))
		done
		say "test: a VM for ${left[*]##*/}"
		MODULE=$module TIMEOUT=$total SPLAT=ignore VM_LOGS=$OUT/vm "$TREE/tools/vm/run.sh" \
			"SLOW=$SLOW LONG=${LONG-} SEED=${SEED-} tools/testing/guest.sh $OUT/net $KO ${left[*]}" || true
		cat "$OUT/vm/console.log" >>"$OUT/console.log"

		local next=() ran=0
		for test in "${left[@]}"; do
			name=$(basename "$test" .sh)
			if [[ -f $OUT/net/$name.log ]]; then
				sum_up "$name"
				ran=1
			else
				next+=("$test")
			fi
		done
		# A guest that does not even begin the first test will not do better the second time.
		if ((ran == 0)); then
			count 0 "${#left[@]}" 0
			failure "FAIL ${left[*]##*/}: the VM did not get as far ($OUT/vm/console.log)"
			return
		fi
		left=("${next[@]}")
	done
}

sum_up() {
	local log=$OUT/net/$1.log summary
	[[ -f $OUT/net/$1.done ]] || echo "not ok - $1 did not end: the guest died or hung" >>"$log"
	summary=$("$SANDBOX/enter.sh" python3 -B tools/testing/ktap.py "$1" --counts "$COUNTS" <"$log") ||
		echo "FAIL $summary" >>"$OUT/failures"
	echo "$summary"
}

# --- the figures: one small round, for that the measuring itself works ---

test_bench() {
	prepared figures || return 0
	check bench env SHORT=1 MODE=icount PROFILE= EXACT= ROUNDS= BENCH_OUT="$OUT/bench" "$TREE/tools/bench/run.sh"
}
