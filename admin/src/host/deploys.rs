//! The deployments of the host: when which version began to run.

use async_trait::async_trait;
use logsearch::store::TimeRange;

use super::HostError;

/// A version that began to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deploy {
    /// When, in microseconds since the Unix epoch.
    pub at: i64,
    /// As the host numbers it: `1.4.2`.
    pub version: String,
    /// The revision of its source; may be empty.
    pub revision: String,
    /// What somebody wanted to say about it; may be empty.
    pub note: String,
}

impl Deploy {
    /// Version and revision, as far as they are known: `1.4.2 (1a2b3c)`.
    pub fn label(&self) -> String {
        match (self.version.as_str(), self.revision.as_str()) {
            (version, "") => version.to_owned(),
            ("", revision) => revision.to_owned(),
            (version, revision) => format!("{version} ({revision})"),
        }
    }
}

/// The deployments of the host.
#[async_trait]
pub trait Deploys: Send + Sync + 'static {
    /// Those of the range, the newest first, at most so many.
    async fn between(&self, range: TimeRange, limit: usize) -> Result<Vec<Deploy>, HostError>;

    /// The last one.
    async fn latest(&self) -> Result<Option<Deploy>, HostError>;
}
