#!/usr/bin/env bash
# Writes the third-party notice: which packages the program is built from, ordered by licence, and the
# texts of those licences. `--check` says whether the tables still fit the lock file; that needs nothing
# but cargo and no network. Writing also needs cargo-about.
#
# Development dependencies are left out: they are in nothing that is handed on.
set -euo pipefail

cd "$(dirname "$0")/../.."
notice=.github/THIRD-PARTY.md
vendored=.github/scripts/vendored.tsv
export LC_ALL=C

packages() {
    cargo tree --workspace --locked --offline --edges normal,build --prefix none \
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

vendored_table() {
    echo '| licence | file | what | copyright | from |'
    echo '|---|---|---|---|---|'
    while IFS=$'\t' read -r path name version licence copyright source; do
        if [ -e "$path" ]; then
            echo "| $licence | \`$path\` | $name $version | $copyright | <$source> |"
        fi
    done <"$vendored" | sort
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
    printf '\n## Files copied into the tree\n'
    vendored_table
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
    echo "$notice does not fit Cargo.lock; run .github/scripts/notice.sh" >&2
    echo "$difference" >&2
    exit 1
}

write() {
    if ! cargo about --version >/dev/null 2>&1; then
        echo "writing the notice needs cargo-about: cargo install --locked cargo-about" >&2
        exit 1
    fi
    new=$(mktemp)
    trap 'rm -f "$new"' EXIT
    tables >"$new"
    cargo about generate --workspace --locked --offline -c .about.toml .github/scripts/notice.hbs |
        sed -e 's/[[:space:]]*$//' | cat -s >>"$new"
    cp "$new" "$notice"
}

case "${1-}" in
--check) check ;;
'') write ;;
*) echo "usage: notice.sh [--check]" >&2 && exit 2 ;;
esac
