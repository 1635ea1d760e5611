#!/usr/bin/env bash
# Installs the programs that tests start themselves, on Debian and Ubuntu, and from npm what checks pages
# for barriers; what is there is left alone.
set -euo pipefail

# A program and the package it comes in. Ubuntu's package of the browser is a snap, which needs its own
# service; machines of GitHub have a browser already.
programs=(
    initdb:postgresql
    nginx:nginx
    prometheus:prometheus
    prometheus-alertmanager:prometheus-alertmanager
    chromium:chromium
    chromedriver:chromium-driver
    shellcheck:shellcheck
    curl:curl
    openssl:openssl
    mkfs.ext2:e2fsprogs
    npm:npm
)

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# Debian keeps the programs of a PostgreSQL server out of the search path.
is_there() {
    case $1 in
    initdb) compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null ;;
    *) PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null ;;
    esac
}

install() {
    # Nothing that is installed may start by itself: tests start their own.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        trap 'as_root rm -f "$policy"' EXIT
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update --quiet
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends "$@"
}

missing=()
for program in "${programs[@]}"; do
    is_there "${program%%:*}" || missing+=("${program#*:}")
done
if [ "${#missing[@]}" -gt 0 ]; then
    install "${missing[@]}"
fi
# In the versions of the lock file, whose hashes npm checks; scripts of packages do not run.
npm ci --prefix "$(dirname "$0")/../npm" --ignore-scripts --no-audit --no-fund --loglevel=error
