#!/usr/bin/env bash
# Rehearses the swarm on a real engine: three machines, two of them edges, deploy.sh over SSH, updates, bad versions, bad
# configuration, a new certificate, a killed replica, PostgreSQL restarted and away, and a lost machine, under load
# through nginx.
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

# Certificates of one authority, so that who trusts the first trusts the next.
certificate_of() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=minitwit.localhost -keyout "$work/$1.key" -out "$work/$1.csr"
    printf 'subjectAltName=DNS:minitwit.localhost,DNS:api.minitwit.localhost,DNS:ops.minitwit.localhost' >"$work/names"
    openssl x509 -req -in "$work/$1.csr" -days "$2" -extfile "$work/names" -CA "$work/ca.crt" -CAkey "$work/ca.key" -out "$work/$1.crt"
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=rehearsal \
    -keyout "$work/ca.key" -out "$work/ca.crt" 2>/dev/null
certificate_of first 30 2>/dev/null
certificate_of next 60 2>/dev/null

credentials=simulator:of-this-rehearsal
printf 'postgres://minitwit:rehearsal-password@10.78.0.20/minitwit' | on_node docker secret create database_url - >/dev/null
printf '%s' "$credentials" | on_node docker secret create simulator_auth - >/dev/null
for secret in admin_password grafana_password alert_token; do
    printf 'long-and-random-%s' "$secret" | on_node docker secret create "$secret" - >/dev/null
done
on_node docker secret create tls_fullchain - <"$work/first.crt" >/dev/null
on_node docker secret create tls_privkey - <"$work/first.key" >/dev/null
for name in "${nodes[@]}"; do
    for image in $(sed -n 's/^    image: \(.*@sha256.*\)/\1/p' "$copy/compose/swarm.yaml") "$(version first)" "$(version good)"; do
        docker exec "$name" docker pull --quiet "$image" >/dev/null
    done
done
echo "three machines after $SECONDS s"

export DEPLOY_HOST=deployer@10.78.0.11 DEPLOY_SITE=minitwit.localhost SSH_KNOWN_HOSTS=$work/known_hosts SSH_IDENTITY=$work/key
export DEPLOY_OPERATORS=0.0.0.0/0 SMOKE_OPTIONS="--address 127.0.0.1:$https --certificate $work/ca.crt"
edges=10.78.0.11:443,10.78.0.12:443
deploy() {
    "$copy/.github/scripts/deploy.sh" "$(version "$1")"
}
running() {
    on_node docker service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}' minitwit_app
}
under_load() {
    local name=$1
    shift
    start_load "$name" "$edges" "$work/ca.crt"
    "$@"
    end_load
}
# The same, where some requests have to fail: with the service's own answer and nothing else, and nothing lost.
under_outage() {
    local name=$1
    shift
    start_load "$name" "$edges" "$work/ca.crt"
    "$@"
    touch "$work/load-end"
    wait "$load" || true
    echo "  $name: $(tail -1 "$work/load")"
    if ! grep -q 'lost 0, twice 0' "$work/load" || grep -Eq "50[0124]'|Error'" "$work/load"; then
        failures+=("$name: $(tail -1 "$work/load")")
    fi
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
    docker restart --time 10 rehearsal-database
    sleep 6
}
tasks() {
    on_node docker service ps --quiet --filter desired-state=running minitwit_app | sort
}
# Longer than health checks need to call a service sick.
database_away() {
    local before returned
    before=$(tasks)
    docker stop rehearsal-database
    sleep 60
    operator /admin/login -o "$work/page"
    grep -q '<form' "$work/page"
    docker start rehearsal-database
    returned=$(date +%s%3N)
    until [ "$(operator_status https://minitwit.localhost/public)" = 200 ]; do sleep 0.05; done
    echo "  first good answer $(($(date +%s%3N) - returned)) ms after the start of PostgreSQL" | tee -a "$work/figures"
    [ "$before" = "$(tasks)" ]
}

operator() {
    local path=$1
    shift
    curl --silent --max-time 10 --connect-to "::127.0.0.1:$https" --cacert "$work/ca.crt" --cookie "$work/jar" --cookie-jar "$work/jar" \
        "$@" "https://ops.minitwit.localhost$path"
}
operator_status() {
    curl --silent --max-time 10 --connect-to "::127.0.0.1:$https" --cacert "$work/ca.crt" --output /dev/null --write-out '%{http_code}' "$1"
}
# The panel names its replica, lists both and leads to the other.
two_replicas() {
    rm -f "$work/jar"
    operator /admin/login --data username=admin --data password=long-and-random-admin_password --output /dev/null
    for _ in $(seq 40); do
        operator /admin/system >"$work/page"
        [ "$(grep -c '<tr data-replica=' "$work/page")" != 2 ] || break
        sleep 0.5
    done
    local here there other
    here=$(shown_replica)
    other=$(sed -n 's/.*<button name="replica" value="\([^"]*\)".*/\1/p' "$work/page" | head -1)
    operator /admin/system/replica --data "replica=$other" --header 'Sec-Fetch-Site: same-origin' --output /dev/null
    operator /admin/system >"$work/page"
    there=$(shown_replica)
    echo "first $here, then $there"
    grep '<tr data-replica=' "$work/page"
    [ -n "$here" ] && [ -n "$there" ] && [ "$here" != "$there" ]
    for _ in 1 2 3 4 5; do
        operator /admin/system >"$work/page"
        [ "$(shown_replica)" = "$there" ]
    done
    # Not an address of the operator's choosing.
    printf '#HttpOnly_ops.minitwit.localhost\tFALSE\t/\tFALSE\t0\tminitwit_replica\t%s\n' 10.78.0.20 >>"$work/jar"
    operator /admin/system >"$work/page"
    [ -n "$(shown_replica)" ]
}
shown_replica() {
    sed -n 's/.*data-replica href[^>]*>\([^<]*\)<.*/\1/p' "$work/page" | head -1
}
# Nobody gets more rights than the process had that started it.
no_new_privileges() {
    local name container pid
    for name in "${nodes[@]}"; do
        for container in $(docker exec "$name" docker ps --quiet); do
            pid=$(docker exec "$name" docker inspect --format '{{.State.Pid}}' "$container")
            docker exec "$name" grep -q 'NoNewPrivs:.*1' "/proc/$pid/status" || { docker exec "$name" docker ps --filter "id=$container"; return 1; }
        done
    done
}
served() {
    openssl s_client -connect "$1:443" -servername minitwit.localhost </dev/null 2>/dev/null | openssl x509 -noout -fingerprint
}
renew() {
    "$copy/.github/scripts/renew-certificate.sh" "$work/next.crt" "$work/next.key"
    local wanted edge
    wanted=$(openssl x509 -in "$work/next.crt" -noout -fingerprint)
    for edge in 10.78.0.11 10.78.0.12; do
        for _ in $(seq 20); do
            [ "$(served "$edge")" != "$wanted" ] || continue 2
            sleep 1
        done
        echo "$edge serves $(served "$edge")"
        return 1
    done
    [ "$(on_node docker secret ls --format '{{.Name}}' | grep -c '^tls_')" = 2 ]
}
# A program that answers a challenge on one node, asked for at each edge.
challenge() {
    local nginx edge
    nginx=$(sed -n 's/^    image: \(.*nginx.*@sha256.*\)/\1/p' "$copy/compose/swarm.yaml")
    on_node docker service create --detach --name minitwit_acme --network minitwit_tools --entrypoint sh "$nginx" -c \
        'printf "events {} http { server { listen 80; return 200 proof; } }" >/tmp/acme.conf && exec nginx -c /tmp/acme.conf -g "daemon off;"'
    for edge in 10.78.0.11 10.78.0.12; do
        for _ in $(seq 60); do
            [ "$(curl --silent --header 'Host: minitwit.localhost' "http://$edge/.well-known/acme-challenge/token")" != proof ] || continue 2
            sleep 0.5
        done
        echo "$edge answers no challenge"
        return 1
    done
    on_node docker service rm minitwit_acme
}

step 'a fresh swarm' 0 deploy first
step 'two replicas, one picture' 0 two_replicas
step 'no new privileges' 0 no_new_privileges
under_load 'rolling update' step 'rolling update' 0 deploy good
under_load 'a version that serves no site' step 'a version that serves no site' 1 deploy blank
under_load 'broken nginx.conf' edited compose/nginx.conf 's/sendfile on;/sendfile maybe;/' 'broken nginx.conf' 1
[ "$(running)" = "$(version good)" ] || failures+=("$(running) runs")
step 'a challenge at every edge' 0 challenge
under_load 'a new certificate' step 'a new certificate' 0 renew
under_load 'a killed replica' step 'a killed replica' 0 kill_replica
under_outage 'PostgreSQL restarted' step 'PostgreSQL restarted' 0 restart_database
if [ "$short" = no ]; then
    under_outage 'PostgreSQL away for a minute' step 'PostgreSQL away for a minute' 0 database_away
    under_load 'a version that ends' step 'a version that ends' 1 deploy ends
    under_load 'a version that never gets healthy' step 'a version that never gets healthy' 1 deploy sick
    under_load 'broken alerts' edited alerts/grafana/rules.yaml 's/annotations:/annotations: [/' 'broken alerts' 1
    under_load 'broken rules' edited alerts/prometheus/recording.rules.yml 's/expr:/expression:/' 'broken rules' 1
    under_load 'a dashboard' edited dashboards/oncall.json 's/"title": "/"title": "./' 'a dashboard' 0
    under_load 'scale' step 'scale' 0 scale
    under_load 'drain' step 'drain' 0 on_node sh -c 'docker node update --availability drain rehearsal3 && sleep 15 &&
        docker node update --availability active rehearsal3'
    under_load 'a lost machine' step 'a lost machine' 0 sh -c 'docker kill rehearsal3 >/dev/null; sleep 40; docker start rehearsal3'
fi
cat "$work/figures" 2>/dev/null || true
report
