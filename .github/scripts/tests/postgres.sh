#!/usr/bin/env bash
# The restore drill: a cluster of its own is backed up under load, lost, and restored three ways: to the
# end of the archived log, to a point in time, and from the dump. Needs the server's binaries.
set -euo pipefail

scripts=$(realpath "$(dirname "$0")/..")
bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
if [ -z "$bin" ]; then
    [ -z "${CI-}" ] || { echo 'there are no PostgreSQL server binaries' >&2; exit 1; }
    echo 'skipped: no PostgreSQL binaries in /usr/lib/postgresql/*/bin'
    exit 0
fi
if [ "$(id -u)" = 0 ]; then
    # The server refuses to run as root; the scripts may lie where its user cannot look.
    copy=$(mktemp -d)
    trap 'rm -rf "$copy"' EXIT
    mkdir "$copy/tests"
    cp "$scripts"/postgres-*.sh "$copy/"
    cp "$0" "$copy/tests/"
    chmod -R a+rX "$copy"
    setpriv --reuid postgres --regid postgres --clear-groups -- "$copy/tests/${0##*/}"
    exit
fi

work=$(mktemp -d)
clean_up() {
    local pid
    for pid in "$work"/*/postmaster.pid; do
        [ ! -e "$pid" ] || pg_ctl -D "${pid%/*}" -m immediate stop >/dev/null
    done
    rm -rf "$work"
}
trap clean_up EXIT
export PATH="$bin:$PATH" PGHOST=$work PGUSER=postgres PGDATABASE=minitwit LC_ALL=C
cd "$work"

start() {
    pg_ctl -w -D "$work/$1" -l "$work/$1.log" -o "-k $work -c listen_addresses=" start >/dev/null || { cat "$work/$1.log" >&2; return 1; }
}

stop() {
    pg_ctl -w -D "$work/$1" -m "$2" stop >/dev/null
}

query() {
    psql --no-psqlrc --quiet --tuples-only --no-align --command "$1" "${2-minitwit}"
}

numbers() {
    query "SELECT string_agg(number::text, ',' ORDER BY number) FROM drill" "${1-minitwit}"
}

expect() {
    [ "$2" = "$3" ] || { echo "FAILED: $1: $2 instead of $3" >&2; exit 1; }
}

initdb --no-sync -A trust -U postgres -D "$work/first" >/dev/null
mkdir "$work/archive"
cat >>"$work/first/postgresql.conf" <<END
archive_mode = on
archive_command = 'test ! -f $work/archive/%f && cp %p $work/archive/%f.part && mv $work/archive/%f.part $work/archive/%f'
END
start first
query 'CREATE DATABASE minitwit' postgres
query 'CREATE TABLE drill (number int PRIMARY KEY); INSERT INTO drill VALUES (1)'

# Of three backups two stay, and of the log what the older one needs.
export BACKUP_KEEP=2 BACKUP_ARCHIVE=$work/archive
"$scripts/postgres-backup.sh" "$work/backups" >/dev/null
before=$(find "$work/archive" -type f -printf '%f\n' | sort | head -1)
sleep 1.1 # names of backups have seconds
"$scripts/postgres-backup.sh" "$work/backups" >/dev/null
query 'INSERT INTO drill VALUES (2)'
sleep 1.1
"$scripts/postgres-backup.sh" "$work/backups" >/dev/null
expect 'backups kept' "$(find "$work/backups" -name 'base-*' | wc -l) $(find "$work/backups" -name 'dump-*' | wc -l)" '2 2'
[ ! -e "$work/archive/$before" ] || { echo 'FAILED: the log that nobody needs is still there' >&2; exit 1; }

# By themselves: nothing while the newest is of today, one when there is none. The database hears of it as soon as it
# has the table. Without the archive, which is cut to what the backups of one folder need.
BACKUP_ARCHIVE='' BACKUP_POLL=0.1 "$scripts/postgres-backup.sh" --daily "$work/daily" >/dev/null 2>&1 &
daily=$!
until [ -n "$(find "$work/daily" -name 'dump-*' ! -name '*.part' 2>/dev/null)" ]; do sleep 0.1; done
touch -d '25 hours ago' "$work"/daily/dump-*
query 'CREATE TABLE backups (name text PRIMARY KEY, made_at bigint NOT NULL, bytes bigint NOT NULL)'
until [ "$(find "$work/daily" -name 'dump-*' ! -name '*.part' | wc -l)" = 2 ]; do sleep 0.1; done
until [ "$(query 'SELECT count(*) > 0 FROM backups')" = t ]; do sleep 0.1; done
kill "$daily"
wait "$daily" 2>/dev/null || true
known=$(query 'SELECT count(*) > 0 AND bool_and(bytes > 1000 AND abs(made_at / 1000000 - extract(epoch FROM now())) < 3600) FROM backups')
expect 'backups that the database knows' "$known" t
rm -rf "$work/daily"

query 'INSERT INTO drill VALUES (3)'
moment=$(query 'SELECT clock_timestamp()')
query 'INSERT INTO drill VALUES (4)'
query 'SELECT pg_switch_wal()' >/dev/null
until [ "$(query 'SELECT count(*) FROM pg_stat_archiver WHERE last_archived_wal >= pg_walfile_name(pg_current_wal_lsn() - 1)')" = 1 ]; do sleep 0.1; done
# Never archived: what a lost machine takes with it.
stop first immediate
rm -rf "$work/first"

newest=$(find "$work/backups" -name 'base-*' | sort | tail -1)
promoted() {
    until [ "$(query 'SELECT pg_is_in_recovery()')" = f ]; do sleep 0.1; done
}
"$scripts/postgres-restore.sh" "$newest" "$work/latest" "$work/archive" >/dev/null
start latest
promoted
expect 'to the end of the log' "$(numbers)" 1,2,3,4
stop latest fast

"$scripts/postgres-restore.sh" "$newest" "$work/earlier" "$work/archive" "$moment" >/dev/null
start earlier
promoted
expect 'to a point in time' "$(numbers)" 1,2,3
query 'CREATE DATABASE copy' postgres
pg_restore --exit-on-error --dbname copy "$(find "$work/backups" -name 'dump-*' | sort | tail -1)"
expect 'from the dump' "$(numbers copy)" 1,2

# What must not happen by accident.
if "$scripts/postgres-restore.sh" "$newest" "$work/earlier" >/dev/null 2>&1; then
    echo 'FAILED: a folder with data was restored over' >&2
    exit 1
fi
cp -r "$newest" "$work/damaged"
printf 'x' | dd of="$work/damaged/base.tar.gz" bs=1 seek=2000 conv=notrunc status=none
if "$scripts/postgres-restore.sh" "$work/damaged" "$work/from-damaged" >/dev/null 2>&1; then
    echo 'FAILED: a damaged backup was restored' >&2
    exit 1
fi
echo 'postgres-backup.sh, postgres-restore.sh: restored to the end, to a time and from the dump'
