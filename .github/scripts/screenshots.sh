#!/usr/bin/env bash
# Takes the pictures of the READMEs into .github/images, light and dark: the public timeline, and pages of
# the panel over a service that works and had a bad minute.
#
#   .github/scripts/screenshots.sh [path of minitwit]      default: target/debug/minitwit
#
# Starts the service on an empty directory and free ports, plays the course's simulator against it, and
# holds up its database for some seconds: statements wait and fail, requests with them, and an alert is
# handed in. Takes five minutes, for charts with a past. Needs bash, curl, python3 (which has SQLite),
# chromium and chromedriver; leaves nothing behind but the pictures.
# A picture over 120 KB is an error: the repository keeps every version.
set -euo pipefail
cd "$(dirname "$0")/../.."

minitwit=${1:-target/debug/minitwit}
images=.github/images
largest=122880
mkdir -p "$images"
# shellcheck source=.github/scripts/service.sh
. .github/scripts/service.sh "$minitwit"

# The browser, spoken to in the WebDriver protocol: chromium alone takes pictures, but cannot log in.
chromedriver --port=0 >"$work/driver" &
processes+=($!)
driver=http://127.0.0.1:$(awaited "$work/driver" 'port [0-9]{4,5}\.' | grep -oE '[0-9]+')
command() {
  curl --fail-with-body --silent --show-error --header 'content-type: application/json' --data "$2" "$1"
}
arguments='["--headless=new","--no-sandbox","--disable-gpu","--no-first-run","--hide-scrollbars",
  "--disable-background-networking","--disable-component-update","--disable-sync"]'
capabilities="{\"browserName\":\"chrome\",\"goog:chromeOptions\":{\"args\":$arguments}}"
created=$(command "$driver/session" "{\"capabilities\":{\"alwaysMatch\":$capabilities}}")
session=$driver/session/$(grep -oE '"sessionId":"[0-9a-f]+"' <<<"$created" | cut -d '"' -f 4)
devtools() {
  command "$session/goog/cdp/execute" "{\"cmd\":\"$1\",\"params\":$2}"
}
open() {
  command "$session/url" "{\"url\":\"$1\"}" >/dev/null
}
run() {
  command "$session/execute/sync" "{\"script\":\"$1\",\"args\":[]}" >/dev/null
}

# The page that is open, in both themes.
picture() {
  for theme in light dark; do
    devtools Emulation.setEmulatedMedia \
      "{\"features\":[{\"name\":\"prefers-color-scheme\",\"value\":\"$theme\"}]}" >/dev/null
    devtools Emulation.setDeviceMetricsOverride \
      "{\"width\":$2,\"height\":$3,\"deviceScaleFactor\":1,\"mobile\":false}" >/dev/null
    # What draws itself anew does so before the next frame.
    run 'return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))'
    devtools Page.captureScreenshot '{"format":"webp","quality":82}' |
      grep -oE '"data":"[^"]+"' | cut -d '"' -f 4 | base64 --decode >"$images/$1-$theme.webp"
    size=$(wc -c <"$images/$1-$theme.webp")
    [ "$size" -le "$largest" ] || { echo "$1-$theme.webp has $size bytes" >&2; return 1; }
  done
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
open "http://$site/public"
picture public 960 720

"$minitwit" simulate --url "http://$api" --rate 12 --clients 4 --users 80 --duration 290s \
  --timeout 9s >"$work/simulate" 2>&1 &
simulation=$!
processes+=("$simulation")
sleep 200
started=$(date --utc +%Y-%m-%dT%H:%M:%SZ)
hold_up 0.6 7
alert "$started"
# It ends with an error, as some of its commands were meant to fail.
wait "$simulation" || true

curl --silent --output /dev/null --cookie-jar "$work/cookies" --data "username=admin&password=$password" \
  "http://$ops/admin/login"
token=$(awk '/admin_sid/ { print $NF }' "$work/cookies")
devtools Network.setCookie "{\"url\":\"http://$ops\",\"name\":\"admin_sid\",\"value\":\"$token\"}" >/dev/null
page() {
  devtools Emulation.setDeviceMetricsOverride \
    '{"width":1280,"height":800,"deviceScaleFactor":1,"mobile":false}' >/dev/null
  open "http://$ops/admin$1"
}
page '?from=5m'
picture panel-now 1280 800
page '/logs?q=level%3E%3Dwarn&from=5m&cols=request_id,route,duration'
run "document.querySelector('tr.record.error details').open = true"
picture panel-logs 1280 800
# The slowest request that failed, as an operator would open it.
page '/requests?q=status:5xx&sort=slow&from=5m'
run "[...document.links].find(link => link.pathname.startsWith('/admin/requests/0')).click()"
picture panel-request 1280 800
page '/errors?from=5m'
picture panel-errors 1280 800
page '/metrics?from=5m'
drawn="document.querySelectorAll('figure.plot svg').length > 3"
run "return new Promise(done => { const look = () => $drawn ? done() : setTimeout(look, 50); look(); })"
picture panel-metrics 1280 800
page '/alerts/MiniTwitErrorLogs'
picture panel-alert 1280 800
ls -l "$images"
