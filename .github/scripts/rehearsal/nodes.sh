# shellcheck shell=bash
# Three machines of a swarm as containers with an engine each, this machine's own; sourced by rehearse-swarm.sh.
# The first is the manager, with a site that answers on 127.0.0.1:$https and a user `deployer` behind SSH.
: "${work:?}" "${registry:?}" "${registry_seen:?}"

network=rehearsal
nodes=(rehearsal1 rehearsal2 rehearsal3)
manager=${nodes[0]}
https=28443

end_nodes() {
    docker rm --force --volumes "${nodes[@]}" rehearsal-database >/dev/null 2>&1 || true
    docker network rm "$network" >/dev/null 2>&1 || true
}

# The root of a machine: this one's /usr is mounted, so that nothing has to be installed.
node_image() {
    local root=$work/node link driver
    mkdir -p "$root"/{usr,etc/docker,etc/ssh,var/log,var/lib,run/sshd,tmp,proc,sys,dev,root,home/deployer/.ssh}
    for link in bin sbin lib lib64; do ln -sfn "usr/$link" "$root/$link"; done
    ln -sfn /run "$root/var/run"
    cp -RP /etc/alternatives /etc/ssl /etc/ld.so.cache /etc/ld.so.conf* /etc/nsswitch.conf /etc/protocols "$root/etc/"
    printf '%s\n' root:x:0:0::/root:/bin/sh sshd:x:100:65534::/run/sshd:/usr/sbin/nologin \
        deployer:x:1000:1000::/home/deployer:/bin/sh nobody:x:65534:65534::/:/bin/sh >"$root/etc/passwd"
    # No password, and not locked either.
    printf '%s:*:20000::::::\n' root sshd deployer nobody >"$root/etc/shadow"
    printf '%s\n' root:x:0: deployer:x:1000: docker:x:999:deployer nogroup:x:65534: >"$root/etc/group"
    driver=$(docker info --format '{{.Driver}}')
    cat >"$root/etc/docker/daemon.json" <<END
{"storage-driver": "$driver", "insecure-registries": ["$registry_seen:${registry#*:}"], "mtu": 1400, "userland-proxy": false,
 "no-new-privileges": true, "group": "docker", "log-driver": "json-file", "log-opts": {"max-size": "10m", "max-file": "5"}}
END
    ssh-keygen -q -t ed25519 -N '' -f "$root/etc/ssh/ssh_host_ed25519_key"
    ssh-keygen -q -t ed25519 -N '' -f "$work/key"
    cp "$work/key.pub" "$root/home/deployer/.ssh/authorized_keys"
    chown -R 1000:1000 "$root/home/deployer"
    chmod -R go= "$root/home/deployer"
    printf '%s\n' 'HostKey /etc/ssh/ssh_host_ed25519_key' 'PasswordAuthentication no' 'AllowUsers deployer' >"$root/etc/ssh/sshd_config"
    cat >"$root/start" <<'END'
#!/bin/sh
rm -f /run/docker.pid /run/docker/containerd/containerd.pid
/usr/sbin/sshd
dockerd >>/var/log/dockerd.log 2>&1 &
wait
END
    chmod 755 "$root/start"
    tar -C "$root" --numeric-owner -c . | docker import - rehearsal-node >/dev/null
}

node() {
    local name=$1 address=$2 capability capabilities=()
    shift 2
    # All but SYS_RESOURCE, which not every host has to give: --privileged would want it.
    for capability in AUDIT_CONTROL AUDIT_WRITE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL \
        MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_ADMIN SYS_CHROOT \
        SYS_NICE SYS_PTRACE; do
        capabilities+=(--cap-add "$capability")
    done
    docker run --detach --name "$name" --hostname "$name" "${capabilities[@]}" --security-opt seccomp=unconfined \
        --security-opt systempaths=unconfined --security-opt apparmor=unconfined --device /dev/fuse \
        --volume /sys/fs/cgroup:/sys/fs/cgroup --volume /usr:/usr:ro --volume /var/lib/docker \
        --network "$network" --ip "$address" "$@" rehearsal-node /start >/dev/null
}

start_nodes() {
    end_nodes
    docker network create --subnet 10.78.0.0/24 "$network" >/dev/null
    node "${nodes[0]}" 10.78.0.11 --publish "127.0.0.1:$https:443"
    node "${nodes[1]}" 10.78.0.12
    node "${nodes[2]}" 10.78.0.13
    local name token
    for name in "${nodes[@]}"; do
        for _ in $(seq 120); do
            docker exec "$name" docker info >/dev/null 2>&1 && continue 2
            sleep 0.5
        done
        docker exec "$name" tail -5 /var/log/dockerd.log >&2
        skip 'as no engine starts in a container here'
    done
    on_node docker swarm init --advertise-addr 10.78.0.11 >/dev/null
    token=$(on_node docker swarm join-token --quiet worker)
    for name in "${nodes[@]:1}"; do docker exec "$name" docker swarm join --token "$token" 10.78.0.11:2377 >/dev/null; done
    on_node docker node update --label-add edge=true --label-add monitoring=true "$manager" >/dev/null
    on_node docker node update --label-add edge=true "${nodes[1]}" >/dev/null
    ssh-keyscan -t ed25519 10.78.0.11 >"$work/known_hosts" 2>/dev/null
}

# On the manager; standard input goes along.
on_node() {
    docker exec --interactive "$manager" "$@"
}

# Where a replica runs: node and container.
replica() {
    local name container
    for name in "$@"; do
        container=$(docker exec "$name" docker ps --quiet --filter name=minitwit_app | head -1)
        [ -z "$container" ] || { echo "$name $container"; return; }
    done
}
