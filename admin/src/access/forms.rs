//! What a request that changes something has to bring, read in one place: somebody whose role allows it,
//! or whose own it is, and a form of bounded size. That it does not come from another site is `protect`'s business.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;

use super::operator::Operator;
use crate::context::error::PanelError;
use crate::context::panel::Panel;
use crate::context::params::Params;

/// The longest form, in bytes: a query text of 2,048 characters, escaped, with room for the rest.
const MAX_FORM: usize = 32 * 1024;

/// A form that anybody the guard let in sent. What it changes has to be their own.
pub struct OwnForm {
    /// Who.
    pub operator: Operator,
    /// The head of the request, for the host.
    pub head: Parts,
    /// The form.
    pub form: Params,
}

impl OwnForm {
    /// Lets operators change what is anybody's, and others what is theirs.
    pub fn of(&self, owner: &str) -> Result<(), PanelError> {
        let may = self.operator.may_change() || self.operator.name == owner;
        if may { Ok(()) } else { Err(PanelError::Forbidden) }
    }
}

impl FromRequest<Arc<Panel>> for OwnForm {
    type Rejection = PanelError;

    async fn from_request(request: Request, panel: &Arc<Panel>) -> Result<Self, PanelError> {
        let (mut head, body) = request.into_parts();
        let operator = Operator::from_request_parts(&mut head, panel).await?;
        let form = read(body).await?;
        Ok(Self { operator, head, form })
    }
}

/// A form that an operator sent.
pub struct OperatorForm {
    /// Who; goes into the audit record.
    pub by: String,
    /// The form.
    pub form: Params,
}

impl FromRequest<Arc<Panel>> for OperatorForm {
    type Rejection = PanelError;

    async fn from_request(request: Request, panel: &Arc<Panel>) -> Result<Self, PanelError> {
        let (mut parts, body) = request.into_parts();
        let operator = Operator::from_request_parts(&mut parts, panel).await?;
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
