#!/usr/bin/env bash
# Asks a deployed site what a user would, and whether what must not be public is not:
#   smoke.sh https://minitwit.example
# The API is asked at api.<host>. SMOKE_TRIES (30) attempts, SMOKE_PAUSE (2) seconds apart.
set -euo pipefail

site=${1:?usage: smoke.sh <address of the site>}
api=${site/:\/\//:\/\/api.}
tries=${SMOKE_TRIES:-30}

status() {
    curl --silent --output /dev/null --max-time 10 --write-out '%{http_code}' "$1" || true
}

expect() {
    local wanted=$1 url=$2 got=
    for ((try = 0; try < tries; try++)); do
        got=$(status "$url")
        [ "$got" = "$wanted" ] && return 0
        sleep "${SMOKE_PAUSE:-2}"
    done
    echo "smoke.sh: $url answered $got instead of $wanted" >&2
    return 1
}

expect 200 "$site/public"
expect 200 "$site/login"
expect 200 "$api/latest"
expect 403 "$api/msgs"
for hidden in metrics admin livez readyz; do
    expect 404 "$site/$hidden"
    expect 404 "$api/$hidden"
done
echo "smoke.sh: $site is well"
