//! Accounts and sessions of operators for the panel.

use admin::{Account, AccountChange, HostError, Role, Session, SessionSelector};
use async_trait::async_trait;
use axum_extra::extract::CookieJar;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;

use super::operator::{begin, check, cookie, devices, token_of};
use crate::auth::Realm;
use crate::db::{self, ListedSession, OperatorAccount, OperatorCredentials};
use crate::middleware::client::Client;
use crate::operators::{check_password, parse_name};
use crate::state::AppState;

/// Bytes of a token's hash that name a session on a page.
const ID: usize = 8;

/// Operator accounts and sessions for the panel: shown from memory, changed in the database.
pub struct PanelOperators(pub AppState);

#[async_trait]
impl admin::Operators for PanelOperators {
    async fn list(&self, head: &Parts) -> Result<Vec<Account>, HostError> {
        let cache = &self.0.operators;
        let sessions = cache.sessions();
        let current = current(head);
        let shown = |account: OperatorAccount| {
            let own = sessions.iter().filter(|session| session.operator == account.name);
            let sessions = own.map(|own| session(own, current.as_deref())).collect();
            shown(account, sessions)
        };
        Ok(cache.accounts().into_iter().map(shown).collect())
    }

    async fn end(
        &self,
        head: &Parts,
        name: &str,
        which: &SessionSelector,
    ) -> Result<u64, HostError> {
        let cache = &self.0.operators;
        let id = match which {
            SessionSelector::All => return Ok(cache.end_of(name, &[]).await),
            SessionSelector::Others => {
                let current = current(head).unwrap_or_default();
                return Ok(cache.end_of(name, &current).await);
            }
            SessionSelector::One(id) => id,
        };
        let sessions = cache.sessions();
        let named = |session: &&ListedSession| session.operator == name && self::id(session) == *id;
        let Some(session) = sessions.iter().find(named) else { return Ok(0) };
        cache.end(&session.token_hash).await;
        Ok(1)
    }

    async fn set_password(
        &self,
        head: &Parts,
        name: &str,
        old: &str,
        new: &str,
    ) -> Result<AccountChange, HostError> {
        if let Some(unfit) = unfit(name, new) {
            return Ok(unfit);
        }
        let Self(state) = self;
        let client = *head.extensions.get::<Client>().ok_or("the request has no client")?;
        let jar = CookieJar::from_headers(&head.headers);
        let devices = devices(&jar, client.https);
        let attempt = state.throttle.attempt(Realm::Operators, name, client.address, devices);
        let place =
            state.passwords.reserve().map_err(|_| "too many password hashes in progress")?;
        if let Err(throttled) = attempt.reserve() {
            return Ok(AccountChange::Throttled(throttled.retry_after));
        }
        if !check(state, place, name, old).await? {
            return Ok(AccountChange::WrongPassword);
        }
        // This browser has its cookie from the sign-in.
        attempt.succeeded()?;
        let pw_hash = state.passwords.hash(new).await?;
        state.db.set_operator_password(name, &pw_hash).await?;
        if let Some(account) = state.operators.account(name) {
            state.operators.set_account(OperatorAccount { pw_hash, ..account });
        }
        // Whoever knew the old one is out, and whoever has the token of this very session.
        let fresh = begin(state, name, client, &head.headers).await?;
        let Some(fresh) = fresh else { return Ok(AccountChange::Unknown) };
        state.operators.end_of(name, &fresh.hash()).await;
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
        if let Some(unfit) = unfit(&name, password) {
            return Ok(unfit);
        }
        let pw_hash = self.0.passwords.hash(password).await?;
        let now = self.0.clock.now();
        let operator = OperatorCredentials { name, pw_hash, role };
        match self.0.db.add_operator(&operator, now).await {
            Ok(()) => {}
            Err(db::Error::Taken(_)) => return Ok(AccountChange::NameTaken),
            Err(error) => return Err(error.into()),
        }
        let OperatorCredentials { name, pw_hash, role } = operator;
        let (created_at, last_login_at, disabled_at) = (now, 0, 0);
        let account =
            OperatorAccount { name, pw_hash, role, created_at, last_login_at, disabled_at };
        self.0.operators.set_account(account);
        Ok(AccountChange::Done)
    }

    async fn change(
        &self,
        name: &str,
        role: Role,
        is_enabled: bool,
    ) -> Result<AccountChange, HostError> {
        let Self(AppState { db, clock, operators, .. }) = self;
        let disabled_at = if is_enabled { 0 } else { clock.now() };
        if !db.change_operator(name, role, disabled_at).await? {
            let is_known = db.operator(name).await?.is_some();
            return Ok(if is_known { AccountChange::LastOperator } else { AccountChange::Unknown });
        }
        if let Some(account) = operators.account(name) {
            operators.set_account(OperatorAccount { role, disabled_at, ..account });
        }
        if !is_enabled {
            operators.end_of(name, &[]).await;
        }
        Ok(AccountChange::Done)
    }
}

fn shown(account: OperatorAccount, sessions: Vec<Session>) -> Account {
    let time = |at: i64| Some(at).filter(|at| *at > 0);
    let (last_login, disabled) = (time(account.last_login_at), time(account.disabled_at));
    let OperatorAccount { name, role, created_at: created, .. } = account;
    Account { name, role, created, last_login, disabled, sessions }
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

fn unfit(name: &str, password: &str) -> Option<AccountChange> {
    let sentence = check_password(name, password).err()?;
    let mut rest = sentence.chars();
    let first = rest.next().map(char::to_uppercase).into_iter().flatten();
    Some(AccountChange::Rejected(format!("{}{}.", first.collect::<String>(), rest.as_str())))
}
