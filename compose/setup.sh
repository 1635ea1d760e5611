#!/usr/bin/env bash
# Prepares one machine for `docker compose up`: makes up the secrets, and a self-signed certificate until
# there is a real one. What exists is kept, so it may be run again.
#   compose/setup.sh [--postgres] [host name]
set -euo pipefail

cd "$(dirname "$0")"
umask 077

profile=sqlite
if [ "${1-}" = --postgres ]; then
    profile=postgres
    shift
fi
host=${1:-minitwit.localhost}
if ! [[ $host =~ ^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$ ]]; then
    echo "setup.sh: $host is no host name" >&2
    exit 2
fi

# A secret is read by a service that is not root: the file may be read, the folder keeps others out.
secret() {
    if [ ! -e "secrets/$1" ]; then
        printf '%s' "$2" >"secrets/$1"
        chmod 0444 "secrets/$1"
    fi
}

random() {
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

mkdir -p secrets tls
secret admin_password "$(random)"
secret alert_token "$(random)"
secret grafana_password "$(random)"
secret postgres_password "$(random)"
secret database_url "postgres://minitwit:$(cat secrets/postgres_password)@postgres:5432/minitwit"

if [ ! -e tls/privkey.pem ]; then
    if ! messages=$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
        -subj "/CN=$host" -addext "subjectAltName=DNS:$host,DNS:api.$host" \
        -keyout tls/privkey.pem -out tls/fullchain.pem 2>&1); then
        echo "$messages" >&2
        exit 1
    fi
fi

if [ ! -e .env ]; then
    {
        echo "MINITWIT_HOST=$host"
        if [ "$profile" = postgres ]; then
            echo COMPOSE_PROFILES=postgres
            echo MINITWIT_DATABASE_URL_FILE=/run/secrets/database_url
        fi
    } >.env
fi
echo "ready: docker compose -f compose/compose.yaml up --detach --wait, then https://$host/"
echo "the operator is admin, its password is in compose/secrets/admin_password"
