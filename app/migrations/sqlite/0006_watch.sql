-- One row that the health probe writes, to know whether the database takes writes before a request has to
-- find out.
CREATE TABLE database_probe (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    written_at INTEGER NOT NULL
) STRICT;

INSERT INTO database_probe (id, written_at) VALUES (1, 0);

-- Secrets that all replicas share, made by the first that starts.
CREATE TABLE keys (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Keyed hashes of account and network of sign-ins that succeeded: guessing by strangers does not slow down
-- whoever comes from there. Nobody learns a name or an address from them.
CREATE TABLE sign_in_origins (
    origin BLOB PRIMARY KEY,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sign_in_origins_by_seen ON sign_in_origins (seen_at);

-- Subjects are keyed hashes from now on: a typed name may be a password in the wrong field. The windows of a
-- minute that this forgets are over anyway.
DELETE FROM login_failures;
