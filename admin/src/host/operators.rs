//! Operator accounts and sessions, for the page Operators. Passwords are passed to the host; the
//! panel stores none. Request heads tell the host which session makes the request, as in its guard.

use std::str::FromStr;

use async_trait::async_trait;
use axum::http::HeaderValue;
use axum::http::request::Parts;

use super::HostError;

/// What an operator may do in the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Read-only access.
    Viewer,
    /// Can also make changes, such as log levels, job runs and resolved errors.
    Operator,
}

impl Role {
    /// The name used in forms and log records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }
}

impl FromStr for Role {
    type Err = &'static str;

    /// The name used in forms and log records.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "viewer" => Ok(Self::Viewer),
            "operator" => Ok(Self::Operator),
            _ => Err("The role must be viewer or operator."),
        }
    }
}

/// An operator account. Times are microseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Sign-in name, without spaces.
    pub name: String,
    /// Role of the account.
    pub role: Role,
    /// Time of creation.
    pub created: i64,
    /// Last sign-in, if known.
    pub last_login: Option<i64>,
    /// Time at which it was disabled; `None` while enabled.
    pub disabled: Option<i64>,
    /// Active sessions, last seen first.
    pub sessions: Vec<Session>,
}

/// An active session. Times are microseconds since the Unix epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// Identifies the session within its account; it grants no access.
    pub id: String,
    /// Client address at sign-in; may be empty.
    pub address: String,
    /// User agent at sign-in; may be empty.
    pub user_agent: String,
    /// Time of the sign-in.
    pub since: i64,
    /// Last use, to the minute.
    pub last_seen: i64,
    /// Whether the current request belongs to it.
    pub is_current: bool,
}

/// Selects sessions of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionSelector {
    /// The session with this id.
    One(String),
    /// All except the current one.
    Others,
    /// All sessions.
    All,
}

/// Result of changing an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// The change was made.
    Done,
    /// The change was made and the session was renewed; this `Set-Cookie` header sets the new one.
    SessionRenewed(HeaderValue),
    /// The account does not exist.
    Unknown,
    /// The name is taken.
    NameTaken,
    /// The change would remove the last operator.
    LastOperator,
    /// The current password is wrong.
    WrongPassword,
    /// Too many wrong attempts; retry after this many seconds.
    Throttled(u64),
    /// The host rejected name or password; the message says why.
    Rejected(String),
}

/// The host's operator accounts.
#[async_trait]
pub trait Operators: Send + Sync + 'static {
    /// Lists all accounts by name with their sessions; `head` is the current request's.
    async fn list(&self, head: &Parts) -> Result<Vec<Account>, HostError>;

    /// Ends sessions of an account; returns their number.
    async fn end(
        &self,
        head: &Parts,
        name: &str,
        which: &SessionSelector,
    ) -> Result<u64, HostError>;

    /// Changes a password if the current one is right. All sessions of the account end, including
    /// the current one, so that a stolen session becomes useless.
    async fn set_password(
        &self,
        head: &Parts,
        name: &str,
        old: &str,
        new: &str,
    ) -> Result<AccountChange, HostError>;

    /// Creates an account.
    async fn add(&self, name: &str, role: Role, password: &str)
    -> Result<AccountChange, HostError>;

    /// Sets the role of an account and whether it is enabled; disabling ends its sessions. Never
    /// demotes or disables the last operator.
    async fn change(
        &self,
        name: &str,
        role: Role,
        is_enabled: bool,
    ) -> Result<AccountChange, HostError>;
}
