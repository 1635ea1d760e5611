#!/usr/bin/env bash
# deploy.sh, rollback.sh and smoke.sh against stand-ins of ssh, docker and curl. ssh runs what it is
# given in a shell here, as the real one does there, so quoting is tested too.
set -euo pipefail

scripts=$(realpath "$(dirname "$0")/..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
old=registry.example/minitwit@sha256:$(printf '1%.0s' {1..64})
new=registry.example/minitwit@sha256:$(printf '2%.0s' {1..64})

cat >"$work/bin/ssh" <<'END'
#!/usr/bin/env bash
[[ " $* " == *' StrictHostKeyChecking=yes '* && " $* " == *" UserKnownHostsFile=$SSH_KNOWN_HOSTS "* ]] || exit 90
while [ "$1" != -- ]; do shift; done
[ "$2" = deployer@manager ] || exit 91
shift 2
cd "$WORK/manager" && exec sh -c "$*"
END
# The service is a file with its image; what an update does to it is the scenario.
cat >"$work/bin/docker" <<'END'
#!/usr/bin/env bash
echo "docker $*" >>"$WORK/calls"
case "$*" in
"service inspect"*Image*) cat "$WORK/image" 2>/dev/null || exit 1 ;;
"service inspect"*UpdateStatus*)
    # Not begun, begun, then what the scenario says.
    echo x >>"$WORK/polls"
    case $(wc -l <"$WORK/polls") in
    1) echo "$FIRST_STATE" ;;
    2) echo updating ;;
    *) echo "$LAST_STATE" ;;
    esac ;;
"service ls"*) echo '2/2' ;;
"service logs"*) echo "$LOGGED" ;;
"stack deploy"*)
    [ -f minitwit-deploy/compose/nginx.conf ] && [ -f minitwit-deploy/alerts/grafana/rules.yaml ] || exit 92
    [ "$MINITWIT_HOST" = minitwit.example ] && [ "${#CONFIG_VERSION}" = 12 ] || exit 93
    case $LAST_STATE in rollback_completed) ;; *) echo "$MINITWIT_IMAGE" >"$WORK/image" ;; esac ;;
"service update"*) words=$*; words=${words#*--image }; echo "${words% minitwit_app}" >"$WORK/image" ;;
"service rollback"*) echo "$OLD" >"$WORK/image" ;;
*) exit 94 ;;
esac
END
cat >"$work/bin/curl" <<'END'
#!/usr/bin/env bash
url=${*: -1}
echo "$url" >>"$WORK/asked"
case $url in
*/metrics) [ "$METRICS_PUBLIC" = yes ] && printf 200 || printf 404 ;;
*/admin | */livez | */readyz) printf 404 ;;
*/msgs) printf 403 ;;
*) [ "$(cat "$WORK/image")" = "$BROKEN" ] && printf 502 || printf 200 ;;
esac
END
chmod +x "$work"/bin/*
export WORK=$work OLD=$old PATH="$work/bin:$PATH"
export DEPLOY_HOST=deployer@manager DEPLOY_SITE=minitwit.example SSH_KNOWN_HOSTS=$work/known_hosts
export DEPLOY_POLL=0 SMOKE_TRIES=2 SMOKE_PAUSE=0

# One deployment: image before, then the scenario as variables.
deploy() {
    rm -rf "$work/manager" "$work/calls" "$work/polls" "$work/asked" "$work/image"
    mkdir "$work/manager"
    touch "$work/calls"
    [ -z "$1" ] || echo "$1" >"$work/image"
    shift
    env FIRST_STATE=completed LAST_STATE=completed LOGGED='{"level":"INFO"}' BROKEN= METRICS_PUBLIC= "$@" \
        "$scripts/deploy.sh" "$new" >"$work/out" 2>&1
}

now_running() {
    [ "$(cat "$work/image")" = "$1" ] || fail "$(cat "$work/image") runs instead of $1"
}

fail() {
    echo "FAILED: $case_name: $1" >&2
    cat "$work/out" "$work/calls" >&2
    exit 1
}

case_name='a good image stays'
deploy "$old" FIRST_STATE=none || fail 'refused'
now_running "$new"
grep -q 'stack deploy .*--prune.* minitwit$' "$work/calls" || fail 'nothing was deployed'
grep -qx https://api.minitwit.example/metrics "$work/asked" || fail 'the API was not asked for metrics'

case_name='a first deployment has no update'
deploy '' FIRST_STATE=none LAST_STATE=none || fail 'refused'
now_running "$new"

case_name='an update that has not begun is waited for'
deploy "$old" FIRST_STATE=none LAST_STATE=none DEPLOY_TIMEOUT=1 && fail 'taken for done'
grep -q 'did not finish in time' "$work/out" || fail 'no reason'
now_running "$old"

case_name='the swarm takes an unhealthy image back'
deploy "$old" LAST_STATE=rollback_completed FIRST_STATE=none && fail 'reported success'
now_running "$old"

case_name='an image that does not answer is taken back'
deploy "$old" BROKEN="$new" FIRST_STATE=none && fail 'reported success'
now_running "$old"
grep -q 'answered 502 instead of 200' "$work/out" || fail 'no reason'

case_name='an image that shows its metrics is taken back'
deploy "$old" METRICS_PUBLIC=yes FIRST_STATE=none && fail 'reported success'
now_running "$old"

case_name='an image that logs errors is taken back'
deploy "$old" LOGGED='{"level":"ERROR","message":"no"}' FIRST_STATE=none && fail 'reported success'
now_running "$old"

case_name='a tag is refused before anything happens'
rm -f "$work/calls" && touch "$work/calls"
"$scripts/deploy.sh" registry.example/minitwit:latest >"$work/out" 2>&1 && fail 'taken'
# shellcheck disable=SC2016 # the text is an attempt to have it expanded
DEPLOY_SITE='x;$(reboot)' "$scripts/deploy.sh" "$new" >"$work/out" 2>&1 && fail 'taken'
[ ! -s "$work/calls" ] || fail 'docker was called'

case_name='rollback without an image goes to what ran before'
echo "$new" >"$work/image"
BROKEN='' METRICS_PUBLIC='' "$scripts/rollback.sh" >"$work/out" 2>&1 || fail 'refused'
now_running "$old"

echo 'deploy.sh, rollback.sh, smoke.sh: 9 cases passed'
