//! One span, one log record and one set of metrics for every request, whatever becomes of it: answered,
//! refused, panicked, or given up by the client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Frame;
use tracing::{Instrument, Span, field};

use super::client::Client;
use super::kept_headers::KeptHeaders;
use super::panics;
use super::request_body::ClientWait;
use super::request_id::RequestId;
use crate::error::ErrorType;
use crate::metrics::{self, Outcome, RequestMetrics, Surface};
use crate::request_profile::{ProfileTotals, RequestProfile, RunningStage};
use crate::state::AppState;

/// The template a request matched. The API's is the same wherever it is mounted.
fn route(surface: Surface, matched: Option<&MatchedPath>) -> String {
    let Some(path) = matched.map(MatchedPath::as_str) else {
        return metrics::UNMATCHED.to_owned();
    };
    let mounted = ["/api", "/sim"].iter().find_map(|mount| path.strip_prefix(mount));
    match (surface, mounted) {
        (Surface::Api, Some(route)) => route.to_owned(),
        _ => path.to_owned(),
    }
}

/// Of the other requests one in so many is kept with its statements.
const SAMPLE: u64 = 64;

/// The layer that observes a request. The handlers below find [`RequestId`] and [`Surface`] on it.
pub async fn observe(
    State((state, surface)): State<(AppState, Surface)>,
    Extension(client): Extension<Client>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::from_headers(request.headers(), client.proxied, state.clock.now());
    let requests = Arc::clone(&state.requests);
    let record = RequestRecord::start(requests, surface, &request, &id, client);
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(surface);

    let profile = Arc::clone(&record.profile);
    let request = record.client_wait.observe(request);
    // A last resort: what panics here is a layer, not a handler.
    let handled = panics::or_internal(profile.scope(next.run(request)));
    let mut response = handled.instrument(record.span.clone()).await;
    id.write(response.headers_mut());
    let status = response.status();
    if status.is_server_error() || surface == Surface::Ops {
        state.durable.wait_synced().await;
    }
    let error_type = response.extensions().get().map(|kind: &ErrorType| kind.0);
    let mut record = record.answered(status, error_type);
    // Dropped with the body, at its end or when nobody reads it any more, the record is written.
    response.map(|body| Body::new(body.inspect_frame(move |frame| record.sends(frame))))
}

/// What is known of a request so far; dropped at its end, it writes the record.
struct RequestRecord {
    requests: Arc<RequestMetrics>,
    surface: Surface,
    method: &'static str,
    route: String,
    path: String,
    headers: KeptHeaders,
    started: Instant,
    span: Span,
    profile: Arc<RequestProfile>,
    client_wait: ClientWait,
    status: Option<StatusCode>,
    /// Why it did not get what it asked for.
    error_type: Option<&'static str>,
    sending: Option<RunningStage>,
    sent: u64,
}

impl RequestRecord {
    fn start(
        requests: Arc<RequestMetrics>,
        surface: Surface,
        request: &Request,
        id: &RequestId,
        client: Client,
    ) -> Self {
        let method = method_label(request.method());
        let route = route(surface, request.extensions().get());
        let path = request.uri().path().to_owned();
        let span = tracing::info_span!(
            "http.server.request",
            http.request.id = id.id,
            trace.id = id.trace,
            span.id = id.span,
            http.request.method = method,
            http.route = route,
            url.path = path,
            client.address = %client.address,
            surface = surface.label(),
            user.name = field::Empty,
        );
        requests.began(surface);
        let (started, profile) = (Instant::now(), Arc::default());
        let headers = KeptHeaders::of(request.headers());
        Self {
            requests,
            surface,
            method,
            route,
            path,
            headers,
            started,
            span,
            profile,
            client_wait: ClientWait::default(),
            status: None,
            error_type: None,
            sending: None,
            sent: 0,
        }
    }

    fn answered(mut self, status: StatusCode, error_type: Option<&'static str>) -> Self {
        (self.status, self.error_type) = (Some(status), error_type);
        self.sending = Some(self.profile.stage("send"));
        self
    }

    fn sends(&mut self, frame: &Frame<Bytes>) {
        self.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
    }

    /// What became of it. An answer that its client did not wait for is a failure if the service was late
    /// or had failed by then; the client's own delay in sending the request is none of the service's.
    fn outcome(&self, duration: Duration) -> Outcome {
        if let Some(status) = self.status {
            return Outcome::of(status.as_u16());
        }
        let service_time = duration.saturating_sub(self.client_wait.total());
        let is_abandoned = self.profile.client_left(service_time);
        if is_abandoned { Outcome::Abandoned } else { Outcome::Ok }
    }

    fn log(&self, status: u16, outcome: Outcome, duration_us: u64, database: &ProfileTotals) {
        let is_abandoned = outcome == Outcome::Abandoned;
        let error_type = if is_abandoned { Some(outcome.label()) } else { self.error_type };
        let cause = is_abandoned.then(|| self.profile.cause());
        macro_rules! record {
            ($level:ident) => {
                tracing::$level!(
                    http.response.status_code = status,
                    http.response.body.bytes = self.sent,
                    error.type = error_type,
                    error.message = cause,
                    duration_us,
                    db.count = database.statements,
                    db.duration_us = database.micros,
                    db.repeats = database.repeats,
                    "{} {} {status}",
                    self.method,
                    self.path
                )
            };
        }
        // Probes, scrapes and what operators look at come every few seconds; while they succeed they
        // would only hide what the panel is opened for. What operators do has audit records.
        let is_look = self.surface == Surface::Ops && matches!(self.method, "GET" | "HEAD");
        match status {
            _ if outcome != Outcome::Ok => record!(warn),
            ..400 if is_look => record!(debug),
            _ => record!(info),
        }
    }

    /// Whether headers and statements of this request are kept: of all that failed, were slow or
    /// repeat themselves, and of a sample of the others. What the panel itself asks is not of interest.
    fn is_kept(&self, outcome: Outcome, duration: Duration) -> bool {
        static OTHERS: AtomicU64 = AtomicU64::new(1);
        if self.surface == Surface::Ops {
            return false;
        }
        let is_notable = outcome != Outcome::Ok || self.profile.is_notable(duration);
        is_notable || OTHERS.fetch_add(1, Ordering::Relaxed).is_multiple_of(SAMPLE)
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        drop(self.sending.take());
        // First, so that a statement that still runs has not taken longer than its request.
        let database = self.profile.totals();
        let duration = self.started.elapsed();
        // 499 is nginx's number for a client that did not wait.
        let status = self.status.map_or(499, |status| status.as_u16());
        let outcome = self.outcome(duration);
        self.requests.ended(&metrics::Request {
            surface: self.surface,
            method: self.method,
            route: &self.route,
            status,
            outcome,
            duration,
            statements: database.statements,
        });
        let span = self.span.clone();
        let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        span.in_scope(|| {
            if self.is_kept(outcome, duration) {
                self.headers.log();
                self.profile.log();
            }
            self.log(status, outcome, duration_us, &database);
        });
    }
}

fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => metrics::OTHER_METHOD,
    }
}
