-- Sessions of operators, apart from those of users: other cookie, shorter life.
CREATE TABLE operator_sessions (
    token_hash BYTEA PRIMARY KEY,
    operator TEXT NOT NULL REFERENCES operators (name),
    created_at BIGINT NOT NULL,
    last_seen BIGINT NOT NULL
);

CREATE INDEX operator_sessions_by_last_seen ON operator_sessions (last_seen);
CREATE INDEX operator_sessions_of_operator ON operator_sessions (operator);
