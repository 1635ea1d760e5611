//! Reading a JSON body, whatever its content type, with every failure in the contract's shape.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::body;
use crate::error::AppError;

/// A parsed object. Of a repeated name the last value counts.
pub struct Json<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, _: &S) -> Result<Self, AppError> {
        let bytes = body::read(request.into_body()).await?;
        // As a map first: a derived reader would also take an array, field by field.
        serde_json::from_slice::<Map<String, Value>>(&bytes)
            .and_then(|object| serde_json::from_value(Value::Object(object)))
            .map(Self)
            .map_err(|error| {
                AppError::Invalid(format!(
                    "The request body is not valid JSON for this endpoint: {error}"
                ))
            })
    }
}
