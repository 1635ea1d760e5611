#!/usr/bin/env bash
# Deploys an image to the swarm and takes it back when it does not work:
#   deploy.sh <name>@sha256:<digest>
#
# DEPLOY_HOST       user and host of a swarm manager, as ssh takes it
# DEPLOY_SITE       name of the site, for nginx and for the smoke check
# SSH_KNOWN_HOSTS   file with the host's key; a host with another key is not talked to
# SSH_IDENTITY      file with the key of the deployment user (optional: else the agent's)
#
# The manager runs only what this script sends; it needs docker and nothing of this repository.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
image=${1:?usage: deploy.sh <name>@sha256:<digest>}
if ! [[ $image =~ ^[a-z0-9][a-z0-9./:_-]*@sha256:[0-9a-f]{64}$ ]]; then
    echo "deploy.sh: $image is no name with a digest; a tag can change under us" >&2
    exit 2
fi
if ! [[ ${DEPLOY_SITE:?set it to the name of the site} =~ ^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$ ]]; then
    echo "deploy.sh: DEPLOY_SITE=$DEPLOY_SITE is no host name" >&2
    exit 2
fi
# shellcheck source=.github/scripts/remote.sh
. "$here/remote.sh"

cd "$here/../.."
stack_files=(compose/swarm.yaml compose/nginx.conf compose/prometheus-swarm.yml compose/grafana
    alerts/grafana alerts/prometheus dashboards/*.json)
version=$(find "${stack_files[@]}" -type f -print0 | LC_ALL=C sort -z | xargs -0 cat | sha256sum | cut -c1-12)

running_image() {
    on_manager docker service inspect --format "'{{.Spec.TaskTemplate.ContainerSpec.Image}}'" minitwit_app
}

echo "deploy.sh: $image with configuration $version"
previous=$(running_image 2>/dev/null || true)

tar -cf - "${stack_files[@]}" |
    on_manager sh -c "'rm -rf minitwit-deploy && mkdir minitwit-deploy && tar -xf - -C minitwit-deploy'"

# The first new replica migrates the database while old ones still serve, so a migration only adds.
on_manager env "MINITWIT_IMAGE=$image" "MINITWIT_HOST=$DEPLOY_SITE" "CONFIG_VERSION=$version" \
    docker stack deploy --with-registry-auth --prune --detach=true \
    --compose-file minitwit-deploy/compose/swarm.yaml minitwit

# Ends well only when every replica runs the new image and stayed healthy for the watched time.
await_update() {
    local deadline=$((SECONDS + ${DEPLOY_TIMEOUT:-300})) state
    while [ "$SECONDS" -lt "$deadline" ]; do
        state=$(on_manager docker service inspect \
            --format "'{{if .UpdateStatus}}{{.UpdateStatus.State}}{{else}}none{{end}}'" minitwit_app)
        case $state in
        completed) return 0 ;;
        none)
            # No update: a first deployment, or the same image again. Else it has yet to begin.
            if { [ -z "$previous" ] || [ "$previous" = "$image" ]; } && all_replicas_run; then
                return 0
            fi
            ;;
        rollback_* | paused)
            echo "deploy.sh: the swarm reports $state" >&2
            return 1
            ;;
        esac
        sleep "${DEPLOY_POLL:-3}"
    done
    echo 'deploy.sh: the update did not finish in time' >&2
    return 1
}

all_replicas_run() {
    on_manager docker service ls --filter name=minitwit_app --format "'{{.Replicas}}'" |
        grep -Eq '^([1-9][0-9]*)/\1( |$)'
}

runs_image() {
    local running
    running=$(running_image)
    if [ "$running" != "$image" ]; then
        echo "deploy.sh: $running runs" >&2
        return 1
    fi
}

logs_no_errors() {
    local errors
    errors=$(on_manager docker service logs --raw --since "${SECONDS}s" minitwit_app 2>&1 |
        grep '"level":"ERROR"' || true)
    if [ -n "$errors" ]; then
        echo 'deploy.sh: errors since the start of the deployment:' >&2
        echo "$errors" | head -5 >&2
        return 1
    fi
}

if await_update && runs_image && "$here/smoke.sh" "https://$DEPLOY_SITE" && logs_no_errors; then
    echo "deploy.sh: $image runs"
    exit 0
fi
if [ -n "$previous" ]; then
    echo "deploy.sh: back to $previous" >&2
    "$here/rollback.sh" "$previous" || echo 'deploy.sh: the way back failed too, look at it' >&2
else
    echo 'deploy.sh: there is nothing to go back to' >&2
fi
exit 1
