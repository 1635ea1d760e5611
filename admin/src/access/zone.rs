//! The time zone of pages: UTC, until the operator chooses another one, which is stored in a cookie by its
//! IANA name. Only the browser knows where it is, so that its script offers the zone.

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt;
use futures_util::stream::poll_fn;
use jiff::tz::TimeZone;

use super::theme::cookie;
use crate::format::zone;

/// The name of the cookie, and of the field in the form that sets it.
pub const NAME: &str = "zone";

/// Reads the zone from the request's cookies; UTC if there is none of that name.
fn of(headers: &HeaderMap) -> TimeZone {
    cookie(headers, NAME).and_then(zone::find).unwrap_or(TimeZone::UTC)
}

/// Answers in the zone of the request.
pub async fn zoned(request: Request, next: Next) -> Response {
    let zone = of(request.headers());
    if zone == TimeZone::UTC {
        return next.run(request).await;
    }
    let response = zone::scope(zone.clone(), next.run(request)).await;
    // What is whole has been made by now; parts that follow are made when they are asked for.
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    response.map(|body| {
        let mut parts = body.into_data_stream();
        Body::from_stream(poll_fn(move |context| {
            zone::within(zone.clone(), || parts.poll_next_unpin(context))
        }))
    })
}
