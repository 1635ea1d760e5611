-- Accounts of operators that can be looked through: 0 stands for never.
ALTER TABLE operators ADD COLUMN last_login_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE operators ADD COLUMN disabled_at INTEGER NOT NULL DEFAULT 0;

-- Where a session was begun, so that its operator knows it again.
ALTER TABLE operator_sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE operator_sessions ADD COLUMN user_agent TEXT NOT NULL DEFAULT '';
