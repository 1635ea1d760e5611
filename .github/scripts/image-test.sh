#!/usr/bin/env bash
# Runs the program in the root file system of the image, without an engine: image-test.sh <program>
#
# Copies, environment, user, start and health check are read from the last stage of compose/Dockerfile.
# The base is stood in for by the libraries it is known to hold; a program that wants another one fails
# here. The root is read-only, the network a loopback of its own. Needs root, for chroot and mount.
set -euo pipefail

program=$(realpath "${1:?usage: image-test.sh <program>}")
script=$(realpath "$0")
cd "$(dirname "$script")/../.."

if [ "$(id -u)" != 0 ]; then
    echo 'image-test.sh needs root' >&2
    exit 2
fi
if [ -z "${IMAGE_TEST_INSIDE-}" ]; then
    IMAGE_TEST_INSIDE=1 exec unshare --mount --net --propagation private "$script" "$program"
fi
ip link set lo up

# The instructions of the last stage, continued lines joined.
last_stage() {
    sed -e ':again' -e '/\\$/{N;s/\\\n *//;b again' -e '}' compose/Dockerfile |
        awk '/^FROM/ { lines = "" } { lines = lines $0 "\n" } END { printf "%s", lines }'
}

# The words of an instruction in its JSON form.
words() {
    last_stage | grep "^$1" | grep -o '\[.*\]' | grep -o '"[^"]*"' | tr -d '"'
}

fail() {
    echo "image-test.sh: $1" >&2
    cat "$log" >&2
    exit 1
}

root=$(mktemp -d)
stage=$(mktemp -d)
log=$(mktemp)
service=
# shellcheck disable=SC2317 # reached by the trap
clean_up() {
    [ -z "$service" ] || kill -KILL "$service" 2>/dev/null || true
    umount --recursive --lazy "$root" || true
    rm -rf "$root" "$stage" "$log"
}
trap clean_up EXIT
mount -t tmpfs -o size=512m,mode=0755 tmpfs "$root"

# What gcr.io/distroless/cc-debian12 holds, as far as the program can notice.
mkdir -p "$root"/{etc/ssl/certs,proc,tmp}
for library in $(ldd "$program" | grep -o '/[^ ]*'); do
    case ${library##*/} in
    ld-linux-*.so.* | libc.so.6 | libm.so.6 | libgcc_s.so.1 | libstdc++.so.6)
        install -D "$(realpath "$library")" "$root$library"
        ;;
    *) fail "the base image has no $library" ;;
    esac
done
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$root/etc/passwd"
echo '127.0.0.1 localhost' >"$root/etc/hosts"

# What the last stage adds.
.github/scripts/stage-image.sh "$program" "$stage"
while read -r source target; do
    mkdir -p "$root$target"
    cp -a "$stage/${source#/stage/}." "$root$target"
done < <(last_stage | sed -nE 's/^COPY --from=build (--chown=[^ ]+ )?//p')

user=$(last_stage | sed -n 's/^USER //p')
[ "$user" = 65532:65532 ] || fail "the image runs as $user"
mapfile -t environment < <(last_stage | sed -n 's/^ENV //p' | tr -s ' ' '\n')
mapfile -t entrypoint < <(words ENTRYPOINT)
mapfile -t healthcheck < <(words HEALTHCHECK)

# The volume is writable, nothing else.
mount -t tmpfs -o uid=65532,gid=65532,mode=0700 tmpfs "$root/data"
mount -t proc -o ro proc "$root/proc"
mount -o remount,ro "$root"

inside() {
    exec env -i "${environment[@]}" "$(command -v setpriv)" --no-new-privs \
        "$(command -v chroot)" --userspec="$user" "$root" "$@"
}

(inside "${entrypoint[@]}") 2>"$log" &
service=$!
deadline=$((SECONDS + 30))
until (inside "${healthcheck[@]}") >/dev/null 2>&1; do
    kill -0 "$service" 2>/dev/null || fail 'the service exited'
    [ "$SECONDS" -lt "$deadline" ] || fail 'the service did not become healthy'
    sleep 0.1
done

owner=$(ps -o uid= -p "$service" | tr -d ' ')
[ "$owner" = 65532 ] || fail "the service runs as uid $owner"
if (inside /usr/local/bin/minitwit migrate --data-dir /etc/minitwit) >/dev/null 2>&1; then
    fail 'the root file system is writable'
fi
for page in 5000/public 5001/latest 5002/readyz 5002/metrics; do
    curl --silent --show-error --fail --output /dev/null "http://127.0.0.1:$page" || fail "no response from $page"
done

kill -TERM "$service"
wait "$service" || fail "the service exited with $? after SIGTERM"
service=
echo "image: healthy as uid $owner on a read-only root, $(du -sk "$root/usr/local/bin/minitwit" | cut -f1) KiB binary, clean shutdown"
