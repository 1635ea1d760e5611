#!/usr/bin/env bash
# Deploys an image to the swarm and takes it back when it does not work:
#   deploy.sh <name>@sha256:<digest>
#
# DEPLOY_HOST       user and host of a swarm manager, as ssh takes it
# DEPLOY_SITE       name of the site, for nginx and for the smoke check
# SSH_KNOWN_HOSTS   file with the host's key; a host with another key is not talked to
# SSH_IDENTITY      file with the key of the deployment user (optional: else the agent's)
# DEPLOY_OPERATORS  addresses and networks with operator access at ops.<site>, separated by commas
#                   (optional: off)
# DEPLOY_FRONT_PROXIES  proxies before the swarm whose X-Forwarded-For is believed (optional: none)
# DEPLOY_TIMEOUT    seconds to wait for the checks, and for the services (300)
#
# The manager runs only what this script sends; it needs docker and nothing of this repository. Nothing is
# changed before one replica of the new version has answered, and nginx, Prometheus and Grafana have read the
# new configuration (render-stack.sh). Exits with 0 when every service runs what it was told and the site is well.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
image=${1:?usage: deploy.sh <name>@sha256:<digest>}
if ! [[ $image =~ ^[a-z0-9][a-z0-9./:_-]*@sha256:[0-9a-f]{64}$ ]]; then
    echo "deploy.sh: $image has no digest; tags can change" >&2
    exit 2
fi
if ! [[ ${DEPLOY_SITE:?set it to the name of the site} =~ ^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$ ]]; then
    echo "deploy.sh: DEPLOY_SITE=$DEPLOY_SITE is not a host name" >&2
    exit 2
fi
# shellcheck source=.github/scripts/remote.sh
. "$here/remote.sh"

# shellcheck source=compose/addresses.sh
. "$here/../../compose/addresses.sh"
operators=$(operators "${DEPLOY_OPERATORS-}")
front_proxies=$(front_proxies "${DEPLOY_FRONT_PROXIES-}")
settings=("MINITWIT_IMAGE=$image" "MINITWIT_HOST=$DEPLOY_SITE")
if [ -n "$operators" ]; then
    ops_host=ops.$DEPLOY_SITE
    settings+=("'MINITWIT_OPERATORS=$operators'" "MINITWIT_OPS_HOST=$ops_host"
        "GRAFANA_URL=https://$ops_host/grafana/" "PROMETHEUS_URL=https://$ops_host/prometheus/")
fi
if [ -n "$front_proxies" ]; then
    settings+=("'MINITWIT_FRONT_PROXIES=$front_proxies'")
fi

say() { echo "deploy.sh: $1" >&2; }

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
"$here/render-stack.sh" "$stage" ${ops_host:+"https://$ops_host"}
# A pair of secrets with one suffix; a later date sorts behind an earlier one, and behind none.
tls=$(on_manager docker secret ls --format "'{{.Name}}'" | sed -n 's/^tls_fullchain//p' | LC_ALL=C sort | tail -1)
# A limit above the cores of a machine is refused by its engine.
cores=$(on_manager docker node ls --quiet | while read -r node; do
    on_manager docker node inspect --format "'{{.Description.Resources.NanoCPUs}}'" "$node" </dev/null
done | sort -n | sed -n '1s/000000000$//p')
cores=$((${cores:-1} < 2 ? 1 : 2))
previous=$(on_manager docker service inspect \
    --format "'{{.Spec.TaskTemplate.ContainerSpec.Image}}'" minitwit_app 2>/dev/null || true)
tar -cf - -C "$stage" . |
    on_manager sh -c "'rm -rf minitwit-deploy && mkdir minitwit-deploy && tar -xf - -C minitwit-deploy'"

stack_deploy() {
    on_manager env "${settings[@]}" "TLS_VERSION=$tls" "MINITWIT_CPUS=$cores" \
        docker stack deploy --with-registry-auth "$@" minitwit
}

checks=(minitwit_check-first minitwit_check-nginx minitwit_check-prometheus minitwit_check-grafana)
end_checks() {
    on_manager docker service rm minitwit_first "${checks[@]}" >/dev/null 2>&1 || true
}
task_logs() {
    on_manager docker service logs --raw --tail 20 "$1" 2>&1 || say "could not read the log of task $1"
}

# Fails at the first check that does not end well, and shows what it said.
await_checks() {
    local deadline=$((SECONDS + ${DEPLOY_TIMEOUT:-300})) states bad
    while [ "$SECONDS" -lt "$deadline" ]; do
        states=$(on_manager docker service ps --no-trunc --format "'{{.ID}} {{.Name}} {{.CurrentState}} {{.Error}}'" \
            minitwit_first "${checks[@]}" || true)
        bad=$(grep -E '^[^ ]+ [^ ]+ (Failed|Rejected|Shutdown|Orphaned) |minitwit_first[^ ]* Complete' <<<"$states" | head -1 || true)
        if [ -n "$bad" ]; then
            say "aborted, nothing was changed: ${bad#* }"
            task_logs "${bad%% *}" >&2
            return 1
        fi
        [ "$(grep -c '^[^ ]* minitwit_check-[^ ]* Complete ' <<<"$states")" -lt "${#checks[@]}" ] || return 0
        sleep "${DEPLOY_POLL:-1}"
    done
    say "aborted, nothing was changed: checks timed out:"
    echo "$states" >&2
    return 1
}

# Ends well only when every task of every service runs what its service says, and updates were watched to their end.
await_services() {
    local deadline=$((SECONDS + ${DEPLOY_TIMEOUT:-300})) status waiting
    while [ "$SECONDS" -lt "$deadline" ]; do
        waiting='the swarm did not answer'
        if status=$(on_manager sh minitwit-deploy/stack-status.sh) && [ -n "$status" ]; then
            waiting=
            while read -r service update replicas current error; do
                case $update in
                rollback_* | paused)
                    say "$service was rolled back ($update): $error"
                    return 1
                    ;;
                none | completed)
                    [ "$replicas" = "$current/$current" ] && [ "$current" != 0 ] && continue
                    ;;
                esac
                waiting="$waiting $service ($update, $replicas, $current current${error:+, $error})"
            done <<<"$status"
            [ -n "$waiting" ] || return 0
        fi
        sleep "${DEPLOY_POLL:-2}"
    done
    say "timed out:$waiting"
    return 1
}

# By task: the log of a service hangs once several tasks have some thousand lines.
logs_no_errors() {
    local task errors=
    for task in $(on_manager docker service ps --quiet --filter desired-state=running minitwit_app); do
        errors+=$(on_manager docker service logs --raw --since "${SECONDS}s" "$task" 2>&1 | grep '"level":"ERROR"' || true)
    done
    if [ -n "$errors" ]; then
        say 'errors since the start of the deployment:'
        head -5 <<<"$errors" >&2
        return 1
    fi
}

# What no service reads any more; the engine refuses to remove what one does.
remove_old_configs() {
    local config
    for config in $(on_manager docker config ls --quiet --filter label=com.docker.stack.namespace=minitwit); do
        on_manager docker config rm "$config" >/dev/null 2>&1 || true
    done
}

say "deploying $image to $DEPLOY_SITE, currently ${previous:-nothing}"
# The replica that is asked migrates the database while old ones serve, so a migration only adds.
checked=no
if stack_deploy --compose-file minitwit-deploy/compose/check.yaml && await_checks; then
    checked=yes
fi
end_checks
if [ "$checked" = no ]; then
    remove_old_configs
    exit 1
fi
say "checked after ${SECONDS}s"

if stack_deploy --prune --compose-file minitwit-deploy/compose/swarm.yaml && await_services &&
    "$here/smoke.sh" "https://$DEPLOY_SITE" && logs_no_errors; then
    remove_old_configs
    say "$image is running after ${SECONDS}s"
    exit 0
fi
if [ -n "$previous" ]; then
    say "rolling back to $previous"
    "$here/rollback.sh" "$previous" || say 'the rollback failed too, check the service'
else
    say 'no previous version to roll back to'
fi
exit 1
