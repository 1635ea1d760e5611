# shellcheck shell=bash
# An engine for the rehearsals, images in a registry of its own, load and a report; sourced by them. They set `root`
# and `rehearsal`, folders of the repository; this sets `work`, a folder that goes with the script, and `registry`.
: "${root:?}" "${rehearsal:?}"

# Ends the script well when there is no engine and none can be started.
skip() {
    echo "skipped: ${0##*/}, $1" >&2
    exit 0
}

work=$(mktemp -d)
registry=127.0.0.1:5555
started=()
end_engine() {
    local pid
    for pid in "${started[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work" 2>/dev/null || true
}

# An engine that is there, or one of our own with its data in the work folder.
need_engine() {
    command -v docker >/dev/null || skip 'for want of docker'
    docker info >/dev/null 2>&1 && return
    [ "$(id -u)" = 0 ] || skip 'as there is no engine, and only root can start one'
    command -v dockerd >/dev/null || skip 'for want of an engine'
    local driver
    for driver in overlay2 fuse-overlayfs; do
        dockerd --data-root "$work/docker" --exec-root "$work/exec" --pidfile "$work/docker.pid" --host "unix://$work/docker.sock" \
            --storage-driver "$driver" --mtu 1400 >"$work/dockerd.log" 2>&1 &
        local pid=$!
        export DOCKER_HOST=unix://$work/docker.sock
        for _ in $(seq 60); do
            docker info >/dev/null 2>&1 && started+=("$pid") && return
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.5
        done
        kill "$pid" 2>/dev/null || true
    done
    skip "as no engine starts here: $(grep -m 1 -E 'level=(error|fatal)|failed' "$work/dockerd.log" | cut -c1-300)"
}

# A registry of our own; engines of the rehearsal fetch from it.
need_registry() {
    curl --silent --fail --output /dev/null "http://$registry/v2/" && return
    if command -v docker-registry >/dev/null; then
        cat >"$work/registry.yml" <<END
version: 0.1
storage: { filesystem: { rootdirectory: $work/registry } }
http: { addr: "0.0.0.0:${registry#*:}" }
END
        docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
        started+=($!)
    else
        docker run --detach --rm --name rehearsal-registry --publish "${registry#*:}:5000" registry:3 >/dev/null
    fi
    for _ in $(seq 60); do
        curl --silent --fail --output /dev/null "http://$registry/v2/" && return
        sleep 0.5
    done
    echo "${0##*/}: the registry does not start" >&2
    return 1
}

# need_images <folder of the copy>: the images that compose/ names, or stand-ins with a word about it.
need_images() {
    local image
    next_postgres=postgres:18
    if timeout 60 docker pull --quiet "$(sed -n 's/^    image: \(nginx:.*\)/\1/p' "$1/compose/compose.yaml")" >/dev/null 2>&1; then
        return
    fi
    echo "${0##*/}: no image registry can be reached; stand-ins from Debian packages"
    # Kept by the engine for the next rehearsal.
    local tag digest
    tag=$(sha256sum "$rehearsal/stand-ins.sh" | cut -c1-12)
    for image in nginx prometheus grafana postgres next_postgres; do
        docker image inspect "$registry/$image:$tag" >/dev/null 2>&1 || "$rehearsal/stand-ins.sh" "$work" "$registry" "$tag" "$image"
        docker push --quiet "$registry/$image:$tag" >/dev/null
        digest=$(docker image inspect --format '{{index .RepoDigests 0}}' "$registry/$image:$tag")
        sed -i -E "s#^(    image: )([a-z]+/)?$image:v?[0-9.]+@sha256:.*#\1${digest/127.0.0.1/${registry_seen:-127.0.0.1}}#" \
            "$1"/compose/compose.yaml "$1"/compose/swarm.yaml
    done
    # shellcheck disable=SC2034 # for rehearse-compose.sh
    next_postgres=$digest
}

# The service's image, given as such or made of a program: what the last stage of the Dockerfile adds, on the
# libraries it links to.
need_program() {
    local program=$1 context=$work/image
    if [ ! -e "$program" ]; then
        docker tag "$program" "$registry/minitwit:first"
        docker push --quiet "$registry/minitwit:first" >/dev/null
        return
    fi
    mkdir -p "$context/base/etc/ssl/certs" "$context/base/tmp"
    chmod 1777 "$context/base/tmp"
    local file
    for file in $(ldd "$program" | grep -o '/[^ )]*'); do install -D "$(realpath "$file")" "$context/base$file"; done
    cp /etc/ssl/certs/ca-certificates.crt "$context/base/etc/ssl/certs/"
    echo 'nonroot:x:65532:65532::/:/sbin/nologin' >"$context/base/etc/passwd"
    echo 'hosts: files dns' >"$context/base/etc/nsswitch.conf"
    strip --strip-debug -o "$context/minitwit" "$program" 2>/dev/null || cp "$program" "$context/minitwit"
    "$root/.github/scripts/stage-image.sh" "$context/minitwit" "$context/stage"
    {
        printf 'FROM scratch\nCOPY base/ /\n'
        sed -e ':again' -e '/\\$/{N;s/\\\n *//;b again' -e '}' "$root/compose/Dockerfile" |
            awk '/^FROM/ { lines = "" } { lines = lines $0 "\n" } END { printf "%s", lines }' |
            sed -e '/^FROM/d' -e 's/--from=build //' -e 's#/stage/#stage/#'
    } >"$context/Dockerfile"
    DOCKER_BUILDKIT=0 docker build --quiet --tag "$registry/minitwit:first" "$context" >/dev/null 2>&1
    docker push --quiet "$registry/minitwit:first" >/dev/null
}

# need_version <tag> <instruction>: another image of the service.
need_version() {
    printf 'FROM %s/minitwit:first\n%s\n' "$registry" "$2" | DOCKER_BUILDKIT=0 docker build --quiet --tag "$registry/minitwit:$1" - >/dev/null 2>&1
    docker push --quiet "$registry/minitwit:$1" >/dev/null
}

# By digest, as a deployment wants it.
version() {
    docker image inspect --format '{{index .RepoDigests 0}}' "$registry/minitwit:$1" | sed "s/127.0.0.1/${registry_seen:-127.0.0.1}/"
}

# Files of the repository that deploy, where images can be replaced.
copy_files() {
    mkdir -p "$1/.github" "$1/dashboards"
    cp -R "$root/compose" "$root/alerts" "$1/"
    cp -R "$root/.github/scripts" "$1/.github/"
    cp "$root"/dashboards/*.json "$1/dashboards/"
    rm -rf "$1/compose/.env" "$1/compose/secrets" "$1/compose/tls"
}

# Load in the background until `end_load`, which shows and judges it. `credentials` are the simulator's.
start_load() {
    : "${credentials:?}"
    loaded=$1
    rm -f "$work/load-end"
    python3 "$rehearsal/load.py" "$work/load-end" 4 "$2" "$3" minitwit.localhost "$credentials" >"$work/load" 2>&1 &
    load=$!
}
end_load() {
    touch "$work/load-end"
    local outcome=0
    wait "$load" || outcome=$?
    echo "  $loaded: $(tail -1 "$work/load")"
    [ "$outcome" = 0 ] || failures+=("$loaded: $(tail -1 "$work/load")")
}

failures=()
# step <name> <expected exit code> <command...>: with its seconds.
step() {
    local name=$1 wanted=$2 start=$SECONDS outcome=0
    shift 2
    # Not behind `||`, where a command that fails would not end the function that it is in.
    set +e
    (
        set -e
        "$@"
    ) >"$work/step" 2>&1
    outcome=$?
    set -e
    echo "$name: exit $outcome after $((SECONDS - start)) s"
    if [ "$outcome" != "$wanted" ]; then
        tail -20 "$work/step"
        failures+=("$name ended with $outcome instead of $wanted")
    fi
}
report() {
    if [ "${#failures[@]}" -gt 0 ]; then
        printf 'FAILED: %s\n' "${failures[@]}" >&2
        exit 1
    fi
    echo "${0##*/}: passed after $SECONDS s"
}
