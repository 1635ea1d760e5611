#!/usr/bin/env bash
# Backs PostgreSQL up: postgres-backup.sh [--daily] <folder>
#
# With --daily it stays, and makes a backup as soon as the newest is a day old; one that failed is tried again after
# ten minutes. BACKUP_POLL (600) is the pause between two looks, in seconds. The service shows the newest and alerts on
# its age: each look tells the database about it, in the table `backups`.
#
# A base backup, from which and from the archived log a point in time can be restored, and a dump, which
# any PostgreSQL can read. The newest BACKUP_KEEP (7) of each stay, and of the log what they need:
# BACKUP_ARCHIVE is the folder that archive_command writes to (optional). Connects as PGHOST, PGUSER,
# PGPASSFILE and so on say; the user needs REPLICATION.
set -euo pipefail

usage='usage: postgres-backup.sh [--daily] <folder>'
database=${PGDATABASE:-minitwit}

# Tells the database about the newest backup in a folder. Without the table, as before the first start of the service,
# there is nobody to tell.
note_newest() {
    local dump stamp bytes
    dump=$(find "$1" -maxdepth 1 -name 'dump-*' ! -name '*.part' | LC_ALL=C sort | tail -1)
    [ -n "$dump" ] || return 0
    stamp=${dump##*/dump-}
    bytes=$(du --summarize --bytes --total "$dump" "$1/base-$stamp" | tail -1 | cut -f1)
    psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --set name="${dump##*/}" --set bytes="$bytes" \
        --set made="${stamp:0:4}-${stamp:4:2}-${stamp:6:2} ${stamp:9:2}:${stamp:11:2}:${stamp:13:2}+00" "$database" <<'END'
SELECT to_regclass('backups') IS NOT NULL AS is_known \gset
\if :is_known
INSERT INTO backups (name, made_at, bytes)
    VALUES (:'name', (extract(epoch FROM timestamptz :'made') * 1000000)::bigint, :bytes) ON CONFLICT (name) DO NOTHING;
DELETE FROM backups WHERE name NOT IN (SELECT name FROM backups ORDER BY made_at DESC LIMIT 10);
\endif
END
}

if [ "${1-}" = --daily ]; then
    folder=${2:?$usage}
    while :; do
        if [ -z "$(find "$folder" -maxdepth 1 -name 'dump-*' ! -name '*.part' -mmin -1435)" ]; then
            "$0" "$folder" || echo "postgres-backup.sh: no backup was made; next try in ${BACKUP_POLL:-600} s" >&2
        else
            note_newest "$folder" || echo 'postgres-backup.sh: could not tell the database about the newest backup' >&2
        fi
        sleep "${BACKUP_POLL:-600}"
    done
fi
folder=${1:?$usage}
keep=${BACKUP_KEEP:-7}
if ! [[ $keep =~ ^[1-9][0-9]*$ ]]; then
    echo "postgres-backup.sh: BACKUP_KEEP=$keep is not a number above 0" >&2
    exit 2
fi
umask 077
mkdir -p "$folder"
# One at a time; the lock goes with the process.
exec 9>"$folder/lock"
flock --nonblock 9 || { echo "postgres-backup.sh: another backup is running in $folder" >&2; exit 1; }

now=$(date --utc +%Y%m%dT%H%M%SZ)
# A name without .part is a whole backup.
rm -rf "$folder"/*.part
pg_basebackup --pgdata "$folder/base-$now.part" --format tar --gzip --wal-method stream \
    --checkpoint fast --manifest-checksums SHA256
pg_dump --format custom --file "$folder/dump-$now.part" "$database"
# A dump that cannot be listed cannot be restored.
pg_restore --list "$folder/dump-$now.part" >/dev/null
sync -f "$folder"
mv "$folder/base-$now.part" "$folder/base-$now"
mv "$folder/dump-$now.part" "$folder/dump-$now"

for kind in base dump; do
    find "$folder" -maxdepth 1 -name "$kind-*" ! -name '*.part' | LC_ALL=C sort -r | tail -n "+$((keep + 1))" |
        xargs -r rm -rf --
done

if [ -n "${BACKUP_ARCHIVE-}" ]; then
    oldest=$(find "$folder" -maxdepth 1 -name 'base-*' ! -name '*.part' | LC_ALL=C sort | head -1)
    # The label says which file of the log the backup begins with.
    first=$(tar -xzOf "$oldest/base.tar.gz" backup_label | sed -n 's/^START WAL LOCATION: .*(file \([0-9A-F]*\))$/\1/p')
    pg_archivecleanup "$BACKUP_ARCHIVE" "${first:?no label in $oldest}"
fi
note_newest "$folder" || echo 'postgres-backup.sh: could not tell the database about it' >&2
echo "postgres-backup.sh: $folder/base-$now and dump-$now"
