//! Claims of scheduled jobs, so that one of several replicas runs each tick.

use super::executor::{Arg, Statement};
use super::{Db, Result};

const CLAIM: Statement = Statement::write(
    "jobs.claim",
    "INSERT INTO jobs (name, claimed_tick) VALUES ($1, $2)
     ON CONFLICT (name) DO UPDATE SET claimed_tick = excluded.claimed_tick
     WHERE jobs.claimed_tick < excluded.claimed_tick",
);

const LAST_CLAIM: Statement =
    Statement::read("jobs.last_claim", "SELECT claimed_tick FROM jobs WHERE name = $1");

pub(super) const STATEMENTS: &[Statement] = &[CLAIM, LAST_CLAIM];

impl Db {
    /// Whether the caller is the one to run the tick: the first who asks for it, or for a later one.
    pub async fn claim_job(&self, name: &str, tick: i64) -> Result<bool> {
        let claimed = self.execute(&CLAIM, &[Arg::Text(name), Arg::Int(tick)]).await?;
        Ok(claimed > 0)
    }

    /// The last tick that anybody ran; `None` when the job never did.
    pub async fn last_claim(&self, name: &str) -> Result<Option<i64>> {
        self.fetch_optional(&LAST_CLAIM, &[Arg::Text(name)], |row| row.get(0)).await
    }
}
