#!/usr/bin/env bash
# Runs a command with the key of the deployment user in a file that goes with it:
#   with-key.sh <command> [argument...]
# DEPLOY_KEY is the private key, DEPLOY_KNOWN_HOSTS the public key of the host, as in known_hosts. The
# command sees SSH_IDENTITY and SSH_KNOWN_HOSTS, and not the key itself.
set -euo pipefail

umask 077
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf '%s\n' "${DEPLOY_KEY:?}" >"$folder/key"
printf '%s\n' "${DEPLOY_KNOWN_HOSTS:?without the key of the host anybody could be it}" >"$folder/known_hosts"
unset DEPLOY_KEY
SSH_IDENTITY=$folder/key SSH_KNOWN_HOSTS=$folder/known_hosts "$@"
