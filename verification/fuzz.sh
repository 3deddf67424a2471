#!/usr/bin/env bash
# Fuzzes the store, the formats of the feeds, and the front ends of the daemon, with libFuzzer and AddressSanitizer.
#
#   verification/fuzz.sh [TARGET...] [--seconds N] [--seed N]
#   verification/fuzz.sh [TARGET...] --keep
#
# These targets, or all, N seconds each (60), two at a time. With a seed, a run is much like the last one with it; without,
# each is another. Each begins with its inputs in fuzz/corpus and fails if there are none, if it tries nothing beyond them,
# or if it finds something. A finding is made smaller, and what it stands for is printed, along with the file that has it.
# What is found to reach new code stays in the target directory for the next run, and with --keep goes into fuzz/corpus.
#
# RUSTFLAGS is passed on: RUSTFLAGS='--cfg planted="free-ignores-pins"' verification/fuzz.sh store fails.
# cargo-fuzz is had from crates.io when it is not there yet. The compiler is told to take the unstable flags that
# libFuzzer needs.
set -euo pipefail
cd "$(dirname "$0")/.."

# The version of cargo-fuzz.
version=0.13.2
# Seconds that a finding is made smaller for, and that one input may take.
shrink=20 patience=10

usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; }

all=(store formats resp http) targets=() seconds=60 seed=0 keep=
while (($#)); do
    case $1 in
        --help | -h) usage; exit ;;
        --seconds) seconds=${2:?--seconds needs a number}; shift ;;
        --seed) seed=${2:?--seed needs a number}; shift ;;
        --keep) keep=yes ;;
        *) [[ " ${all[*]} " == *" $1 "* ]] || { usage >&2; exit 2; }; targets+=("$1") ;;
    esac
    shift
done
((${#targets[@]})) || targets=("${all[@]}")

work=$(realpath -m "${CARGO_TARGET_DIR:-target}")/fuzz
tools=$work/tools/$version
export CARGO_TARGET_DIR=$work RUSTC_BOOTSTRAP=1
export ASAN_OPTIONS="detect_odr_violation=0 ${ASAN_OPTIONS:-}"
if [[ ! -x $tools/bin/cargo-fuzz ]]; then
    env -u RUSTFLAGS -u RUSTC_BOOTSTRAP cargo install --quiet --debug --locked --root "$tools" cargo-fuzz --version "=$version"
fi

# Runs cargo-fuzz.
fuzz() { "$tools/bin/cargo-fuzz" fuzz "$@" --fuzz-dir fuzz; }

# The program of a target.
program() { echo "$work/$(rustc -vV | sed -n 's/^host: //p')/release/$1"; }

# Makes a finding smaller, and prints what it stands for.
tell() {
    local target=$1 found=$2 smaller=$2.smaller
    "$(program "$target")" "$found" -minimize_crash=1 -max_total_time="$shrink" -timeout="$patience" \
        -exact_artifact_path="$smaller" >/dev/null 2>&1 || true
    [[ -s $smaller ]] || cp "$found" "$smaller"
    echo "$target: what $smaller stands for (as it was found: $found):"
    fuzz fmt "$target" "$smaller" "${features[@]}" 2>&1 | sed '/^ *\(Compiling\|Finished\|Running\)/d'
    echo "$target: run it again: $(program "$target") $smaller"
}

# Runs a target; fails if it finds something.
run() {
    local target=$1 known found log=$work/log/$1 inputs=$work/log/$1.inputs status=0 runs
    mkdir -p "$work/log" "$work/corpus/$target" "$work/artifacts/$target"
    # Named one by one: in a directory, their order is the disk's.
    find "fuzz/corpus/$target" -type f | sort | paste -sd, | tr -d '\n' >"$inputs"
    known=$(tr ',' '\n' <"$inputs" | grep -c .) || true
    if ((known == 0)); then echo "$target: fuzz/corpus/$target has no inputs"; return 1; fi
    "$(program "$target")" "$work/corpus/$target" -seed_inputs="@$inputs" \
        -max_total_time="$seconds" -seed="$seed" -timeout="$patience" -artifact_prefix="$work/artifacts/$target/" \
        -print_final_stats=1 >"$log" 2>&1 || status=$?
    if ((status)); then
        grep -aE 'panicked at|^(ERROR|==[0-9]+==)|^#[0-9]+' "$log" | tail -20
        tail -n 60 "$log"
        found=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
        [[ -z $found ]] || tell "$target" "$found"
        echo "$target: FOUND SOMETHING; all that it said is in $log"
        return 1
    fi
    runs=$(sed -n 's/^Done \([0-9]*\) runs in .*/\1/p' "$log")
    if ((${runs:-0} <= known)); then echo "$target: ${runs:-no} runs, which is nothing beyond its corpus of $known"; return 1; fi
    echo "$target: $runs runs from $known inputs in $seconds s, nothing found"
}

# Adds to the corpus of a target what earlier runs found to reach new code: the shortest input for each piece of it.
keep() {
    local target=$1
    mkdir -p "$work/log" "$work/corpus/$target"
    "$(program "$target")" -merge=1 -use_counters=0 -max_len=512 "fuzz/corpus/$target" "$work/corpus/$target" \
        >"$work/log/$target.keep" 2>&1
    echo "$target: $(find "fuzz/corpus/$target" -type f | wc -l) inputs"
}

# The daemon is built where it is needed.
features=()
[[ " ${targets[*]} " != *" resp "* && " ${targets[*]} " != *" http "* ]] || features=(--features daemon)
for target in "${targets[@]}"; do fuzz build "$target" "${features[@]}"; done
if [[ -n $keep ]]; then
    for target in "${targets[@]}"; do keep "$target"; done
    exit
fi

failed=0 running=0
for target in "${targets[@]}"; do
    if ((running == 2)); then wait -n || failed=1; running=$((running - 1)); fi
    run "$target" &
    running=$((running + 1))
done
while ((running)); do wait -n || failed=1; running=$((running - 1)); done
exit "$failed"
