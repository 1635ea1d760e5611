//! What Prometheus reads.

use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;

use crate::exposition::{Exposition, course};

/// `GET /metrics`.
pub async fn get(State(exposition): State<Exposition>) -> impl IntoResponse {
    ([(CONTENT_TYPE, TEXT)], exposition.render().await)
}

/// `GET /metrics/course`: the names that dashboards of the course ask for.
pub async fn course(State(exposition): State<Exposition>) -> impl IntoResponse {
    ([(CONTENT_TYPE, TEXT)], course::names(&exposition.render().await))
}

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
