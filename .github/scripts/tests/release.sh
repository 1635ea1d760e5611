#!/usr/bin/env bash
# release.sh in a repository made for it, with stand-ins of docker and gh; with-key.sh too.
set -euo pipefail

scripts=$(realpath "$(dirname "$0")/..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'echo "FAILED: line $LINENO" >&2' ERR
mkdir -p "$work/bin" "$work/tree/.github"
cat >"$work/bin/docker" <<'END'
#!/usr/bin/env bash
case $1 in
create) [ "$2" = "$IMAGE" ] && echo container ;;
cp) case $3 in
    *bin/minitwit) echo program >"$4" ;;
    *doc/minitwit/.) echo licence >"$4/LICENSE" && echo notice >"$4/THIRD-PARTY.md" ;;
    esac ;;
rm) ;;
*) exit 90 ;;
esac
END
cat >"$work/bin/gh" <<'END'
#!/usr/bin/env bash
printf '%s\n' "$@" >"$WORK/gh"
for file in "$@"; do
    case $file in
    */*.tar.gz | */SHA256SUMS | */notes.md) cp "$file" "$WORK/" ;;
    esac
done
END
chmod +x "$work"/bin/*
cp -r "$scripts" "$work/tree/.github/"
cd "$work/tree"
printf '[workspace.package]\nversion = "0.1.0"\nedition = "2024"\n' >Cargo.toml
git init --quiet --initial-branch=main
git add Cargo.toml
git -c user.name=t -c user.email=t@example.com -c commit.gpgsign=false commit --quiet --message 'app: Begin'

IMAGE=registry.example/minitwit@sha256:$(printf '3%.0s' {1..64})
export IMAGE WORK=$work PATH="$work/bin:$PATH"
.github/scripts/release.sh "$IMAGE" >/dev/null
grep -qx v0.1.1 "$work/gh"
grep -qx -- --target "$work/gh"
grep -qF "Image: $IMAGE" "$work/notes.md"
grep -qF -- '- Begin' "$work/notes.md"
(cd "$work" && sha256sum --check --quiet SHA256SUMS)
[ "$(tar -tzf "$work"/minitwit-v0.1.1-linux-x86_64.tar.gz | tr '\n' ' ')" = 'minitwit LICENSE THIRD-PARTY.md ' ]

# The key is a file for one command, which does not find it in its environment, and is gone afterwards.
# shellcheck disable=SC2016 # the inner shell expands it
seen=$(DEPLOY_KEY='the key' DEPLOY_KNOWN_HOSTS='host key' "$scripts/with-key.sh" sh -c \
    'stat -c %a "$SSH_IDENTITY"; cat "$SSH_IDENTITY" "$SSH_KNOWN_HOSTS"; env | grep -c "the key"; echo "$SSH_IDENTITY"' || true)
[ "$(head -4 <<<"$seen" | tr '\n' '|')" = '600|the key|host key|0|' ]
[ ! -e "$(tail -1 <<<"$seen")" ]
if DEPLOY_KEY='the key' DEPLOY_KNOWN_HOSTS='' "$scripts/with-key.sh" true 2>/dev/null; then
    echo 'FAILED: a host without a known key was talked to' >&2
    exit 1
fi
echo 'release.sh, with-key.sh: passed'
