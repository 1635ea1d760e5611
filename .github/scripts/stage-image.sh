#!/bin/sh
# Lays out what the image holds beside its base: stage-image.sh <program> <folder>
set -eu

program=$1
stage=$2
doc=$stage/usr/share/doc/minitwit
root=$(dirname "$0")/../..

install -D -m 0755 "$program" "$stage/usr/local/bin/minitwit"
install -D -m 0644 "$root/LICENSE" "$doc/LICENSE"
install -D -m 0644 "$root/.github/THIRD-PARTY.md" "$doc/THIRD-PARTY.md"
install -d -m 0700 "$stage/data"
