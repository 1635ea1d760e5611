#!/usr/bin/env bash
# Releases what was deployed: release.sh <name>@sha256:<digest>
# A tag, notes from the commits, and the program out of that very image with its checksum. The version is
# the workspace's, its last number the count of commits. GH_TOKEN lets gh make tag and release.
set -euo pipefail

image=${1:?usage: release.sh <name>@sha256:<digest>}
cd "$(dirname "$0")/../.."

version=$(sed -nE '/^\[workspace.package\]/,/^\[/s/^version = "([0-9]+\.[0-9]+)\..*"/\1/p' Cargo.toml)
tag=v${version:?no version in Cargo.toml}.$(git rev-list --count HEAD)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

container=$(docker create "$image")
docker cp --quiet "$container:/usr/local/bin/minitwit" "$work/minitwit"
docker cp --quiet "$container:/usr/share/doc/minitwit/." "$work/"
docker rm "$container" >/dev/null
name=minitwit-$tag-linux-x86_64
tar -czf "$work/$name.tar.gz" --owner=0 --group=0 --numeric-owner -C "$work" minitwit LICENSE THIRD-PARTY.md
(cd "$work" && sha256sum "$name.tar.gz" >SHA256SUMS)

# The notes are of the commits up to the tag, which gh makes on the server.
git tag "$tag"
.github/scripts/release-notes.sh "$tag" "$image" >"$work/notes.md"
gh release create "$tag" --target "$(git rev-parse HEAD)" --title "$tag" --notes-file "$work/notes.md" \
    "$work/$name.tar.gz" "$work/SHA256SUMS"
echo "release.sh: $tag"
