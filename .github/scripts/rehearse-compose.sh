#!/usr/bin/env bash
# Rehearses one machine on a real engine, beside whatever site there is: setup.sh, up, the smoke check, operator
# access, a crawl from outside, a killed container, PostgreSQL away, a backup that runs by itself, a restore to a
# moment, the next major version of PostgreSQL, and a simulation beside the site.
#   rehearse-compose.sh [<program or image>]
# The program is target/debug/minitwit by default. Without an engine or Compose it says so and passes.
set -euo pipefail

root=$(realpath "$(dirname "$0")/../..")
rehearsal=$root/.github/scripts/rehearsal
program=${1:-$root/target/debug/minitwit}
# shellcheck source=.github/scripts/rehearsal/engine.sh
. "$rehearsal/engine.sh"

need_engine
docker compose version >/dev/null 2>&1 || skip 'for want of Compose'
[ -x "$program" ] || docker image inspect "$program" >/dev/null 2>&1 || skip "for want of $program: cargo build"
export COMPOSE_PROJECT_NAME=minitwit-rehearsal MINITWIT_EDGE=172.31.252.0/24
export MINITWIT_HTTP_PORT=28080 MINITWIT_HTTPS_PORT=28443 MINITWIT_OPS_PORT=25002 PROMETHEUS_PORT=29090 GRAFANA_PORT=23000
# Between two looks for a backup, so that the service hears of the first.
export BACKUP_POLL=5
copy=$work/copy
compose=(docker compose --progress quiet --file "$copy/compose/compose.yaml")
# shellcheck disable=SC2317 # reached by the trap
clean_up() {
    [ -z "${load-}" ] || kill "$load" 2>/dev/null || true
    "${compose[@]}" down --volumes --timeout 10 >/dev/null 2>&1 || true
    docker volume ls --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" |
        xargs --no-run-if-empty docker volume rm >/dev/null 2>&1 || true
    docker rm --force rehearsal-registry >/dev/null 2>&1 || true
    end_engine
}
trap clean_up EXIT

need_registry
copy_files "$copy"
need_images "$copy"
need_program "$program"
MINITWIT_IMAGE=$(version first)
export MINITWIT_IMAGE
echo "images after $SECONDS s; the service's has $(($(docker image inspect --format '{{.Size}}' "$MINITWIT_IMAGE") / 1000000)) MB"

site=127.0.0.1:$MINITWIT_HTTPS_PORT
certificate=$copy/compose/tls/fullchain.pem
ask() {
    curl --silent --max-time 10 --connect-to "::$site" --cacert "$certificate" --output "$work/answer" --write-out '%{http_code}' "$@"
}
# says <status> <words> <curl's arguments>: waits for an answer with that status and these words. A status alone says
# little: nginx has a page of its own for while no process listens.
says() {
    local wanted=$1 words=$2 got=
    shift 2
    for _ in $(seq 300); do
        got=$(ask "$@" || true)
        if [ "$got" = "$wanted" ] && grep -q -- "$words" "$work/answer"; then return 0; fi
        sleep 0.1
    done
    echo "${*: -1} answered $got instead of $wanted, or without \"$words\": $(head -c 300 "$work/answer")" >&2
    return 1
}
wants() {
    says "$1" '' "${@:2}"
}
up() {
    "${compose[@]}" up --detach --wait --wait-timeout 180 --no-build
}
query() {
    "${compose[@]}" exec --no-TTY --user postgres postgres psql --quiet --tuples-only --no-align --command "$1" minitwit
}
# What the service says of itself.
metric() {
    curl --silent --fail "http://127.0.0.1:$MINITWIT_OPS_PORT/metrics" | sed -n "s/^$1 //p"
}
container() {
    "${compose[@]}" ps --all --quiet "$1"
}

closed() {
    wants 403 https://ops.minitwit.localhost/
    python3 "$rehearsal/crawl.py" "$site" "$certificate" minitwit.localhost
}
operator_access() {
    wants 302 https://ops.minitwit.localhost/grafana/
    ask --cookie-jar "$work/cookies" --data "username=admin&password=$(cat "$copy/compose/secrets/admin_password")" \
        https://ops.minitwit.localhost/admin/login >/dev/null
    says 200 'data-section="replicas"' --cookie "$work/cookies" https://ops.minitwit.localhost/admin/system
    wants 200 --cookie "$work/cookies" https://ops.minitwit.localhost/grafana/api/health
    wants 200 --cookie "$work/cookies" https://ops.minitwit.localhost/prometheus/-/ready
    wants 404 --cookie "$work/cookies" https://minitwit.localhost/grafana/
}
# What Grafana reads leads to operator access, and nowhere to the machine that it runs on.
links_lead_to_operators() {
    local files='find /tmp/provisioning /tmp/minitwit-dashboards -type f -exec'
    "${compose[@]}" exec --no-TTY grafana sh -c "$files grep -q https://ops.minitwit.localhost/admin/alerts/ {} \\; -print" | grep rules
    "${compose[@]}" exec --no-TTY grafana sh -c "$files grep -l http://localhost: {} +" >"$work/local" || true
    [ ! -s "$work/local" ] || { cat "$work/local" && return 1; }
}
# The certificate is looked at each five minutes, the backup each minute.
watched() {
    local ends seen bytes
    ends=$(date --date "$(openssl x509 -in "$certificate" -noout -enddate | cut -d= -f2)" +%s)
    for _ in $(seq 330); do
        seen=$(metric minitwit_certificate_expiry_timestamp_seconds)
        bytes=$(metric minitwit_backup_last_size_bytes)
        [ -z "$seen" ] || [ "${bytes:-0}" = 0 ] || break
        sleep 1
    done
    echo "the certificate ends at $seen, the newest backup has $bytes bytes"
    [ "${seen%.*}" = "$ends" ] && [ "${bytes%.*}" -gt 1000 ]
    says 200 'data-section="backups"' --cookie "$work/cookies" https://ops.minitwit.localhost/admin/system
}
killed() {
    docker kill "$(container app)" >/dev/null
    up
}
# Longer than health checks need to call a service sick.
away() {
    local app postgres
    app=$(container app) postgres=$(container postgres)
    docker stop "$postgres"
    docker logs --tail 5 "$postgres" 2>&1 | grep 'database system is shut down'
    says 503 '<!doctype html>' https://minitwit.localhost/public
    sleep 45
    [ "$(docker inspect --format '{{.State.Health.Status}}' "$app")" = healthy ]
    database_returns 'to a service that waited'
    docker stop "$postgres"
    # Not Compose's restart, which waits for the database.
    docker restart "$app"
    says 503 'waiting for its database' https://api.minitwit.localhost/latest
    says 503 'waiting for its database' https://minitwit.localhost/public
    database_returns 'to a service that started without it'
}
database_returns() {
    local returned
    docker start "$(container postgres)"
    until docker exec "$(container postgres)" pg_isready --quiet --host 127.0.0.1; do sleep 0.1; done
    returned=$(date +%s%3N)
    wants 200 https://minitwit.localhost/public
    echo "  the database returns $1: first good answer after $(($(date +%s%3N) - returned)) ms" | tee -a "$work/figures"
}
backed_up() {
    for _ in $(seq 60); do
        [ -z "$("${compose[@]}" exec --no-TTY postgres find /backups -name 'dump-*' ! -name '*.part')" ] || return 0
        sleep 1
    done
    return 1
}
restored() {
    local moment kept base
    moment=$(query 'SELECT clock_timestamp()')
    kept=$(query 'SELECT count(*) FROM messages')
    query 'DELETE FROM messages'
    query 'SELECT pg_switch_wal()' >/dev/null
    until [ "$(query 'SELECT last_archived_wal >= pg_walfile_name(pg_current_wal_lsn() - 1) FROM pg_stat_archiver')" = t ]; do sleep 0.2; done
    "${compose[@]}" stop app postgres
    base=$("${compose[@]}" run --rm --no-deps --no-TTY --entrypoint find postgres /backups -maxdepth 1 -name 'base-*' | sort | tail -1)
    "${compose[@]}" run --rm --no-deps --no-TTY --user postgres --entrypoint sh postgres -c \
        "mkdir /backups/lost && mv /var/lib/postgresql/data/* /backups/lost/ &&
         postgres-restore.sh ${base%$'\r'} /var/lib/postgresql/data /archive '$moment'"
    up
    wants 200 https://minitwit.localhost/public
    echo "$kept messages before, $(query 'SELECT count(*) FROM messages') after"
    [ "$kept" != 0 ] && [ "$kept" = "$(query 'SELECT count(*) FROM messages')" ]
}
# The way that the operations guide describes.
upgraded() {
    local count='SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM messages)' before dump
    before=$(query "$count")
    "${compose[@]}" stop app
    "${compose[@]}" exec --no-TTY --user postgres postgres postgres-backup.sh /backups
    dump=$("${compose[@]}" exec --no-TTY postgres find /backups -name 'dump-*' | sort | tail -1)
    "${compose[@]}" stop postgres
    cat >"$copy/compose/next.yaml" <<END
services:
  postgres:
    image: $next_postgres
    environment: { PGDATA: /var/lib/postgresql/next/data }
    volumes:
      - postgres-next:/var/lib/postgresql/next
      - postgres-next-archive:/archive
volumes:
  postgres-next:
  postgres-next-archive:
END
    compose+=(--file "$copy/compose/next.yaml")
    "${compose[@]}" up --detach --wait --wait-timeout 120 --no-deps postgres
    "${compose[@]}" exec --no-TTY --user postgres postgres pg_restore --exit-on-error --dbname minitwit "${dump%$'\r'}"
    up
    wants 200 https://minitwit.localhost/public
    echo "  PostgreSQL $(query 'SHOW server_version'): $(query "$count") after $before" | tee -a "$work/figures"
    [ "$before" = "$(query "$count")" ]
}
simulated() {
    local volumes
    volumes=$(docker volume ls --quiet | sort)
    (
        unset COMPOSE_PROFILES
        SIMULATION=20s "$copy/.github/scripts/simulation.sh"
    )
    [ "$volumes" = "$(docker volume ls --quiet | sort)" ]
    wants 200 https://minitwit.localhost/public
}

"$copy/compose/setup.sh" --postgres minitwit.localhost >/dev/null
credentials=$(cat "$copy/compose/secrets/simulator_auth")
step 'up with PostgreSQL' 0 up
step 'smoke check' 0 "$copy/.github/scripts/smoke.sh" --address "$site" --certificate "$certificate" https://minitwit.localhost
step 'operator access that is off' 35 ask https://ops.minitwit.localhost/
"$copy/compose/setup.sh" --operators 198.51.100.7 >/dev/null
up
step 'operator access from another address, and a crawl' 0 closed
"$copy/compose/setup.sh" --operators 0.0.0.0/0 >/dev/null
up
step 'operator access' 0 operator_access
step 'links of alerts and dashboards' 0 links_lead_to_operators
step 'a backup by itself' 0 backed_up
start_load 'a killed container' "$site" "$certificate"
step 'a killed container' 0 killed
touch "$work/load-end"
wait "$load" || true
echo "  a killed container: $(tail -1 "$work/load")"
if ! grep -q 'lost 0, twice 0' "$work/load"; then failures+=("a killed container: $(tail -1 "$work/load")"); fi
step 'PostgreSQL away' 0 away
step 'restored to a moment' 0 restored
step 'backup and certificate are watched' 0 watched
step 'the next major version of PostgreSQL' 0 upgraded
compose+=(--file "$copy/compose/next.yaml")
step 'a simulation beside the site' 0 simulated
cat "$work/figures" 2>/dev/null || true
report
