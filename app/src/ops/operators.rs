//! Accounts and sessions of operators for the panel.

use admin::{Account, AccountChange, HostError, Role, Session, SessionSelector};
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;

use super::operator::{MAX, begin, check, cookie, token_of};
use crate::auth::Throttle;
use crate::clock::micros;
use crate::db::{self, ListedSession, OperatorCredentials};
use crate::middleware::client::Client;
use crate::operators::{IDLE, MIN_PASSWORD, parse_name};
use crate::state::AppState;

/// Bytes of a token's hash that name a session on a page.
const ID: usize = 8;

/// Operator accounts and sessions of the database for the panel.
pub struct PanelOperators(pub AppState);

#[async_trait]
impl admin::Operators for PanelOperators {
    async fn list(&self, head: &Parts) -> Result<Vec<Account>, HostError> {
        let sessions = self.sessions().await?;
        let current = current(head);
        let mut accounts = self.0.db.operators().await?;
        for account in &mut accounts {
            let own = sessions.iter().filter(|session| session.operator == account.name);
            account.sessions = own.map(|own| session(own, current.as_deref())).collect();
        }
        Ok(accounts)
    }

    async fn end(
        &self,
        head: &Parts,
        name: &str,
        which: &SessionSelector,
    ) -> Result<u64, HostError> {
        let db = &self.0.db;
        let id = match which {
            SessionSelector::All => return Ok(db.delete_operator_sessions(name).await?),
            SessionSelector::Others => {
                let current = current(head).unwrap_or_default();
                return Ok(db.delete_other_operator_sessions(name, &current).await?);
            }
            SessionSelector::One(id) => id,
        };
        let sessions = self.sessions().await?;
        let named = |session: &&ListedSession| session.operator == name && self::id(session) == *id;
        let Some(session) = sessions.iter().find(named) else { return Ok(0) };
        db.delete_operator_session(&session.token_hash).await?;
        Ok(1)
    }

    async fn set_password(
        &self,
        head: &Parts,
        name: &str,
        old: &str,
        new: &str,
    ) -> Result<AccountChange, HostError> {
        if let Some(unfit) = unfit(new) {
            return Ok(unfit);
        }
        let Self(state) = self;
        let client = *head.extensions.get::<Client>().ok_or("the request has no client")?;
        let (db, clock) = (state.db.clone(), state.clock.clone());
        let throttle = Throttle::new(db, clock, "operator", name, client.address);
        let place =
            state.passwords.reserve().map_err(|_| "too many password hashes in progress")?;
        if let Err(throttled) = throttle.reserve().await? {
            return Ok(AccountChange::Throttled(throttled.retry_after));
        }
        if !check(state, place, name, old).await? {
            return Ok(AccountChange::WrongPassword);
        }
        throttle.succeeded().await?;
        let pw_hash = state.passwords.hash(new).await?;
        state.db.set_operator_password(name, &pw_hash).await?;
        // Whoever knew the old one is out, and whoever has the token of this very session.
        let fresh = begin(state, name, client, &head.headers).await?;
        let Some(fresh) = fresh else { return Ok(AccountChange::Unknown) };
        state.db.delete_other_operator_sessions(name, &fresh.hash()).await?;
        let cookie = cookie(client.https, fresh.to_cookie()).to_string();
        Ok(AccountChange::SessionRenewed(cookie.parse()?))
    }

    async fn add(
        &self,
        name: &str,
        role: Role,
        password: &str,
    ) -> Result<AccountChange, HostError> {
        let name = match parse_name(name) {
            Ok(name) => name,
            Err(sentence) => {
                return Ok(AccountChange::Rejected(format!("Invalid name: {sentence}.")));
            }
        };
        if let Some(unfit) = unfit(password) {
            return Ok(unfit);
        }
        let pw_hash = self.0.passwords.hash(password).await?;
        let operator = OperatorCredentials { name, pw_hash, role };
        match self.0.db.add_operator(&operator, self.0.clock.now()).await {
            Ok(()) => Ok(AccountChange::Done),
            Err(db::Error::Taken(_)) => Ok(AccountChange::NameTaken),
            Err(error) => Err(error.into()),
        }
    }

    async fn change(
        &self,
        name: &str,
        role: Role,
        is_enabled: bool,
    ) -> Result<AccountChange, HostError> {
        let Self(AppState { db, clock, .. }) = self;
        let disabled_at = if is_enabled { 0 } else { clock.now() };
        if !db.change_operator(name, role, disabled_at).await? {
            let is_known = db.operator(name).await?.is_some();
            return Ok(if is_known { AccountChange::LastOperator } else { AccountChange::Unknown });
        }
        if !is_enabled {
            db.delete_operator_sessions(name).await?;
        }
        Ok(AccountChange::Done)
    }
}

impl PanelOperators {
    /// Those that the guard would let in.
    async fn sessions(&self) -> db::Result<Vec<ListedSession>> {
        let now = self.0.clock.now();
        self.0.db.operator_sessions(now - micros(IDLE), now - micros(MAX)).await
    }
}

/// The hash of the token that a request brings.
fn current(head: &Parts) -> Option<Vec<u8>> {
    token_of(head).map(|token| token.hash().to_vec())
}

/// A part of the hash: enough to tell sessions apart, and nobody can log in with a hash.
fn id(session: &ListedSession) -> String {
    let part = session.token_hash.get(..ID).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(part)
}

fn session(listed: &ListedSession, current: Option<&[u8]>) -> Session {
    Session {
        id: id(listed),
        address: listed.address.clone(),
        user_agent: listed.user_agent.clone(),
        since: listed.created_at,
        last_seen: listed.last_seen,
        is_current: current == Some(listed.token_hash.as_slice()),
    }
}

fn unfit(password: &str) -> Option<AccountChange> {
    let sentence = || format!("Operator passwords must have at least {MIN_PASSWORD} characters.");
    let is_short = password.chars().count() < MIN_PASSWORD;
    is_short.then(|| AccountChange::Rejected(sentence()))
}
