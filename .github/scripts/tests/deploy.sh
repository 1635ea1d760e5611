#!/usr/bin/env bash
# deploy.sh, rollback.sh and smoke.sh against stand-ins of ssh, docker and curl. ssh runs what it is
# given in a shell here, as the real one does there, so quoting is tested too. The stand-in of docker refuses
# what Docker 20.10 refuses; how a real swarm takes all of it is rehearse-swarm.sh's.
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
# The service `app` is a file with its image; what a deployment does to it is the scenario.
cat >"$work/bin/docker" <<'END'
#!/usr/bin/env bash
echo "docker $*" >>"$WORK/calls"
call="$1 $2"
case $call in
"stack deploy") known='--with-registry-auth --prune --compose-file --resolve-image' ;;
"service inspect" | "node inspect" | "node ls" | "secret ls" | "config ls" | "stack services") known='--format --quiet --filter' ;;
"service ps") known='--format --quiet --filter --no-trunc --no-resolve' ;;
"service logs") known='--raw --since --tail --no-trunc --timestamps' ;;
"service update" | "service rollback") known='--with-registry-auth --quiet --detach --image' ;;
"inspect --type") known='--type --format' ;;
*) known= ;;
esac
for word; do
    case $word in
    --*) [[ " $known " == *" ${word%%=*} "* ]] || { echo "unknown flag: ${word%%=*}" >&2; exit 125; } ;;
    esac
done
case "$*" in
"secret ls"*) printf '%s\n' tls_fullchain tls_fullchain_20260301 alert_token ;;
"node ls"*) printf '%s\n' node1 node2 ;;
"node inspect"*node1) echo 4000000000 ;;
"node inspect"*node2) echo 1000000000 ;;
"service inspect"*minitwit_app)
    case $* in
    *UpdateStatus*)
        # Begun, then what the scenario says.
        echo x >>"$WORK/polls"
        if [ "$(wc -l <"$WORK/polls")" = 1 ]; then echo updating; else echo "$LAST_STATE"; fi ;;
    *json*) cat "$WORK/wanted" ;;
    *) cat "$WORK/image" 2>/dev/null || exit 1 ;;
    esac ;;
"service inspect"*minitwit_nginx) case $* in *UpdateStatus*) echo "$NGINX_STATE" ;; *) echo nginx ;; esac ;;
"service ps"*minitwit_first*)
    echo 'a minitwit_first.1 Running 3 seconds ago '
    for check in first nginx prometheus; do echo "b minitwit_check-$check.1 Complete 2 seconds ago "; done
    echo "c minitwit_check-grafana.1 $CHECK 1 second ago \"task: non-zero exit (1)\"" ;;
"service ps --no-trunc"*nginx) echo 'port is taken' ;;
"service ps --no-trunc"*) ;;
"service ps"*) echo "${*: -1}.task" ;;
"inspect --type task"*minitwit_app.task) echo "running $(cat "$WORK/image")" ;;
"inspect --type task"*) echo 'running nginx' ;;
"stack services"*) printf '%s\n' 'minitwit_app 1/1' 'minitwit_nginx 1/1' ;;
"service logs"*) echo "$LOGGED" ;;
"stack deploy"*check.yaml*)
    [ "$MINITWIT_CPUS" = 1 ] && [ "$MINITWIT_OPERATORS" = "${OPERATORS-}" ] && [ "$TLS_VERSION" = _20260301 ] && grep -q 'name: nginx_conf_[0-9a-f]\{12\}$' minitwit-deploy/compose/check.yaml || exit 93 ;;
"stack deploy"*swarm.yaml*)
    [ -f minitwit-deploy/compose/nginx.conf ] && [ -f minitwit-deploy/alerts/grafana/rules.yaml ] || exit 92
    [ "$MINITWIT_HOST" = minitwit.example ] || exit 93
    grep -q CONFIG_VERSION: minitwit-deploy/compose/swarm.yaml && exit 93
    echo "$MINITWIT_IMAGE" >"$WORK/wanted"
    [ "$LAST_STATE" = rollback_completed ] || echo "$MINITWIT_IMAGE" >"$WORK/image" ;;
"service update"*) words=$*; words=${words#*--image }; echo "${words% minitwit_app}" >"$WORK/image"; cp "$WORK/image" "$WORK/wanted" ;;
"service rollback"*) echo "$OLD" >"$WORK/image" ;;
"config ls"*) echo config1 ;;
"config rm"* | "service rm"*) ;;
*) exit 94 ;;
esac
END
cat >"$work/bin/curl" <<'END'
#!/usr/bin/env bash
url=${*: -1}
echo "$url" >>"$WORK/asked"
case $url in
*/metrics) [ "$METRICS_PUBLIC" = yes ] && printf 200 || printf 404 ;;
*/admin | */admin/session | */livez | */readyz | */grafana/ | */prometheus/ | */runbooks/*) printf 404 ;;
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
    rm -rf "$work/manager" "$work/calls" "$work/polls" "$work/asked" "$work/image" "$work/wanted"
    mkdir "$work/manager"
    touch "$work/calls"
    [ -z "$1" ] || echo "$1" >"$work/image"
    shift
    env LAST_STATE=completed NGINX_STATE=none CHECK=Complete LOGGED='{"level":"INFO"}' BROKEN= \
        METRICS_PUBLIC= "$@" "$scripts/deploy.sh" "$new" >"$work/out" 2>&1
}

now_running() {
    [ "$(cat "$work/image")" = "$1" ] || fail "$(cat "$work/image") runs instead of $1"
}

said() {
    grep -q "$1" "$work/out" || fail "nothing says: $1"
}

fail() {
    echo "FAILED: $case_name: $1" >&2
    cat "$work/out" "$work/calls" >&2
    exit 1
}

case_name='a good image stays'
deploy "$old" || fail 'refused'
now_running "$new"
grep -q 'stack deploy .*--prune.* minitwit$' "$work/calls" || fail 'nothing was deployed'
grep -qx https://api.minitwit.example/metrics "$work/asked" || fail 'the API was not asked for metrics'
grep -q 'service rm minitwit_first minitwit_check-first' "$work/calls" || fail 'the checks stay'
grep -qx 'docker config rm config1' "$work/calls" || fail 'old configs stay'

case_name='operator access'
deploy "$old" DEPLOY_OPERATORS=198.51.100.7,2001:db8::/32 OPERATORS='198.51.100.7 1; 2001:db8::/32 1; ' || fail 'refused'
grep -q 'https://ops.minitwit.example/admin/alerts/' "$work/manager/minitwit-deploy/alerts/grafana/rules.yaml" ||
    fail 'links of alerts lead elsewhere'

case_name='a first deployment has no update'
deploy '' LAST_STATE=none || fail 'refused'
now_running "$new"

case_name='what a check refuses is not deployed'
deploy "$old" CHECK=Failed && fail 'reported success'
now_running "$old"
said 'aborted, nothing was changed: minitwit_check-grafana'
grep -q 'swarm.yaml' "$work/calls" && fail 'it was deployed'

case_name='a check that does not end is not waited for'
deploy "$old" CHECK=Preparing DEPLOY_TIMEOUT=1 && fail 'reported success'
now_running "$old"
said 'checks timed out'

case_name='an update that does not end is not waited for'
deploy "$old" LAST_STATE=updating DEPLOY_TIMEOUT=2 && fail 'taken for done'
said 'timed out: minitwit_app (updating'
said "back to $old"

case_name='the swarm takes an unhealthy image back'
deploy "$old" LAST_STATE=rollback_completed && fail 'reported success'
said 'minitwit_app was rolled back'
now_running "$old"

case_name='a service beside the site that is taken back is named'
deploy "$old" NGINX_STATE=rollback_started && fail 'reported success'
said 'minitwit_nginx was rolled back (rollback_started): port is taken'
now_running "$old"

case_name='an image that does not answer is taken back'
deploy "$old" BROKEN="$new" && fail 'reported success'
now_running "$old"
said 'returned 502 instead of 200'

case_name='an image that shows its metrics is taken back'
deploy "$old" METRICS_PUBLIC=yes && fail 'reported success'
now_running "$old"

case_name='an image that logs errors is taken back'
deploy "$old" LOGGED='{"level":"ERROR","message":"no"}' && fail 'reported success'
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

echo 'deploy.sh, rollback.sh, smoke.sh: 13 cases passed'
