#!/usr/bin/env bash
# Gives the swarm's nginx another certificate, one node after the other:
#   renew-certificate.sh <fullchain.pem> <privkey.pem>
# Settings as for deploy.sh. Secrets of a swarm cannot be changed: the new ones have names with a time, and deploy.sh
# takes the newest from then on. The old ones go when nothing reads them any more.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
chain=${1:?usage: renew-certificate.sh <fullchain.pem> <privkey.pem>}
key=${2:?usage: renew-certificate.sh <fullchain.pem> <privkey.pem>}
: "${DEPLOY_SITE:?set it to the name of the site}"
for name in "$DEPLOY_SITE" "api.$DEPLOY_SITE"; do
    openssl x509 -in "$chain" -noout -checkhost "$name" | grep -q 'does match' ||
        { echo "renew-certificate.sh: $chain is not for $name" >&2; exit 1; }
done
openssl x509 -in "$chain" -noout -checkend 0 >/dev/null || { echo "renew-certificate.sh: $chain has ended" >&2; exit 1; }
if [ "$(openssl x509 -in "$chain" -noout -pubkey)" != "$(openssl pkey -in "$key" -pubout)" ]; then
    echo "renew-certificate.sh: $key is not the key of $chain" >&2
    exit 1
fi
# shellcheck source=.github/scripts/remote.sh
. "$here/remote.sh"

suffix=_$(date --utc +%Y%m%dT%H%M%S)
mapfile -t old < <(on_manager docker service inspect minitwit_nginx --format \
    "'{{range .Spec.TaskTemplate.ContainerSpec.Secrets}}{{println .SecretName}}{{end}}'" | grep '^tls_')
on_manager docker secret create "tls_fullchain$suffix" - <"$chain" >/dev/null
on_manager docker secret create "tls_privkey$suffix" - <"$key" >/dev/null
changes=()
for secret in "${old[@]}"; do changes+=(--secret-rm "$secret"); done
# The engine takes nginx back when it does not start with them.
DEPLOY_CALL_TIMEOUT=${DEPLOY_TIMEOUT:-300} on_manager docker service update --quiet --detach=false "${changes[@]}" \
    --secret-add "source=tls_fullchain$suffix,target=/etc/nginx/tls/fullchain.pem" \
    --secret-add "source=tls_privkey$suffix,target=/etc/nginx/tls/privkey.pem" minitwit_nginx >/dev/null
reads=$(on_manager docker service inspect minitwit_nginx --format \
    "'{{range .Spec.TaskTemplate.ContainerSpec.Secrets}}{{println .SecretName}}{{end}}'")
if ! grep -qx "tls_fullchain$suffix" <<<"$reads"; then
    echo 'renew-certificate.sh: nginx did not start with it and was taken back' >&2
    on_manager docker secret rm "tls_fullchain$suffix" "tls_privkey$suffix" >/dev/null
    exit 1
fi
"$here/smoke.sh" "https://$DEPLOY_SITE"
on_manager docker secret rm "${old[@]}" >/dev/null
echo "renew-certificate.sh: nginx reads tls_fullchain$suffix"
