//! The accounts of the people who use the panel and their sessions, for the page Operators. Passwords
//! pass through to the host; the panel keeps none. Heads of requests tell the host which session asks and
//! from where, as they tell its guard.

use std::str::FromStr;

use async_trait::async_trait;
use axum::http::HeaderValue;
use axum::http::request::Parts;

use super::HostError;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Look at everything.
    Viewer,
    /// Also change things: levels, jobs, what is resolved.
    Operator,
}

impl Role {
    /// As forms and records name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }
}

impl FromStr for Role {
    type Err = &'static str;

    /// As forms and records name it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "viewer" => Ok(Self::Viewer),
            "operator" => Ok(Self::Operator),
            _ => Err("The role must be viewer or operator."),
        }
    }
}

/// An account. Times are microseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Log-in name, without spaces.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created: i64,
    /// When somebody logged in with it last, as far as that is known.
    pub last_login: Option<i64>,
    /// Since when nobody can log in with it; `None` while somebody can.
    pub disabled: Option<i64>,
    /// Where somebody is logged in with it, the last seen first.
    pub sessions: Vec<Session>,
}

/// A place where somebody is logged in. Times are microseconds since the Unix epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// Names it among those of its account; good for nothing else.
    pub id: String,
    /// From which address it was begun; may be empty.
    pub address: String,
    /// With which browser, as it says itself; may be empty.
    pub user_agent: String,
    /// Since when.
    pub since: i64,
    /// When it was used last, to the minute.
    pub last_seen: i64,
    /// The request that asks belongs to it.
    pub is_current: bool,
}

/// Sessions of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionSelector {
    /// The one of this id.
    One(String),
    /// All but the one that asks.
    Others,
    /// All.
    All,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// It is done.
    Done,
    /// It is done, and whoever asked has another session from now on: this `Set-Cookie` brings it.
    SessionRenewed(HeaderValue),
    /// There is no such account.
    Unknown,
    /// Another account has the name.
    NameTaken,
    /// Nobody would be left who may change things.
    LastOperator,
    /// The old password is wrong.
    WrongPassword,
    /// Too many wrong ones: again after so many seconds.
    Throttled(u64),
    /// Name or password are not as the host wants them; the sentence says how.
    Rejected(String),
}

/// The accounts of the host.
#[async_trait]
pub trait Operators: Send + Sync + 'static {
    /// All accounts by name with their sessions; `head` is of the request that asks.
    async fn list(&self, head: &Parts) -> Result<Vec<Account>, HostError>;

    /// Ends sessions of an account; how many.
    async fn end(
        &self,
        head: &Parts,
        name: &str,
        which: &SessionSelector,
    ) -> Result<u64, HostError>;

    /// Gives an account another password, when the old one is right. Its sessions end, that of the request
    /// with them: a session that was stolen before is good for nothing after.
    async fn set_password(
        &self,
        head: &Parts,
        name: &str,
        old: &str,
        new: &str,
    ) -> Result<AccountChange, HostError>;

    /// Makes an account.
    async fn add(&self, name: &str, role: Role, password: &str)
    -> Result<AccountChange, HostError>;

    /// Gives an account a role, and lets it log in or not; its sessions end when it may not. Never takes
    /// the role operator from the last who has it.
    async fn change(
        &self,
        name: &str,
        role: Role,
        is_enabled: bool,
    ) -> Result<AccountChange, HostError>;
}
