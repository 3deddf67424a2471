#!/usr/bin/env bash
# Sees that the oldest Rust that Cargo.toml names is enough, without unstable features.
#
#   verification/msrv.sh
#
# With it, the library with all features and its tests, the feed with all features, the alternatives and the program compile,
# with the dependencies of Cargo.lock. That the library's tests pass with it, verification/coverage.sh shows. The criterion
# benches need a newer one, as criterion does. The compiler is Debian's: verification/toolchain.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

toolchain=$(verification/toolchain.sh)
# Not the wrappers beside it, which let unstable features pass.
export RUSTC=$toolchain/usr/bin/rustc LD_LIBRARY_PATH=$toolchain/usr/lib/x86_64-linux-gnu
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/msrv

wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
if [[ $("$RUSTC" --version) != "rustc $wanted."* ]]; then
    echo "msrv: Cargo.toml names $wanted, the compiler is: $("$RUSTC" --version)" >&2
    exit 1
fi
cargo check -q --locked -p twinbucket-alternatives -p twinbucket-cli
cargo check -q --locked -p twinbucket-feed --all-features
cargo check -q --locked -p twinbucket --all-features --lib --tests
