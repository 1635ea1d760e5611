#!/usr/bin/env bash
# Lighthouse's score for accessibility of every kind of page of the panel, on a phone and a desktop, over
# a service that works and had a bad minute. Fails below 100.
#
#   .github/scripts/lighthouse.sh [path of minitwit]      default: target/debug/minitwit
#
# Takes some minutes. Needs bash, curl, python3 (which has SQLite), npm and chromium; fetches Lighthouse
# from npm in the version of .github/npm/lighthouse/package-lock.json, whose hashes npm checks.
set -euo pipefail
cd "$(dirname "$0")/../.."

npm ci --prefix .github/npm/lighthouse --ignore-scripts --no-audit --no-fund --loglevel=error
# shellcheck source=.github/scripts/service.sh
. .github/scripts/service.sh "${1:-target/debug/minitwit}"
started=$(date --utc +%Y-%m-%dT%H:%M:%SZ)
# It ends with an error when some of its commands fail, as they are meant to.
"${1:-target/debug/minitwit}" simulate --url "http://$api" --rate 12 --clients 4 --users 30 \
  --duration 20s --timeout 9s >"$work/simulate" 2>&1 &
simulation=$!
processes+=("$simulation")
sleep 5
hold_up 0.6
wait "$simulation" || true
alert "$started"
node .github/npm/lighthouse/accessibility.js "http://$ops/admin" admin "$password"
