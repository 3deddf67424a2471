#!/usr/bin/env bash
# Runs tests of the library, and the stress, in programs in which every access to memory is watched.
#
#   verification/sanitizer.sh address [--seconds N] [FILE]
#   verification/sanitizer.sh thread  [--seconds N] [FILE]
#
# N is the length of the stress (20); with FILE, only the tests of crates/twinbucket/tests/FILE.rs are run.
#
# address: AddressSanitizer and LeakSanitizer, all tests. Memory that was freed is poisoned, and what is never freed is
# told at the end. A leaf that is freed goes back to the allocator, and is poisoned by that. Arrays and chunks of versions
# that nobody holds are filled again instead; that they are not seen is checked by loom, and by the tests of the ledger.
# Tests that leak on purpose, and say so in their names, are run without LeakSanitizer.
#
# thread: ThreadSanitizer, the tests with threads. The standard library is watched, too: without that, races are found
# where there are none. Compiler and sources come from verification/toolchain.sh. Raw fences are not seen by
# ThreadSanitizer; the library itself has none, which this script checks.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }

sanitizer=${1:-} seconds=20 run=() file=''
case $sanitizer in address | thread) shift ;; *) usage ;; esac
while (($#)); do
    case $1 in
        --seconds) seconds=${2:?--seconds needs a number}; shift 2 ;;
        --no-run) run+=(--no-run); shift ;;
        -*) usage ;;
        *) file=$1; shift ;;
    esac
done

export STRESS_SECONDS=$seconds RUSTC_BOOTSTRAP=1
# What is found is told with its lines.
export CARGO_PROFILE_TEST_DEBUG=line-tables-only
export RUSTFLAGS="-Zsanitizer=$sanitizer ${RUSTFLAGS:-}"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/$sanitizer
export ASAN_OPTIONS='detect_leaks=1 detect_stack_use_after_return=1'
command=(cargo test -q -p twinbucket --no-fail-fast --target x86_64-unknown-linux-gnu)
if [[ $sanitizer == thread ]]; then
    if grep -rnE '\bfence\(' crates/twinbucket/src; then
        echo 'sanitizer: the library has a fence, which ThreadSanitizer does not see' >&2
        exit 1
    fi
    toolchain=$(CARGO_TARGET_DIR=${CARGO_TARGET_DIR%/*} verification/toolchain.sh)
    export RUSTC=$toolchain/rustc RUSTDOC=$toolchain/rustdoc
    export TSAN_OPTIONS="halt_on_error=1 external_symbolizer_path=$toolchain/llvm-symbolizer"
    command+=(-Zbuild-std)
fi
if [[ -n $file ]]; then
    "${command[@]}" --test "$file" "${run[@]}"
elif [[ $sanitizer == thread ]]; then
    "${command[@]}" --test stress --test concurrency --test outlives --test watch "${run[@]}"
else
    "${command[@]}" --lib --test '*' "${run[@]}" -- --skip leaked --skip forgot
    ASAN_OPTIONS='detect_leaks=0' "${command[@]}" --test forgotten --test outlives "${run[@]}" -- leaked forgot
fi
