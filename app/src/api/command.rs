//! What every command has in common: `latest` is recorded before anything else is looked at, then the
//! credentials are checked, and the outcome is counted.

use std::num::IntErrorKind;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::{Method, Uri};

use crate::domain::canonical;
use crate::error::AppError;
use crate::metrics::{self, ABANDONED};
use crate::request_profile::RequestProfile;
use crate::state::AppState;

/// Parameters of the address, the first of each name. What does not parse counts as absent.
#[derive(Debug, Default)]
struct Parameters {
    latest: Option<String>,
    no: Option<String>,
}

impl Parameters {
    fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        serde_urlencoded::from_str::<Vec<(String, String)>>(query)
            .unwrap_or_default()
            .into_iter()
            .fold(Self::default(), |mut parameters, (name, value)| {
                match name.as_str() {
                    "latest" => drop(parameters.latest.get_or_insert(value)),
                    "no" => drop(parameters.no.get_or_insert(value)),
                    _ => {}
                }
                parameters
            })
    }
}

/// The layer that records `latest` and counts the command. Recorded even when the command is refused;
/// absent, unparsable or -1 is not recorded.
pub async fn record_latest(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let latest =
        Parameters::of(request.uri()).latest.and_then(|text| text.trim().parse::<i64>().ok());
    let action = action(&request);
    let unanswered = Unanswered::new(action, &state);
    let response = match record(&state, latest.filter(|latest| *latest != -1)).await {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    unanswered.answered(&response);
    response
}

/// A command without an answer yet. The simulator counts one that it gave up as an error, whatever becomes
/// of it afterwards.
struct Unanswered<'a> {
    action: Option<&'static str>,
    state: &'a AppState,
    profile: Option<Arc<RequestProfile>>,
    started: Instant,
}

impl<'a> Unanswered<'a> {
    fn new(action: Option<&'static str>, state: &'a AppState) -> Self {
        let profile = RequestProfile::current();
        Self { action, state, profile, started: Instant::now() }
    }

    fn answered(mut self, response: &Response) {
        let profile = self.profile.take();
        let told = response.extensions().get::<Action>().map(|action| action.0);
        let outcome = match profile {
            Some(profile) if profile.is_abandoned() => ABANDONED,
            _ => metrics::simulator_outcome(response.status().as_u16()),
        };
        self.count(self.action.or(told), outcome);
    }

    fn count(&self, action: Option<&'static str>, outcome: &'static str) {
        metrics::simulator_called(action.unwrap_or("read"), outcome, self.state.clock.now());
    }
}

impl Drop for Unanswered<'_> {
    /// Dropped while it waits: its client has left. Only reads are, changes are finished.
    fn drop(&mut self) {
        let Some(profile) = self.profile.take() else { return };
        if profile.is_failing(self.started.elapsed()) {
            self.count(self.action, ABANDONED);
        }
    }
}

async fn record(state: &AppState, latest: Option<i64>) -> Result<(), AppError> {
    if let Some(latest) = latest {
        state.db.set_latest(latest).await?;
        metrics::simulator_latest(latest);
    }
    Ok(())
}

/// Set by a handler that serves two actions.
#[derive(Clone, Copy, Debug)]
pub struct Action(pub &'static str);

fn action<B>(request: &http::Request<B>) -> Option<&'static str> {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    match (request.method(), path) {
        (&Method::POST, path) if path.ends_with("/register") => Some("register"),
        (&Method::POST, path) if path.contains("/msgs/") => Some("tweet"),
        (&Method::POST, path) if path.contains("/fllws/") => None,
        _ => Some("read"),
    }
}

/// The layer that asks for the simulator's credentials.
pub async fn authorize(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let header = request.headers().get(AUTHORIZATION).map(http::HeaderValue::as_bytes);
    if state.simulator.allow(header) {
        return next.run(request).await;
    }
    AppError::BadCredentials.into_response()
}

/// The name of a user as the database has it: as it is written, or as a registration under it keeps it.
/// Costs a statement only where the two differ.
pub async fn existing_name(state: &AppState, name: String) -> Result<String, AppError> {
    let kept = canonical(&name);
    let is_written_so = kept == name || state.db.user_exists(&name).await?;
    Ok(if is_written_so { name } else { kept })
}

/// Most items a list answers.
const MAX_ITEMS: i64 = 10_000;
/// Items when the caller does not say, or says nonsense.
const DEFAULT_ITEMS: i64 = 100;

/// `?no=`: how many items a list has at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub i64);

impl Limit {
    fn parse(text: Option<&str>) -> Self {
        let number = match text.map(|text| text.trim().parse::<i64>()) {
            Some(Ok(number)) => number,
            Some(Err(error)) if *error.kind() == IntErrorKind::PosOverflow => MAX_ITEMS,
            Some(Err(_)) | None => DEFAULT_ITEMS,
        };
        Self(if number < 0 { DEFAULT_ITEMS } else { number.min(MAX_ITEMS) })
    }
}

impl<S: Sync> axum::extract::FromRequestParts<S> for Limit {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        _: &S,
    ) -> Result<Self, Self::Rejection> {
        Ok(Self::parse(Parameters::of(&parts.uri).no.as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_limit_is_clamped_and_nonsense_is_the_default() {
        let parse = |text| Limit::parse(Some(text)).0;
        assert_eq!((parse("0"), parse("20"), parse("10001")), (0, 20, 10_000));
        assert_eq!((parse("abc"), parse("-1"), parse("")), (100, 100, 100));
        assert_eq!((parse("99999999999999999999"), parse("-99999999999999999999")), (10_000, 100));
        assert_eq!(Limit::parse(None).0, 100);
    }

    proptest! {
        #[test]
        fn any_query_gives_a_limit_within_bounds(query in "[ -~]{0,80}", number: i128) {
            let limits = [
                format!("/msgs?{}", query.replace(['#', ' ', '"', '<', '>', '`', '{', '}'], "")),
                format!("/msgs?latest=1&no={number}&no=7"),
            ];
            for uri in limits.iter().filter_map(|uri| uri.parse::<Uri>().ok()) {
                let limit = Limit::parse(Parameters::of(&uri).no.as_deref()).0;
                prop_assert!((0..=MAX_ITEMS).contains(&limit), "{uri}");
            }
        }

        #[test]
        fn numbers_within_bounds_are_taken_as_they_are(number in 0..=MAX_ITEMS) {
            prop_assert_eq!(Limit::parse(Some(&format!(" {number} "))).0, number);
        }
    }
}
