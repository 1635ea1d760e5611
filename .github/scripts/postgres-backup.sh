#!/usr/bin/env bash
# Backs PostgreSQL up: postgres-backup.sh [--daily] <folder>
#
# With --daily it stays, and makes a backup as soon as the newest is a day old; one that failed is tried again after
# ten minutes. BACKUP_POLL (600) is the pause between two looks, in seconds.
#
# A base backup, from which and from the archived log a point in time can be restored, and a dump, which
# any PostgreSQL can read. The newest BACKUP_KEEP (7) of each stay, and of the log what they need:
# BACKUP_ARCHIVE is the folder that archive_command writes to (optional). Connects as PGHOST, PGUSER,
# PGPASSFILE and so on say; the user needs REPLICATION.
set -euo pipefail

usage='usage: postgres-backup.sh [--daily] <folder>'
if [ "${1-}" = --daily ]; then
    folder=${2:?$usage}
    while :; do
        if [ -z "$(find "$folder" -maxdepth 1 -name 'dump-*' ! -name '*.part' -mmin -1435)" ]; then
            "$0" "$folder" || echo "postgres-backup.sh: no backup was made; next try in ${BACKUP_POLL:-600} s" >&2
        fi
        sleep "${BACKUP_POLL:-600}"
    done
fi
folder=${1:?$usage}
keep=${BACKUP_KEEP:-7}
database=${PGDATABASE:-minitwit}
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
echo "postgres-backup.sh: $folder/base-$now and dump-$now"
