#!/usr/bin/env bash
# Rehearses the swarm on a real engine: three machines, deploy.sh over SSH, updates, bad versions, bad configuration, a
# killed replica, a restart of PostgreSQL and a lost machine, under load through nginx.
#   rehearse-swarm.sh [--short] [<program or image>]
# Fails when a read fails or an acknowledged message is lost. --short leaves out what takes longest. The program
# is target/debug/minitwit by default. Needs root, docker, sshd; without an engine it says so and passes.
set -euo pipefail

root=$(realpath "$(dirname "$0")/../..")
rehearsal=$root/.github/scripts/rehearsal
registry_seen=10.78.0.1
short=no
[ "${1-}" != --short ] || { short=yes && shift; }
program=${1:-$root/target/debug/minitwit}
# shellcheck source=.github/scripts/rehearsal/engine.sh
. "$rehearsal/engine.sh"
# shellcheck source=.github/scripts/rehearsal/nodes.sh
. "$rehearsal/nodes.sh"

need_engine
for tool in sshd ssh ssh-keyscan openssl python3; do
    PATH=$PATH:/usr/sbin command -v "$tool" >/dev/null || skip "for want of $tool"
done
[ -x "$program" ] || docker image inspect "$program" >/dev/null 2>&1 || skip "for want of $program: cargo build"
# shellcheck disable=SC2317 # reached by the trap
clean_up() {
    [ -z "${load-}" ] || kill "$load" 2>/dev/null || true
    end_nodes
    docker rm --force rehearsal-registry >/dev/null 2>&1 || true
    end_engine
}
trap clean_up EXIT

need_registry
copy=$work/copy
copy_files "$copy"
need_images "$copy"
need_program "$program"
need_version good 'LABEL version=good'
need_version ends 'CMD ["--no-such-flag"]'
need_version blank 'CMD ["--role", "ops"]'
need_version sick 'HEALTHCHECK --interval=1s --retries=2 CMD ["/usr/local/bin/minitwit", "healthcheck", "--ops", "127.0.0.1:1"]'
echo "images after $SECONDS s"

node_image
start_nodes
printf 'rehearsal-password' >"$work/password"
chmod 0444 "$work/password"
postgres=$(sed -n 's/^    image: \(.*postgres:.*\|.*postgres@.*\)/\1/p' "$copy/compose/compose.yaml")
docker run --detach --name rehearsal-database --network "$network" --ip 10.78.0.20 --volume "$work/password:/password:ro" \
    --env POSTGRES_USER=minitwit --env POSTGRES_DB=minitwit --env POSTGRES_PASSWORD_FILE=/password \
    --env POSTGRES_INITDB_ARGS='--auth-host=scram-sha-256 --locale=C.UTF-8 --encoding=UTF8' \
    "${postgres/$registry_seen/127.0.0.1}" >/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=minitwit.localhost \
    -addext subjectAltName=DNS:minitwit.localhost,DNS:api.minitwit.localhost,DNS:ops.minitwit.localhost \
    -keyout "$work/tls.key" -out "$work/tls.crt" 2>/dev/null
printf 'postgres://minitwit:rehearsal-password@10.78.0.20/minitwit' | on_node docker secret create database_url - >/dev/null
for secret in admin_password grafana_password alert_token; do
    printf 'long-and-random-%s' "$secret" | on_node docker secret create "$secret" - >/dev/null
done
on_node docker secret create tls_fullchain - <"$work/tls.crt" >/dev/null
on_node docker secret create tls_privkey - <"$work/tls.key" >/dev/null
for name in "${nodes[@]}"; do
    for image in $(sed -n 's/^    image: \(.*@sha256.*\)/\1/p' "$copy/compose/swarm.yaml") "$(version first)" "$(version good)"; do
        docker exec "$name" docker pull --quiet "$image" >/dev/null
    done
done
echo "three machines after $SECONDS s"

export DEPLOY_HOST=deployer@10.78.0.11 DEPLOY_SITE=minitwit.localhost SSH_KNOWN_HOSTS=$work/known_hosts SSH_IDENTITY=$work/key
export SMOKE_OPTIONS="--address 127.0.0.1:$https --certificate $work/tls.crt"
deploy() {
    "$copy/.github/scripts/deploy.sh" "$(version "$1")"
}
running() {
    on_node docker service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}' minitwit_app
}
under_load() {
    local name=$1
    shift
    start_load "$name" "127.0.0.1:$https" "$work/tls.crt"
    "$@"
    end_load
}
edited() {
    cp "$copy/$1" "$work/kept"
    sed -i "$2" "$copy/$1"
    step "$3" "$4" deploy good
    cp "$work/kept" "$copy/$1"
}
scale() {
    local replicas
    for replicas in 4 1 2; do on_node timeout 120 docker service scale "minitwit_app=$replicas"; done
}
kill_replica() {
    local of
    read -r -a of < <(replica "${nodes[@]}")
    docker exec "${of[0]}" docker kill "${of[1]}" >/dev/null
    await_replicas
}
await_replicas() {
    for _ in $(seq 120); do
        on_node docker service ls --format '{{.Name}} {{.Replicas}}' | grep -q '^minitwit_app \([0-9]*\)/\1' && return
        sleep 0.5
    done
    return 1
}
restart_database() {
    docker exec rehearsal-database sh -c 'kill -INT 1' 2>/dev/null || true
    sleep 2
    docker start rehearsal-database >/dev/null
    sleep 6
}

step 'a fresh swarm' 0 deploy first
under_load 'rolling update' step 'rolling update' 0 deploy good
under_load 'a version that serves no site' step 'a version that serves no site' 1 deploy blank
under_load 'broken nginx.conf' edited compose/nginx.conf 's/sendfile on;/sendfile maybe;/' 'broken nginx.conf' 1
[ "$(running)" = "$(version good)" ] || failures+=("$(running) runs")
under_load 'a killed replica' step 'a killed replica' 0 kill_replica
start_load 'PostgreSQL restarted' "127.0.0.1:$https" "$work/tls.crt"
step 'PostgreSQL restarted' 0 restart_database
touch "$work/load-end"
wait "$load" || true
echo "  PostgreSQL restarted: $(tail -1 "$work/load")"
if grep -Eq "500'|502'|504'|lost [1-9]|twice [1-9]" "$work/load"; then failures+=("PostgreSQL restarted: $(tail -1 "$work/load")"); fi
if [ "$short" = no ]; then
    under_load 'a version that ends' step 'a version that ends' 1 deploy ends
    under_load 'a version that never gets healthy' step 'a version that never gets healthy' 1 deploy sick
    under_load 'broken alerts' edited alerts/grafana/rules.yaml 's/annotations:/annotations: [/' 'broken alerts' 1
    under_load 'broken rules' edited alerts/prometheus/recording.rules.yml 's/expr:/expression:/' 'broken rules' 1
    under_load 'a dashboard' edited dashboards/oncall.json 's/"title": "/"title": "./' 'a dashboard' 0
    under_load 'scale' step 'scale' 0 scale
    under_load 'drain' step 'drain' 0 on_node sh -c 'docker node update --availability drain rehearsal2 && sleep 15 &&
        docker node update --availability active rehearsal2'
    under_load 'a lost machine' step 'a lost machine' 0 sh -c 'docker kill rehearsal3 >/dev/null; sleep 40; docker start rehearsal3'
fi
report
