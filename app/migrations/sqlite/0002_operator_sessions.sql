-- Sessions of operators, apart from those of users: other cookie, shorter life.
CREATE TABLE operator_sessions (
    token_hash BLOB PRIMARY KEY,
    operator TEXT NOT NULL REFERENCES operators (name),
    created_at INTEGER NOT NULL,
    last_seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX operator_sessions_by_last_seen ON operator_sessions (last_seen);
CREATE INDEX operator_sessions_of_operator ON operator_sessions (operator);
