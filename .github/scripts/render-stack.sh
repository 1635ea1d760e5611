#!/usr/bin/env bash
# Writes what the swarm is told into an empty folder: render-stack.sh <folder> [<URL of operator access>]
#
# Links of alerts and dashboards use that URL if given, otherwise localhost, for an SSH tunnel.
# compose/swarm.yaml there is the stack, with each config named by a hash of its file. compose/check.yaml holds the
# services that deploy.sh starts before it changes anything: `first`, one replica of the new version that gets no
# traffic, and a `check-` service each for what asks that replica, nginx, Prometheus and Grafana; they end with 0
# when all is well. They read the same configs and secrets, on a node that the service itself could be on.
set -euo pipefail

folder=$(realpath "${1:?usage: render-stack.sh <folder> [<URL of operator access>]}")
ops_url=${2-}
here=$(dirname "$(realpath "$0")")
cd "$here/../.."
cp -R --parents compose/swarm.yaml compose/nginx.conf compose/nginx-credentials.envsh compose/prometheus-swarm.yml compose/grafana \
    alerts/grafana alerts/prometheus dashboards/*.json "$folder"
cp "$here/stack-status.sh" "$folder/"
if [ -n "$ops_url" ]; then
    grep -rl --null 'http://localhost:' "$folder/alerts" "$folder/dashboards" |
        xargs -0 sed -i -e "s#http://localhost:5002#$ops_url#g" -e "s#http://localhost:3000#$ops_url/grafana#g" \
            -e "s#http://localhost:9090#$ops_url/prometheus#g"
fi
stack=$folder/compose/swarm.yaml

# A config's `name:` comes before its `file:`; both lines are written once the hash is known.
while IFS= read -r line; do
    case $line in
    *'name: '*_\$\{CONFIG_VERSION*) name=${line%%\$\{CONFIG_VERSION*} ;;
    '    file: '*)
        hash=$(sha256sum "$folder/compose/${line#*file: }")
        printf '%s%s\n%s\n' "$name" "${hash:0:12}" "$line"
        ;;
    *) printf '%s\n' "$line" ;;
    esac
done <compose/swarm.yaml >"$stack"

# The lines of a top-level section, and of the keys of a service.
section() {
    awk -v section="$1:" '/^[a-z]/ { inside = $1 == section } inside' "$stack"
}
service() {
    section services | awk -v service="  $1:" -v keys=" $2 " '
        /^  [a-z]/ { inside = $0 == service }
        /^    [a-z<]/ { key = $1; sub(":$", "", key); wanted = index(keys, " " key " ") }
        inside && wanted && /^    /'
}
check() {
    echo "  check-$1:"
    echo '    <<: *service'
    service "$2" 'image environment configs secrets cap_add'
    cat
    cat <<END
    networks: [$3]
    healthcheck: { disable: true }
    deploy:
      placement: { constraints: ["node.labels.$4 == true"] }
      restart_policy: { condition: none }
      resources:
        limits: { cpus: "1", memory: 512M, pids: 256 }
END
}

{
    echo 'version: "3.9"'
    sed -n '/^x-logging/,/^services:/p' "$stack"
    echo '  first:'
    service app 'image environment secrets volumes networks healthcheck stop_grace_period'
    cat <<'END'
    <<: *service
    deploy:
      restart_policy: { condition: none }
      resources:
        limits: { cpus: "1", memory: 1G, pids: 256 }
END
    check first nginx edge edge <<'END'
    entrypoint:
      - sh
      - -c
      - |
        asked() {
            answer=$$(curl --silent --output /dev/null --max-time 3 --write-out '%{http_code}' "http://tasks.first:$$2")
            [ "$$answer" = "$$1" ]
        }
        end=$$(($$(date +%s) + 60))
        while [ "$$(date +%s)" -lt $$end ]; do
            for page in '200 5000/public' '200 5000/login' '200 5001/latest' '403 5001/msgs' '200 5002/readyz'; do
                asked $$page || { sleep 1; continue 2; }
            done
            exit 0
        done
        echo "the first replica of the new version returned an unexpected response: wanted $$page, got $$answer"
        exit 1
END
    check nginx nginx edge edge <<'END'
    command: ["nginx", "-t", "-c", "/run/nginx/nginx.conf"]
    volumes:
      - { type: tmpfs, target: /run/nginx }
      - { type: tmpfs, target: /var/cache/nginx }
END
    check prometheus prometheus inside monitoring <<'END'
    entrypoint: ["promtool"]
    command: ["check", "config", "/etc/prometheus/prometheus.yml"]
END
    # Grafana has no command that reads its files and ends.
    check grafana grafana inside monitoring <<'END'
    entrypoint:
      - sh
      - -c
      - |
        GF_UNIFIED_ALERTING_EXECUTE_ALERTS=false /run.sh &
        for try in $$(seq 60); do
            wget -q -O /dev/null http://127.0.0.1:3000/api/health && exit 0
            kill -0 $$! || exit 1
            sleep 1
        done
        exit 1
    volumes:
      - { type: tmpfs, target: /var/lib/grafana }
      - { type: tmpfs, target: /tmp }
END
    section networks
    section configs
    section secrets
} >"$folder/compose/check.yaml"
