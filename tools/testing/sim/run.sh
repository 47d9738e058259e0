#!/bin/bash
# `make sim`: engines over a simulated network, in virtual time (rust/sim).
#
#   SEEDS=10000 [FIRST=0] [JOBS=cores]   sweep so many seeds, each over one path and over several
#   SEED=n                               one of them again, with a trace and a capture in build/sim
#   PATHS=one|several                    only that run of each seed
#   CONNECTIONS=1000000                  so many at once, and what each costs
#   PLANTED=1                            see planted.sh
set -euo pipefail
. "$(dirname "$0")/../../sandbox/lib.sh"

command -v cargo >/dev/null || die "no cargo on this machine" "install Rust, e.g. apt-get install cargo"
for name in SEED SEEDS FIRST JOBS CONNECTIONS; do
	[[ ${!name:-0} =~ ^[0-9]+$ ]] || die "$name takes a number, not '${!name}'"
done
[[ ${PATHS:-one} =~ ^(one|several)$ ]] || die "PATHS is one or several, not '$PATHS'"
[[ -z ${PLANTED-} ]] || exec "$TREE/tools/testing/sim/planted.sh"

cd "$TREE/rust"
export CARGO_TARGET_DIR=$TREE/build/cargo
say "sim: building"
cargo build --quiet --profile sim --package rust_mptcp_sim
sim=$CARGO_TARGET_DIR/sim/sim

cd "$TREE"
if [[ -n ${SEED-} ]]; then
	"$sim" --seed "$SEED" ${PATHS:+--paths "$PATHS"} --out build/sim
elif [[ -n ${CONNECTIONS-} ]]; then
	"$sim" --connections "$CONNECTIONS"
else
	"$sim" --seeds "${SEEDS:-10000}" --first "${FIRST:-0}" ${PATHS:+--paths "$PATHS"} ${JOBS:+--jobs "$JOBS"}
fi
