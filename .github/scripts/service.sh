# A service to look at, for scripts that source this with the path of minitwit: on an empty directory and
# free ports, with what makes its pages full. Ends with the script, and leaves nothing behind.
# Sets site, api, ops and password.
# shellcheck shell=bash

password=of-the-panel
token=of-the-alerts
work=$(mktemp -d)
processes=()
stop() {
  [ -z "${session:-}" ] || curl --silent --request DELETE "$session" >/dev/null || true
  for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT

MINITWIT_ADMIN_PASSWORD=$password MINITWIT_ALERT_TOKEN=$token \
  "$1" --data-dir "$work/data" --site 127.0.0.1:0 --api 127.0.0.1:0 --ops 127.0.0.1:0 \
  --log-format json 2>"$work/log" &
processes+=($!)

# The first text that matches in a file that is still written.
awaited() {
  for _ in $(seq 150); do
    if grep -oE "$2" "$1" 2>/dev/null | head -n 1 | grep .; then return; fi
    kill -0 "${processes[-1]}" 2>/dev/null || break
    sleep 0.1
  done
  cat "$1" >&2
  return 1
}
# The address of a listener, once the log says it.
address() {
  awaited "$work/log" "\"listener.name\":\"?$1\"?.*" | grep -oE '127\.0\.0\.1:[0-9]+' | head -n 1
}
site=$(address site)
api=$(address api)
ops=$(address ops)

post() {
  curl --fail --silent --show-error --user 'simulator:super_safe!' \
    --header 'content-type: application/json' --data "$2" "http://$api/$1"
}

# Holds up the database for so many seconds each, then takes a table away for some requests.
hold_up() {
  python3 - "$work/data/minitwit.sqlite" "http://$site/public" "$@" <<'PYTHON'
import sqlite3, sys, time, urllib.error, urllib.request

database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=5)
for seconds in map(float, sys.argv[3:]):
    database.execute("BEGIN IMMEDIATE")
    time.sleep(seconds)
    database.execute("ROLLBACK")
    time.sleep(3)
database.execute("ALTER TABLE messages RENAME TO away")
for _ in range(40):
    try:
        urllib.request.urlopen(sys.argv[2], timeout=9)
    except urllib.error.HTTPError:
        time.sleep(0.05)
database.execute("ALTER TABLE away RENAME TO messages")
PYTHON
}

# Hands in an alert that fires since a time.
alert() {
  curl --fail --silent --show-error --header "authorization: Bearer $token" \
    --header 'content-type: application/json' --output /dev/null "http://$ops/admin/api/alerts" --data "{
      \"version\":\"1\",\"status\":\"firing\",\"alerts\":[{\"status\":\"firing\",\"fingerprint\":\"c6eadffa33fcdf37\",
      \"labels\":{\"alertname\":\"MiniTwitErrorLogs\",\"severity\":\"warning\"},
      \"annotations\":{\"summary\":\"Errors are logged all the time\",\"logs_query\":\"level:error\"},
      \"startsAt\":\"$1\",\"endsAt\":\"0001-01-01T00:00:00Z\"}]}"
}
