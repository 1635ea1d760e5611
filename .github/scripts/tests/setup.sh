#!/usr/bin/env bash
# compose/setup.sh in a copy: what it makes, that nobody else may look, and that a second run changes nothing.
set -euo pipefail

compose=$(realpath "$(dirname "$0")/../../../compose")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'echo "FAILED: line $LINENO" >&2' ERR
cp "$compose/setup.sh" "$work/"
cd "$work"

./setup.sh --postgres minitwit.example >first
before=$(sha256sum secrets/* tls/* .env)
./setup.sh other.example >/dev/null
[ "$before" = "$(sha256sum secrets/* tls/* .env)" ] || { echo 'FAILED: a second run changed something' >&2; exit 1; }

[ "$(stat -c %a secrets tls | sort -u)" = 700 ]
[ "$(stat -c %a secrets/admin_password)" = 444 ]
[ "$(stat -c %a tls/privkey.pem)" = 600 ]
[ "$(cat secrets/{admin,grafana,postgres}_password secrets/alert_token | wc -c)" = 192 ]
[ "$(cat secrets/database_url)" = "postgres://minitwit:$(cat secrets/postgres_password)@postgres:5432/minitwit" ]
diff <(printf 'MINITWIT_HOST=minitwit.example\nCOMPOSE_PROFILES=postgres\nMINITWIT_DATABASE_URL_FILE=/run/secrets/database_url\n') .env
for name in minitwit.example api.minitwit.example; do
    openssl x509 -in tls/fullchain.pem -noout -checkhost "$name" | grep -q 'does match'
done
for password in secrets/*_password secrets/alert_token; do
    if grep -qF "$(cat "$password")" first; then
        echo "FAILED: $password was shown" >&2
        exit 1
    fi
done
# shellcheck disable=SC2016 # must not be expanded
if ./setup.sh '$(reboot)' 2>/dev/null; then
    echo 'FAILED: that is no host name' >&2
    exit 1
fi
echo 'setup.sh: passed'
