#!/usr/bin/env bash
# Prepares one machine for `docker compose up`; setup.sh --help tells how.
set -euo pipefail

help() {
    cat <<'END'
usage: compose/setup.sh [option...] [host name]

Prepares one machine for `docker compose up`: makes up the secrets, a self-signed certificate until there is a real
one, and the settings in compose/.env. The name is minitwit.localhost when none is given. What exists is kept, so it
may be run again; what an option names is changed:

  --host <name>               the name of the site; the API is at api.<name>, operator access at ops.<name>
  --postgres                  keep data in PostgreSQL; what SQLite holds stays where it is, and is not moved
  --operators <address,...>   allow operator access from these addresses and networks; '' turns it off
  --front-proxies <address,...>  proxies before this machine, whose X-Forwarded-For is believed; '' is none
  --course                    the public credentials of the course's simulator instead of secret ones
  --renew-certificate         a new self-signed certificate in place of the one that is there
  --help                      this text

Kept where they are: passwords and tokens in compose/secrets, the certificate in compose/tls, and lines of
compose/.env that no option names. To change a password, see "Secrets" in the operations guide. Afterwards
`docker compose -f compose/compose.yaml up --detach --wait` applies it.
END
}

cd "$(dirname "$0")"
# shellcheck source=compose/addresses.sh
. ./addresses.sh
umask 077

host=minitwit.localhost
declare -A change=()
renew=no
while [ $# -gt 0 ]; do
    case $1 in
    --help)
        help
        exit 0
        ;;
    --host | --operators | --front-proxies)
        [ $# -gt 1 ] || { echo "setup.sh: $1 needs a value" >&2; exit 2; }
        change[$1]=$2
        shift
        ;;
    --postgres | --course) change[$1]=yes ;;
    --renew-certificate) renew=yes ;;
    -*)
        echo "setup.sh: unknown option $1; see --help" >&2
        exit 2
        ;;
    *) host=$1 ;;
    esac
    shift
done
operators=$(operators "${change[--operators]-}")
front_proxies=$(front_proxies "${change[--front-proxies]-}")

setting() {
    [ ! -e .env ] || sed -n "s/^$1=//p" .env | tail -1
}
set_to() {
    touch .env
    sed -i "/^$1=/d" .env
    [ -z "$2" ] || printf '%s=%s\n' "$1" "$2" >>.env
}

given=$host
host=${change[--host]-$(setting MINITWIT_HOST)}
host=${host:-$given}
if ! [[ $host =~ ^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$ ]]; then
    echo "setup.sh: $host is not a host name" >&2
    exit 2
fi
if [ "$given" != "$host" ] && [ "$given" != minitwit.localhost ]; then
    echo "kept: the name $host, in compose/.env; --host $given changes it" >&2
fi
[ "$(setting MINITWIT_HOST)" = "$host" ] || set_to MINITWIT_HOST "$host"

# A limit above the machine's cores is refused by the engine.
cores=$(nproc)
[ -n "$(setting MINITWIT_CPUS)" ] || set_to MINITWIT_CPUS "$((cores < 2 ? cores : 2))"
if [ -n "${change[--postgres]-}" ]; then
    set_to COMPOSE_PROFILES postgres
    set_to MINITWIT_DATABASE_URL_FILE /run/secrets/database_url
fi
if [ -n "${change[--operators]+set}" ]; then
    set_to MINITWIT_OPERATORS "${operators:+"'$operators'"}"
fi
# Where links of alerts and of the panel lead.
if [ -n "$(setting MINITWIT_OPERATORS)" ]; then
    set_to MINITWIT_OPS_HOST "ops.$host"
    set_to MINITWIT_OPS_URL "https://ops.$host"
    set_to GRAFANA_URL "https://ops.$host/grafana/"
    set_to PROMETHEUS_URL "https://ops.$host/prometheus/"
elif [ -n "${change[--operators]+set}" ]; then
    for name in MINITWIT_OPS_HOST MINITWIT_OPS_URL GRAFANA_URL PROMETHEUS_URL; do set_to "$name" ''; done
fi
if [ -n "${change[--front-proxies]+set}" ]; then
    set_to MINITWIT_FRONT_PROXIES "${front_proxies:+"'$front_proxies'"}"
fi

# A secret is read by a service that is not root: the file may be read, the folder keeps others out.
secret() {
    if [ ! -e "secrets/$1" ]; then
        printf '%s' "$2" >"secrets/$1"
        chmod 0444 "secrets/$1"
    elif [ ! -s "secrets/$1" ]; then
        echo "setup.sh: compose/secrets/$1 is empty; remove it, and run setup.sh again" >&2
        exit 1
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
# It was a setting once.
simulator=$(setting MINITWIT_SIMULATOR_AUTH)
if [ -n "${change[--course]-}" ]; then
    rm -f secrets/simulator_auth
    simulator='simulator:super_safe!'
fi
secret simulator_auth "${simulator:-simulator:$(random)}"
set_to MINITWIT_SIMULATOR_AUTH ''
secret database_url "postgres://minitwit:$(cat secrets/postgres_password)@postgres:5432/minitwit"

if [ "$renew" = yes ] || [ ! -e tls/privkey.pem ]; then
    if ! messages=$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
        -subj "/CN=$host" -addext "subjectAltName=DNS:$host,DNS:api.$host,DNS:ops.$host" \
        -keyout tls/privkey.new -out tls/fullchain.new 2>&1); then
        echo "$messages" >&2
        exit 1
    fi
    mv tls/privkey.new tls/privkey.pem
    mv tls/fullchain.new tls/fullchain.pem
elif ! openssl x509 -in tls/fullchain.pem -noout -checkhost "$host" | grep -q 'does match'; then
    echo "kept: the certificate in compose/tls, which is for another name; --renew-certificate makes one for $host" >&2
fi

echo "ready: docker compose -f compose/compose.yaml up --detach --wait, then https://$host/"
echo "the operator is admin, its password is in compose/secrets/admin_password"
echo "the simulator's credentials are in compose/secrets/simulator_auth; --course makes them those of the course"
if [ -n "$(setting MINITWIT_OPERATORS)" ]; then echo "operators sign in at https://ops.$host/"; fi
