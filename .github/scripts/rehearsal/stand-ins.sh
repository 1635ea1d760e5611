#!/usr/bin/env bash
# Images of the rehearsals for a machine that reaches no image registry:
#   stand-ins.sh <work folder> <registry> <tag> <nginx, prometheus, grafana, postgres or next_postgres...>
#
# Each holds programs of this machine with the libraries they link to; nginx is that of Debian's next release, as
# no older one follows the addresses of a name. There is no Grafana: its stand-in refuses what is no YAML, and
# answers its health check.
set -euo pipefail
shopt -s inherit_errexit

usage='usage: stand-ins.sh <work folder> <registry> <tag> <name...>'
work=$(realpath "${1:?$usage}")
registry=${2:?$usage}
tag=${3:?$usage}
shift 3
suite=forky

# add <root> <program...>: programs and scripts where they are here, with what they link to.
add() {
    local root=$1 program file
    shift
    for program; do
        program=$(type -P "$program")
        for file in "$program" $(ldd "$program" 2>/dev/null | grep -o '/[^ )]*' || true); do
            [ -e "$root$file" ] || install -D "$(realpath "$file")" "$root$file"
        done
    done
}

# A root with a shell, some tools and the folders that everything expects.
root() {
    local root=$work/root-$1
    mkdir -p "$root"/{usr/bin,usr/sbin,usr/lib,usr/lib64,etc/ssl/certs,tmp,proc,sys,dev,run,var/log,var/lib}
    for link in bin sbin lib lib64; do ln -sfn "usr/$link" "$root/$link"; done
    ln -sfn /run "$root/var/run"
    chmod 1777 "$root/tmp"
    add "$root" bash base64 cat chmod chown cp curl cut date env find grep head id ls mkdir mv rm sed seq sleep sort sync tail tar \
        touch tr wget xargs gzip setpriv flock realpath basename dirname du stat
    ln -sf bash "$root/usr/bin/sh"
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    # By uid what the real images have.
    printf '%s\n' root:x:0:0::/:/bin/sh nginx:x:101:101::/:/bin/sh postgres:x:999:999::/var/lib/postgresql:/bin/sh \
        grafana:x:472:0::/:/bin/sh nobody:x:65534:65534::/:/bin/sh >"$root/etc/passwd"
    printf '%s\n' root:x:0: nginx:x:101: postgres:x:999: nogroup:x:65534: >"$root/etc/group"
    printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
    echo "$root"
}

# image <name> <root> <instruction of a Dockerfile...>
image() {
    local name=$1 root=$2 changes=()
    shift 2
    for change; do changes+=(--change "$change"); done
    tar -C "$root" --numeric-owner -c . | docker import "${changes[@]}" - "$registry/$name:$tag" >/dev/null
}

# Packages of another suite with all they need, unpacked and not installed.
unpack() {
    local root=$1 apt=$work/apt
    shift
    mkdir -p "$apt"/{lists/partial,archives/partial}
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" >"$apt/sources.list"
    local options=(-o Dir::State::lists="$apt/lists" -o Dir::Cache::archives="$apt/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
        -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::status=/dev/null
        -o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none)
    apt-get "${options[@]}" update --quiet=2
    rm -f "$apt"/archives/*.deb
    apt-get "${options[@]}" install --quiet=2 --yes --download-only --no-install-recommends "$@" >/dev/null
    for package in "$apt"/archives/*.deb; do dpkg-deb --extract "$package" "$root"; done
}

nginx() {
    local root
    root=$(root nginx)
    unpack "$root" nginx-light
    cat >"$root/docker-entrypoint.sh" <<'END'
#!/bin/sh
# Fills in the variables that NGINX_ENVSUBST_FILTER names, as the real image does.
set -e
if [ "$1" = nginx ]; then
    for file in /docker-entrypoint.d/*.envsh; do [ ! -x "$file" ] || . "$file"; done
    for template in /etc/nginx/templates/*.template; do
        to=$NGINX_ENVSUBST_OUTPUT_DIR/$(printf '%s' "${template##*/}" | sed 's/\.template$//')
        cat "$template" >"$to.part"
        for name in $(env | cut -d= -f1 | grep -E "$NGINX_ENVSUBST_FILTER"); do
            eval "value=\$$name"
            value=$(printf '%s' "$value" | sed 's/[&#\\]/\\&/g')
            sed "s#\${$name}#$value#g" "$to.part" >"$to"
            cat "$to" >"$to.part"
        done
    done
fi
exec "$@"
END
    chmod 755 "$root/docker-entrypoint.sh"
    rm -rf "$root/var/lib/nginx"
    mkdir -p "$root/var/cache/nginx"
    ln -s /var/cache/nginx "$root/var/lib/nginx"
    image nginx "$root" 'ENTRYPOINT ["/docker-entrypoint.sh"]' 'CMD ["nginx", "-g", "daemon off;"]'
}

prometheus() {
    local root
    root=$(root prometheus)
    add "$root" prometheus promtool
    install -d -o 65534 -g 65534 "$root/prometheus"
    image prometheus "$root" 'USER 65534' 'WORKDIR /prometheus' 'VOLUME /prometheus' 'ENTRYPOINT ["/usr/bin/prometheus"]'
}

grafana() {
    local root python
    root=$(root grafana)
    python=$(realpath /usr/bin/python3)
    add "$root" "$python" env
    mkdir -p "$root/usr/lib"
    cp -R "/usr/lib/${python##*/}" "$root/usr/lib/"
    for module in "/usr/lib/${python##*/}"/lib-dynload/*.so; do
        for file in $(ldd "$module" | grep -o '/[^ )]*'); do
            [ -e "$root$file" ] || install -D "$(realpath "$file")" "$root$file"
        done
    done
    cp -RL /usr/lib/python3/dist-packages/yaml "$root/usr/lib/${python##*/}/"
    cat >"$root/stand-in.py" <<'END'
import http.server
import os
import pathlib
import signal
import sys

import yaml


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"database":"ok"}')

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
provisioning = pathlib.Path(os.environ.get("GF_PATHS_PROVISIONING", "/etc/grafana/provisioning"))
for file in provisioning.rglob("*.yaml"):
    yaml.load(file.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
http.server.ThreadingHTTPServer(("0.0.0.0", 3000), Health).serve_forever()
END
    printf '#!/bin/sh\nexec %s /stand-in.py\n' "$python" >"$root/run.sh"
    chmod 755 "$root/run.sh"
    install -d -o 472 "$root/var/lib/grafana"
    image grafana "$root" 'USER 472' 'ENTRYPOINT ["/run.sh"]'
}

postgres() {
    local root version module file
    root=$(root postgres)
    version=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -V | tail -1)
    for program in "/usr/lib/postgresql/$version/bin"/*; do add "$root" "$program"; done
    cp -R "/usr/lib/postgresql/$version/lib" "$root/usr/lib/postgresql/$version/"
    mkdir -p "$root/usr/share/postgresql"
    cp -R "/usr/share/postgresql/$version" "$root/usr/share/postgresql/"
    # Its libraries link to others than its programs do.
    for module in "/usr/lib/postgresql/$version/lib"/*.so; do
        for file in $(ldd "$module" | grep -o '/[^ )]*'); do
            [ -e "$root$file" ] || install -D "$(realpath "$file")" "$root$file"
        done
    done
    postgres_image postgres "$root" "$version"
}

# The next release of Debian has a later one.
next_postgres() {
    local root version module file
    root=$(root next_postgres)
    unpack "$root" postgresql
    version=$(find "$root/usr/lib/postgresql" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -V | tail -1)
    postgres_image next_postgres "$root" "$version"
}

# postgres_image <name> <root> <version>
postgres_image() {
    local root=$2 version=$3
    mkdir -p "$root/usr/share/zoneinfo" "$root/usr/lib/locale"
    cp -R /usr/share/zoneinfo/. "$root/usr/share/zoneinfo/"
    cp -R /usr/lib/locale/C.utf8 "$root/usr/lib/locale/"
    cat >"$root/usr/bin/docker-entrypoint.sh" <<'END'
#!/bin/sh
# An empty folder becomes a cluster with one user and one database, as in the real image.
set -e
if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /run/postgresql
    chown postgres "$PGDATA" /run/postgresql
    chmod 0700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    eval "initdb --username=$POSTGRES_USER --pwfile=$POSTGRES_PASSWORD_FILE $POSTGRES_INITDB_ARGS" >/dev/null
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
    pg_ctl --options="-c listen_addresses=''" --wait start >/dev/null
    createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
    pg_ctl --mode=fast --wait stop >/dev/null
fi
exec "$@"
END
    chmod 755 "$root/usr/bin/docker-entrypoint.sh"
    image "$1" "$root" 'ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["postgres"]' \
        'VOLUME /var/lib/postgresql/data' \
        "ENV LANG=C.UTF-8 PGDATA=/var/lib/postgresql/data PATH=/usr/local/bin:/usr/lib/postgresql/$version/bin:/usr/sbin:/usr/bin"
}

for name; do "$name"; done
