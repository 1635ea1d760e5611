-- What a deployment shows of itself. Times are microseconds since the Unix epoch.

-- The processes that serve from this database; each keeps its row fresh, and old ones expire.
CREATE TABLE replicas (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    version TEXT NOT NULL,
    revision TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    is_ready BIGINT NOT NULL,
    records BIGINT NOT NULL
);

CREATE INDEX replicas_by_seen_at ON replicas (seen_at);

-- Backups that were made beside the server, where this service sees no files.
CREATE TABLE backups (
    name TEXT PRIMARY KEY,
    made_at BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);

CREATE INDEX backups_by_made_at ON backups (made_at);
