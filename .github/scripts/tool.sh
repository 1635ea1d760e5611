#!/usr/bin/env bash
# Installs a cargo tool from source in one exact version, unless it is there: tool.sh <name> <version>
set -euo pipefail

name=${1:?usage: tool.sh <name> <version>}
version=${2:?usage: tool.sh <name> <version>}
if cargo install --list | grep -qx "$name v$version:"; then
    exit
fi
cargo install --locked --version "$version" "$name"
