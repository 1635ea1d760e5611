//! The host's deployments: which version started when.

use async_trait::async_trait;
use logsearch::store::TimeRange;

use super::HostError;

/// A deployment of a version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deploy {
    /// Time of the deployment, in microseconds since the Unix epoch.
    pub at: i64,
    /// Version of the host, such as `1.4.2`.
    pub version: String,
    /// Source revision; may be empty.
    pub revision: String,
    /// Note about the deployment; may be empty.
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

/// Source of the host's deployments.
#[async_trait]
pub trait Deploys: Send + Sync + 'static {
    /// Deployments in the range, newest first, at most `limit`.
    async fn between(&self, range: TimeRange, limit: usize) -> Result<Vec<Deploy>, HostError>;

    /// The latest deployment.
    async fn latest(&self) -> Result<Option<Deploy>, HostError>;
}
