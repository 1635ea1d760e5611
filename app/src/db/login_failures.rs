//! Failed log-ins per account and address in fixed windows, shared by all replicas.

use super::executor::{Arg, Statement};
use super::row::Row;
use super::{Db, Result};

const COUNTS: Statement = Statement::read(
    "login_failures.counts",
    "SELECT subject, failures, window_start FROM login_failures
     WHERE subject IN ($1, $2) AND window_start > $3",
);
/// Adds to the running window of both subjects, or starts theirs anew when it is over. Always in this
/// order, so that two processes do not wait for each other.
const ADD: Statement = Statement::write(
    "login_failures.add",
    "INSERT INTO login_failures (subject, window_start, failures) VALUES ($1, $3, 1), ($2, $3, 1)
     ON CONFLICT (subject) DO UPDATE SET
        failures = CASE WHEN login_failures.window_start > $4
                        THEN login_failures.failures + 1 ELSE 1 END,
        window_start = CASE WHEN login_failures.window_start > $4
                            THEN login_failures.window_start ELSE excluded.window_start END
     RETURNING subject, failures, window_start",
);
const CLEAR: Statement =
    Statement::write("login_failures.clear", "DELETE FROM login_failures WHERE subject = $1");
const TAKE_BACK: Statement = Statement::write(
    "login_failures.take_back",
    "UPDATE login_failures SET failures = failures - 1 WHERE subject = $1 AND failures > 0",
);
const DELETE_OLD: Statement = Statement::write(
    "login_failures.delete_old",
    "DELETE FROM login_failures WHERE window_start <= $1",
);

pub(super) const STATEMENTS: &[Statement] = &[COUNTS, ADD, CLEAR, TAKE_BACK, DELETE_OLD];

/// The failures of a subject in its running window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginFailures {
    /// The throttled account or address.
    pub subject: String,
    /// Number of failures.
    pub failures: i64,
    /// When the window began.
    pub window_start: i64,
}

fn failures(row: &Row) -> sqlx::Result<LoginFailures> {
    Ok(LoginFailures { subject: row.get(0)?, failures: row.get(1)?, window_start: row.get(2)? })
}

impl Db {
    /// Those of both subjects, for windows begun after that time.
    pub async fn login_failures(
        &self,
        account: &str,
        address: &str,
        begun_after: i64,
    ) -> Result<Vec<LoginFailures>> {
        let args = [Arg::Text(account), Arg::Text(address), Arg::Int(begun_after)];
        self.fetch_all(&COUNTS, &args, failures).await
    }

    /// Counts a failure of both subjects, and says how many there are with it; windows begun up to
    /// `begun_after` are over.
    pub async fn add_login_failure(
        &self,
        account: &str,
        address: &str,
        now: i64,
        begun_after: i64,
    ) -> Result<Vec<LoginFailures>> {
        let args = [Arg::Text(account), Arg::Text(address), Arg::Int(now), Arg::Int(begun_after)];
        self.fetch_all(&ADD, &args, failures).await
    }

    /// Forgets the failures of an account, and one of an address: the attempt succeeded.
    pub async fn forgive_login_failure(&self, account: &str, address: &str) -> Result<()> {
        self.execute(&CLEAR, &[Arg::Text(account)]).await?;
        self.execute(&TAKE_BACK, &[Arg::Text(address)]).await.map(drop)
    }

    /// Removes windows begun up to that time.
    pub async fn delete_old_login_failures(&self, begun: i64) -> Result<u64> {
        self.execute(&DELETE_OLD, &[Arg::Int(begun)]).await
    }
}
