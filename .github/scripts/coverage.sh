#!/usr/bin/env bash
# Runs all tests, and fails when too few lines of src ran in them. As root, as .ci/run does: some tests
# mount small disks to fill or break, and start PostgreSQL and the service as other users.
set -euo pipefail
cd "$(dirname "$0")/../.."

export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
tests=(cargo llvm-cov --workspace --locked --fail-under-lines 93 --lcov --output-path lcov.info)
if [ "$(id -u)" -eq 0 ]; then
    exec "${tests[@]}"
fi
# Later steps and the cache go on with what was built.
trap 'sudo chown -R "$(id -u):$(id -g)" target lcov.info "$CARGO_HOME" || true' EXIT
sudo env ${CI:+"CI=$CI"} PATH="$PATH" CARGO_HOME="$CARGO_HOME" RUSTUP_HOME="$RUSTUP_HOME" "${tests[@]}"
