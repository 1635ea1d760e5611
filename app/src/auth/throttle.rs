//! Slows the guessing of passwords. A minute allows five failures for an account and twenty for an address, but
//! strangers never lock a person out: a browser that signed in before, and the address and the network that it
//! came from, have budgets of their own.
//!
//! An attempt counts as failed before its password is looked at, so that many at once are no more than one after
//! the other. Counting takes place in memory and waits for nothing. Replicas tell each other of their counts
//! through the database each second, so that a guesser may try some more by asking all of them at once. What is
//! counted are keyed hashes: a typed name may be a password in the wrong field.

mod origins;
mod windows;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::device::{known_device, remember_device};
use super::key::{Digest, LENGTH, SignInKey};
use crate::clock::{Clock, micros};
use crate::db::{self, Db};
use origins::Origins;
use windows::Windows;

/// Failures that the running window of an account allows to strangers, and to an address or a network that the
/// account was signed in from.
const ACCOUNT_LIMIT: i64 = 5;
/// Failures that it allows to a browser that signed in before: its person may have a caps lock.
const DEVICE_LIMIT: i64 = 10;
/// Failures that it allows to an address, whichever accounts it tries.
const ADDRESS_LIMIT: i64 = 20;

/// Pause between two exchanges with the other replicas.
const EXCHANGE: Duration = Duration::from_secs(1);
/// The longest that one of them may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// A place is remembered for so long after a sign-in from it.
pub(super) const ORIGIN_LIFE: Duration = Duration::from_hours(90 * 24);
/// Places that are read at once.
const MOST_ORIGINS: i64 = 10_000;

/// Rejected; retry after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// Whole seconds, at least 1.
    pub retry_after: u64,
}

/// Whose accounts these are; one name may stand in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Realm {
    /// Users of the site.
    Users,
    /// Operators of the panel.
    Operators,
}

impl Realm {
    fn name(self) -> &'static str {
        match self {
            Self::Users => "user",
            Self::Operators => "operator",
        }
    }
}

/// The throttle of sign-ins. Clones share what they count.
#[derive(Clone)]
pub struct Throttle(Arc<Shared>);

struct Shared {
    db: Db,
    clock: Clock,
    key: SignInKey,
    windows: Mutex<Windows>,
    origins: Mutex<Origins>,
    changed: Notify,
}

/// One sign-in attempt.
pub struct Attempt {
    throttle: Throttle,
    realm: Realm,
    /// Cut, so that a hash costs little whatever was typed.
    account: String,
    cookie: String,
    /// What the attempt counts for, and how many failures that allows.
    budgets: Vec<(Digest, i64)>,
    /// The places that are remembered when it succeeds.
    places: [Digest; 2],
}

impl Throttle {
    /// Nothing counted yet, with a key of its own until [`Throttle::open`].
    pub fn new(db: Db, clock: Clock) -> Self {
        Self(Arc::new(Shared {
            db,
            clock,
            key: SignInKey::generate(),
            windows: Mutex::default(),
            origins: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    /// Takes the key that an earlier process left in the data directory, for a start without the database.
    pub fn read_key(&self, data_dir: &Path) {
        self.0.key.read(data_dir);
    }

    /// Takes the key that all replicas share, which the first of them makes, and the places that are known.
    pub async fn open(&self) -> db::Result<()> {
        let Shared { db, key, clock, origins, .. } = self.0.as_ref();
        let shared = db.shared_key("sign_in", &SignInKey::generate().bytes()).await?;
        if !key.set(&shared) {
            tracing::warn!(
                "the sign-in key does not have {LENGTH} bytes, known browsers are strangers"
            );
        }
        let since = clock.now() - micros(ORIGIN_LIFE);
        let known = db.sign_in_origins(since, MOST_ORIGINS).await?;
        origins.lock().learn(known);
        Ok(())
    }

    /// Leaves a copy of the key in the data directory.
    pub fn keep_key(&self, data_dir: &Path) {
        if let Err(error) = self.0.key.keep(data_dir) {
            tracing::warn!(error.message = %error, "could not keep the sign-in key");
        }
    }

    /// An attempt on this account from this address; `cookie` is that of known browsers, which may be empty.
    pub fn attempt(&self, realm: Realm, account: &str, address: IpAddr, cookie: &str) -> Attempt {
        let Shared { key, clock, origins, .. } = self.0.as_ref();
        let account: String = account.chars().take(64).collect();
        let now = clock.now();
        let digest = |kind: &str, text: &str| key.digest(&[kind, realm.name(), &account, text]);
        let of_address = key.digest(&["address", realm.name(), &subscriber(address)]);
        let device = known_device(key, realm.name(), &account, cookie, now / 1_000_000);
        let places = [
            digest("from address", &subscriber(address)),
            digest("from network", &network(address)),
        ];
        let known = places.iter().find(|place| origins.lock().knows(place, now));
        let budgets = match (device, known) {
            // Whoever shares the address of this browser does not lock it out either.
            (Some(id), _) => vec![(digest("device", id), DEVICE_LIMIT)],
            (None, Some(place)) => vec![(*place, ACCOUNT_LIMIT), (of_address, ADDRESS_LIMIT)],
            (None, None) => {
                vec![(digest("account", ""), ACCOUNT_LIMIT), (of_address, ADDRESS_LIMIT)]
            }
        };
        let (throttle, cookie) = (self.clone(), cookie.to_owned());
        Attempt { throttle, realm, account, cookie, budgets, places }
    }

    /// Exchanges counts with the other replicas and writes the places to remember. On SQLite there is no other:
    /// memory alone counts.
    pub async fn exchange(&self) -> db::Result<()> {
        let Shared { db, clock, windows, origins, .. } = self.0.as_ref();
        loop {
            let next = origins.lock().unsaved();
            let Some((place, at)) = next else { break };
            db.remember_sign_in_origin(&place, at).await?;
            origins.lock().saved(&place);
        }
        if db.system_name() == "sqlite" {
            return Ok(());
        }
        let (counted, cleared) = windows.lock().untold(clock.now());
        for subject in cleared {
            db.clear_login_failures(&name(&subject)).await?;
        }
        for (subject, window) in counted {
            db.add_login_failures(&name(&subject), &window).await?;
            windows.lock().told(&subject, &window);
        }
        let begun_after = clock.now() - micros(windows::WINDOW);
        let rows = db.login_failures(begun_after).await?;
        let rows = rows.into_iter().filter_map(|row| Some((digest_of(&row.subject)?, row)));
        windows.lock().learn(rows.collect(), clock.now());
        Ok(())
    }

    /// Exchanges for as long as it is polled. A database that is away costs the counts of others alone.
    pub async fn run(self) {
        loop {
            if self.0.db.health().writes().is_none() {
                let _next_time = tokio::time::timeout(PATIENCE, self.exchange()).await;
            }
            let pause = tokio::time::sleep(EXCHANGE);
            tokio::select! {
                () = pause => {}
                () = self.0.changed.notified() => {}
            }
        }
    }

    /// Deletes windows and places that are over.
    pub async fn sweep(&self) -> db::Result<u64> {
        let Shared { db, clock, .. } = self.0.as_ref();
        let now = clock.now();
        db.delete_old_sign_in_origins(now - micros(ORIGIN_LIFE)).await?;
        let (over, ahead) = (now - micros(windows::WINDOW), now + micros(windows::WINDOW));
        db.delete_old_login_failures(over, ahead).await
    }
}

impl Attempt {
    /// Counts the attempt as a failed one, until [`Attempt::succeeded`], or says that it has to wait; then it
    /// counts for nothing.
    pub fn reserve(&self) -> Result<(), Throttled> {
        let Shared { clock, windows, .. } = self.throttle.0.as_ref();
        let left = windows.lock().reserve(&self.budgets, clock.now());
        left.map_err(|left| Throttled {
            retry_after: u64::try_from(left / 1_000_000).unwrap_or(0) + 1,
        })
    }

    /// The attempt came to no verdict, and counts for nothing.
    pub fn withdraw(&self) {
        let Shared { clock, windows, .. } = self.throttle.0.as_ref();
        windows.lock().take_back(&self.budgets, clock.now());
    }

    /// The attempt succeeded: its own budget is whole again, and whoever comes from there is known. The value
    /// for the cookie of known browsers.
    pub fn succeeded(&self) -> anyhow::Result<String> {
        let Shared { clock, key, windows, origins, changed, .. } = self.throttle.0.as_ref();
        let now = clock.now();
        windows.lock().forgive(&self.budgets, now);
        for place in &self.places {
            origins.lock().remember(*place, now);
        }
        changed.notify_one();
        remember_device(key, self.realm.name(), &self.account, &self.cookie, now / 1_000_000)
    }
}

fn name(subject: &Digest) -> String {
    URL_SAFE_NO_PAD.encode(subject)
}

fn digest_of(name: &str) -> Option<Digest> {
    URL_SAFE_NO_PAD.decode(name).ok()?.try_into().ok()
}

/// An IPv6 subscriber has a /64, so that is what counts.
fn subscriber(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// What stays the same when a provider gives another address: the /24, or the /64.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(_) => subscriber(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_subscriber_count_together() {
        let subscriber = |text: &str| subscriber(text.parse().unwrap());
        assert_eq!(subscriber("2001:db8:1:2:3::4"), subscriber("2001:db8:1:2::9"));
        assert_ne!(subscriber("2001:db8:1:2::9"), subscriber("2001:db8:1:3::9"));
        assert_eq!(subscriber("::ffff:192.0.2.7"), subscriber("192.0.2.7"));
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("192.0.2.7"), network("192.0.2.200"));
        assert_ne!(network("192.0.2.7"), network("192.0.3.7"));
    }
}
