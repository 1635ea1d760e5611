-- What two accounts may not share: names that agree after case folding, and names that read the same
-- (UTS 39). The program fills both for accounts from before; of those that read the same the first has the
-- key, the others one that no name can have.
ALTER TABLE users ADD COLUMN name_fold TEXT;
ALTER TABLE users ADD COLUMN name_skeleton TEXT;
CREATE UNIQUE INDEX users_by_name_fold ON users (name_fold);
CREATE UNIQUE INDEX users_by_name_skeleton ON users (name_skeleton);
-- Empty but for the first start after an upgrade.
CREATE INDEX users_without_keys ON users (id) WHERE name_fold IS NULL;

ALTER TABLE operators ADD COLUMN name_fold TEXT;
ALTER TABLE operators ADD COLUMN name_skeleton TEXT;
CREATE UNIQUE INDEX operators_by_name_fold ON operators (name_fold);
CREATE UNIQUE INDEX operators_by_name_skeleton ON operators (name_skeleton);
