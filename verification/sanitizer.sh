#!/usr/bin/env bash
# Runs tests of the library, and the stress, in programs in which every access to memory is watched.
#
#   verification/sanitizer.sh address [--seconds N] [TEST]
#   verification/sanitizer.sh thread  [--seconds N] [TEST]
#
# N is the length of the stress (20); with TEST, only tests with that name are run.
#
# address: AddressSanitizer and LeakSanitizer, all tests. Memory that was freed is poisoned, and what is never freed is
# told at the end. A leaf that is freed goes back to the allocator, and is poisoned by that. Arrays and chunks of versions
# that nobody holds are filled again instead; that they are not seen is checked by loom, and by the tests of the ledger.
# Tests that leak on purpose are run as well, without LeakSanitizer.
#
# thread: ThreadSanitizer, the tests with threads. The standard library is watched, too: without that, races are found
# where there are none. Compiler and sources come from verification/toolchain.sh. Raw fences are not seen by
# ThreadSanitizer; the library itself has none, which this script checks.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }

sanitizer=${1:-} seconds=20 run=()
case $sanitizer in address | thread) shift ;; *) usage ;; esac
while (($#)); do
    case $1 in
        --seconds) seconds=${2:?--seconds needs a number}; shift 2 ;;
        --no-run) run+=(--no-run); shift ;;
        -*) usage ;;
        *) run+=(-- "$1"); shift ;;
    esac
done

command=(cargo test -q -p twinbucket --no-fail-fast --target x86_64-unknown-linux-gnu)
export STRESS_SECONDS=$seconds RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Zsanitizer=$sanitizer ${RUSTFLAGS:-}"
if [[ $sanitizer == address ]]; then
    export ASAN_OPTIONS='detect_leaks=1 detect_stack_use_after_return=1'
    command+=(--lib)
    for file in crates/twinbucket/tests/*.rs; do
        name=$(basename "$file" .rs)
        [[ $name == forgotten ]] || command+=(--test "$name")
    done
else
    if grep -rnE '\bfence\(' crates/twinbucket/src; then
        echo 'sanitizer: the library has a fence, which ThreadSanitizer does not see' >&2
        exit 1
    fi
    toolchain=$(verification/toolchain.sh)
    export RUSTC=$toolchain/rustc RUSTDOC=$toolchain/rustdoc
    export TSAN_OPTIONS="halt_on_error=1 external_symbolizer_path=$toolchain/llvm-symbolizer"
    command+=(-Zbuild-std --test stress --test concurrency --test outlives --test watch)
fi
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/$sanitizer
if [[ $sanitizer == thread || ${#run[@]} -gt 0 ]]; then
    "${command[@]}" "${run[@]}"
    exit
fi
"${command[@]}" -- --skip leaked
ASAN_OPTIONS='detect_leaks=0' cargo test -q -p twinbucket --target x86_64-unknown-linux-gnu \
    --test forgotten --test outlives
