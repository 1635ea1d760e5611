//! The operator of the panel. The host owns accounts, passwords and sessions; its guard tells the
//! panel who is signed in.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::theme::Theme;
use crate::context::error::PanelError;
use crate::host::Role;

/// An operator that the guard accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Name shown on the page and in audit records.
    pub name: String,
    /// Role of the operator.
    pub role: Role,
    /// Color theme from the operator's cookie.
    pub(crate) theme: Theme,
}

impl Operator {
    /// Creates an operator with a name and a role.
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Self { name: name.into(), role, theme: Theme::Auto }
    }

    /// Whether the role allows changes.
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
