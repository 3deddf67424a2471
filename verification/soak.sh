#!/usr/bin/env bash
# Keeps a store and a table under load for long, and sees that memory, retired leaves and the p99.9 of readers stay level.
#
#   verification/soak.sh [--seconds N]
#
# N is 3600 unless it is given. Below 60 the p99.9 is shown and not judged. Prints a line for each of 13 windows.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=3600
case "$# ${1:-}" in
    '0 ') ;;
    '2 --seconds') seconds=$2 ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac
SOAK_SECONDS=$seconds cargo test -q -p twinbucket-feed --test soak -- --nocapture
