#!/usr/bin/env bash
# Compares the public API with the listings in the repository, so that a change of it shows in review.
#
#   verification/api.sh            fails, with the difference, if a crate's api.txt is not its API
#   verification/api.sh --bless    writes them
#
# A listing is crates/*/api.txt: every public item with all features on, with its implementations, also of Send and the
# like; those that hold for every type, or of traits that no stable code can name, are left out. The compiler decides how
# a type is written, so a listing names in its first line the one that it goes with, and another is refused.
set -euo pipefail
cd "$(dirname "$0")/.."

crates=(twinbucket twinbucket-feed twinbucket-alternatives)
case "$# ${1:-}" in
    '0 ') mode=compare ;;
    '1 --bless') mode=bless ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac
public_api=$(verification/need.sh cargo-public-api)
compiler="# Listed by verification/api.sh with $(rustc --version | cut -d' ' -f1,2)"
# rustdoc's JSON is an unstable output.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/api RUSTC_BOOTSTRAP=1

list() {
    cargo rustdoc -q -p "$1" --lib --all-features -- -Zunstable-options --output-format json --cap-lints allow ||
        return
    echo "$compiler"
    "$public_api" --rustdoc-json "$CARGO_TARGET_DIR/doc/${1//-/_}.json" --omit blanket-impls --color never |
        grep -vE '[ !]core::marker::(Freeze|StructuralPartialEq|UnsafeUnpin) for '
}

failed=0
for crate in "${crates[@]}"; do
    file=crates/$crate/api.txt
    if [[ $mode == bless ]]; then
        list "$crate" >"$file.new"
        mv "$file.new" "$file"
    elif [[ $(head -1 "$file") != "$compiler" ]]; then
        echo "api: $file goes with another compiler: $(head -1 "$file"), not ${compiler##* with }" >&2
        exit 1
    elif ! list "$crate" | diff -u "$file" -; then
        failed=1
    fi
done
if ((failed)); then echo 'api: the public API changed: if that is meant, run verification/api.sh --bless' >&2; exit 1; fi
