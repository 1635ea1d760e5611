//! Who uses the panel. Accounts, passwords and sessions are the host's; the panel is told who it is.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::theme::Theme;
use crate::context::error::PanelError;
use crate::host::Role;

/// Somebody the guard let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// For the page and for audit records.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// How they want to see it.
    pub(crate) theme: Theme,
}

impl Operator {
    /// Somebody with a name and a role.
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Self { name: name.into(), role, theme: Theme::Auto }
    }

    /// Whether they may change things.
    pub fn may_change(&self) -> bool {
        self.role == Role::Operator
    }
}

/// In the extensions of a request that was let in before and whose answer goes on, when the guard is asked
/// about it again: nobody did anything since, so it is no use of a session.
#[derive(Clone, Copy, Debug)]
pub struct SessionValid;

impl<S: Sync> FromRequestParts<S> for Operator {
    type Rejection = PanelError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, PanelError> {
        // The guard has put it there; without one nothing is shown.
        parts.extensions.get::<Self>().cloned().ok_or(PanelError::Forbidden)
    }
}
