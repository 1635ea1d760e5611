//! What Prometheus reads.

use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;

use crate::exposition::Exposition;

/// `GET /metrics`.
pub async fn get(State(exposition): State<Exposition>) -> impl IntoResponse {
    ([(CONTENT_TYPE, TEXT)], exposition.render().await)
}

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
