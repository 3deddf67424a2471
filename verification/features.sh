#!/usr/bin/env bash
# Sees that library and feed compile without a warning with sets of their features, and pass the tests that depend on one.
#
#   verification/features.sh
#
# The workspace's own run cannot show this: there, what one member asks for, all get. With every set of its features the
# library compiles, and with none, each and all of them it passes its unit tests and those that depend on one; `forgotten`,
# which has one for `async`, runs with all in verification/coverage.sh. The feed compiles with none and each of its features,
# and with every two, where its formats count as one, and so do its observers; with all it passes its unit tests and those
# that depend on what the workspace does not ask for. The examples in the documentation of both pass with all features.
set -euo pipefail
cd "$(dirname "$0")/.."

hack=$(verification/need.sh cargo-hack)
"$hack" hack clippy -q -p twinbucket --locked --feature-powerset --exclude-features default -- -D warnings
"$hack" hack test -q -p twinbucket --locked --each-feature --exclude-features default \
    --lib --test features --test watch
feed=(-q -p twinbucket-feed --locked --exclude-features default)
"$hack" hack clippy "${feed[@]}" --each-feature -- -D warnings
"$hack" hack clippy "${feed[@]}" --feature-powerset --depth 2 --group-features csv,json,toml,yaml \
    --group-features metrics,opentelemetry,prometheus,tracing,usdt -- -D warnings
cargo test -q -p twinbucket-feed --locked --all-features --lib --test observe --test http_source
cargo test -q -p twinbucket -p twinbucket-feed --locked --all-features --doc
