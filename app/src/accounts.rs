//! Registering and logging in, the same for the site's forms and the simulator's API.

use crate::auth::{Throttle, Verdict};
use crate::db;
use crate::domain::{NewUser, RegisterError, User};
use crate::error::AppError;
use crate::metrics::{self, Model, Surface};
use crate::state::AppState;

/// What somebody who registers sends.
#[derive(Clone, Copy)]
pub struct Registration<'a> {
    /// Wanted name.
    pub username: &'a str,
    /// Email address.
    pub email: &'a str,
    /// Password.
    pub password: &'a str,
    /// The password again, where the form has it twice.
    pub repeated: Option<&'a str>,
}

/// Adds the user, or says what is wrong with the registration.
pub async fn register(
    state: &AppState,
    registration: &Registration<'_>,
    surface: Surface,
) -> Result<Result<(), RegisterError>, AppError> {
    // The course's API users have short passwords; the setting is for people.
    let min = if surface == Surface::Api { 1 } else { state.settings.min_password };
    let Registration { username, email, password, repeated } = *registration;
    let user = match NewUser::check(username, email, password, repeated, min) {
        Ok(user) => user,
        Err(error) => return Ok(Err(error)),
    };
    // Hashing is dear: a name that is taken is told first, and the constraint settles a race.
    if state.db.user_exists(user.username.as_str()).await? {
        return Ok(Err(RegisterError::Taken));
    }
    let pw_hash = state.passwords.hash(password).await?;
    match state.db.create_user(&user, &pw_hash, state.clock.now()).await {
        Ok(()) => {
            metrics::inserted(Model::User, surface);
            Ok(Ok(()))
        }
        Err(db::Error::Taken(_)) => Ok(Err(RegisterError::Taken)),
        Err(error) => Err(error.into()),
    }
}

/// How a log-in ended.
#[derive(Clone, Debug)]
pub enum LogIn {
    /// As this user.
    Succeeded(User),
    /// The course's sentence.
    Failed(&'static str),
}

/// Compares name and password, under the throttle. A wrong name takes as long as a wrong password.
pub async fn log_in(
    state: &AppState,
    throttle: &Throttle,
    username: &str,
    password: &str,
) -> Result<LogIn, AppError> {
    // Who would only be told to come back leaves no trace in the throttle.
    let place = state.passwords.reserve()?;
    if let Err(throttled) = throttle.reserve().await? {
        metrics::login("throttled");
        metrics::request_rejected("rate_limited");
        return Err(AppError::TooMany(throttled));
    }
    let known = state.db.credentials(username).await?;
    let stored = known.as_ref().map(|known| known.pw_hash.as_str());
    let verdict = place.verify(password, stored).await?;
    match (known, verdict) {
        (Some(known), Verdict::Right { outdated }) => {
            throttle.succeeded().await?;
            if outdated {
                let pw_hash = state.passwords.hash(password).await?;
                state.db.replace_hash(known.user.id, &pw_hash).await?;
            }
            metrics::login("success");
            Ok(LogIn::Succeeded(known.user))
        }
        (Some(_), Verdict::Wrong) => Ok(failed("bad_password", "Invalid password")),
        (None, _) => Ok(failed("unknown_user", "Invalid username")),
    }
}

fn failed(outcome: &'static str, sentence: &'static str) -> LogIn {
    metrics::login(outcome);
    LogIn::Failed(sentence)
}
