#!/usr/bin/env bash
# release-notes.sh in a repository made for it.
set -euo pipefail

script=$(realpath "$(dirname "$0")/../release-notes.sh")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
git init --quiet --initial-branch=main
commit() {
    git -c user.name=t -c user.email=t@example.com -c commit.gpgsign=false commit --quiet --allow-empty --message "$1"
}
commit 'app: Begin'
git tag v1
commit 'logsearch: Drop whole partitions'
commit 'Say how to contribute'
commit 'app: Answer 429'
# shellcheck disable=SC2016 # must not be expanded
commit 'logsearch: Keep : colons `and` $(quotes)'
git tag v2

# shellcheck disable=SC2016
expected='## v2

Image: name@sha256:1

### logsearch
- Drop whole partitions
- Keep : colons `and` $(quotes)

### app
- Answer 429

### other
- Say how to contribute

Since v1.'
notes=$("$script" v2 name@sha256:1 | sed -E 's/ \([0-9a-f]{7,}\)$//')
diff <(echo "$expected") <(echo "$notes")
"$script" v1 | grep -q -- '- Begin'
echo 'release-notes.sh: passed'
