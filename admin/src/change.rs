//! What a request that changes something has to bring, read in one place: an operator whose role allows
//! it, and a form of bounded size. That it does not come from another site is `protect`'s business.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};

use crate::error::PanelError;
use crate::operator::Operator;
use crate::panel::Panel;
use crate::params::Params;

/// The longest form, in bytes: a query text of 2,048 characters, escaped, with room for the rest.
const LONGEST: usize = 32 * 1024;

/// A form that an operator sent.
pub struct Change {
    /// Who; goes into the audit record.
    pub by: String,
    /// The form.
    pub form: Params,
}

impl FromRequest<Arc<Panel>> for Change {
    type Rejection = PanelError;

    async fn from_request(request: Request, panel: &Arc<Panel>) -> Result<Self, PanelError> {
        let (mut parts, body) = request.into_parts();
        let operator = Operator::from_request_parts(&mut parts, panel).await?;
        if !operator.may_change() {
            return Err(PanelError::Forbidden);
        }
        let too_long = |_| PanelError::Invalid("The form is too long or broke off.".to_owned());
        let bytes = to_bytes(body, LONGEST).await.map_err(too_long)?;
        let form = Params::parse(&String::from_utf8_lossy(&bytes));
        Ok(Self { by: operator.name, form })
    }
}
