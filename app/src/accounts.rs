//! Registering and logging in, the same for the site's forms and the simulator's API.

use tracing::Span;

use crate::auth::{Attempt, Busy, PasswordCheck, Place};
use crate::db::{self, Credentials};
use crate::domain::{NewUser, RegisterError, User, canonical};
use crate::error::AppError;
use crate::metrics::{self, Model, Surface};
use crate::state::AppState;

/// What somebody who registers sends.
#[derive(Clone, Copy)]
pub struct Registration<'a> {
    /// Wanted name.
    pub username: &'a str,
    /// Email address as entered.
    pub email: &'a str,
    /// Password as entered.
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
    if state.db.is_name_taken(&user).await? {
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

/// Outcome of a sign-in.
#[derive(Clone, Debug)]
pub enum LogIn {
    /// Signed in as this user, with the value for the cookie of known browsers.
    Succeeded(User, String),
    /// The sign-in failed for this reason.
    Failed(LogInError),
}

/// Why nobody was logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogInError {
    /// There is no user of this name.
    UnknownUser,
    /// Somebody is called so.
    BadPassword,
}

impl LogInError {
    /// The course's sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::UnknownUser => "Invalid username",
            Self::BadPassword => "Invalid password",
        }
    }

    /// Reason as a label for metrics and logs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown_user",
            Self::BadPassword => "bad_password",
        }
    }
}

/// Compares name and password, under the throttle. A wrong name takes as long as a wrong password.
pub async fn log_in(
    state: &AppState,
    attempt: &Attempt,
    username: &str,
    password: &str,
) -> Result<LogIn, AppError> {
    // Who would only be told to come back leaves no trace in the throttle.
    let place = state.passwords.reserve()?;
    if let Err(throttled) = attempt.reserve() {
        metrics::login("throttled");
        return Err(AppError::TooMany(throttled));
    }
    let compared = compare(state, place, username, password).await;
    if compared.is_err() {
        // No guess was looked at: an outage uses up nobody's budget.
        attempt.withdraw();
    }
    match compared? {
        (Some(known), PasswordCheck::Match { outdated }) => {
            let device = attempt.succeeded()?;
            if outdated {
                renew_hash(state, &known.user, password).await?;
            }
            metrics::login("success");
            Ok(LogIn::Succeeded(known.user, device))
        }
        (Some(_), PasswordCheck::Mismatch) => Ok(failed(LogInError::BadPassword)),
        (None, _) => Ok(failed(LogInError::UnknownUser)),
    }
}

/// The account, and what the comparison with its password found.
async fn compare(
    state: &AppState,
    place: Place,
    username: &str,
    password: &str,
) -> Result<(Option<Credentials>, PasswordCheck), AppError> {
    let known = credentials(state, username).await?;
    if let Some(known) = &known {
        // A name that nobody has may be a password in the wrong field.
        Span::current().record("user.name", &known.user.username);
    }
    let stored = known.as_ref().map(|known| known.pw_hash.as_str());
    let check = place.verify(password, stored).await?;
    Ok((known, check))
}

/// Of the account with exactly this name, or else with this name as a registration would keep it.
async fn credentials(state: &AppState, username: &str) -> Result<Option<Credentials>, AppError> {
    if let Some(known) = state.db.credentials(username).await? {
        return Ok(Some(known));
    }
    let kept = canonical(username);
    if kept == username { Ok(None) } else { Ok(state.db.credentials(&kept).await?) }
}

/// Hashes the password with the parameters of today. The next sign-in tries again if there is no place.
async fn renew_hash(state: &AppState, user: &User, password: &str) -> Result<(), AppError> {
    match state.passwords.hash(password).await {
        Ok(pw_hash) => Ok(state.db.replace_hash(user.id, &pw_hash).await?),
        Err(error) if error.is::<Busy>() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn failed(error: LogInError) -> LogIn {
    metrics::login(error.reason());
    LogIn::Failed(error)
}
