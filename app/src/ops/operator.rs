//! Operators log in here, outside the panel's guard, and the guard itself. Their sessions are shorter
//! than those of users, in a cookie of their own; every log-in and log-out is an audit record.

use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use tracing::Span;

use crate::auth::{DEVICE_LIFE, PasswordCheck, Place, Realm, SessionToken, Throttled};
use crate::body;
use crate::db::Origin;
use crate::error::{AppError, refused};
use crate::middleware::client::Client;
use crate::middleware::errors::OwnBody;
use crate::state::AppState;

/// Where the panel is.
pub const PANEL: &str = "/admin";
/// Where a POST logs out.
pub const LOGOUT: &str = "/admin/logout";
/// Where the log-in page is, and where its style.
pub const LOGIN: &str = "/admin/login";
/// The style of [`LOGIN`].
pub const STYLE: &str = "/admin/login.css";

/// Characters kept of what a browser says of itself.
const USER_AGENT_LENGTH: usize = 200;

/// The fields of the log-in form; a missing one is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct LoginForm {
    username: String,
    password: String,
    to: String,
}

/// Where to go after the log-in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    to: String,
}

#[derive(Template)]
#[template(path = "operator_login.html")]
struct LoginPage {
    error: Option<String>,
    username: String,
    to: String,
    style: String,
}

impl LoginPage {
    fn answer(self, status: StatusCode) -> Result<Response, AppError> {
        let mut response = (status, Html(self.render()?)).into_response();
        response.extensions_mut().insert(OwnBody);
        Ok(response)
    }
}

/// A page of the panel, and nothing else: no other host, no loop through the log-in.
fn page_of_panel(to: &str) -> String {
    let is_page = to == PANEL || to.starts_with("/admin/") || to.starts_with("/admin?");
    // Anything else is no value of a header.
    let is_plain = to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_login = to.starts_with(LOGIN) || to.starts_with(LOGOUT);
    if is_page && is_plain && !is_login { to.to_owned() } else { PANEL.to_owned() }
}

fn page(error: Option<String>, username: String, to: &str) -> LoginPage {
    LoginPage { error, username, to: page_of_panel(to), style: style_address() }
}

/// Where the style is, changed with it.
pub(super) fn style_address() -> String {
    format!("{STYLE}?v={}", admin::stylesheet_name())
}

/// `GET /admin/login`.
pub async fn login_form(Query(after): Query<After>) -> Result<Response, AppError> {
    page(None, String::new(), &after.to).answer(StatusCode::OK)
}

/// `GET /admin/login.css`.
pub async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], admin::stylesheet())
}

/// `POST /admin/login`.
pub async fn login(
    State(state): State<AppState>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    jar: CookieJar,
    body: Body,
) -> Result<Response, AppError> {
    let bytes = body::read(body).await?;
    let form: LoginForm = serde_urlencoded::from_bytes(&bytes)
        .map_err(|_| AppError::Invalid("The form is malformed".to_owned()))?;
    let name = &form.username;
    let devices = devices(&jar, client.https);
    let attempt = state.throttle.attempt(Realm::Operators, name, client.address, devices);
    let place = state.passwords.reserve()?;
    if let Err(throttled) = attempt.reserve() {
        audit("operator.login_throttled", known(&state, name));
        return throttled_page(throttled, form);
    }
    let is_right = check(&state, place, name, &form.password).await?;
    let token = if is_right { begin(&state, name, client, &headers).await? } else { None };
    let Some(fresh) = token else {
        audit("operator.login_failed", known(&state, name));
        let error = Some("Wrong name or password".to_owned());
        return page(error, form.username, &form.to).answer(StatusCode::UNAUTHORIZED);
    };
    let devices = attempt.succeeded()?;
    // A token that was there before the log-in must not be good for anything after it.
    if let Some(old) = session_token(&jar, client.https) {
        state.operators.end(&old.hash()).await;
    }
    audit("operator.login", Some(name));
    let jar = jar.add(cookie(client.https, fresh.to_cookie()));
    // Behind the session, which is what programs look for first.
    let devices = devices_cookie(client.https, devices).to_string();
    let devices = AppendHeaders([(SET_COOKIE, devices)]);
    Ok((jar, devices, Redirect::to(&page_of_panel(&form.to))).into_response())
}

/// A session of an operator who may log in; nothing for one who may not.
pub(super) async fn begin(
    state: &AppState,
    name: &str,
    client: Client,
    headers: &HeaderMap,
) -> Result<Option<SessionToken>, AppError> {
    let token = SessionToken::generate()?;
    let address = client.address.to_string();
    let user_agent = user_agent(headers);
    let origin = Origin { address: &address, user_agent: &user_agent };
    let is_begun = state.operators.begin(&token.hash(), name, origin).await;
    Ok(is_begun.then_some(token))
}

/// What a browser says of itself, so short that a list can show it.
fn user_agent(headers: &HeaderMap) -> String {
    let text = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let text = text.unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(USER_AGENT_LENGTH).collect()
}

fn throttled_page(throttled: Throttled, form: LoginForm) -> Result<Response, AppError> {
    let error = AppError::TooMany(throttled).to_string();
    let page = page(Some(error), form.username, &form.to);
    let mut response = refused("rate_limited", page.answer(StatusCode::TOO_MANY_REQUESTS)?);
    response.headers_mut().insert(RETRY_AFTER, throttled.retry_after.into());
    Ok(response)
}

/// Whether that is the operator's password. A wrong name takes as long as a wrong password.
pub(super) async fn check(
    state: &AppState,
    place: Place,
    name: &str,
    password: &str,
) -> Result<bool, AppError> {
    // The latest if the database says it soon; the last known while it is away.
    state.operators.refresh_soon().await;
    let known = state.operators.account(name);
    let stored = known.as_ref().map(|known| known.pw_hash.as_str());
    Ok(place.verify(password, stored).await? != PasswordCheck::Mismatch)
}

/// The name if it is that of an account: any other may be a password in the wrong field.
fn known<'a>(state: &AppState, name: &'a str) -> Option<&'a str> {
    state.operators.account(name).map(|_| name)
}

fn audit(action: &'static str, name: Option<&str>) {
    tracing::info!(
        target: "audit",
        { event.action = action, user.name = name },
        "operator sign-in"
    );
}

/// `POST /admin/logout`.
pub async fn logout(
    State(state): State<AppState>,
    Extension(client): Extension<Client>,
    jar: CookieJar,
) -> Result<Response, AppError> {
    if let Some(token) = session_token(&jar, client.https) {
        if let Some(session) = state.operators.session(&token.hash(), false).await {
            audit("operator.logout", Some(&session.name));
        }
        state.operators.end(&token.hash()).await;
    }
    let jar = jar.remove(cookie(client.https, String::new()));
    let clear = [("clear-site-data", "\"cache\", \"storage\"")];
    Ok((clear, jar, Redirect::to(LOGIN)).into_response())
}

/// Says who is asking; nobody is sent to the log-in page, programs and streams get a 401.
pub async fn guard(state: AppState, parts: Parts) -> Result<admin::Operator, Response> {
    let session = match token_of(&parts) {
        Some(token) => {
            let is_use = parts.extensions.get::<admin::SessionValid>().is_none();
            state.operators.session(&token.hash(), is_use).await
        }
        None => None,
    };
    let Some(session) = session else { return Err(refusal(&parts)) };
    Span::current().record("user.name", &session.name);
    Ok(admin::Operator::new(session.name, session.role))
}

fn refusal(parts: &Parts) -> Response {
    if parts.method != Method::GET || !wants_page(&parts.headers) {
        return AppError::Unauthorized.into_response();
    }
    let to = parts.uri.path_and_query().map_or(PANEL, |to| to.as_str());
    let to = serde_urlencoded::to_string([("to", to)]).unwrap_or_default();
    Redirect::to(&format!("{LOGIN}?{to}")).into_response()
}

/// Whether a browser asks for a page to show, not a program or a script for data.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// The token that a request brings.
pub(super) fn token_of(parts: &Parts) -> Option<SessionToken> {
    let jar = CookieJar::from_headers(&parts.headers);
    session_token(&jar, parts.extensions.get::<Client>().is_some_and(|client| client.https))
}

fn session_token(jar: &CookieJar, https: bool) -> Option<SessionToken> {
    SessionToken::parse(jar.get(cookie_name(https))?.value())
}

/// Over TLS the prefix binds the cookie to this host alone; browsers refuse it over plain HTTP.
fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-admin_sid" } else { "admin_sid" }
}

fn devices_name(https: bool) -> &'static str {
    if https { "__Host-admin_devices" } else { "admin_devices" }
}

/// The value of the cookie of known browsers; empty without one.
pub(super) fn devices(jar: &CookieJar, https: bool) -> &str {
    jar.get(devices_name(https)).map_or("", Cookie::value)
}

/// The cookie of known browsers, which outlives the session.
fn devices_cookie(https: bool, value: String) -> Cookie<'static> {
    let mut cookie = private(devices_name(https), https, value);
    cookie.set_max_age(Duration::from_secs(DEVICE_LIFE.unsigned_abs()).try_into().ok());
    cookie
}

pub(super) fn cookie(https: bool, value: String) -> Cookie<'static> {
    private(cookie_name(https), https, value)
}

fn private(name: &'static str, https: bool, value: String) -> Cookie<'static> {
    Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .secure(https)
        .same_site(SameSite::Lax)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_in_leads_to_pages_of_the_panel_alone() {
        for to in ["/admin", "/admin/logs?q=a%20b", "/admin/events/1-2"] {
            assert_eq!(page_of_panel(to), to);
        }
        for to in [
            "",
            "//evil",
            "https://evil/admin/",
            "/administrator",
            "/admin/login",
            "/admin\\x",
            "/admin/\u{1}",
            "/admin/\u{7f}",
            "/admin/\0",
            "/admin/a b",
            "/admin/é",
        ] {
            assert_eq!(page_of_panel(to), PANEL, "{to}");
        }
    }
}
