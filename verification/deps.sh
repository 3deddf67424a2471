#!/usr/bin/env bash
# Sees that all dependencies have a licence, and come from a place, that deny.toml allows, and none twice for no reason.
#
#   verification/deps.sh
#
# Covers every feature and every system, so also what is compiled for tests alone. Advisories are not looked up: their
# database is fetched from the network. Where there is one: `cargo deny check advisories`.
set -euo pipefail
cd "$(dirname "$0")/.."

deny=$(verification/need.sh cargo-deny)
"$deny" --workspace --locked check --hide-inclusion-graph licenses bans sources
