//! Extractors for requests that change something: an operator whose role allows it, or who owns the
//! resource, and a form of bounded size. `same_site` rejects cross-site requests before.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;

use super::operator::Operator;
use crate::context::error::PanelError;
use crate::context::params::Params;

/// Maximum size of a form in bytes: an escaped query of 2,048 characters and room for the rest.
const MAX_FORM: usize = 32 * 1024;

/// A form sent by any operator, whatever the role. It may only change what belongs to the sender.
pub struct OwnForm {
    /// The operator who sent the form.
    pub operator: Operator,
    /// The request head, passed to the host.
    pub head: Parts,
    /// The parsed form parameters.
    pub form: Params,
}

impl OwnForm {
    /// Allows operators to change anything, and viewers only what belongs to them. Returns
    /// `Forbidden` otherwise.
    pub fn of(&self, owner: &str) -> Result<(), PanelError> {
        let may = self.operator.may_change() || self.operator.name == owner;
        if may { Ok(()) } else { Err(PanelError::Forbidden) }
    }
}

impl<S: Send + Sync> FromRequest<S> for OwnForm {
    type Rejection = PanelError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PanelError> {
        let (mut head, body) = request.into_parts();
        let operator = Operator::from_request_parts(&mut head, state).await?;
        let form = read(body).await?;
        Ok(Self { operator, head, form })
    }
}

/// A form sent by somebody with the role operator.
pub struct OperatorForm {
    /// Name of the operator, for the audit record.
    pub by: String,
    /// The parsed form parameters.
    pub form: Params,
}

impl<S: Send + Sync> FromRequest<S> for OperatorForm {
    type Rejection = PanelError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PanelError> {
        let (mut parts, body) = request.into_parts();
        let operator = Operator::from_request_parts(&mut parts, state).await?;
        if !operator.may_change() {
            return Err(PanelError::Forbidden);
        }
        Ok(Self { by: operator.name, form: read(body).await? })
    }
}

async fn read(body: Body) -> Result<Params, PanelError> {
    // One that broke off fails, too, but nobody is there to be told.
    let bytes = to_bytes(body, MAX_FORM).await.map_err(|_| PanelError::TooLarge)?;
    Ok(Params::parse(&String::from_utf8_lossy(&bytes)))
}
