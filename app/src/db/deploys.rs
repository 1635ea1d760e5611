//! Which version began to run when. The rows form a chain, each naming the one it follows: of replicas
//! that start together one can add the next.

use super::executor::{Arg, Statement};
use super::row::Row;
use super::{Db, Error, Result};

/// Adds a row unless the last one is of this version and revision, or another process was first.
const START: Statement = Statement::write(
    "deploys.start",
    "INSERT INTO deploys (version, revision, note, how, deployed_at, follows)
     SELECT $1, $2, '', 'start', $3, COALESCE((SELECT MAX(id) FROM deploys), 0)
     WHERE NOT EXISTS (SELECT 1 FROM deploys WHERE id = (SELECT MAX(id) FROM deploys)
        AND version = $1 AND revision = $2)
     ON CONFLICT (follows) DO NOTHING",
);
const MARK: Statement = Statement::write(
    "deploys.mark",
    "INSERT INTO deploys (version, revision, note, how, deployed_at, follows)
     SELECT $1, $2, $3, 'command', $4, COALESCE((SELECT MAX(id) FROM deploys), 0) WHERE TRUE
     ON CONFLICT (follows) DO NOTHING",
);
const LATEST: Statement = Statement::read(
    "deploys.latest",
    "SELECT version, revision, note, how, deployed_at FROM deploys
     WHERE id = (SELECT MAX(id) FROM deploys)",
);
const BETWEEN: Statement = Statement::read(
    "deploys.between",
    "SELECT version, revision, note, how, deployed_at FROM deploys
     WHERE deployed_at >= $1 AND deployed_at < $2 ORDER BY deployed_at DESC, id DESC LIMIT $3",
);
const DELETE_OLD: Statement = Statement::write(
    "deploys.delete_old",
    "DELETE FROM deploys WHERE id <= (SELECT MAX(id) FROM deploys) - $1",
);

pub(super) const STATEMENTS: &[Statement] = &[START, MARK, LATEST, BETWEEN, DELETE_OLD];

/// Approximate number of rows to keep; ids may have gaps.
const KEEP: i64 = 1_000;
/// Whoever comes second tries again; more often would be somebody else's defect.
const TRIES: usize = 8;

/// A deployment of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deploy {
    /// Version of the program.
    pub version: String,
    /// Source revision.
    pub revision: String,
    /// What somebody said about it.
    pub note: String,
    /// `start` or `command`.
    pub how: String,
    /// When, in microseconds.
    pub at: i64,
}

impl Db {
    /// Notes that a process of this version started; whether that is a deployment: the last one was of
    /// another version or revision.
    pub async fn started_version(&self, version: &str, revision: &str, now: i64) -> Result<bool> {
        let args = [Arg::Text(version), Arg::Text(revision), Arg::Int(now)];
        for _ in 0..TRIES {
            if self.execute(&START, &args).await? > 0 {
                self.trim_deploys().await?;
                return Ok(true);
            }
            // Nothing to add, or a replica added one meanwhile: of this version, or of another.
            let latest = self.latest_deploy().await?;
            if latest.is_some_and(|last| last.version == version && last.revision == revision) {
                return Ok(false);
            }
        }
        Err(Error::Taken("deploys.follows".to_owned()))
    }

    /// Records a deployment reported by an operator.
    pub async fn mark_deploy(
        &self,
        version: &str,
        revision: &str,
        note: &str,
        now: i64,
    ) -> Result<()> {
        let args = [Arg::Text(version), Arg::Text(revision), Arg::Text(note), Arg::Int(now)];
        for _ in 0..TRIES {
            if self.execute(&MARK, &args).await? > 0 {
                return self.trim_deploys().await;
            }
        }
        Err(Error::Taken("deploys.follows".to_owned()))
    }

    async fn trim_deploys(&self) -> Result<()> {
        self.execute(&DELETE_OLD, &[Arg::Int(KEEP)]).await.map(drop)
    }

    /// The last deployment.
    pub async fn latest_deploy(&self) -> Result<Option<Deploy>> {
        self.fetch_optional(&LATEST, &[], read).await
    }

    /// Deployments from a time on and before another, the newest first, at most so many.
    pub async fn deploys_between(&self, from: i64, to: i64, limit: i64) -> Result<Vec<Deploy>> {
        self.fetch_all(&BETWEEN, &[Arg::Int(from), Arg::Int(to), Arg::Int(limit)], read).await
    }
}

fn read(row: &Row) -> sqlx::Result<Deploy> {
    Ok(Deploy {
        version: row.get(0)?,
        revision: row.get(1)?,
        note: row.get(2)?,
        how: row.get(3)?,
        at: row.get(4)?,
    })
}
