#!/usr/bin/env bash
# What the variables of compose/terraform take and refuse. Needs terraform, and no provider.
set -euo pipefail

terraform=$(realpath "$(dirname "$0")/../../../compose/terraform")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$terraform/variables.tf" "$work/"
deployment='ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA'
admin='ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB'

planned() {
    terraform -chdir="$work" plan -input=false -no-color -var "deployment_public_key=$deployment" \
        -var "admin_public_key=$1" -var "admin_ranges=$2" >"$work/said" 2>&1
}
for ranges in '["198.51.100.7/32"]' '["2001:db8::/48"]' '["198.51.100.0/24","2001:db8::/32"]'; do
    planned "$admin" "$ranges" || { cat "$work/said" >&2; echo "FAILED: $ranges was refused" >&2; exit 1; }
done
for ranges in '["0.0.0.0/0"]' '["::/0"]' '["0.0.0.0/1","128.0.0.0/1"]' '["198.51.100.7/32","2000::/3"]' '["10.0.0.0/8"]' \
    '["0.0.0.0/00"]' '["198.51.100.7"]' '["anywhere"]' '[]'; do
    if planned "$admin" "$ranges"; then echo "FAILED: $ranges was taken" >&2; exit 1; fi
done
if planned "$deployment" '["198.51.100.7/32"]'; then
    echo 'FAILED: one key for deployments and administration was taken' >&2
    exit 1
fi
# The key of deployments gets nobody root.
for file in "$terraform"/*.yaml; do
    if grep -A 12 'name: admin' "$file" | grep -q deployment_public_key || grep -q 'deployment_public_key' "$terraform/database.yaml"; then
        echo "FAILED: $file gives the deployment key to an administrator" >&2
        exit 1
    fi
done
echo 'terraform: variables passed'
