-- What alerting systems said: one row each time a rule fires for a set of labels, without an end while
-- it does. Labels, annotations, measured values and links are JSON objects of texts.
CREATE TABLE alerts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    labels TEXT NOT NULL,
    annotations TEXT NOT NULL,
    measured TEXT NOT NULL,
    links TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT,
    received_at BIGINT NOT NULL,
    UNIQUE (fingerprint, starts_at)
);

CREATE INDEX alerts_newest ON alerts (starts_at DESC, id DESC);
CREATE INDEX alerts_of_rule ON alerts (rule, starts_at DESC, id DESC);
CREATE INDEX alerts_firing ON alerts (starts_at DESC, id DESC) WHERE ends_at IS NULL;
CREATE INDEX alerts_by_received ON alerts (received_at);

-- Each follows the one before it, and only one can: of replicas that start together one adds a row.
CREATE TABLE deploys (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version TEXT NOT NULL,
    revision TEXT NOT NULL,
    note TEXT NOT NULL,
    how TEXT NOT NULL CHECK (how IN ('start', 'command')),
    deployed_at BIGINT NOT NULL,
    follows BIGINT NOT NULL UNIQUE
);

CREATE INDEX deploys_newest ON deploys (deployed_at DESC, id DESC);
