#!/usr/bin/env bash
# Starts everything as on one machine, lets the simulator run, looks at the result and shuts down.
# MINITWIT_IMAGE (minitwit:local) exists already.
set -euo pipefail

cd "$(dirname "$0")/../.."
compose=(docker compose --file compose/compose.yaml)
compose/setup.sh minitwit.localhost
trap '"${compose[@]}" --profile simulator down --volumes --timeout 30' EXIT

"${compose[@]}" up --detach --wait --wait-timeout 180 --no-build
export CURL_CA_BUNDLE=$PWD/compose/tls/fullchain.pem
.github/scripts/smoke.sh https://minitwit.localhost
# Ends with an error when requests failed.
"${compose[@]}" --profile simulator run --rm --no-deps simulator

latest=$(curl --silent --fail https://api.minitwit.localhost/latest)
echo "simulation.sh: $latest"
if [[ $latest != *'"latest":'[0-9]* ]]; then
    echo 'simulation.sh: no command of the simulator was recorded' >&2
    exit 1
fi
if errors=$("${compose[@]}" logs --no-log-prefix app | grep '"level":"ERROR"'); then
    echo 'simulation.sh: the service logged errors:' >&2
    echo "$errors" | head -5 >&2
    exit 1
fi
up=$(curl --silent --fail 'http://127.0.0.1:9090/api/v1/query?query=up%7Bjob%3D%22minitwit%22%7D')
if [[ $up != *'"1"]'* ]]; then
    echo "simulation.sh: Prometheus does not scrape the service: $up" >&2
    exit 1
fi
curl --silent --fail --output /dev/null http://127.0.0.1:3000/api/health
