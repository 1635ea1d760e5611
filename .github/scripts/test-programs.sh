#!/usr/bin/env bash
# Installs the programs that tests start, on Debian and Ubuntu.
set -euo pipefail

packages=(postgresql nginx prometheus shellcheck curl openssl)
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update --quiet
# Nothing is started: tests start their own.
printf '#!/bin/sh\nexit 101\n' | $sudo tee /usr/sbin/policy-rc.d >/dev/null
$sudo chmod +x /usr/sbin/policy-rc.d
$sudo apt-get install --quiet --yes --no-install-recommends "${packages[@]}"
$sudo rm /usr/sbin/policy-rc.d
