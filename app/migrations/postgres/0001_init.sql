-- Times are microseconds since the Unix epoch, UTC. Ids grow with insertion.
-- Names compare byte by byte: two usernames are the same only when they are written the same.
CREATE TABLE users (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username TEXT COLLATE "C" NOT NULL UNIQUE,
    email TEXT NOT NULL,
    pw_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE messages (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    author_id BIGINT NOT NULL REFERENCES users (id),
    text TEXT NOT NULL,
    pub_date BIGINT NOT NULL,
    flagged BOOLEAN NOT NULL DEFAULT FALSE
);

-- Every list is newest first and shows unflagged messages alone, so the indexes hold just those.
CREATE INDEX messages_newest ON messages (pub_date DESC, id DESC) WHERE NOT flagged;
CREATE INDEX messages_of_author ON messages (author_id, pub_date DESC, id DESC) WHERE NOT flagged;

CREATE TABLE followers (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    who_id BIGINT NOT NULL REFERENCES users (id),
    whom_id BIGINT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    UNIQUE (who_id, whom_id)
);

CREATE INDEX followers_in_order ON followers (who_id, id);

-- Only a SHA-256 of the token is kept: who reads the table cannot log in with it.
CREATE TABLE sessions (
    token_hash BYTEA PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    last_seen BIGINT NOT NULL
);

CREATE INDEX sessions_by_last_seen ON sessions (last_seen);
CREATE INDEX sessions_of_user ON sessions (user_id);

-- Failures inside the running window of an account or an address, shared by all replicas.
CREATE TABLE login_failures (
    subject TEXT COLLATE "C" PRIMARY KEY,
    window_start BIGINT NOT NULL,
    failures BIGINT NOT NULL
);

CREATE INDEX login_failures_by_start ON login_failures (window_start);

-- One row: the id of the last simulator command, whoever processed it.
CREATE TABLE simulator_latest (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    value BIGINT NOT NULL
);

-- One row per job: the tick that was claimed last, so that one replica runs each tick.
CREATE TABLE jobs (
    name TEXT COLLATE "C" PRIMARY KEY,
    claimed_tick BIGINT NOT NULL
);

CREATE TABLE operators (
    name TEXT COLLATE "C" PRIMARY KEY,
    pw_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator')),
    created_at BIGINT NOT NULL
);
