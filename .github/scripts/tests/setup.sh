#!/usr/bin/env bash
# compose/setup.sh in a copy: what it makes, that nobody else may look, that a second run changes nothing but what
# an option names, and that it says what it kept.
set -euo pipefail

compose=$(realpath "$(dirname "$0")/../../../compose")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'echo "FAILED: line $LINENO" >&2' ERR
cp "$compose/setup.sh" "$compose/addresses.sh" "$work/"
cd "$work"

./setup.sh --postgres minitwit.example >first
before=$(sha256sum secrets/* tls/* .env)
./setup.sh other.example >second 2>kept
[ "$before" = "$(sha256sum secrets/* tls/* .env)" ] || { echo 'FAILED: a second run changed something' >&2; exit 1; }
grep -qF 'https://minitwit.example/' second
grep -qF -- '--host other.example changes it' kept

[ "$(stat -c %a secrets tls | sort -u)" = 700 ]
[ "$(stat -c %a secrets/admin_password)" = 444 ]
[ "$(stat -c %a tls/privkey.pem)" = 600 ]
[ "$(cat secrets/{admin,grafana,postgres}_password secrets/alert_token | wc -c)" = 192 ]
[ "$(cat secrets/database_url)" = "postgres://minitwit:$(cat secrets/postgres_password)@postgres:5432/minitwit" ]
diff <(printf 'MINITWIT_HOST=minitwit.example\nCOMPOSE_PROFILES=postgres\nMINITWIT_DATABASE_URL_FILE=/run/secrets/database_url\n') \
    <(grep -v '^MINITWIT_CPUS=[12]$' .env)
grep -qE '^simulator:[0-9a-f]{48}$' secrets/simulator_auth
for name in minitwit.example api.minitwit.example ops.minitwit.example; do
    openssl x509 -in tls/fullchain.pem -noout -checkhost "$name" | grep -q 'does match'
done
for password in secrets/*_password secrets/alert_token secrets/simulator_auth; do
    if grep -qF "$(cat "$password")" first; then
        echo "FAILED: $password was shown" >&2
        exit 1
    fi
done

secrets=$(sha256sum secrets/*)
./setup.sh --host other.example --renew-certificate --operators 198.51.100.7,2001:db8::/32 --front-proxies 198.51.100.0/24 >third
[ "$secrets" = "$(sha256sum secrets/*)" ]
grep -qx 'MINITWIT_HOST=other.example' .env
grep -qx "MINITWIT_OPERATORS='198.51.100.7 1; 2001:db8::/32 1; '" .env
grep -qx "MINITWIT_FRONT_PROXIES='set_real_ip_from 198.51.100.0/24; '" .env
grep -qx 'GRAFANA_URL=https://ops.other.example/grafana/' .env
grep -qx 'MINITWIT_OPS_URL=https://ops.other.example' .env
grep -qx 'COMPOSE_PROFILES=postgres' .env
openssl x509 -in tls/fullchain.pem -noout -checkhost ops.other.example | grep -q 'does match'
./setup.sh --operators '' >fourth
if grep -q 'ops\.' .env fourth; then
    echo 'FAILED: operator access stays on' >&2
    exit 1
fi
./setup.sh --course >fifth
[ "$(cat secrets/simulator_auth)" = 'simulator:super_safe!' ]
# From a version that had it among the settings.
rm -f secrets/simulator_auth
echo 'MINITWIT_SIMULATOR_AUTH=somebody:chosen before' >>.env
./setup.sh >sixth
[ "$(cat secrets/simulator_auth)" = 'somebody:chosen before' ]
if grep -q SIMULATOR_AUTH .env; then
    echo 'FAILED: the credentials stay in .env' >&2
    exit 1
fi
./setup.sh --help | grep -q -- --renew-certificate

refused() {
    if ./setup.sh "$@" 2>said; then
        echo "FAILED: $* was taken" >&2
        exit 1
    fi
}
# shellcheck disable=SC2016 # must not be expanded
refused --host '$(reboot)'
refused --operators '0.0.0.0/0 1; } server {'
refused --unknown
chmod u+w secrets/grafana_password
: >secrets/grafana_password
refused
grep -q 'secrets/grafana_password is empty' said
echo 'setup.sh: passed'
