#!/usr/bin/env bash
# Restores a base backup into an empty folder: postgres-restore.sh <backup> <data folder> [<archive> [<time>]]
#
# With an archive the log behind the backup is replayed: to its end, or to a time such as
# '2026-11-22 06:30:00+00'. Start PostgreSQL on the folder afterwards; it ends the recovery by itself.
set -euo pipefail

backup=${1:?usage: postgres-restore.sh <backup> <data folder> [<archive> [<time>]]}
data=${2:?usage: postgres-restore.sh <backup> <data folder> [<archive> [<time>]]}
archive=${3-}
time=${4-}

if [ -e "$data" ] && [ -n "$(ls -A "$data")" ]; then
    echo "postgres-restore.sh: $data is not empty; move it away first" >&2
    exit 1
fi
for file in base.tar.gz pg_wal.tar.gz backup_manifest; do
    [ -e "$backup/$file" ] || { echo "postgres-restore.sh: $backup has no $file" >&2; exit 1; }
done
for text in "$archive" "$time"; do
    case $text in *"'"*) echo "postgres-restore.sh: $text must not contain quotes" >&2 && exit 2 ;; esac
done

umask 077
mkdir -p "$data"
tar -xzf "$backup/base.tar.gz" -C "$data"
tar -xzf "$backup/pg_wal.tar.gz" -C "$data/pg_wal"
cp "$backup/backup_manifest" "$data/"
pg_verifybackup --no-parse-wal --quiet "$data"
if [ -n "$archive" ]; then
    {
        echo "restore_command = 'cp \"$archive/%f\" \"%p\"'"
        [ -z "$time" ] || echo "recovery_target_time = '$time'"
        echo "recovery_target_action = 'promote'"
    } >>"$data/postgresql.auto.conf"
    touch "$data/recovery.signal"
fi
echo "postgres-restore.sh: $data is ready to start"
