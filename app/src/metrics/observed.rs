//! What is measured of every request and every statement, with the instruments at hand.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::label_sets::LabelSets;
use super::{
    DB_OPERATION_DURATION, HTTP_ACTIVE_REQUESTS, HTTP_DB_QUERIES, HTTP_REQUEST_DURATION,
    HTTP_RESPONSES, Surface,
};

/// Statements and kinds of error; each is so many series as it has buckets, and three.
const STATEMENT_SETS: usize = 100;

/// What the HTTP layer knows about a finished request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Where it came in.
    pub surface: Surface,
    /// From the closed set of methods, or `_OTHER`.
    pub method: &'static str,
    /// The matched template, or `unmatched`.
    pub route: &'a str,
    /// Three digits.
    pub status: u16,
    /// From first byte to end.
    pub duration: Duration,
    /// SQL statements it ran.
    pub statements: u64,
}

/// Surface, method and status.
type RequestLabels = (Surface, &'static str, u16);

/// The instruments of requests.
pub struct RequestMetrics {
    requests: LabelSets<RequestLabels, (Histogram, Counter)>,
    surfaces: [(Gauge, Histogram); 3],
}

impl RequestMetrics {
    /// With at most so many label sets of requests.
    pub fn new(label_sets: usize) -> Self {
        let surfaces = Surface::ALL.map(|surface| {
            let surface = surface.label();
            let active = gauge!(HTTP_ACTIVE_REQUESTS.name, "surface" => surface);
            (active, histogram!(HTTP_DB_QUERIES.name, "surface" => surface))
        });
        Self { requests: LabelSets::new(HTTP_REQUEST_DURATION.name, label_sets), surfaces }
    }

    /// A request began.
    pub fn began(&self, surface: Surface) {
        self.surfaces[surface as usize].0.increment(1);
    }

    /// A request ended.
    pub fn ended(&self, request: &Request<'_>) {
        let Request { surface, method, route, status, duration, statements } = *request;
        let (active, queries) = &self.surfaces[surface as usize];
        active.decrement(1);
        #[expect(clippy::cast_precision_loss, reason = "a statement count is far below 2^52")]
        queries.record(statements as f64);
        let labels = (surface, method, status);
        let folded = (surface, "_OTHER", status);
        let (durations, responses) = self.requests.get(route, labels, folded, register_request);
        durations.record(duration);
        responses.increment(1);
    }
}

fn register_request(route: &str, labels: RequestLabels) -> (Histogram, Counter) {
    let (surface, method, status) = (labels.0.label(), labels.1, labels.2.to_string());
    let responses = counter!(HTTP_RESPONSES.name, "surface" => surface, "status" => status.clone());
    let durations = histogram!(HTTP_REQUEST_DURATION.name,
        "surface" => surface,
        "http_request_method" => method,
        "http_route" => route.to_owned(),
        "http_response_status_code" => status);
    (durations, responses)
}

/// The instruments of statements.
pub struct StatementMetrics {
    system: &'static str,
    statements: LabelSets<&'static str, Histogram>,
}

impl StatementMetrics {
    /// Of a database system, as OpenTelemetry spells it.
    pub fn new(system: &'static str) -> Self {
        let statements = LabelSets::new(DB_OPERATION_DURATION.name, STATEMENT_SETS);
        Self { system, statements }
    }

    /// A statement ended; `error_type` is empty when it succeeded.
    pub fn ended(&self, statement: &'static str, error_type: &'static str, duration: Duration) {
        let register = |name: &str, error_type: &'static str| {
            histogram!(DB_OPERATION_DURATION.name, "db_system_name" => self.system,
                "db_query_summary" => name.to_owned(), "error_type" => error_type)
        };
        self.statements.get(statement, error_type, error_type, register).record(duration);
    }
}

impl std::fmt::Debug for StatementMetrics {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("StatementMetrics").finish_non_exhaustive()
    }
}
