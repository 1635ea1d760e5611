//! Which errors somebody called resolved, shared by everybody who looks.

use async_trait::async_trait;

use super::HostError;

/// An error that was resolved, and may have come back since. Times are microseconds since the Unix epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorState {
    /// Of the place and the masked chain, 16 hexadecimal digits.
    pub fingerprint: String,
    /// Where in the code.
    pub place: String,
    /// What one of them said.
    pub sample: String,
    /// The first one known when it was resolved.
    pub first_seen: i64,
    /// The last one known when it was resolved.
    pub last_seen: i64,
    /// When it was resolved.
    pub resolved_at: i64,
    /// By whom.
    pub resolved_by: String,
    /// In which version of the service.
    pub resolved_version: String,
    /// When it was seen again after that, and in which version.
    pub reopened: Option<(i64, String)>,
}

/// Resolved errors. An error without a state is open.
#[async_trait]
pub trait ErrorStates: Send + Sync + 'static {
    /// All of them; the host bounds how many it keeps.
    async fn list(&self) -> Result<Vec<ErrorState>, HostError>;

    /// Resolves an error, also one that came back.
    async fn resolve(&self, state: &ErrorState) -> Result<(), HostError>;

    /// Notes that a resolved error was seen again, unless that is known.
    async fn seen_again(&self, fingerprint: &str, at: i64, version: &str) -> Result<(), HostError>;

    /// Takes the state back; `false` when there is none.
    async fn reopen(&self, fingerprint: &str) -> Result<bool, HostError>;
}
