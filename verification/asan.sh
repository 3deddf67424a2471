#!/usr/bin/env bash
# AddressSanitizer and LeakSanitizer: runs all tests of the library, and the stress, in programs in which memory that was
# freed is poisoned, and what is never freed is told at the end.
#
#   verification/asan.sh [--seconds N] [TEST]      length of the stress (60); only tests with that name
#
# A leaf that is freed goes back to the allocator, and is poisoned by that. Arrays and chunks of versions that nobody
# holds are filled again instead; that they are not seen is checked by loom, and by the tests of the ledger.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=60 test=()
while (($#)); do
    case $1 in
        --seconds) seconds=${2:?--seconds needs a number}; shift 2 ;;
        --no-run) test+=(--no-run); shift ;;
        -*) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
        *) test+=(-- "$1"); shift ;;
    esac
done

export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Zsanitizer=address ${RUSTFLAGS:-}"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/asan
export ASAN_OPTIONS="detect_leaks=1 detect_stack_use_after_return=1"
export STRESS_SECONDS=$seconds
cargo test -q -p twinbucket --target x86_64-unknown-linux-gnu --lib --tests "${test[@]}"
