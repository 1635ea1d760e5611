# shellcheck shell=bash
# How the scripts talk to the manager of the swarm; sourced by them.

: "${DEPLOY_HOST:?set it to user@host of a swarm manager}"
: "${SSH_KNOWN_HOSTS:?set it to a file with the key of that host}"

ssh_options=(
    -o BatchMode=yes
    -o StrictHostKeyChecking=yes
    -o "UserKnownHostsFile=$SSH_KNOWN_HOSTS"
    -o GlobalKnownHostsFile=/dev/null
    -o ForwardAgent=no
    -o ConnectTimeout=10
    -o ServerAliveInterval=15
)
if [ -n "${SSH_IDENTITY-}" ]; then
    ssh_options+=(-o IdentitiesOnly=yes -i "$SSH_IDENTITY")
fi

# Runs a command there, for at most DEPLOY_CALL_TIMEOUT seconds (60) on either side: an engine that is asked may
# never answer. ssh joins the words with spaces and a shell reads them: what needs quotes there carries its own.
on_manager() {
    local limit=${DEPLOY_CALL_TIMEOUT:-60}
    timeout $((limit + 10)) ssh "${ssh_options[@]}" -- "$DEPLOY_HOST" timeout "$limit" "$@"
}
