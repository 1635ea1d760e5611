//! Failed sign-ins inside the running windows of all replicas. Subjects are keyed hashes: nobody learns a name
//! or an address from them. Counting itself takes place in memory; here replicas tell each other.

use super::executor::{Arg, Statement};
use super::{Db, Result};

/// The largest counts of the windows that run; an attacker's are among them.
const COUNTS: Statement = Statement::read(
    "login_failures.counts",
    "SELECT subject, failures, window_start FROM login_failures
     WHERE window_start > $1 ORDER BY failures DESC LIMIT 1000",
)
.in_background();
/// Adds to a running window, or starts it anew when it is over.
const ADD: Statement = Statement::write(
    "login_failures.add",
    "INSERT INTO login_failures (subject, window_start, failures) VALUES ($1, $2, $3)
     ON CONFLICT (subject) DO UPDATE SET
        failures = CASE WHEN ABS(login_failures.window_start - $2) < 60000000
                        THEN login_failures.failures + $3 ELSE $3 END,
        window_start = CASE WHEN ABS(login_failures.window_start - $2) < 60000000
                            THEN login_failures.window_start ELSE $2 END",
)
.in_background();
const CLEAR: Statement =
    Statement::write("login_failures.clear", "DELETE FROM login_failures WHERE subject = $1")
        .in_background();
/// A window that begins ahead was noted by a clock that was ahead.
const DELETE_OLD: Statement = Statement::write(
    "login_failures.delete_old",
    "DELETE FROM login_failures WHERE window_start <= $1 OR window_start > $2",
);

pub(super) const STATEMENTS: &[Statement] = &[COUNTS, ADD, CLEAR, DELETE_OLD];

/// The failures of a subject in its running window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginFailures {
    /// Keyed hash of the throttled account or address.
    pub subject: String,
    /// Number of failures.
    pub failures: i64,
    /// When the window began, in microseconds.
    pub window_start: i64,
}

impl Db {
    /// The windows begun after that time, those with the most failures first.
    pub async fn login_failures(&self, begun_after: i64) -> Result<Vec<LoginFailures>> {
        self.fetch_all(&COUNTS, &[Arg::Int(begun_after)], |row| {
            let (subject, failures) = (row.get(0)?, row.get(1)?);
            Ok(LoginFailures { subject, failures, window_start: row.get(2)? })
        })
        .await
    }

    /// Adds failures to the window of a subject.
    pub async fn add_login_failures(&self, subject: &str, window: &LoginFailures) -> Result<()> {
        let args = [Arg::Text(subject), Arg::Int(window.window_start), Arg::Int(window.failures)];
        self.execute(&ADD, &args).await.map(drop)
    }

    /// Forgets the failures of a subject.
    pub async fn clear_login_failures(&self, subject: &str) -> Result<()> {
        self.execute(&CLEAR, &[Arg::Text(subject)]).await.map(drop)
    }

    /// Removes windows begun up to the first of these times, or after the second, which lies ahead.
    pub async fn delete_old_login_failures(&self, begun: i64, ahead: i64) -> Result<u64> {
        self.execute(&DELETE_OLD, &[Arg::Int(begun), Arg::Int(ahead)]).await
    }
}
