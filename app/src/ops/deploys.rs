//! The deployments that the panel shows, from the database.

use admin::{Deploy, Deploys, HostError};
use logsearch::store::TimeRange;

use crate::db::{self, Db};

/// The deployments of this service.
pub struct HostDeploys {
    /// Where they are.
    pub db: Db,
}

fn shown(deploy: db::Deploy) -> Deploy {
    let db::Deploy { version, revision, note, at, .. } = deploy;
    Deploy { at, version, revision, note }
}

#[async_trait::async_trait]
impl Deploys for HostDeploys {
    async fn between(&self, range: TimeRange, most: usize) -> Result<Vec<Deploy>, HostError> {
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        let deploys = self.db.deploys_between(range.from, range.to, limit).await?;
        Ok(deploys.into_iter().map(shown).collect())
    }

    async fn latest(&self) -> Result<Option<Deploy>, HostError> {
        Ok(self.db.latest_deploy().await?.map(shown))
    }
}
