//! What is measured of every request and every statement, with the instruments at hand.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::label_sets::{LabelSets, OVERFLOW};
use super::{
    DB_OPERATION_DURATION, HTTP_ACTIVE_REQUESTS, HTTP_DB_QUERIES, HTTP_REQUEST_DURATION,
    HTTP_REQUESTS, HTTP_RESPONSES, HTTP_SLOW_REQUESTS, Surface,
};

/// Routes whose requests are counted by outcome, three series each.
const ROUTES: usize = 50;
/// The objective for the duration of a request of site or API.
const SLOW: Duration = Duration::from_millis(500);

/// Statements and kinds of error; each is so many series as it has buckets, and three.
const STATEMENT_SETS: usize = 120;

/// The route of requests that no route takes. No template is called so: they begin with `/`.
pub const UNMATCHED: &str = "<unmatched>";
/// The route under which all requests of ops are counted by outcome: no objective is about them.
pub const ANY_ROUTE: &str = "<any>";
/// The method of requests with one that is not in use.
pub const OTHER_METHOD: &str = "_OTHER";
/// No route takes another method, whatever is answered before that is found.
const TAKEN: [&str; 3] = ["GET", "HEAD", "POST"];
/// The address has a route, which does not take the method.
const METHOD_NOT_ALLOWED: u16 = 405;
/// What any route may answer besides the usual; counted by status, but too many to have buckets from the
/// start.
const REFUSALS: [u16; 10] = [400, 401, 403, 404, 405, 413, 429, 499, 500, 503];

/// The outcome of a request whose client left after the service was late or had failed, in metrics, and as
/// the type of error in logs.
pub const ABANDONED: &str = "abandoned";

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answered, or its client left a service that was on time.
    Ok,
    /// Answered with 5xx.
    Failed,
    /// Its client left after the service was late or had failed.
    Abandoned,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Ok, Self::Failed, Self::Abandoned];

    /// The outcome of a request that was answered with this status.
    pub fn of(status: u16) -> Self {
        if status < 500 { Self::Ok } else { Self::Failed }
    }

    /// The name in metrics and logs.
    pub fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Abandoned => ABANDONED,
        }
    }
}

/// What a route usually answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer {
    /// Where it is asked.
    pub surface: Surface,
    /// HTTP method of the request.
    pub method: &'static str,
    /// Route template.
    pub route: &'static str,
    /// Three digits.
    pub status: u16,
}

/// What the HTTP layer knows about a finished request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Where it came in.
    pub surface: Surface,
    /// HTTP method from a closed set, or `_OTHER`.
    pub method: &'static str,
    /// The matched template, or [`UNMATCHED`].
    pub route: &'a str,
    /// Three digits.
    pub status: u16,
    /// What became of it.
    pub outcome: Outcome,
    /// Time from the first byte of the request to the last byte of the response.
    pub duration: Duration,
    /// SQL statements it ran.
    pub statements: u64,
}

/// Surface, method and status.
type RequestLabels = (Surface, &'static str, u16);

/// The instruments of requests.
pub struct RequestMetrics {
    requests: LabelSets<RequestLabels, (Histogram, Counter)>,
    outcomes: LabelSets<Surface, [Counter; 3]>,
    surfaces: [OfSurface; 3],
}

struct OfSurface {
    active: Gauge,
    statements: Histogram,
    slow: Counter,
}

impl RequestMetrics {
    /// With at most so many label sets of requests.
    pub fn new(label_sets: usize) -> Self {
        let surfaces = Surface::ALL.map(|surface| {
            let surface = surface.label();
            let slow = counter!(HTTP_SLOW_REQUESTS.name, "surface" => surface);
            slow.absolute(0);
            OfSurface {
                active: gauge!(HTTP_ACTIVE_REQUESTS.name, "surface" => surface),
                statements: histogram!(HTTP_DB_QUERIES.name, "surface" => surface),
                slow,
            }
        });
        let requests = LabelSets::new(HTTP_REQUEST_DURATION.name, label_sets);
        Self { requests, outcomes: LabelSets::new(HTTP_REQUESTS.name, ROUTES), surfaces }
    }

    /// Zeros for the outcomes of these routes.
    pub fn expect_routes(&self, routes: &[(Surface, &str)]) {
        for (surface, route) in routes.iter().copied() {
            drop(self.outcomes_of(surface, route));
            for status in REFUSALS {
                drop(register_responses(surface, status.to_string()));
            }
        }
    }

    /// Zeros for these answers.
    pub fn expect_answers<'a>(&self, answers: impl IntoIterator<Item = &'a Answer>) {
        for Answer { surface, method, route, status } in answers.into_iter().copied() {
            drop(self.instruments(surface, method, route, status));
        }
    }

    /// Counts a started request.
    pub fn began(&self, surface: Surface) {
        self.surfaces[surface as usize].active.increment(1);
    }

    /// Records the metrics of a finished request.
    pub fn ended(&self, request: &Request<'_>) {
        let Request { surface, method, route, status, outcome, duration, statements } = *request;
        let of_surface = &self.surfaces[surface as usize];
        of_surface.active.decrement(1);
        of_surface.slow.increment(u64::from(duration > SLOW));
        #[expect(clippy::cast_precision_loss, reason = "a statement count is far below 2^52")]
        of_surface.statements.record(statements as f64);
        // Who tries all methods on all routes would use up the label sets.
        let is_taken = TAKEN.contains(&method) && status != METHOD_NOT_ALLOWED;
        let route = if is_taken { route } else { UNMATCHED };
        let (durations, responses) = self.instruments(surface, method, route, status);
        durations.record(duration);
        responses.increment(1);
        self.outcomes_of(surface, route)[outcome as usize].increment(1);
    }

    fn outcomes_of(&self, surface: Surface, route: &str) -> [Counter; 3] {
        let route = if surface == Surface::Ops { ANY_ROUTE } else { route };
        self.outcomes.get(route, surface, surface, |route, surface| {
            Outcome::ALL.map(|outcome| {
                let counter = counter!(HTTP_REQUESTS.name,
                    "surface" => surface.label(),
                    "http_route" => route.to_owned(),
                    "outcome" => outcome.label());
                counter.absolute(0);
                counter
            })
        })
    }

    fn instruments(
        &self,
        surface: Surface,
        method: &'static str,
        route: &str,
        status: u16,
    ) -> (Histogram, Counter) {
        // Of what came too late only the class of its status is known.
        let folded = (surface, OTHER_METHOD, status / 100);
        self.requests.get(route, (surface, method, status), folded, register_request)
    }
}

fn register_request(route: &str, labels: RequestLabels) -> (Histogram, Counter) {
    let (surface, method, status) = (labels.0.label(), labels.1, labels.2);
    let status = if route == OVERFLOW { format!("{status}xx") } else { status.to_string() };
    let responses = register_responses(labels.0, status.clone());
    let durations = histogram!(HTTP_REQUEST_DURATION.name,
        "surface" => surface,
        "http_request_method" => method,
        "http_route" => route.to_owned(),
        "http_response_status_code" => status);
    (durations, responses)
}

fn register_responses(surface: Surface, status: String) -> Counter {
    counter!(HTTP_RESPONSES.name, "surface" => surface.label(), "status" => status)
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

    /// Zeros for these statements.
    pub fn expect(&self, statements: impl IntoIterator<Item = &'static str>) {
        for statement in statements {
            drop(self.instrument(statement, ""));
        }
    }

    /// A statement ended; `error_type` is empty when it succeeded.
    pub fn ended(&self, statement: &'static str, error_type: &'static str, duration: Duration) {
        self.instrument(statement, error_type).record(duration);
    }

    fn instrument(&self, statement: &'static str, error_type: &'static str) -> Histogram {
        let register = |name: &str, error_type: &'static str| {
            histogram!(DB_OPERATION_DURATION.name, "db_system_name" => self.system,
                "db_query_summary" => name.to_owned(), "error_type" => error_type)
        };
        self.statements.get(statement, error_type, error_type, register)
    }
}

impl std::fmt::Debug for StatementMetrics {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("StatementMetrics").finish_non_exhaustive()
    }
}
