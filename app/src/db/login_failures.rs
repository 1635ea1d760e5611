//! Failed log-ins per account and address in fixed windows, shared by all replicas.

use super::executor::{Arg, Statement};
use super::{Db, Result};

const COUNTS: Statement = Statement::read(
    "login_failures.counts",
    "SELECT subject, failures, window_start FROM login_failures
     WHERE subject IN ($1, $2) AND window_start > $3",
);
/// Adds to the running window of both subjects, or starts theirs anew when it is over.
const ADD: Statement = Statement::write(
    "login_failures.add",
    "INSERT INTO login_failures (subject, window_start, failures) VALUES ($1, $3, 1), ($2, $3, 1)
     ON CONFLICT (subject) DO UPDATE SET
        failures = CASE WHEN login_failures.window_start > $4
                        THEN login_failures.failures + 1 ELSE 1 END,
        window_start = CASE WHEN login_failures.window_start > $4
                            THEN login_failures.window_start ELSE excluded.window_start END",
);
const CLEAR: Statement =
    Statement::write("login_failures.clear", "DELETE FROM login_failures WHERE subject = $1");
const DELETE_OLD: Statement = Statement::write(
    "login_failures.delete_old",
    "DELETE FROM login_failures WHERE window_start <= $1",
);

pub(super) const STATEMENTS: &[Statement] = &[COUNTS, ADD, CLEAR, DELETE_OLD];

impl Db {
    /// `(subject, failures, start of its window)` of both subjects, for windows begun after that time.
    pub async fn login_failures(
        &self,
        account: &str,
        address: &str,
        begun_after: i64,
    ) -> Result<Vec<(String, i64, i64)>> {
        let args = [Arg::Text(account), Arg::Text(address), Arg::Int(begun_after)];
        self.fetch_all(&COUNTS, &args, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).await
    }

    /// Counts a failure of both subjects; windows begun up to `begun_after` are over.
    pub async fn add_login_failure(
        &self,
        account: &str,
        address: &str,
        now: i64,
        begun_after: i64,
    ) -> Result<()> {
        let args = [Arg::Text(account), Arg::Text(address), Arg::Int(now), Arg::Int(begun_after)];
        self.execute(&ADD, &args).await.map(drop)
    }

    /// Forgets the failures of an account after it logged in.
    pub async fn clear_login_failures(&self, account: &str) -> Result<()> {
        self.execute(&CLEAR, &[Arg::Text(account)]).await.map(drop)
    }

    /// Removes windows begun up to that time.
    pub async fn delete_old_login_failures(&self, begun: i64) -> Result<u64> {
        self.execute(&DELETE_OLD, &[Arg::Int(begun)]).await
    }
}
