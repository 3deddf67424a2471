#!/usr/bin/env bash
# Prepares a compiler with the sources of its standard library, from Debian's packages, in a directory of its own: what
# an instrumented standard library is built with. Nothing is installed. Prints the directory.
#
#   verification/toolchain.sh [DIRECTORY]      (default: target/toolchain; about 1 GB, half a minute)
#
# Debian's package rustc-web has the compiler, rust-web-src the sources that match it, libclang-rt-*-dev the runtimes of
# the sanitizers. Where there is no such package, this fails: sanitizers of another version of LLVM do not fit. Debian may
# have several versions: the one that Cargo.toml names as the oldest is taken, or else the newest.
set -euo pipefail
cd "$(dirname "$0")/.."

directory=$(realpath -m "${1:-${CARGO_TARGET_DIR:-target}/toolchain}")
if [[ -x $directory/rustc ]]; then echo "$directory"; exit; fi
if ! apt-cache show rustc-web rust-web-src libstd-rust-web-dev >/dev/null 2>&1; then
    apt-get update -q >&2 || true
fi
if ! apt-cache show rustc-web rust-web-src libstd-rust-web-dev >/dev/null 2>&1; then
    echo 'toolchain: Debian has no rustc-web, rust-web-src and libstd-rust-web-dev here; they are in bookworm-security' >&2
    exit 1
fi

oldest=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
at=$(apt-cache madison rustc-web | awk -F ' *[|] *' -v oldest="$oldest." 'index($2, oldest) == 1 { print "=" $2; exit }')
# The newest package that one depends on and whose name begins so.
newest() {
    apt-cache show "$1" | sed -n 's/^Depends: //p' | tr ',' '\n' | sed -n "s/^ *\($2[0-9.]*\)\b.*/\1/p" | sort -V | tail -1
}
std=$(newest "libstd-rust-web-dev$at" libstd-rust-web-)
llvm=$(newest "$std$at" libllvm)
version=${llvm#libllvm}
work=$directory.part
rm -rf "$work"
mkdir -p "$work/packages"
(cd "$work/packages" && apt-get download -q "rustc-web$at" "libstd-rust-web-dev$at" "$std$at" "rust-web-src$at" "$llvm" "libclang-rt-$version-dev" "llvm-$version") >&2
for package in "$work"/packages/*.deb; do dpkg-deb -x "$package" "$work"; done
rm -r "$work/packages"

libraries=$work/usr/lib/rustlib/x86_64-unknown-linux-gnu/lib
for sanitizer in asan lsan tsan; do
    cp "$work/usr/lib/llvm-$version/lib/clang/$version/lib/linux/libclang_rt.$sanitizer-x86_64.a" \
        "$libraries/librustc-stable_rt.$sanitizer.a"
done
# A compiler that takes unstable flags, and the tools that read what it instruments.
wrap() {
    printf '#!/bin/sh\nexport LD_LIBRARY_PATH=%s/usr/lib/x86_64-linux-gnu RUSTC_BOOTSTRAP=1\nexec %s "$@"\n' \
        "$directory" "$directory/$2" >"$work/$1"
    chmod +x "$work/$1"
}
for tool in rustc rustdoc; do wrap "$tool" "usr/bin/$tool"; done
for tool in llvm-symbolizer llvm-cov llvm-profdata; do wrap "$tool" "usr/lib/llvm-$version/bin/$tool"; done
mv "$work" "$directory"
"$directory/rustc" --version >&2
echo "$directory"
