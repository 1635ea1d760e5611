//! A host that keeps in memory what operators change through the panel.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use admin::{
    Account, AccountChange, ErrorState, ErrorStates, HostError, Job, Jobs, Operators, Role, Run,
    Saved, SavedSearch, SavedSearches, Session, SessionSelector,
};
use async_trait::async_trait;
use axum::http::request::Parts;

use crate::hostile::PAYLOADS;

/// What the host keeps.
pub struct Keeper {
    now: i64,
    tidying: AtomicBool,
    states: Mutex<Vec<ErrorState>>,
    searches: Mutex<Vec<SavedSearch>>,
}

impl Keeper {
    /// At this time, in microseconds.
    pub fn new(now: i64) -> Self {
        let search = |(id, text): (i64, &&str)| SavedSearch {
            id,
            name: (*text).to_owned(),
            owner: (*text).to_owned(),
            view: format!("q={text}&cols={text}&from={text}"),
            created: now,
        };
        let searches = (0..).zip(&PAYLOADS).map(search).collect();
        Self {
            now,
            tidying: AtomicBool::new(false),
            states: Mutex::default(),
            searches: Mutex::new(searches),
        }
    }
}

#[async_trait]
impl Jobs for Keeper {
    async fn list(&self) -> Result<Vec<Job>, HostError> {
        Ok(vec![Job {
            name: "tidy".to_owned(),
            schedule: "every hour".to_owned(),
            is_running: self.tidying.load(Ordering::Relaxed),
            last: Some(self.now - 60_000_000),
            outcome: "failure".to_owned(),
            said: "</td><script>alert(1)</script>".to_owned(),
            failed: Some(self.now - 60_000_000),
            next: Some(self.now + 60_000_000),
            ..Job::default()
        }])
    }

    async fn run(&self, name: &str) -> Result<Run, HostError> {
        Ok(match (name, self.tidying.swap(name == "tidy", Ordering::Relaxed)) {
            ("tidy", false) => Run::Started,
            ("tidy", true) => Run::Busy,
            _ => Run::Unknown,
        })
    }
}

#[async_trait]
impl ErrorStates for Keeper {
    async fn list(&self) -> Result<Vec<ErrorState>, HostError> {
        Ok(self.states.lock().unwrap().clone())
    }

    async fn resolve(&self, state: &ErrorState) -> Result<(), HostError> {
        let mut states = self.states.lock().unwrap();
        states.retain(|known| known.fingerprint != state.fingerprint);
        states.push(ErrorState { reopened: None, ..state.clone() });
        Ok(())
    }

    async fn seen_again(&self, fingerprint: &str, at: i64, version: &str) -> Result<(), HostError> {
        let mut states = self.states.lock().unwrap();
        let known = states.iter_mut().find(|known| known.fingerprint == fingerprint);
        if let Some(known) = known {
            known.reopened = Some((at, version.to_owned()));
        }
        Ok(())
    }

    async fn reopen(&self, fingerprint: &str) -> Result<bool, HostError> {
        let mut states = self.states.lock().unwrap();
        let before = states.len();
        states.retain(|known| known.fingerprint != fingerprint);
        Ok(states.len() < before)
    }
}

#[async_trait]
impl SavedSearches for Keeper {
    async fn list(&self) -> Result<Vec<SavedSearch>, HostError> {
        Ok(self.searches.lock().unwrap().clone())
    }

    async fn save(&self, name: &str, owner: &str, view: &str) -> Result<Saved, HostError> {
        let mut searches = self.searches.lock().unwrap();
        let id = i64::try_from(searches.len())?;
        let (name, owner, view) = (name.to_owned(), owner.to_owned(), view.to_owned());
        searches.push(SavedSearch { id, name, owner, view, created: self.now });
        Ok(Saved::Done)
    }

    async fn rename(&self, id: i64, name: &str) -> Result<Saved, HostError> {
        let mut searches = self.searches.lock().unwrap();
        let Some(search) = searches.iter_mut().find(|search| search.id == id) else {
            return Ok(Saved::Unknown);
        };
        name.clone_into(&mut search.name);
        Ok(Saved::Done)
    }

    async fn delete(&self, id: i64) -> Result<Saved, HostError> {
        self.searches.lock().unwrap().retain(|search| search.id != id);
        Ok(Saved::Done)
    }
}

#[async_trait]
impl Operators for Keeper {
    async fn list(&self, _: &Parts) -> Result<Vec<Account>, HostError> {
        let session = |text: &str| Session {
            id: text.to_owned(),
            address: text.to_owned(),
            user_agent: text.to_owned(),
            since: self.now - 60_000_000,
            last_seen: self.now,
            is_current: false,
        };
        let account = |text: &&str| Account {
            name: (*text).to_owned(),
            role: Role::Operator,
            created: self.now - 90_000_000,
            last_login: Some(self.now - 60_000_000),
            disabled: None,
            sessions: vec![session(text)],
        };
        Ok(PAYLOADS.iter().chain(&["octavia"]).map(account).collect())
    }

    async fn end(&self, _: &Parts, _: &str, which: &SessionSelector) -> Result<u64, HostError> {
        Ok(u64::from(*which != SessionSelector::Others))
    }

    async fn set_password(
        &self,
        _: &Parts,
        _: &str,
        old: &str,
        _: &str,
    ) -> Result<AccountChange, HostError> {
        let is_right = old == "right";
        Ok(if is_right { AccountChange::Done } else { AccountChange::Throttled(7) })
    }

    async fn add(&self, name: &str, _: Role, _: &str) -> Result<AccountChange, HostError> {
        let is_known = name == "octavia";
        Ok(if is_known { AccountChange::NameTaken } else { AccountChange::Done })
    }

    async fn change(&self, _: &str, _: Role, _: bool) -> Result<AccountChange, HostError> {
        Ok(AccountChange::LastOperator)
    }
}
