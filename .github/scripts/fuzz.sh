#!/usr/bin/env bash
# Fuzzes the query language, the reader of log files and that of exported lines and levels, guided by coverage:
# fuzz.sh [seconds for each]
# Needs jq, cargo-fuzz (tool.sh cargo-fuzz 0.13.2) and a nightly compiler, FUZZ_TOOLCHAIN if not the
# installed one. What makes a target fail is printed in base64 and left in logsearch/fuzz/artifacts.
set -euo pipefail

seconds=${1:-600}
toolchain=${FUZZ_TOOLCHAIN:-nightly}
cd "$(dirname "$0")/../../logsearch"

fuzz() {
    local target=$1
    shift
    # There is no unsafe code in what is fuzzed, so a sanitizer would only make it slow.
    cargo "+$toolchain" fuzz run --sanitizer none "$target" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -timeout=60 "$@"
}

for target in query frames texts; do
    mkdir -p "fuzz/corpus/$target"
    cp -n "fuzz/seeds/$target/"* "fuzz/corpus/$target/"
done
# The texts that the tests read are what the fuzzer starts from.
number=0
while IFS=$'\t' read -r text _; do
    number=$((number + 1))
    jq --join-output . <<<"$text" >"fuzz/corpus/query/text-$number"
done < <(tail -n +2 tests/it/corpus.tsv)

fuzz query -dict=fuzz/query.dict -max_len=4096
fuzz frames -max_len=65536
fuzz texts -max_len=8192
