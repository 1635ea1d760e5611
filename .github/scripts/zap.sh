#!/usr/bin/env bash
# Lets ZAP look at a running site: its baseline scan visits pages and attacks nothing.
#   zap.sh https://minitwit.example
# What it may report is in .github/zap.tsv with the reason; any other alert ends with an error.
set -euo pipefail

site=${1:?usage: zap.sh <address of the site>}
# ZAP is a user of its own and writes beside its rules.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$(dirname "$0")/../zap.tsv" "$work/rules.tsv"
chmod -R a+rwX "$work"
# 2.17.0
image=ghcr.io/zaproxy/zaproxy:stable@sha256:8d387b1a63e3425beef4846e39719f5af2a787753af2d8b6558c6257d7a577a2

docker run --rm --network host --volume "$work:/zap/wrk" "$image" \
    zap-baseline.py -t "$site/public" -c rules.tsv -m 2
