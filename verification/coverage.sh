#!/usr/bin/env bash
# Measures which lines of the library's core its tests run, and sees that all others are listed with a reason.
#
#   verification/coverage.sh            fails for a line that is neither run nor listed, and for one listed in vain
#   verification/coverage.sh --report   prints the lines that are not run, as the list has them
#
# The list is verification/uncovered.txt: file, reason and text of a line, parted by " | "; by its text, not its number, so
# that an edit elsewhere does not matter. The core is leaf, ledger, slot, write and writer: there the floor is every line
# but those; unit tests in these files are not counted as lines. Compiler and tools come from verification/toolchain.sh.
# The random models and the histories are not run: what is to be reached is reached without chance.
set -euo pipefail
cd "$(dirname "$0")/.."

core='crates/twinbucket/src/(leaf|ledger|ledger/.*|slot|write|writer|writer/.*)\.rs'
tests=(write structure policy memory outlives panics concurrency forgotten)
list=verification/uncovered.txt
case "$# ${1:-}" in
    '0 ') report=false ;;
    '1 --report') report=true ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac

coverage=$(verification/need.sh cargo-llvm-cov)
toolchain=$(verification/toolchain.sh)
export RUSTC=$toolchain/rustc RUSTDOC=$toolchain/rustdoc
# A small function that a test has inlined from the library would count as not run.
export RUSTFLAGS=-Zcross-crate-inline-threshold=never
export LLVM_COV=$toolchain/llvm-cov LLVM_PROFDATA=$toolchain/llvm-profdata
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$coverage" llvm-cov -q --locked -p twinbucket --all-features --no-cfg-coverage --lib "${tests[@]/#/--test=}" \
    --lcov --output-path "$work/lcov" >&2

# Of each file of the core, "file | text" of each line above its tests that none ran, and a summary.
awk -v root="$PWD/" -v core="^$core\$" -v missed="$work/missed" '
    /^SF:/ {
        file = substr($0, 4); sub("^" root, "", file); wanted = file ~ core; end = 0
        if (wanted) while ((getline text[++end] < file) > 0 && text[end] !~ /^mod tests/);
    }
    wanted && /^DA:/ {
        split(substr($0, 4), entry, ",")
        if (entry[1] + 0 < end) lines[file]++
        if (entry[1] + 0 < end && entry[2] == 0) {
            bare[file]++; line = text[entry[1]]; sub(/^ +/, "", line); print file " | " line > missed
        }
    }
    END {
        for (file in lines) printf "%-40s %4d lines, %d not run\n", file, lines[file], bare[file]
        if (length(lines) < 6) { print "coverage: the core is not in the report" > "/dev/stderr"; exit 1 }
    }
' "$work/lcov" >&2
touch "$work/missed"
sort "$work/missed" >"$work/now"
if $report; then cat "$work/now"; exit; fi
grep -v '^#' "$list" | sed -E 's/^([^|]+) \| [^|]+ \| /\1 | /' | sort >"$work/listed"
if ! diff -u --label listed --label 'not run' "$work/listed" "$work/now"; then
    echo "coverage: $list and what is not run differ; test the lines with +, take out those with -" >&2
    exit 1
fi
