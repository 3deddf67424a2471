#!/usr/bin/env bash
# Load test: `twinbucket serve` on a table of a million entries that changes every second, beside redis-server with the
# same entries and the same changes. One server thread each, one client, taking turns; medians of the rounds.
#
#   cargo build --release && deploy/load-test.sh
#
#   --entries N    entries of the table (1000000)
#   --rounds N     rounds; in each, every line of the table is measured once (3)
#   --seconds N    length of one measurement (10)
#   --program FILE the program (target/release/twinbucket)
#   --raw FILE     also write every single measurement, separated by tabs
#
# A file that is replaced while the one before is being loaded is loaded next, and what came in between is not: the
# column "loads a minute" says how many of the changes twinbucket took as a load of their own.
#
# Servers run on core 0; clients, and who makes the changes, on core 1. Every second the table changes: a thousandth of
# the rows, and every tenth time half of them. twinbucket gets a whole new file by rename, and must find out what
# changed; redis-server gets just the changed rows, as pipelined SETs. All files are made before anything is measured.
#
# Throughput and latencies are redis-benchmark's (GET of a random key, 50 connections) and wrk's. redis-benchmark gives
# percentiles by halving what is left: p99.9 is its line "99.902%". With a pipeline of 16, latencies are those of a whole
# batch. Nothing else should run meanwhile: the first line of the result says what the load was before.
#
# Needs redis-benchmark, redis-cli, redis-server, wrk and curl (Debian: redis-tools redis-server wrk curl).
set -euo pipefail

entries=1000000 rounds=3 seconds=10 raw=/dev/null
program=$(dirname "$0")/../target/release/twinbucket
http=17878 resp=16378 redis=16379
server_core=0 client_core=1 connections=50

while (($#)); do
    case $1 in
        --entries | --rounds | --seconds | --program | --raw) declare "${1#--}=${2:?$1 needs a value}"; shift 2 ;;
        *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    esac
done
for tool in redis-benchmark redis-cli redis-server wrk taskset curl "$program"; do
    command -v "$tool" >/dev/null || { echo "load-test: $tool is missing; see deploy/load-test.sh --help" >&2; exit 1; }
done
(($(nproc) >= 2)) || { echo 'load-test: needs two cores, one for the server and one for the client' >&2; exit 1; }

dir=$(mktemp -d)
pids=()
clean_up() {
    ((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null || true
    wait
    rm -rf "$dir"
}
trap clean_up EXIT

on_client() { taskset -c "$client_core" "$@"; }
say() { echo "load-test: $*" >&2; }

# Twenty versions of the table, to go round in: version.0 to version.19, and the SETs that lead from one to the next in
# sets.0 to sets.19. From 9 to 10, and from 19 to 0, half of the rows change.
make_versions() {
    awk -v entries="$entries" -v dir="$dir" '
        function value(row, version,    step, half) {
            step = version % 10; half = (row % 2 == 0) ? int(version / 10) : 0
            return sprintf("value-%d-%d-%08d", half, (row % 1000 > 0 && row % 1000 <= step), row)
        }
        BEGIN {
            for (version = 0; version < 20; version++) {
                table = dir "/version." version; sets = dir "/sets." version
                before = (version + 19) % 20
                print "key,value" > table
                printf "" > sets
                for (row = 0; row < entries; row++) {
                    now = value(row, version)
                    printf "key:%012d,%s\n", row, now > table
                    if (now != value(row, before)) {
                        printf "*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$%d\r\n%s\r\n", row, length(now), now > sets
                    }
                }
                close(table); close(sets)
            }
        }'
    awk -F, 'NR > 1 { printf "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", length($1), $1, length($2), $2 }' \
        "$dir/version.0" >"$dir/all"
}

# Brings the next version to a server.
change_twinbucket() { ln -f "$dir/version.$1" "$dir/next.csv" && mv -f "$dir/next.csv" "$dir/table.csv"; }
change_redis() { on_client redis-cli -p "$redis" --pipe <"$dir/sets.$1" >/dev/null; }

# The version that each server has.
declare -A version=([twinbucket]=0 [redis]=0)

# Changes a server's table every second until there is a file "stop"; tells the last version in a file.
change_every_second() {
    local server=$1 at=$2 next
    next=$(date +%s%N)
    while [[ ! -e $dir/stop ]]; do
        at=$(((at + 1) % 20))
        "change_$server" "$at"
        echo "$at" >"$dir/at.$server"
        next=$((next + 1000000000))
        local wait=$((next - $(date +%s%N)))
        # Late already: the next change follows at once, and is due a second after now.
        if ((wait > 0)); then sleep "$((wait / 1000000000)).$(printf %09d $((wait % 1000000000)))"; else next=$((next - wait)); fi
    done
}

# One measurement: "requests/s p50 p99 p99.9", in milliseconds.
measure_redis_benchmark() {
    local port=$1 pipeline=$2 requests=$3
    on_client redis-benchmark -h 127.0.0.1 -p "$port" -t get -r "$entries" -n "$requests" -c "$connections" -P "$pipeline" |
        tr '\r' '\n' | awk '
            /throughput summary:/ { rate = $3 }
            /^[0-9.]+% <= [0-9.]+ milliseconds/ {
                part = $1 + 0
                if (part >= 50 && p50 == "") p50 = $3
                if (part >= 99 && p99 == "") p99 = $3
                if (part >= 99.9 && p999 == "") p999 = $3
            }
            END { if (rate == "" || p999 == "") exit 1; print rate, p50, p99, p999 }'
}

measure_wrk() {
    on_client wrk -t 1 -c "$connections" -d "${seconds}s" -s "$dir/wrk.lua" "http://127.0.0.1:$http" | awk '
        /^figures/ { print $2, $3, $4, $5; found = 1; if ($6 > 0) { print "load-test: wrk: " $6 " errors" > "/dev/stderr"; exit 1 } }
        END { if (!found) exit 1 }'
}

cat >"$dir/wrk.lua" <<LUA
math.randomseed(7)
function request()
    return wrk.format("GET", string.format("/v1/tables/table/entries/key%%3A%012d", math.random(0, $entries - 1)))
end
function done(summary, latency)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format("figures %.0f %.3f %.3f %.3f %d\n", summary.requests / summary.duration * 1e6,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3, failed))
end
LUA

# Tells whether a server has the version that it was brought to last: by every 997th key.
has_version() {
    local port=$redis
    [[ $1 == redis ]] || port=$resp
    awk -F, 'NR > 1 && NR % 997 == 0 { print $1 }' "$dir/version.${version[$1]}" | sed 's/^/get /' >"$dir/asked"
    awk -F, 'NR > 1 && NR % 997 == 0 { print $2 }' "$dir/version.${version[$1]}" >"$dir/wanted"
    redis-cli -p "$port" <"$dir/asked" | cmp -s - "$dir/wanted"
}

generation() { curl -sf "http://127.0.0.1:$http/v1/tables/table" | sed -n 's/.*"generation": *\([0-9]*\).*/\1/p' | head -1; }

wait_for() {
    local what=$1 tries
    shift
    for ((tries = 0; tries < 600; tries++)); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    say "$what did not come up"
    exit 1
}

load_before=$(cut -d ' ' -f 1 /proc/loadavg)
say "making 20 versions of a table of $entries entries in $dir"
make_versions
change_twinbucket 0
cat >"$dir/serve.toml" <<TOML
[server]
listen = "127.0.0.1:$http"
resp = "127.0.0.1:$resp"
threads = 1
log_level = "warn"
[[table]]
name = "table"
source = "table.csv"
keep = 0
start = { wait = "5m" }
TOML
taskset -c "$server_core" "$program" serve --config "$dir/serve.toml" &
twinbucket_pid=$! pids+=($!)
taskset -c "$server_core" redis-server --port "$redis" --bind 127.0.0.1 --save '' --appendonly no --io-threads 1 --dir "$dir" \
    --loglevel warning >"$dir/redis.log" &
redis_pid=$! pids+=($!)
wait_for redis-server redis-cli -p "$redis" ping
redis-cli -p "$redis" --pipe <"$dir/all" >/dev/null
wait_for twinbucket redis-cli -p "$resp" ping

# Both have the same entries.
for port in "$resp" "$redis"; do
    [[ $(redis-cli -p "$port" dbsize) == "$entries" ]] || { say "port $port has $(redis-cli -p "$port" dbsize) entries"; exit 1; }
    got=$(redis-cli -p "$port" get key:000000000042)
    [[ $got == value-0-0-00000042 ]] || { say "port $port has another value: $got"; exit 1; }
done

# How many requests take as long as a measurement is to last.
declare -A requests
for pipeline in 1 16; do
    for server in twinbucket:$resp redis:$redis; do
        read -r rate _ < <(measure_redis_benchmark "${server#*:}" "$pipeline" $((100000 * pipeline)))
        requests[${server%:*},$pipeline]=$(awk -v rate="$rate" -v seconds="$seconds" 'BEGIN { printf "%d", rate * seconds }')
    done
done

# One line of the table, once. Arguments: server, client (1 or 16 for redis-benchmark's pipeline, or wrk), changes or not.
measure() {
    local server=$1 client=$2 changing=$3 figures before after began took ticker=
    before=$(generation) began=$(date +%s%N)
    if [[ $changing == yes ]]; then
        change_every_second "$server" "${version[$server]}" &
        ticker=$! pids+=($!)
    fi
    case $client in
        wrk) figures=$(measure_wrk) ;;
        *) figures=$(measure_redis_benchmark "$([[ $server == redis ]] && echo "$redis" || echo "$resp")" "$client" \
            "${requests[$server,$client]}") ;;
    esac
    after=$(generation) took=$((($(date +%s%N) - began) / 1000000))
    if [[ -n $ticker ]]; then
        touch "$dir/stop"
        wait "$ticker"
        rm "$dir/stop"
        unset 'pids[-1]'
        version[$server]=$(<"$dir/at.$server")
        # The last change may still be on its way.
        wait_for "$server's version ${version[$server]}" has_version "$server"
    fi
    printf '%s\t%s\t%s\t%s\t%s\n' "$server" "$client" "$changing" "${figures// /$'\t'}" \
        "$(awk -v loads=$((after - before)) -v took="$took" 'BEGIN { print 60000 * loads / took }')" |
        tee -a "$raw" >>"$dir/figures"
    say "$server, $client, changing: $changing: $figures; loads of twinbucket: $((after - before)) in $took ms"
}

for ((round = 1; round <= rounds; round++)); do
    say "round $round of $rounds"
    for client in 1 16; do
        for changing in no yes; do
            measure twinbucket "$client" "$changing"
            measure redis "$client" "$changing"
        done
    done
    for changing in no yes; do measure twinbucket wrk "$changing"; done
done

memory() { awk '/^VmHWM/ { most = $2 } /^VmRSS/ { printf "%.0f MiB, at most %.0f MiB", $2 / 1024, most / 1024 }' "/proc/$1/status"; }
echo "$entries entries; $rounds rounds of $seconds s, medians; $connections connections; $(redis-server --version | awk '{ print $3 }' | sed s/v=/redis-server\ /);" \
    "$(grep -m1 'model name' /proc/cpuinfo | sed 's/.*: *//'), $(nproc) CPUs, load before $load_before"
echo "memory (resident): twinbucket $(memory "$twinbucket_pid"); redis-server $(memory "$redis_pid")"
echo
awk -F '\t' '
    function median(key, column,    n, i, j, t, list) {
        n = count[key]
        for (i = 1; i <= n; i++) list[i] = figures[key, i, column]
        for (i = 2; i <= n; i++) for (j = i; j > 1 && list[j - 1] > list[j]; j--) { t = list[j]; list[j] = list[j - 1]; list[j - 1] = t }
        return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
    }
    function grouped(number,    text, out) {
        text = sprintf("%.0f", number)
        while (length(text) > 3) { out = "," substr(text, length(text) - 2) out; text = substr(text, 1, length(text) - 3) }
        return text out
    }
    {
        key = $2 FS $3 FS $1
        if (!(key in count)) order[++keys] = key
        count[key]++
        for (column = 4; column <= 8; column++) figures[key, count[key], column] = $column + 0
    }
    END {
        print "| client | changes | server | requests/s | p50 | p99 | p99.9 | loads a minute |"
        print "|---|---|---|---:|---:|---:|---:|---:|"
        for (i = 1; i <= keys; i++) {
            split(order[i], part, FS)
            client = part[1] == "wrk" ? "wrk, HTTP" : "redis-benchmark -P " part[1]
            printf "| %s | %s | %s | %s |", client, part[2] == "yes" ? "every second" : "none", part[3] == "redis" ? "redis-server" : part[3], grouped(median(order[i], 4))
            for (column = 5; column <= 7; column++) printf " %.2f ms |", median(order[i], column)
            print (part[3] == "redis" || part[2] == "no") ? " |" : sprintf(" %.0f |", median(order[i], 8))
        }
    }' "$dir/figures"
