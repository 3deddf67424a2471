#!/usr/bin/env bash
# Plants bugs that matter, one at a time, and sees that the checks which claim to find them fail.
#
#   verification/planted.sh               every claim below: the test that is to find a bug fails with it
#   verification/planted.sh --matrix      every tool on every bug, as a Markdown table for docs/verification.md
#   verification/planted.sh BUG...        only these bugs (--matrix BUG... likewise)
#
# A bug is `cfg!(planted = "NAME")` in the sources; all are listed in Cargo.toml. It is built by a wrapper around rustc that
# adds the cfg to crates of this workspace alone, so that dependencies are compiled once. A claim holds if the test
# passes without the bug, and with it compiles and then fails, crashes or hangs.
set -euo pipefail
cd "$(dirname "$0")/.."

# A test that hangs for so many seconds has found its bug.
patience=300

# bug, tool, the test that finds it.
claims='
relaxed-publish         loom       a_reader_never_goes_back_and_sees_a_publish_that_returned
missing-fence           thread     stress
free-ignores-pins       loom       a_replaced_leaf_waits_for_the_oldest_pin_that_sees_it
free-ignores-pins       address    stress
free-early              loom       a_replaced_leaf_waits_for_the_oldest_pin_that_sees_it
wrong-pin               loom       a_replaced_leaf_waits_for_a_pin_in_the_middle
savepoint-not-restored  policy     discard_is_exact_and_keeps_what_was_staged_before
leaked-leaf             memory     garbage_is_gone_after_a_bounded_number_of_publishes_without_collect
halving-not-noted       structure  directory_doubles_and_halves
late-address            loom       a_reader_never_goes_back_and_sees_a_publish_that_returned
lost-wakeup             shuttle    watches_miss_no_newest_generation
leaked-leaf             soak       memory_retired_leaves_and_p999_of_readers_stay_level
failed-load-published   feed       validation_sees_the_old_and_the_complete_new_content
'
# The tools of the matrix: the library's tests but for histories and stress, model checkers, then what needs luck.
tools=(tests loom shuttle histories address thread)

# Runs a tool: everything it has, or only tests with a name. Further arguments are for cargo.
run_tool() {
    local tool=$1 test=$2
    shift 2
    case $tool in
        tests)
            local files
            files=$(basename -s .rs -a crates/twinbucket/tests/*.rs | grep -vxE 'histories|stress|shuttle' | sed 's/^/--test /')
            # shellcheck disable=SC2086 # one word each
            cargo test -q -p twinbucket --no-fail-fast --lib $files "$@" ;;
        loom) RUSTFLAGS='--cfg loom' LOOM_MAX_PREEMPTIONS=${LOOM_MAX_PREEMPTIONS:-3} CARGO_TARGET_DIR=$target/loom \
            cargo test -q -p twinbucket --lib "$@" -- "${test:-loom_models}" ;;
        shuttle) RUSTFLAGS='--cfg shuttle' CARGO_TARGET_DIR=$target/shuttle \
            cargo test -q -p twinbucket --features async --test shuttle "$@" -- ${test:+"$test"} ;;
        address | thread) verification/sanitizer.sh "$tool" --seconds 5 "$@" "${test:-stress}" ;;
        soak) SOAK_SECONDS=26 cargo test -q -p twinbucket-feed --test soak "$@" -- ${test:+"$test"} ;;
        feed) cargo test -q -p twinbucket-feed --test table "$@" -- ${test:+"$test"} ;;
        *) cargo test -q -p twinbucket --test "$tool" "$@" -- ${test:+"$test"} ;;
    esac
}

# Makes the wrapper that plants a bug; its path is what tells cargo that the crates are others.
plant() {
    local wrapper=$target/planted/$1/rustc
    mkdir -p "${wrapper%/*}"
    printf '#!/bin/sh\nexec "$@" --cfg "planted=\\"%s\\""\n' "$1" >"$wrapper"
    chmod +x "$wrapper"
    export RUSTC_WORKSPACE_WRAPPER=$wrapper
}

# Tells what a tool makes of the bug that is planted: "found", "hangs" or "-", and the seconds it took.
try_tool() {
    local tool=$1 test=$2 start status=0 verdict=-
    if ! run_tool "$tool" '' --no-run >"$log" 2>&1; then
        cat "$log" >&2
        echo "planted: $tool does not compile with the bug" >&2
        return 2
    fi
    start=$SECONDS
    run_limited "$tool" "$test" >"$log" 2>&1 || status=$?
    case $status in
        0) ;;
        124) verdict=hangs ;;
        *) verdict=found ;;
    esac
    echo "$verdict $((SECONDS - start))"
}

run_limited() {
    export -f run_tool
    export target LOOM_MAX_PREEMPTIONS=${LOOM_MAX_PREEMPTIONS:-3}
    timeout "$patience" bash -c 'run_tool "$@"' run_tool "$1" "$2"
}

# Every claim: the test passes without the bug and does not with it.
check_claims() {
    local bug tool test verdict failed=0
    local -A passes=()
    while read -r bug tool test; do
        [[ -n $bug ]] && wanted "$bug" || continue
        unset RUSTC_WORKSPACE_WRAPPER
        if [[ -z ${passes[$tool $test]:-} ]]; then
            if ! run_limited "$tool" "$test" >"$log" 2>&1 || ! grep -qE '^test result: ok\. [1-9]' "$log"; then
                cat "$log" >&2
                echo "planted: without a bug, $tool has no test $test that passes" >&2
                return 1
            fi
            passes[$tool $test]=yes
        fi
        plant "$bug"
        verdict=$(try_tool "$tool" "$test")
        printf '%-24s %-10s %s s: %s\n' "$bug" "$tool" "$verdict" "$test"
        if [[ $verdict == -* ]]; then failed=1; fi
    done <<<"$claims"
    if ((failed)); then echo 'planted: a check does not find its bug' >&2; return 1; fi
}

# Every tool on every bug.
show_matrix() {
    local bug tool verdict seconds
    printf '| bug |'; printf ' %s |' "${tools[@]}"; printf '\n|---|'; printf -- '---|%.0s' "${tools[@]}"; echo
    while read -r bug; do
        wanted "$bug" || continue
        printf '| `%s` |' "$bug"
        plant "$bug"
        for tool in "${tools[@]}"; do
            read -r verdict seconds <<<"$(try_tool "$tool" '')"
            printf ' %s %s |' "$verdict" "$seconds"
        done
        echo
    # The feed has tests of its own, and the others see nothing of it.
    done < <(awk '$2 != "feed" && $1 && !seen[$1]++ { print $1 }' <<<"$claims")
}

wanted() { ((${#bugs[@]} == 0)) || [[ " ${bugs[*]} " == *" $1 "* ]]; }

mode=check_claims bugs=()
for argument; do
    case $argument in
        --matrix) mode=show_matrix ;;
        -*) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
        *) grep -qE "^$argument +" <<<"$claims" || { echo "planted: no bug $argument" >&2; exit 2; }; bugs+=("$argument") ;;
    esac
done
target=${CARGO_TARGET_DIR:-target}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$mode"
