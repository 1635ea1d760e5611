//! Reading a JSON body, whatever its content type, with every failure in the contract's shape.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::body;
use crate::error::AppError;

/// A parsed body.
pub struct Json<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, _: &S) -> Result<Self, AppError> {
        let bytes = body::read(request.into_body()).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            AppError::Invalid(format!("The body is not the expected JSON: {error}"))
        })
    }
}
