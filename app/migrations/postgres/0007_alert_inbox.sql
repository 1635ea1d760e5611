-- The inbox of alerts is written in the background, by every replica: what each sees of the others is
-- found by the time of the last write. An alert known from its end alone has no start of its own.
ALTER TABLE alerts ADD COLUMN sender TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN from_end BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN acknowledged_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN acknowledged_by TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN acknowledged_note TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN changed_at BIGINT NOT NULL DEFAULT 0;

CREATE INDEX alerts_by_changed ON alerts (changed_at DESC);
-- Alerts of a rule are found in memory.
DROP INDEX alerts_of_rule;
