//! Resolved errors for the panel.

use admin::{ErrorState, HostError};
use async_trait::async_trait;

use crate::db::{self, Db};

/// Stores error states in the database for the panel.
pub struct PanelErrors(pub Db);

#[async_trait]
impl admin::ErrorStates for PanelErrors {
    async fn list(&self) -> Result<Vec<ErrorState>, HostError> {
        let states = self.0.error_states().await?;
        let state = |state: db::ErrorState| ErrorState {
            fingerprint: state.fingerprint,
            place: state.place,
            sample: state.sample,
            first_seen: state.seen.0,
            last_seen: state.seen.1,
            resolved_at: state.resolved_at,
            resolved_by: state.resolved_by,
            resolved_version: state.resolved_version,
            reopened: state.reopened,
        };
        Ok(states.into_iter().map(state).collect())
    }

    async fn resolve(&self, state: &ErrorState) -> Result<(), HostError> {
        let state = db::ErrorState {
            fingerprint: state.fingerprint.clone(),
            place: state.place.clone(),
            sample: state.sample.clone(),
            seen: (state.first_seen, state.last_seen),
            resolved_at: state.resolved_at,
            resolved_by: state.resolved_by.clone(),
            resolved_version: state.resolved_version.clone(),
            reopened: None,
        };
        Ok(self.0.resolve_error(&state).await?)
    }

    async fn seen_again(&self, fingerprint: &str, at: i64, version: &str) -> Result<(), HostError> {
        Ok(self.0.error_seen_again(fingerprint, at, version).await?)
    }

    async fn reopen(&self, fingerprint: &str) -> Result<bool, HostError> {
        Ok(self.0.reopen_error(fingerprint).await?)
    }
}
