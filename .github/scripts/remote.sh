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

# Runs a command there. ssh joins the words with spaces and a shell reads them: what needs quotes there
# carries its own.
on_manager() {
    ssh "${ssh_options[@]}" -- "$DEPLOY_HOST" "$@"
}
