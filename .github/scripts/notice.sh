#!/usr/bin/env bash
# Writes the third-party notice: which packages the program is built from, ordered by licence, and the
# texts of those licences as the packages bring them. `--check` says whether the tables still fit the lock
# file. Both need cargo and the packages it has fetched, no network and no other tool.
#
# Development dependencies are left out: they are in nothing that is handed on.
set -euo pipefail

cd "$(dirname "$0")/../.."
notice=.github/THIRD-PARTY.md
# Packages without a text of their own, and the one of the same repository that has it.
borrowed=.github/scripts/borrowed.tsv
export LC_ALL=C

packages() {
    cargo tree --package minitwit --locked --offline --edges normal,build --prefix none \
        --target x86_64-unknown-linux-gnu --target aarch64-unknown-linux-gnu --format '{l}|{p}' |
        awk -F'|' '
            /^$/ || / \(\// { next }                        # members of the workspace have a path
            {
                licence = $1
                if (licence !~ / OR | AND /) gsub(/ ?\/ ?/, " OR ", licence)
                split($2, package, " ")
                print licence "|" package[1] "|" substr(package[2], 2)
            }' |
        sort -u
}

package_table() {
    echo '| licence | package | version |'
    echo '|---|---|---|'
    packages | awk -F'|' '{ print "| " $1 " | " $2 " | " $3 " |" }'
}

tables() {
    cat <<'END'
# Third-party notice
MiniTwit is licensed under [Apache-2.0](../LICENSE). It is built from the packages below, each under its
own licence. `.github/scripts/notice.sh` writes this file; `.github/scripts/notice.sh --check` and a test
hold it to `Cargo.lock`, and `.deny.toml` says which licences may appear at all.

Where a package may be had under several licences, Apache-2.0 is chosen if it is one of them, else MIT.

## Packages by licence
END
    package_table
    printf '\n## Texts\n'
}

# Everything above the texts of the notice that is in the tree.
committed_tables() {
    sed '/^## Texts$/q' "$notice"
}

check() {
    if difference=$(diff <(committed_tables) <(tables)); then
        return
    fi
    echo "$notice is out of date; run .github/scripts/notice.sh" >&2
    echo "$difference" >&2
    exit 1
}

# Where cargo keeps a package: source_of <package> <version>
source_of() {
    local folder
    folder=$(find "${CARGO_HOME:-$HOME/.cargo}/registry/src" -mindepth 2 -maxdepth 2 -name "$1-$2" | head -1)
    echo "${folder:?$1 $2 is not fetched; run cargo fetch}"
}

# The files with the terms that apply: terms <folder> <licence>
terms() {
    local folder=$1 licence=$2
    find "$folder" -maxdepth 1 -type f -iname 'notice*'
    if [[ $licence != *' AND '* && $licence == *Apache-2.0* ]]; then
        echo LICENSE
        return
    fi
    local mit
    mit=$(find "$folder" -maxdepth 1 -type f -iname '*licen[cs]e*mit*' | head -1)
    if [[ $licence == *' OR '* && $licence != *' AND '* && -n $mit ]]; then
        echo "$mit"
        return
    fi
    find "$folder" -maxdepth 1 -type f \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'unlicense*' \)
}

# A section for each different text, with the packages that come under it.
texts() {
    local work licence package version folder lender file key
    work=$(mktemp -d)
    while IFS='|' read -r licence package version; do
        folder=$(source_of "$package" "$version")
        files=$(terms "$folder" "$licence")
        if [ -z "$files" ]; then
            lender=$(awk -F'\t' -v package="$package" '$1 == package { print $2 }' "$borrowed")
            folder=$(source_of "${lender:?$package $version has no text; name a lender in $borrowed}" '*')
            files=$(terms "$folder" "$licence")
        fi
        while read -r file; do
            tr -d '\r' <"$file" | sed -e 's/[[:space:]]*$//' | cat -s >"$work/text"
            key=$(sha256sum <"$work/text" | cut -c1-16)
            [ -e "$work/$key.text" ] || mv "$work/text" "$work/$key.text"
            echo "$package $version" >>"$work/$key.users"
            [ -e "$work/$key.name" ] || echo "$licence" >"$work/$key.name"
        done <<<"$files"
    done < <(packages)
    # By the licence of its first package, then by that package.
    for file in "$work"/*.users; do
        key=$(basename "$file" .users)
        echo "$(cat "$work/$key.name")|$(head -1 "$file")|$key"
    done | sort | while IFS='|' read -r licence package key; do
        if [ "$licence" != "${last-}" ]; then
            printf '\n### %s\n' "$licence"
            last=$licence
        fi
        printf '\nUsed by %s.\n\n~~~~text\n' "$(sort -u "$work/$key.users" | paste -sd, | sed 's/,/, /g')"
        cat "$work/$key.text"
        echo '~~~~'
    done
    rm -rf "$work"
}

write() {
    local new
    new=$(mktemp)
    { tables && texts; } >"$new"
    cp "$new" "$notice"
    rm "$new"
}

case "${1-}" in
--check) check ;;
'') write ;;
*) echo "usage: notice.sh [--check]" >&2 && exit 2 ;;
esac
