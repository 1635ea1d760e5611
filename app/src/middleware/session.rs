//! Who visits, and what they are told once. Resolves the session cookie into a [`Visit`], and turns
//! what a handler wants remembered ([`Found`]) into cookies.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use http::header::LOCATION;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use tracing::Span;

use super::client::Client;
use crate::auth::{DEVICE_LIFE, SessionToken, touch_interval};
use crate::clock::micros;
use crate::db::SessionUser;
use crate::domain::{Flash, User};
use crate::error::AppError;
use crate::flash_cookie;
use crate::request_profile;
use crate::state::AppState;

/// The longest that a page waits for the note that its session was used.
const TOUCH_PATIENCE: Duration = Duration::from_millis(100);

/// Who looks at a page, and which sentences it shows.
#[derive(Clone, Debug, Default)]
pub struct Visit {
    /// The user who is logged in.
    pub user: Option<User>,
    /// Number of users the other one follows, at most 100.
    pub follows: i64,
    /// Shown once.
    pub flashes: Vec<Flash>,
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// The user who is logged in; nobody is 401.
#[derive(Clone, Debug)]
pub struct SignedIn(pub User);

impl<S: Sync> FromRequestParts<S> for SignedIn {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AppError> {
        let visit = parts.extensions.get::<Visit>();
        visit.and_then(|visit| visit.user.clone()).map(Self).ok_or(AppError::Unauthorized)
    }
}

/// The page showed the flashes, so they go.
#[derive(Clone, Copy, Debug)]
pub struct FlashesShown;

/// A redirect (302, as the course's tests expect) with what is to be remembered.
#[derive(Clone, Debug)]
pub struct Found {
    location: String,
    flash: Option<Flash>,
    session: Option<SessionChange>,
    devices: Option<String>,
}

#[derive(Clone, Debug)]
enum SessionChange {
    Start(SessionToken),
    End,
}

impl Found {
    /// To this path.
    pub fn at(location: impl Into<String>) -> Self {
        Self { location: location.into(), flash: None, session: None, devices: None }
    }

    /// The next page shows this.
    #[must_use]
    pub fn saying(mut self, flash: Flash) -> Self {
        self.flash = Some(flash);
        self
    }

    /// With a new session.
    #[must_use]
    pub fn starting(mut self, token: SessionToken) -> Self {
        self.session = Some(SessionChange::Start(token));
        self
    }

    /// With this value for the cookie of known browsers.
    #[must_use]
    pub fn remembering(mut self, devices: String) -> Self {
        self.devices = Some(devices);
        self
    }

    /// Without a session.
    #[must_use]
    pub fn ending_session(mut self) -> Self {
        self.session = Some(SessionChange::End);
        self
    }
}

impl IntoResponse for Found {
    fn into_response(self) -> Response {
        let mut response = StatusCode::FOUND.into_response();
        if let Ok(location) = HeaderValue::try_from(&self.location) {
            response.headers_mut().insert(LOCATION, location);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Layer that resolves the session cookie into a [`Visit`] and writes cookies.
pub async fn session(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let jar = CookieJar::from_headers(request.headers());
    let https = request.extensions().get::<Client>().is_some_and(|client| client.https);
    let cookies = CookieNames::of(https);
    let visit = match visit(&state, &jar, &cookies).await {
        Ok(visit) => visit,
        Err(error) => return error.into_response(),
    };
    if let Some(user) = &visit.user {
        Span::current().record("user.name", &user.username);
    }
    request.extensions_mut().insert(visit.clone());
    let mut response = next.run(request).await;
    let jar = remember(jar, &cookies, &visit, &response, &state);
    response.extensions_mut().insert(visit);
    (jar, response).into_response()
}

/// The token of the session a request came with.
pub fn token(jar: &CookieJar, https: bool) -> Option<SessionToken> {
    SessionToken::parse(jar.get(CookieNames::of(https).session)?.value())
}

/// The value of the cookie of known browsers; empty without one.
pub fn devices(jar: &CookieJar, https: bool) -> &str {
    jar.get(CookieNames::of(https).devices).map_or("", Cookie::value)
}

async fn visit(
    state: &AppState,
    jar: &CookieJar,
    cookies: &CookieNames,
) -> Result<Visit, AppError> {
    let _stage = request_profile::stage("session");
    let flashes = jar.get(cookies.flash).map(|cookie| flash_cookie::decode(cookie.value()));
    let flashes = flashes.unwrap_or_default();
    let token = jar.get(cookies.session).and_then(|cookie| SessionToken::parse(cookie.value()));
    let Some(token) = token else { return Ok(Visit { flashes, ..Visit::default() }) };
    let session = find(state, &token).await?;
    Ok(Visit {
        follows: session.as_ref().map_or(0, |session| session.follows_up_to_100),
        user: session.map(|session| session.user),
        flashes,
    })
}

async fn find(state: &AppState, token: &SessionToken) -> Result<Option<SessionUser>, AppError> {
    let now = state.clock.now();
    let seen_after = now - micros(state.settings.session_idle);
    let created_after = now - micros(state.settings.session_max);
    let session = state.db.session(&token.hash(), seen_after, created_after).await?;
    let interval = touch_interval(state.settings.session_idle);
    let is_stale = |session: &SessionUser| (now - session.last_seen).abs() > interval;
    if session.as_ref().is_some_and(is_stale) {
        touch(state, token, now).await;
    }
    Ok(session)
}

/// Notes the use of a session, unless the database takes no writes now: who only reads is not to wait for it.
async fn touch(state: &AppState, token: &SessionToken, now: i64) {
    if state.db.health().writes().is_some() {
        return;
    }
    let hash = token.hash();
    let touched = tokio::time::timeout(TOUCH_PATIENCE, state.db.touch_session(&hash, now)).await;
    if !matches!(touched, Ok(Ok(()))) {
        tracing::debug!("could not record that a session was used");
    }
}

/// The cookies after the answer. Sentences queue up until a page shows them.
fn remember(
    jar: CookieJar,
    cookies: &CookieNames,
    visit: &Visit,
    response: &Response,
    state: &AppState,
) -> CookieJar {
    let found = response.extensions().get::<Found>();
    let shown = response.extensions().get::<FlashesShown>().is_some();
    let added = found.and_then(|found| found.flash.clone());
    // Only what changes is sent.
    let mut jar = match (added, shown && !visit.flashes.is_empty()) {
        (Some(flash), _) => {
            let mut queue = visit.flashes.clone();
            queue.push(flash);
            jar.add(cookies.cookie(cookies.flash, flash_cookie::encode(&queue)))
        }
        (None, true) => jar.remove(cookies.cookie(cookies.flash, String::new())),
        (None, false) => jar,
    };
    match found.and_then(|found| found.session.as_ref()) {
        Some(SessionChange::Start(token)) => {
            let mut cookie = cookies.cookie(cookies.session, token.to_cookie());
            cookie.set_max_age(state.settings.session_max.try_into().ok());
            jar = jar.add(cookie);
        }
        Some(SessionChange::End) => {
            jar = jar.remove(cookies.cookie(cookies.session, String::new()));
        }
        None => {}
    }
    if let Some(devices) = found.and_then(|found| found.devices.clone()) {
        let mut cookie = cookies.cookie(cookies.devices, devices);
        cookie.set_max_age(Duration::from_secs(DEVICE_LIFE.unsigned_abs()).try_into().ok());
        jar = jar.add(cookie);
    }
    jar
}

/// Over TLS the prefix binds the cookies to this host alone; browsers refuse it over plain HTTP.
struct CookieNames {
    session: &'static str,
    flash: &'static str,
    devices: &'static str,
    secure: bool,
}

impl CookieNames {
    fn of(https: bool) -> Self {
        if https {
            Self {
                session: "__Host-sid",
                flash: "__Host-flash",
                devices: "__Host-devices",
                secure: true,
            }
        } else {
            Self { session: "sid", flash: "flash", devices: "devices", secure: false }
        }
    }

    fn cookie(&self, name: &'static str, value: String) -> Cookie<'static> {
        Cookie::build((name, value))
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .build()
    }
}
