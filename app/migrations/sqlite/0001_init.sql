-- Times are microseconds since the Unix epoch, UTC. Ids grow with insertion.
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    pw_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    author_id INTEGER NOT NULL REFERENCES users (id),
    text TEXT NOT NULL,
    pub_date INTEGER NOT NULL,
    flagged INTEGER NOT NULL DEFAULT 0 CHECK (flagged IN (0, 1))
) STRICT;

-- Every list is newest first and shows unflagged messages alone, so the indexes hold just those.
CREATE INDEX messages_newest ON messages (pub_date DESC, id DESC) WHERE NOT flagged;
CREATE INDEX messages_of_author ON messages (author_id, pub_date DESC, id DESC) WHERE NOT flagged;

CREATE TABLE followers (
    id INTEGER PRIMARY KEY,
    who_id INTEGER NOT NULL REFERENCES users (id),
    whom_id INTEGER NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    UNIQUE (who_id, whom_id)
) STRICT;

CREATE INDEX followers_in_order ON followers (who_id, id);

-- Only a SHA-256 of the token is kept: who reads the table cannot log in with it.
CREATE TABLE sessions (
    token_hash BLOB PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    last_seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_last_seen ON sessions (last_seen);
CREATE INDEX sessions_of_user ON sessions (user_id);

-- Failures inside the running window of an account or an address, shared by all replicas.
CREATE TABLE login_failures (
    subject TEXT PRIMARY KEY,
    window_start INTEGER NOT NULL,
    failures INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX login_failures_by_start ON login_failures (window_start);

-- One row: the id of the last simulator command, whoever processed it.
CREATE TABLE simulator_latest (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    value INTEGER NOT NULL
) STRICT;

-- One row per job: the tick that was claimed last, so that one replica runs each tick.
CREATE TABLE jobs (
    name TEXT PRIMARY KEY,
    claimed_tick INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE operators (
    name TEXT PRIMARY KEY,
    pw_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator')),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
