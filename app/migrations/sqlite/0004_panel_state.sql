-- What operators keep in the panel, shared by all replicas. Times are microseconds since the Unix epoch.

-- Searches by name; the view is the query string of its page.
CREATE TABLE saved_searches (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    view TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Errors of one place and one masked chain that somebody resolved, whichever replica saw them.
CREATE TABLE error_groups (
    fingerprint TEXT PRIMARY KEY,
    place TEXT NOT NULL,
    sample TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    resolved_at INTEGER NOT NULL,
    resolved_by TEXT NOT NULL,
    resolved_version TEXT NOT NULL,
    reopened_at INTEGER,
    reopened_version TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX error_groups_by_last_seen ON error_groups (last_seen);

-- Who runs a job holds it until this time and moves that on; the rest is how the last run ended.
ALTER TABLE jobs ADD COLUMN lease_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN ended_at INTEGER;
ALTER TABLE jobs ADD COLUMN outcome TEXT;
ALTER TABLE jobs ADD COLUMN said TEXT;
ALTER TABLE jobs ADD COLUMN failed_at INTEGER;

-- For moderation: hidden messages, which the indexes of the site leave out, and who is followed by whom.
CREATE INDEX messages_hidden ON messages (pub_date DESC, id DESC) WHERE flagged;
CREATE INDEX messages_hidden_of_author ON messages (author_id, pub_date DESC, id DESC) WHERE flagged;
CREATE INDEX followers_by_whom ON followers (whom_id);
