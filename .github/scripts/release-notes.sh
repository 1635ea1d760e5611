#!/usr/bin/env bash
# The notes of a release, from the commits since the last one: release-notes.sh <tag> [<image>]
# Commits are grouped by the word before the colon; merges and commits without one come last.
set -euo pipefail

tag=${1:?usage: release-notes.sh <tag> [<image>]}
image=${2-}

previous=$(git describe --tags --abbrev=0 "$tag^" 2>/dev/null || true)
range=${previous:+$previous..}$tag

echo "## $tag"
[ -z "$image" ] || printf '\nImage: %s\n' "$image"
git log --no-merges --reverse --format='%s%x09%h' "$range" |
    awk -F'\t' '
        {
            group = "other"; subject = $1
            if (match(subject, /^[a-z][a-z0-9_.\/-]*: /)) {
                group = substr(subject, 1, RLENGTH - 2)
                subject = substr(subject, RLENGTH + 1)
            }
            if (!(group in lines)) names[++count] = group
            lines[group] = lines[group] "- " subject " (" $2 ")\n"
        }
        END {
            for (i = 1; i <= count; i++) if (names[i] != "other") printf "\n### %s\n%s", names[i], lines[names[i]]
            if ("other" in lines) printf "\n### other\n%s", lines["other"]
        }'
[ -z "$previous" ] || printf '\nSince %s.\n' "$previous"
