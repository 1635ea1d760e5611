//! Plans of statements for the panel.

use admin::HostError;
use async_trait::async_trait;

use crate::db::Db;

/// Query plans of the service's statements for the panel.
pub struct PanelPlans(pub Db);

#[async_trait]
impl admin::Plans for PanelPlans {
    async fn plan(&self, sql: &str) -> Result<Option<Vec<String>>, HostError> {
        Ok(self.0.plan(sql).await?)
    }
}
