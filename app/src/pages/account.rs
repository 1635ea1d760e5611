//! Signing up, in and out.

use askama::Template;
use askama::filters::Safe;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use serde::Deserialize;

use super::form::Form;
use super::render::render;
use crate::accounts::{self, LogIn};
use crate::auth::{Realm, SessionToken};
use crate::domain::{Flash, RegisterError, canonical};
use crate::error::{AppError, ErrorType};
use crate::metrics::{self, Model, Surface};
use crate::middleware::client::Client;
use crate::middleware::session::{self, Found, SignedIn, Visit};
use crate::state::AppState;

/// The fields of the log-in form; a missing one is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct LoginForm {
    username: String,
    password: String,
}

/// The fields of the registration form; a missing one is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RegisterForm {
    username: String,
    email: String,
    password: String,
    password2: String,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    visit: Visit,
    error: Option<String>,
    /// As typed before, or as just registered.
    username: String,
}

impl LoginPage {
    /// Whether the field is the first that is left to fill in.
    fn is_next(&self, field: &str) -> bool {
        self.error.is_none() && (field == "username") == self.username.is_empty()
    }

    fn fault(&self, field: &str) -> Safe<&'static str> {
        let sentence = self.error.as_deref().unwrap_or_default();
        mark(sentence.ends_with(field))
    }
}

#[derive(Template)]
#[template(path = "register.html")]
struct RegisterPage {
    visit: Visit,
    error: Option<RegisterError>,
    username: String,
    email: String,
    min_password: usize,
}

impl RegisterPage {
    fn fault(&self, field: &str) -> Safe<&'static str> {
        mark(self.error.is_some_and(|error| field_of(error) == field))
    }
}

/// Attributes of the field that the error is about: the visitor, and who reads the page aloud, goes
/// on right there.
fn mark(is_at_fault: bool) -> Safe<&'static str> {
    Safe(if is_at_fault {
        r#" aria-invalid="true" aria-describedby="error" autofocus"#
    } else {
        ""
    })
}

fn field_of(error: RegisterError) -> &'static str {
    use RegisterError as E;

    match error {
        E::NoUsername
        | E::LongUsername
        | E::UnlinkableUsername
        | E::InvisibleUsername
        | E::Taken => "username",
        E::NoEmail | E::LongEmail => "email",
        E::NoPassword | E::LongPassword | E::ShortPassword(_) => "password",
        E::PasswordMismatch => "password2",
    }
}

/// `GET /login`.
pub async fn login_form(visit: Visit) -> Result<Response, AppError> {
    if visit.user.is_some() {
        return Ok(Found::at("/").into_response());
    }
    let registered = visit.flashes.iter().rev().find_map(|flash| match flash {
        Flash::Registered(name) => Some(name.clone()),
        _ => None,
    });
    render(&LoginPage { visit, error: None, username: registered.unwrap_or_default() })
}

/// `POST /login`.
pub async fn login(
    State(state): State<AppState>,
    Extension(client): Extension<Client>,
    visit: Visit,
    jar: CookieJar,
    Form(form): Form<LoginForm>,
) -> Result<Response, AppError> {
    // Somebody else in the same browser takes over; the session that was there ends. A form without a name
    // asks for nobody else.
    let names_nobody_else = |user: &str| form.username.is_empty() || user == form.username;
    if visit.user.as_ref().is_some_and(|user| names_nobody_else(&user.username)) {
        return Ok(Found::at("/").into_response());
    }
    let devices = session::devices(&jar, client.https);
    // Each spelling that leads to an account counts as that account.
    let name = canonical(&form.username);
    let attempt = state.throttle.attempt(Realm::Users, &name, client.address, devices);
    match accounts::log_in(&state, &attempt, &form.username, &form.password).await? {
        LogIn::Failed(error) => {
            let sentence = Some(error.sentence().to_owned());
            let page = render(&LoginPage { visit, error: sentence, username: form.username })?;
            Ok((Extension(ErrorType(error.reason())), page).into_response())
        }
        LogIn::Succeeded(user, devices) => {
            // A token that was there before the log-in must not be good for anything after it.
            if let Some(old) = session::token(&jar, client.https) {
                state.db.delete_session(&old.hash()).await?;
            }
            let token = SessionToken::generate()?;
            state.db.create_session(&token.hash(), user.id, state.clock.now()).await?;
            metrics::inserted(Model::Session, Surface::Web);
            let found = Found::at("/").saying(Flash::LoggedIn).starting(token);
            Ok(found.remembering(devices).into_response())
        }
    }
}

/// `GET /register`.
pub async fn register_form(
    State(state): State<AppState>,
    visit: Visit,
) -> Result<Response, AppError> {
    if visit.user.is_some() {
        return Ok(Found::at("/").into_response());
    }
    render(&RegisterPage {
        visit,
        error: None,
        username: String::new(),
        email: String::new(),
        min_password: state.settings.min_password,
    })
}

/// `POST /register`. Does not log in.
pub async fn register(
    State(state): State<AppState>,
    visit: Visit,
    Form(form): Form<RegisterForm>,
) -> Result<Response, AppError> {
    if visit.user.is_some() {
        return Ok(Found::at("/").into_response());
    }
    let registration = accounts::Registration {
        username: &form.username,
        email: &form.email,
        password: &form.password,
        repeated: Some(&form.password2),
    };
    match accounts::register(&state, &registration, Surface::Web).await? {
        Ok(()) => {
            let flash = Flash::Registered(canonical(&form.username));
            Ok(Found::at("/login").saying(flash).into_response())
        }
        Err(error) => render(&RegisterPage {
            visit,
            error: Some(error),
            username: form.username,
            email: form.email,
            min_password: state.settings.min_password,
        }),
    }
}

/// Pages that were shown to the user leave the browser. Not the cookies: one says what happened.
const CLEAR: [(&str, &str); 1] = [("clear-site-data", "\"cache\", \"storage\"")];

/// `GET` or `POST /logout`.
pub async fn logout(
    State(state): State<AppState>,
    Extension(client): Extension<Client>,
    jar: CookieJar,
) -> Result<impl IntoResponse, AppError> {
    if let Some(token) = session::token(&jar, client.https) {
        state.db.delete_session(&token.hash()).await?;
    }
    Ok((CLEAR, Found::at("/public").saying(Flash::LoggedOut).ending_session()))
}

/// `POST /-/logout-everywhere`: ends the sessions of all browsers, for a user who left one logged in.
pub async fn logout_everywhere(
    State(state): State<AppState>,
    SignedIn(user): SignedIn,
) -> Result<impl IntoResponse, AppError> {
    state.db.delete_sessions_of(user.id).await?;
    Ok((CLEAR, Found::at("/public").saying(Flash::LoggedOutEverywhere).ending_session()))
}
