//! Claims of scheduled jobs, so that one of several replicas runs each tick and never two at once, and
//! how the last runs ended.

use super::executor::{Arg, Statement};
use super::{Db, Result};

/// `$3` is now, `$4` the end of the lease. What lies further ahead than one period, or than two leases, was noted
/// by a clock that was ahead, and binds nobody.
const CLAIM: Statement = Statement::write(
    "jobs.claim",
    "INSERT INTO jobs (name, claimed_tick, lease_until) VALUES ($1, $2, $4)
     ON CONFLICT (name) DO UPDATE SET claimed_tick = excluded.claimed_tick,
         lease_until = excluded.lease_until
     WHERE (jobs.claimed_tick < excluded.claimed_tick
            OR jobs.claimed_tick > excluded.claimed_tick + 1)
         AND (jobs.lease_until <= $3 OR jobs.lease_until > $4 + ($4 - $3))",
);
/// By hand: the tick that comes next is still to be run.
const TAKE: Statement = Statement::write(
    "jobs.take",
    "INSERT INTO jobs (name, claimed_tick, lease_until) VALUES ($1, $2 - 1, $4)
     ON CONFLICT (name) DO UPDATE SET lease_until = excluded.lease_until
     WHERE jobs.lease_until <= $3 OR jobs.lease_until > $4 + ($4 - $3)",
);
const RENEW: Statement =
    Statement::write("jobs.renew", "UPDATE jobs SET lease_until = $2 WHERE name = $1");
const FINISH: Statement = Statement::write(
    "jobs.finish",
    "UPDATE jobs SET lease_until = 0, ended_at = $2, outcome = $3, said = $4,
         failed_at = CASE WHEN $3 = 'failure' THEN $2 ELSE failed_at END
     WHERE name = $1",
);
const LAST_CLAIM: Statement =
    Statement::read("jobs.last_claim", "SELECT claimed_tick FROM jobs WHERE name = $1");
/// Lists the state of all jobs.
const LIST: Statement = Statement::read(
    "jobs.list",
    "SELECT name, lease_until, ended_at, outcome, said, failed_at FROM jobs",
);

pub(super) const STATEMENTS: &[Statement] = &[CLAIM, TAKE, RENEW, FINISH, LAST_CLAIM, LIST];

/// What all replicas know of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobRun {
    /// Which job.
    pub name: String,
    /// Whoever runs it holds it until then, in microseconds; 0 when nobody does.
    pub lease_until: i64,
    /// When the last run ended, in microseconds.
    pub ended_at: Option<i64>,
    /// Outcome: `success`, `skipped` or `failure`.
    pub outcome: Option<String>,
    /// What it said.
    pub said: Option<String>,
    /// When a run failed last, in microseconds.
    pub failed_at: Option<i64>,
}

/// A time and the end of a lease that begins with it, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// Current time, in microseconds since the Unix epoch.
    pub from: i64,
    /// When it ends unless it is renewed.
    pub until: i64,
}

impl Db {
    /// Whether the caller is the one to run the tick: the first who asks for it, or for a later one,
    /// while nobody holds the job.
    pub async fn claim_job(&self, name: &str, tick: i64, lease: Lease) -> Result<bool> {
        self.lease_job(&CLAIM, name, tick, lease).await
    }

    /// Whether the caller may run the job besides its ticks: nobody holds it.
    pub async fn take_job(&self, name: &str, tick: i64, lease: Lease) -> Result<bool> {
        self.lease_job(&TAKE, name, tick, lease).await
    }

    async fn lease_job(
        &self,
        statement: &Statement,
        name: &str,
        tick: i64,
        lease: Lease,
    ) -> Result<bool> {
        let args = [Arg::Text(name), Arg::Int(tick), Arg::Int(lease.from), Arg::Int(lease.until)];
        Ok(self.execute(statement, &args).await? > 0)
    }

    /// Extends the lease of a job.
    pub async fn renew_job(&self, name: &str, until: i64) -> Result<()> {
        self.execute(&RENEW, &[Arg::Text(name), Arg::Int(until)]).await.map(drop)
    }

    /// Releases a job and records the outcome of its run.
    pub async fn finish_job(&self, name: &str, at: i64, outcome: &str, said: &str) -> Result<()> {
        let args = [Arg::Text(name), Arg::Int(at), Arg::Text(outcome), Arg::Text(said)];
        self.execute(&FINISH, &args).await.map(drop)
    }

    /// The last tick that anybody ran; `None` when the job never did.
    pub async fn last_claim(&self, name: &str) -> Result<Option<i64>> {
        self.fetch_optional(&LAST_CLAIM, &[Arg::Text(name)], |row| row.get(0)).await
    }

    /// Every job that any replica ever ran, in no order.
    pub async fn job_runs(&self) -> Result<Vec<JobRun>> {
        self.fetch_all(&LIST, &[], |row| {
            Ok(JobRun {
                name: row.get(0)?,
                lease_until: row.get(1)?,
                ended_at: row.get(2)?,
                outcome: row.get(3)?,
                said: row.get(4)?,
                failed_at: row.get(5)?,
            })
        })
        .await
    }
}
