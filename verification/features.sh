#!/usr/bin/env bash
# Sees that library and feed compile without a warning with sets of their features, and pass the tests that depend on one.
#
#   verification/features.sh
#
# The workspace's own run cannot show this: there, what one member asks for, all get. The library: with every set of
# features it compiles; with none and with each alone it passes its unit tests and those that depend on one; with all, all
# tests. The feed: with none, each, and every two it compiles; with all it passes its tests.
set -euo pipefail
cd "$(dirname "$0")/.."

hack=$(verification/need.sh cargo-hack)
"$hack" hack clippy -q -p twinbucket --locked --feature-powerset --exclude-features default -- -D warnings
"$hack" hack test -q -p twinbucket --locked --each-feature --exclude-features default --exclude-all-features \
    --lib --test features --test watch
cargo test -q -p twinbucket --locked --all-features
"$hack" hack clippy -q -p twinbucket-feed --locked --feature-powerset --depth 2 --exclude-features default -- -D warnings
cargo test -q -p twinbucket-feed --locked --all-features
