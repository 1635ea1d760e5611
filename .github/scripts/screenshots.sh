#!/usr/bin/env bash
# Takes the pictures of the README: the public timeline, light and dark, into .github/images.
#
#   .github/scripts/screenshots.sh [path of minitwit]      default: target/debug/minitwit
#
# Starts the service on an empty directory and free ports, fills it over the simulator API, and asks
# Chromium for both pictures. Needs bash, curl and chromium; leaves nothing behind but the pictures.
# A picture over 150 KB is an error: the repository keeps every version.
set -euo pipefail
cd "$(dirname "$0")/../.."

minitwit=${1:-target/debug/minitwit}
images=.github/images
work=$(mktemp -d)
mkdir -p "$images"

"$minitwit" --data-dir "$work/data" --site 127.0.0.1:0 --api 127.0.0.1:0 --ops 127.0.0.1:0 \
  --log-format json 2>"$work/log" &
service=$!
trap 'kill "$service" 2>/dev/null; wait "$service" 2>/dev/null || true; rm -rf "$work"' EXIT

# The address of a listener, once the log says it.
address() {
  for _ in $(seq 100); do
    local line
    line=$(grep -E "\"listener\":\"?$1\"?" "$work/log" | grep -oE '127\.0\.0\.1:[0-9]+' | head -n 1) || true
    if [ -n "$line" ]; then echo "$line"; return; fi
    kill -0 "$service" 2>/dev/null || { cat "$work/log" >&2; return 1; }
    sleep 0.1
  done
  echo "the service did not start" >&2
  return 1
}
site=$(address site)
api=$(address api)

post() {
  curl --fail --silent --show-error --user 'simulator:super_safe!' \
    --header 'content-type: application/json' --data "$2" "http://$api/$1"
}

for name in Ada Grace Edsger Barbara Niklaus Frances; do
  post register "{\"username\":\"$name\",\"email\":\"$name@example.com\",\"pwd\":\"example\"}"
done
while IFS='|' read -r author text; do
  post "msgs/$author" "{\"content\":\"$text\"}"
done <<'MESSAGES'
Frances|Inlined the loop, hoisted the invariant, went home early.
Niklaus|Software is getting slower more rapidly than hardware becomes faster. Still.
Grace|A ship in port is safe, but that is not what ships are built for. Deploying on Friday.
Ada|Programming note 7: the machine does what it is told, even when it is told nonsense.
Barbara|If it substitutes like a duck and quacks like a duck, check the postcondition.
Edsger|Found it: the error was in the test. Testing shows the presence of bugs, also in tests.
Grace|Wrote it down in the logbook, with tape. First actual bug of the week.
Ada|Good morning from the engine room. All wheels turn.
MESSAGES

picture() {
  chromium --headless=new --no-sandbox --disable-gpu --disable-background-networking \
    --user-data-dir="$work/profile-$1" --hide-scrollbars --window-size=960,720 \
    --blink-settings=preferredColorScheme="$2" --screenshot="$images/public-$1.png" \
    "http://$site/public" 2>>"$work/chromium"
  [ "$(wc -c <"$images/public-$1.png")" -le 153600 ] || { echo "public-$1.png is too large" >&2; return 1; }
}
picture light 1
picture dark 0
ls -l "$images"
