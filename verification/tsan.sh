#!/usr/bin/env bash
# ThreadSanitizer: runs the tests with threads, and the stress, in programs in which every access to memory is watched,
# those of the standard library too. Without that, it finds races where there are none.
#
#   verification/tsan.sh [--seconds N] [TEST]      length of the stress (20); only tests with that name
#
# Compiler and sources come from verification/toolchain.sh. Raw fences are not seen by ThreadSanitizer; the library
# itself has none, which this script checks.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=20 test=()
while (($#)); do
    case $1 in
        --seconds) seconds=${2:?--seconds needs a number}; shift 2 ;;
        --no-run) test+=(--no-run); shift ;;
        -*) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
        *) test+=(-- "$1"); shift ;;
    esac
done

if grep -rnE '\bfence\(' crates/twinbucket/src; then
    echo 'tsan: the library has a fence, which ThreadSanitizer does not see' >&2
    exit 1
fi

toolchain=$(verification/toolchain.sh)
export RUSTC=$toolchain/rustc RUSTDOC=$toolchain/rustdoc RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Zsanitizer=thread -Cdebuginfo=1 ${RUSTFLAGS:-}"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/tsan
export TSAN_OPTIONS="halt_on_error=1 external_symbolizer_path=$toolchain/llvm-symbolizer"
export STRESS_SECONDS=$seconds
cargo test -q -p twinbucket -Zbuild-std --target x86_64-unknown-linux-gnu \
    --test stress --test concurrency --test outlives --test watch "${test[@]}"
