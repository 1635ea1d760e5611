#!/usr/bin/env bash
# Takes the service back: to the image given, or to what ran before the last update.
#   rollback.sh [<name>@sha256:<digest>]
# Settings as for deploy.sh. The configuration of nginx and Prometheus stays as it is.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
image=${1-}
if [ -n "$image" ] && ! [[ $image =~ ^[a-z0-9][a-z0-9./:_-]*@sha256:[0-9a-f]{64}$ ]]; then
    echo "rollback.sh: $image has no digest" >&2
    exit 2
fi
# shellcheck source=.github/scripts/remote.sh
. "$here/remote.sh"

# An update waits for each new replica, and watches the last one.
export DEPLOY_CALL_TIMEOUT=${DEPLOY_TIMEOUT:-300}
if [ -n "$image" ]; then
    on_manager docker service update --with-registry-auth --quiet --detach=false --image "$image" minitwit_app
else
    on_manager docker service rollback --quiet --detach=false minitwit_app
fi
"$here/smoke.sh" "https://${DEPLOY_SITE:?}"
echo "rollback.sh: rolling back to ${image:-the previous version}"
