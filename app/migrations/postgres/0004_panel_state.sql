-- What operators keep in the panel, shared by all replicas. Times are microseconds since the Unix epoch.

-- Searches by name; the view is the query string of its page.
CREATE TABLE saved_searches (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    owner TEXT COLLATE "C" NOT NULL,
    view TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Errors of one place and one masked chain that somebody resolved, whichever replica saw them.
CREATE TABLE error_groups (
    fingerprint TEXT COLLATE "C" PRIMARY KEY,
    place TEXT NOT NULL,
    sample TEXT NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    resolved_at BIGINT NOT NULL,
    resolved_by TEXT NOT NULL,
    resolved_version TEXT NOT NULL,
    reopened_at BIGINT,
    reopened_version TEXT
);

CREATE INDEX error_groups_by_last_seen ON error_groups (last_seen);

-- Who runs a job holds it until this time and moves that on; the rest is how the last run ended.
ALTER TABLE jobs ADD COLUMN lease_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN ended_at BIGINT;
ALTER TABLE jobs ADD COLUMN outcome TEXT;
ALTER TABLE jobs ADD COLUMN said TEXT;
ALTER TABLE jobs ADD COLUMN failed_at BIGINT;

-- For moderation: hidden messages, which the indexes of the site leave out, and who is followed by whom.
CREATE INDEX messages_hidden ON messages (pub_date DESC, id DESC) WHERE flagged;
CREATE INDEX messages_hidden_of_author ON messages (author_id, pub_date DESC, id DESC) WHERE flagged;
CREATE INDEX followers_by_whom ON followers (whom_id);
