#!/usr/bin/env bash
# Changes the core of the library in hundreds of small ways, and sees that for each a test fails.
#
#   verification/mutants.sh               the core: leaf, ledger, slot, write, writer
#   verification/mutants.sh FILE...       other files of crates/twinbucket/src, as `read` or `writer/shape`
#
# By hand, as it takes hours; a run that was cut off goes on where it was, after `rm -r target/mutants` it starts anew. What
# survives the quick tests meets all the others. Fails if one survives; those that may, with the reason, are in
# verification/mutants.toml.
set -euo pipefail
cd "$(dirname "$0")/.."

files=("$@")
if ((${#files[@]} == 0)); then files=(leaf ledger ledger/heap slot write writer writer/shape); fi
mutants=$(verification/need.sh cargo-mutants)
output=$(realpath -m "${CARGO_TARGET_DIR:-target}/mutants")
mkdir -p "$output"
# Each copy of the sources has a target directory of its own.
unset CARGO_TARGET_DIR
# Compiling takes most of the time.
export CARGO_PROFILE_TEST_DEBUG=none
# A mutant may ask for all memory there is.
ulimit -v 8000000

# Tries what is not found yet; arguments choose the tests that are compiled and run.
run() {
    nice -n "${NICE:-10}" "$mutants" mutants --config verification/mutants.toml --output "$output" --iterate --jobs 2 \
        --package twinbucket --all-features --cap-lints true --timeout 120 --no-times --colors never \
        "${files[@]/#/--file=crates/twinbucket/src/}" "${@/#/--cargo-arg=}"
}
files=("${files[@]/%/.rs}")
# 2: some survived, which is for the second run to judge; 3: some ran out of time, which counts as found.
run --lib --test=write --test=structure --test=policy --test=memory || (($? == 2 || $? == 3))
run --lib --tests || (($? == 3))
