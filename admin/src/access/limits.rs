//! The limits of what one operator may have under way, as a layer behind the guard.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;

use super::operator::Operator;
use crate::context::error::PanelError;
use crate::context::panel::Panel;
use crate::context::turns::Turn;

/// Paths whose answers ask for no store, and the live tail, which takes its turn itself.
const FREE: [&str; 3] = ["/assets/", "/logs/tail", "/session"];

/// Lets a page or a download wait for its turn, which lasts until its body is read. Changes have no
/// limit.
pub async fn take_turn(State(panel): State<Arc<Panel>>, request: Request, next: Next) -> Response {
    let operator = request.extensions().get::<Operator>();
    let (Some(operator), Some(turn)) = (operator, turn_of(&panel, &request)) else {
        return next.run(request).await;
    };
    match panel.turns.take(turn, &operator.name).await {
        Some(permit) => {
            let response = next.run(request).await;
            response.map(|body| {
                Body::new(body.inspect_frame(move |_| {
                    let _kept = &permit;
                }))
            })
        }
        None if turn == Turn::Export => {
            PanelError::TooMany("downloads are running").into_response()
        }
        None => PanelError::TooMany("of your pages are loading").into_response(),
    }
}

fn turn_of(panel: &Panel, request: &Request) -> Option<Turn> {
    let is_at = |start| request.uri().path().starts_with(&panel.links.path(start));
    if request.method() != Method::GET || FREE.into_iter().any(is_at) {
        return None;
    }
    Some(if is_at("/logs/export.") { Turn::Export } else { Turn::Page })
}
