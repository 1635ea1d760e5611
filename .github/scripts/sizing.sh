#!/usr/bin/env bash
# Measures what the sizing table of the operations guide is made of, on this machine, as Markdown:
#   sizing.sh <program> [<address of an empty PostgreSQL database>]
#
# The service gets one core, then two; wrk shares the second with PostgreSQL, so that a figure for two cores
# is what is left beside its client. Needs wrk, taskset and curl; the machine should be idle. SECONDS_EACH (5).
set -euo pipefail

program=$(realpath "${1:?usage: sizing.sh <program> [<address of an empty PostgreSQL database>]}")
database=${2-}
each=${SECONDS_EACH:-5}
work=$(mktemp -d)
service=
trap 'stop; rm -rf "$work"' EXIT

stop() {
    [ -z "$service" ] || { kill "$service" && wait "$service"; } || true
    service=
}

# Starts the service on the cores given; sets `site` and `api` to its addresses.
start() {
    stop
    : >"$work/log"
    env ${database:+MINITWIT_DATABASE_URL="$database"} taskset --cpu-list "$1" \
        "$program" --data-dir "$work/data" --site 127.0.0.1:0 --api 127.0.0.1:0 --ops 127.0.0.1:0 \
        --backups 0 --log-format json 2>"$work/log" &
    service=$!
    until [ "$(grep -c '"message":"listening"' "$work/log")" -ge 3 ]; do
        kill -0 "$service" || { cat "$work/log" >&2; exit 1; }
        sleep 0.1
    done
    mapfile -t addresses < <(grep '"message":"listening"' "$work/log" | grep -oE '127\.0\.0\.1:[0-9]+')
    site=http://${addresses[0]}
    api=http://${addresses[1]}
}

# What wrk sends: each thread counts for itself.
cat >"$work/post.lua" <<'END'
local threads = 0
function setup(thread) thread:set("id", threads); threads = threads + 1 end
function init(args) kind = args[1]; count = 0; start = os.time() end
local heads = { ["Content-Type"] = "application/json", ["Authorization"] = "Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh" }
function request()
    count = count + 1
    if kind == "register" then
        local name = string.format("user-%d-%d-%d", start, id, count)
        return wrk.format("POST", "/register", heads, '{"username":"' .. name .. '","email":"a@b.example","pwd":"password"}')
    end
    return wrk.format("POST", "/msgs/sizing", heads, '{"content":"message ' .. count .. ' of ' .. id .. ', about as long as those of the course, a line and a bit"}')
end
END

# CPU time of a process, or of PostgreSQL's processes, living and ended, in milliseconds.
cpu() {
    local tick
    tick=$((1000 / $(getconf CLK_TCK)))
    case $1 in
    service) awk -v t="$tick" '{ sub(/.*\) /, ""); print ($12 + $13) * t }' "/proc/$service/stat" ;;
    database)
        local total=0 pid
        for pid in $(pgrep postgres); do
            total=$((total + $(awk -v t="$tick" '{ sub(/.*\) /, ""); print ($12 + $13 + ($3 == 1 || $2 == 1 ? $14 + $15 : 0)) * t }' "/proc/$pid/stat" 2>/dev/null || echo 0)))
        done
        echo "$total"
        ;;
    esac
}

# Runs a load and prints its row: name, cores, then the command of wrk.
row() {
    local name=$1 cores=$2 before after before_database after_database
    shift 2
    before=$(cpu service) before_database=$(cpu database)
    "$@" >"$work/report"
    after=$(cpu service) after_database=$(cpu database)
    awk -v name="$name" -v cores="$cores" -v cpu=$((after - before)) -v db="${database:+$((after_database - before_database))}" '
        /requests in/ { requests = $1 }
        /Requests\/sec/ { rate = $2 }
        /99%/ { p99 = $2 }
        /Non-2xx/ { errors = $NF }
        END { printf "| %s | %d | %.0f | %.2f ms | %s | %s | %d of %d |\n",
            name, cores, rate, cpu / requests, db == "" ? "" : sprintf("%.2f ms", db / requests), p99, errors, requests }' "$work/report"
}

wrk_() {
    taskset --cpu-list 1 wrk --latency --threads 1 --duration "${each}s" "$@"
}

# The course's mixture, 129 registrations in it, reported as wrk does.
mixture() {
    taskset --cpu-list 1 "$program" simulate --json --no-wait --clients 4 --users 129 --seed "$RANDOM" --timeout 10s \
        --duration "$((each * 2))s" --url "$api" 2>"$work/progress" | sed -n '/"all": {/,$p' | tr -d ',' | awk '
        $1 == "\"errors\":" && !seen++ { print "Non-2xx: " $2 }
        $1 == "\"p99_ms\":" { print "99% " $2 "ms" }
        $1 == "\"requests\":" { print $2 " requests in" }
        $1 == "\"requests_per_second\":" { print "Requests/sec: " $2 }'
}

size() {
    if [ -n "$database" ]; then
        psql "$database" --no-psqlrc --quiet --tuples-only --no-align --command 'CHECKPOINT; SELECT pg_database_size(current_database())' | tail -1
    else
        stat --format %s "$work/data/minitwit.sqlite"
    fi
}

echo '| load | cores | requests/s | CPU of one, service | PostgreSQL | 99 of 100 within | failed |'
echo '|---|---|---|---|---|---|---|'
for cores in 1 2; do
    start "$([ "$cores" = 1 ] && echo 0 || echo 0,1)"
    curl --silent --fail --user 'simulator:super_safe!' --header 'content-type: application/json' \
        --data '{"username":"sizing","email":"a@b.example","pwd":"password"}' --output /dev/null "$api/register" || true
    # A first second warms caches and pools.
    each=1 wrk_ --connections 16 --script "$work/post.lua" "$api" -- message >/dev/null
    row 'public timeline' "$cores" wrk_ --connections 16 "$site/public"
    row 'newest 100, API' "$cores" wrk_ --connections 16 --header 'Authorization: Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh' "$api/msgs?no=100"
    row 'a message' "$cores" wrk_ --connections 16 --script "$work/post.lua" "$api" -- message
    row 'a registration' "$cores" wrk_ --connections 2 --script "$work/post.lua" "$api" -- register
    row "the simulator's mixture" "$cores" mixture
done
awk '/VmRSS/ { now = $2 } /VmHWM/ { peak = $2 } END { printf "\nresident memory afterwards: %d MB, at most %d MB\n", now / 1024, peak / 1024 }' \
    "/proc/$service/status"

# What a message leaves behind, once everything is written out.
stop
before=$(size) logs=$(du -sb "$work/data/logs/index" | cut -f1)
start 0
wrk_ --connections 16 --script "$work/post.lua" "$api" -- message >"$work/report"
stop
awk -v database=$(($(size) - before)) -v logs=$(($(du -sb "$work/data/logs/index" | cut -f1) - logs)) \
    -v output="$(stat --format %s "$work/log")" '
    /requests in/ { printf "a message: %d bytes of database; its request: %d bytes of log index, %d of JSON (%d requests)\n",
        database / $1, logs / $1, output / $1, $1 }' "$work/report"
