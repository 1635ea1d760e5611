#!/usr/bin/env bash
# Installs the compiler that the image is built with: rust.sh [component...]
set -euo pipefail

cd "$(dirname "$0")/../.."
version=$(sed -nE 's/^ARG RUST_IMAGE=rust:([0-9.]+)-.*/\1/p' compose/Dockerfile)
components=()
for component in "$@"; do
    components+=(--component "$component")
done
rustup toolchain install "${version:?no version in compose/Dockerfile}" --profile minimal --no-self-update "${components[@]}"
rustup default "$version"
