#!/usr/bin/env bash
# Rehearses one machine on a real engine, beside whatever site there is: setup.sh, up, the smoke check, operator
# access, a killed container, PostgreSQL away, a backup that runs by itself, and a restore to a moment.
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
copy=$work/copy
compose=(docker compose --progress quiet --file "$copy/compose/compose.yaml")
# shellcheck disable=SC2317 # reached by the trap
clean_up() {
    [ -z "${load-}" ] || kill "$load" 2>/dev/null || true
    "${compose[@]}" down --volumes --timeout 10 >/dev/null 2>&1 || true
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
echo "images after $SECONDS s"

site=127.0.0.1:$MINITWIT_HTTPS_PORT
certificate=$copy/compose/tls/fullchain.pem
ask() {
    curl --silent --max-time 10 --connect-to "::$site" --cacert "$certificate" --output "$work/answer" --write-out '%{http_code}' "$@"
}
wants() {
    local wanted=$1 got=
    shift
    for _ in $(seq 30); do
        got=$(ask "$@" || true)
        [ "$got" != "$wanted" ] || return 0
        sleep 1
    done
    echo "${*: -1} answered $got instead of $wanted" >&2
    return 1
}
up() {
    "${compose[@]}" up --detach --wait --wait-timeout 180 --no-build
}
query() {
    "${compose[@]}" exec --no-TTY --user postgres postgres psql --quiet --tuples-only --no-align --command "$1" minitwit
}
operator_access() {
    wants 302 https://ops.minitwit.localhost/grafana/
    ask --cookie-jar "$work/cookies" --data "username=admin&password=$(cat "$copy/compose/secrets/admin_password")" \
        https://ops.minitwit.localhost/admin/login >/dev/null
    wants 200 --cookie "$work/cookies" https://ops.minitwit.localhost/admin/system
    wants 200 --cookie "$work/cookies" https://ops.minitwit.localhost/grafana/api/health
    wants 200 --cookie "$work/cookies" https://ops.minitwit.localhost/prometheus/-/ready
    wants 404 --cookie "$work/cookies" https://minitwit.localhost/grafana/
}
closed() {
    wants 403 https://ops.minitwit.localhost/
}
killed() {
    docker kill "$("${compose[@]}" ps --quiet app)" >/dev/null
    up
}
# Longer than health checks need to call a service sick.
away() {
    "${compose[@]}" stop postgres
    wants 503 https://minitwit.localhost/public
    grep -q '<!doctype html>' "$work/answer"
    sleep 45
    "${compose[@]}" ps
    [ "$(docker inspect --format '{{.State.Health.Status}}' "$("${compose[@]}" ps --quiet app)")" = healthy ]
    "${compose[@]}" restart app
    wants 503 https://api.minitwit.localhost/latest
    grep -q 'waiting for its database' "$work/answer"
    "${compose[@]}" start postgres
    wants 200 https://minitwit.localhost/public
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
    query 'DELETE FROM messages; SELECT pg_switch_wal()' >/dev/null
    sleep 3
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

"$copy/compose/setup.sh" --postgres minitwit.localhost >/dev/null
step 'up with PostgreSQL' 0 up
step 'smoke check' 0 "$copy/.github/scripts/smoke.sh" --address "$site" --certificate "$certificate" https://minitwit.localhost
step 'operator access that is off' 35 ask https://ops.minitwit.localhost/
"$copy/compose/setup.sh" --operators 198.51.100.7 >/dev/null
up
step 'operator access from another address' 0 closed
"$copy/compose/setup.sh" --operators 0.0.0.0/0 >/dev/null
up
step 'operator access' 0 operator_access
step 'a backup by itself' 0 backed_up
start_load 'a killed container' "$site" "$certificate"
step 'a killed container' 0 killed
touch "$work/load-end"
wait "$load" || true
echo "  a killed container: $(tail -1 "$work/load")"
if grep -Eq "lost [1-9]|twice [1-9]" "$work/load"; then failures+=("a killed container: $(tail -1 "$work/load")"); fi
step 'PostgreSQL away' 0 away
step 'restored to a moment' 0 restored
report
