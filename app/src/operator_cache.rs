//! Accounts and sessions of operators in memory. The panel is what people look into while the database is
//! locked, full or away, so nothing that lets them in waits for it: reads are answered from here, changes that
//! the panel itself needs are written behind, and a task refreshes everything each second.
//!
//! What another replica or the command line changes is known here within that second, sooner at a sign-in. A
//! change of an account is made in the database first; that is not done here.

mod file;
mod known;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use admin::Role;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::db::{self, Db, ListedSession, OperatorAccount, Origin};
use known::{Known, Order};

/// A session of an operator ends when unused for this long.
pub const IDLE: Duration = Duration::from_mins(30);
/// Maximum lifetime of a session of an operator.
pub const MAX: Duration = Duration::from_hours(8);

/// Pause between two refreshes.
const REFRESH: Duration = Duration::from_secs(1);
/// The longest that a request waits for the database to say the latest, or to take what it is to keep: a
/// healthy one needs some milliseconds.
const PATIENCE: Duration = Duration::from_millis(250);
/// The longest that the task waits for one of them.
const TASK_PATIENCE: Duration = Duration::from_secs(2);
/// Refreshes in a row that are overtaken by a change before one counts all the same.
const TRIES: usize = 3;

/// The operator of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorSession {
    /// Sign-in name.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// The accounts and sessions. Clones share them.
#[derive(Clone)]
pub struct OperatorCache(Arc<Shared>);

struct Shared {
    db: Db,
    clock: Clock,
    known: Mutex<Known>,
    /// One at a time writes behind.
    saving: tokio::sync::Mutex<()>,
    /// There is something to write.
    changed: Notify,
    /// Where the accounts are kept for a start without the database, and what is there.
    file: Mutex<Option<(PathBuf, Vec<OperatorAccount>)>>,
    is_failing: AtomicBool,
}

impl OperatorCache {
    /// Empty; the first sign-in or the task fills it.
    pub fn new(db: Db, clock: Clock) -> Self {
        Self(Arc::new(Shared {
            db,
            clock,
            known: Mutex::default(),
            saving: tokio::sync::Mutex::default(),
            changed: Notify::new(),
            file: Mutex::new(None),
            is_failing: AtomicBool::new(false),
        }))
    }

    /// Keeps the accounts in a file of this directory from now on, and takes those that an earlier process
    /// left there as the last known ones.
    pub fn keep_in(&self, data_dir: &Path) {
        let path = data_dir.join(file::NAME);
        let accounts = match file::read(&path) {
            Ok(accounts) => accounts,
            Err(error) => {
                tracing::warn!(
                    error.message = %error,
                    "could not read the last known operator accounts"
                );
                Vec::new()
            }
        };
        self.0.known.lock().replace_accounts(accounts.clone());
        *self.0.file.lock() = Some((path, accounts));
    }

    /// The account of that name.
    pub fn account(&self, name: &str) -> Option<OperatorAccount> {
        self.0.known.lock().account(name).cloned()
    }

    /// All accounts by name.
    pub fn accounts(&self) -> Vec<OperatorAccount> {
        self.0.known.lock().accounts()
    }

    /// The sessions that are open, the last seen first.
    pub fn sessions(&self) -> Vec<ListedSession> {
        self.0.known.lock().open_sessions(self.0.clock.now())
    }

    /// The operator of an open session; `is_use` makes it last longer.
    pub async fn session(&self, token_hash: &[u8], is_use: bool) -> Option<OperatorSession> {
        let find = || self.0.known.lock().find(token_hash, is_use, self.0.clock.now());
        if let Some(session) = find() {
            return Some(session);
        }
        // Another replica may have begun it less than a second ago.
        self.refresh_soon().await;
        find()
    }

    /// Begins a session of an operator who may sign in; `false` for one who may not.
    pub async fn begin(&self, token_hash: &[u8], name: &str, origin: Origin<'_>) -> bool {
        let now = self.0.clock.now();
        let session = ListedSession {
            token_hash: token_hash.to_vec(),
            operator: name.to_owned(),
            created_at: now,
            last_seen: now,
            address: origin.address.to_owned(),
            user_agent: origin.user_agent.to_owned(),
        };
        let is_begun = self.0.known.lock().begin(session);
        if is_begun {
            self.save_soon().await;
        }
        is_begun && self.0.known.lock().find(token_hash, false, now).is_some()
    }

    /// Ends a session.
    pub async fn end(&self, token_hash: &[u8]) {
        self.0.known.lock().end(token_hash);
        self.save_soon().await;
    }

    /// Ends all sessions of an operator except one; how many were open.
    pub async fn end_of(&self, name: &str, but: &[u8]) -> u64 {
        let ended = self.0.known.lock().end_of(name, but, self.0.clock.now());
        self.save_soon().await;
        ended
    }

    /// An account was changed in the database.
    pub fn set_account(&self, account: OperatorAccount) {
        self.0.known.lock().set_account(account);
        self.0.changed.notify_one();
    }

    /// Reads the latest if the database says it soon; otherwise the last known stays.
    pub async fn refresh_soon(&self) {
        if self.0.db.health().reads().is_some() {
            return;
        }
        // Late or failed, the task tries again and tells.
        let _last_known = tokio::time::timeout(PATIENCE, self.refresh()).await;
    }

    /// Reads all accounts and sessions.
    pub async fn refresh(&self) -> db::Result<()> {
        let Shared { db, clock, known, .. } = self.0.as_ref();
        for attempt in 1..=TRIES {
            let began = known.lock().version();
            let accounts = db.operators().await?;
            // When one was last used may be known here alone, so only its begin counts.
            let begun_after = clock.now() - crate::clock::micros(MAX);
            let sessions = db.operator_sessions(begun_after, begun_after).await?;
            let mut known = known.lock();
            // What was read before a change made here must not undo it.
            if known.version() == began || attempt == TRIES {
                known.replace_accounts(accounts);
                known.replace_sessions(sessions);
                break;
            }
        }
        Ok(())
    }

    /// Writes what is to be kept if the database takes it soon; otherwise the task does, once it does.
    async fn save_soon(&self) {
        if self.0.db.health().writes().is_none() {
            let _kept_for_later = tokio::time::timeout(PATIENCE, self.save()).await;
        }
        self.0.changed.notify_one();
    }

    /// Writes everything that the database does not know yet, in the order in which it is right at each moment.
    pub async fn save(&self) -> db::Result<()> {
        let Shared { db, known, saving, .. } = self.0.as_ref();
        let _alone = saving.lock().await;
        loop {
            let next = known.lock().next_order();
            let Some(order) = next else { break };
            match &order {
                Order::End { token_hash } => db.delete_operator_session(token_hash).await?,
                Order::EndOf { operator, until, but } => {
                    db.delete_operator_sessions(operator, *until, but).await?;
                }
            }
            known.lock().carried_out(&order);
        }
        let (begun, used, logins) = known.lock().unsaved();
        for session in begun {
            self.create(&session).await?;
        }
        for (token_hash, last_seen) in used {
            db.touch_operator_session(&token_hash, last_seen).await?;
            known.lock().touched(&token_hash, last_seen);
        }
        for (name, at) in logins {
            db.operator_logged_in(&name, at).await?;
            known.lock().login_saved(&name, at);
        }
        Ok(())
    }

    async fn create(&self, session: &ListedSession) -> db::Result<()> {
        let Shared { db, known, .. } = self.0.as_ref();
        let origin = Origin { address: &session.address, user_agent: &session.user_agent };
        let (hash, began) = (&session.token_hash, session.created_at);
        let created = match db.create_operator_session(hash, &session.operator, origin, began).await
        {
            // Written before, by a try whose answer did not come in time.
            Err(db::Error::Taken(_)) => true,
            created => created?,
        };
        known.lock().created(hash, created);
        Ok(())
    }

    /// Refreshes, and writes behind, for as long as it is polled.
    pub async fn run(self) {
        loop {
            let refreshed = tokio::time::timeout(TASK_PATIENCE, self.refresh()).await;
            self.tell(refreshed.ok());
            if self.0.db.health().writes().is_none() {
                // What could not be written is written the next time.
                let _later = tokio::time::timeout(TASK_PATIENCE, self.save()).await;
            }
            self.keep().await;
            let pause = tokio::time::sleep(REFRESH);
            tokio::select! {
                () = pause => {}
                () = self.0.changed.notified() => {}
            }
        }
    }

    /// Logs the first failure of several, and the end of them.
    fn tell(&self, refreshed: Option<db::Result<()>>) {
        let is_failing = !matches!(refreshed, Some(Ok(())));
        if self.0.is_failing.swap(is_failing, Ordering::Relaxed) == is_failing {
            return;
        }
        match refreshed {
            Some(Ok(())) => tracing::info!("operator accounts are up to date again"),
            Some(Err(error)) => tracing::warn!(
                error.message = error.chain(),
                "could not refresh operator accounts, using the last known"
            ),
            None => tracing::warn!("refreshing operator accounts timed out, using the last known"),
        }
    }

    /// Writes the file when the accounts have changed.
    pub async fn keep(&self) {
        let accounts = self.accounts();
        let Some((path, before)) = self.0.file.lock().clone() else { return };
        if accounts.is_empty() || file::is_same(&accounts, &before) {
            return;
        }
        let (to, written) = (path.clone(), accounts.clone());
        let result = tokio::task::spawn_blocking(move || file::write(&to, &written)).await;
        match result.map_err(anyhow::Error::from).flatten() {
            Ok(()) => {}
            // Not tried again before the next change: on a full disk it would be told each second.
            Err(error) => tracing::warn!(
                error.message = %error,
                "could not keep the operator accounts for a start without the database"
            ),
        }
        *self.0.file.lock() = Some((path, accounts));
    }
}
