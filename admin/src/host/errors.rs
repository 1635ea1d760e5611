//! Which errors are resolved, shared by all operators.

use async_trait::async_trait;

use super::HostError;

/// A resolved error, which may have reoccurred since. Times are microseconds since the Unix epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorState {
    /// Fingerprint of source location and masked error chain, 16 hexadecimal digits.
    pub fingerprint: String,
    /// Source location.
    pub place: String,
    /// Message of one occurrence.
    pub sample: String,
    /// First known occurrence when it was resolved.
    pub first_seen: i64,
    /// Last known occurrence when it was resolved.
    pub last_seen: i64,
    /// When it was resolved.
    pub resolved_at: i64,
    /// Operator who resolved it.
    pub resolved_by: String,
    /// Version of the service in which it was resolved.
    pub resolved_version: String,
    /// Time and version of the first occurrence after that.
    pub reopened: Option<(i64, String)>,
}

/// Store of resolved errors. An error without a state is open.
#[async_trait]
pub trait ErrorStates: Send + Sync + 'static {
    /// Lists all states; the host limits their number.
    async fn list(&self) -> Result<Vec<ErrorState>, HostError>;

    /// Resolves an error, also one that reoccurred.
    async fn resolve(&self, state: &ErrorState) -> Result<(), HostError>;

    /// Records that a resolved error reoccurred, unless already recorded.
    async fn seen_again(&self, fingerprint: &str, at: i64, version: &str) -> Result<(), HostError>;

    /// Reopens an error; `false` if it was not resolved.
    async fn reopen(&self, fingerprint: &str) -> Result<bool, HostError>;
}
