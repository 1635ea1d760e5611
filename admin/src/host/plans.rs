//! Query plans of the host's SQL statements.

use async_trait::async_trait;

use super::HostError;

/// Plans of statements. Texts come from log records, which anybody may have written: a host looks them up
/// among its own statements and never hands them to a database.
#[async_trait]
pub trait Plans: Send + Sync + 'static {
    /// The lines of the plan, indented as they lie in each other; `None` when the host has no such
    /// statement. Nothing is run.
    async fn plan(&self, sql: &str) -> Result<Option<Vec<String>>, HostError>;
}
