//! Reading a form, with every failure in our own words.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::body;
use crate::error::AppError;

/// The fields of a form. A missing one is what the type says, usually empty.
pub struct Form<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, _: &S) -> Result<Self, AppError> {
        let bytes = body::read(request.into_body()).await?;
        serde_urlencoded::from_bytes(&bytes)
            .map(Self)
            .map_err(|_| AppError::Invalid("The form is incomplete or malformed".to_owned()))
    }
}
