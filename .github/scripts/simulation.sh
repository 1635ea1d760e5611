#!/usr/bin/env bash
# Starts everything as on one machine, lets the simulator run, looks at the result and shuts down.
# MINITWIT_IMAGE (minitwit:local) exists already. A project, files and ports of its own: it may run beside a site,
# which it leaves alone. SIMULATION (5m) is how long.
set -euo pipefail

root=$(realpath "$(dirname "$0")/../..")
export COMPOSE_PROJECT_NAME=minitwit-simulation MINITWIT_EDGE=172.31.251.0/24
export MINITWIT_HTTP_PORT=18080 MINITWIT_HTTPS_PORT=18443 MINITWIT_OPS_PORT=15002 PROMETHEUS_PORT=19090 GRAFANA_PORT=13000
work=$(mktemp -d)
cd "$work"
for folder in compose alerts dashboards .github/scripts; do
    mkdir -p "$folder"
    cp -R "$root/$folder/." "$folder"
done
# What belongs to the site.
rm -rf compose/.env compose/secrets compose/tls
compose=(docker compose --file compose/compose.yaml)
# shellcheck disable=SC2317 # reached by the trap
clean_up() {
    "${compose[@]}" --profile simulator down --volumes --timeout 30
    rm -rf "$work"
}
trap clean_up EXIT

compose/setup.sh minitwit.localhost
"${compose[@]}" up --detach --wait --wait-timeout 180 --no-build
here=(--address "127.0.0.1:$MINITWIT_HTTPS_PORT" --certificate compose/tls/fullchain.pem)
.github/scripts/smoke.sh "${here[@]}" https://minitwit.localhost
# Ends with an error when requests failed.
"${compose[@]}" --profile simulator run --rm --no-deps simulator \
    simulate --url http://app:5001 --rate 10 --users 100 --duration "${SIMULATION:-5m}"

latest=$(curl --silent --fail --connect-to "::127.0.0.1:$MINITWIT_HTTPS_PORT" --cacert compose/tls/fullchain.pem \
    https://api.minitwit.localhost/latest)
echo "simulation.sh: $latest"
if [[ $latest != *'"latest":'[0-9]* ]]; then
    echo 'simulation.sh: no simulator command was recorded' >&2
    exit 1
fi
if errors=$("${compose[@]}" logs --no-log-prefix app | grep '"level":"ERROR"'); then
    echo 'simulation.sh: the service logged errors:' >&2
    echo "$errors" | head -5 >&2
    exit 1
fi
up=$(curl --silent --fail "http://127.0.0.1:$PROMETHEUS_PORT/api/v1/query?query=up%7Bjob%3D%22minitwit%22%7D")
if [[ $up != *'"1"]'* ]]; then
    echo "simulation.sh: Prometheus does not scrape the service: $up" >&2
    exit 1
fi
curl --silent --fail --output /dev/null "http://127.0.0.1:$GRAFANA_PORT/api/health"
