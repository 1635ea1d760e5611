#!/usr/bin/env bash
# Asks a deployed site what a user would, and whether what must not be public is not:
#   smoke.sh [--address <host:port>] [--certificate <file>] [--days <number>] https://minitwit.example
# The API is asked at api.<host>. SMOKE_TRIES (30) attempts, SMOKE_PAUSE (2) seconds apart.
#   --address      asks there instead of where the names lead, such as 127.0.0.1:8443
#   --certificate  believes this certificate, such as a self-signed one
#   --days         fails when the site's certificate ends within so many days
# SMOKE_OPTIONS holds the same, for scripts that call this one.
set -euo pipefail

usage='usage: smoke.sh [--address <host:port>] [--certificate <file>] [--days <number>] <address of the site>'
days=
options=()
# shellcheck disable=SC2086 # words
set -- ${SMOKE_OPTIONS-} "$@"
while [[ ${1-} == --* ]]; do
    case $1 in
    --address) options+=(--connect-to "::${2:?$usage}") ;;
    --certificate) options+=(--cacert "${2:?$usage}") ;;
    --days) days=${2:?$usage} ;;
    *)
        echo "$usage" >&2
        exit 2
        ;;
    esac
    shift 2
done
site=${1:?$usage}
api=${site/:\/\//:\/\/api.}
tries=${SMOKE_TRIES:-30}

status() {
    curl --silent --output /dev/null --max-time 10 --write-out '%{http_code}' "${options[@]}" "$1" || true
}

expect() {
    local wanted=$1 url=$2 got=
    for ((try = 0; try < tries; try++)); do
        got=$(status "$url")
        [ "$got" = "$wanted" ] && return 0
        sleep "${SMOKE_PAUSE:-2}"
    done
    echo "smoke.sh: $url returned $got instead of $wanted" >&2
    return 1
}

expect 200 "$site/public"
expect 200 "$site/login"
expect 200 "$api/latest"
expect 403 "$api/msgs"
for hidden in metrics admin admin/session livez readyz grafana/ prometheus/ runbooks/MiniTwitDown; do
    expect 404 "$site/$hidden"
    expect 404 "$api/$hidden"
done
if [ -n "$days" ]; then
    host=${site#https://}
    certificate=$(openssl s_client -connect "$host:443" -servername "$host" </dev/null 2>/dev/null)
    if ! openssl x509 -noout -checkend $((days * 86400)) <<<"$certificate" >/dev/null; then
        echo "smoke.sh: the certificate of $host ends within $days days" >&2
        exit 1
    fi
fi
echo "smoke.sh: $site is healthy"
