//! Slows the guessing of passwords: five failures a minute for an account, twenty for an address, in
//! windows of the database that all replicas share. Delays, never a lock-out; a success clears the
//! account. An attempt counts as failed before its password is looked at, so that many at once are no
//! more than one after the other.

use std::net::IpAddr;
use std::time::Duration;

use crate::clock::{Clock, micros};
use crate::db::{self, Db, LoginFailures};

const WINDOW: Duration = Duration::from_mins(1);
const ACCOUNT_LIMIT: i64 = 5;
const ADDRESS_LIMIT: i64 = 20;

/// Rejected; retry after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// Whole seconds, at least 1.
    pub retry_after: u64,
}

/// The throttle of one log-in attempt.
#[derive(Clone, Debug)]
pub struct Throttle {
    db: Db,
    clock: Clock,
    account: String,
    address: String,
}

impl Throttle {
    /// For an attempt on this account from this address. `realm` keeps users and operators apart.
    pub fn new(db: Db, clock: Clock, realm: &str, account: &str, address: IpAddr) -> Self {
        // Names are cut so that a key stays small whatever was typed.
        let account: String = account.chars().filter(|c| *c != '\0').take(64).collect();
        Self {
            db,
            clock,
            account: format!("{realm} account {account}"),
            address: format!("{realm} address {}", network(address)),
        }
    }

    /// Counts the attempt as a failed one, until [`Throttle::succeeded`], and says whether it may go on.
    /// Those that may not are asked for a wait and write nothing.
    pub async fn reserve(&self) -> db::Result<Result<(), Throttled>> {
        let now = self.clock.now();
        let begun_after = now - micros(WINDOW);
        let known = self.db.login_failures(&self.account, &self.address, begun_after).await?;
        if let Some(throttled) = self.over(&known, now, 1) {
            return Ok(Err(throttled));
        }
        let with_this =
            self.db.add_login_failure(&self.account, &self.address, now, begun_after).await?;
        Ok(self.over(&with_this, now, 0).map_or(Ok(()), Err))
    }

    /// Whether so many more failures would be over a limit.
    fn over(&self, known: &[LoginFailures], now: i64, more: i64) -> Option<Throttled> {
        let over = known.iter().find(|known| {
            let limit = if known.subject == self.account { ACCOUNT_LIMIT } else { ADDRESS_LIMIT };
            known.failures + more > limit
        })?;
        let left = (over.window_start + micros(WINDOW) - now).max(0);
        Some(Throttled { retry_after: u64::try_from(left / 1_000_000).unwrap_or(0) + 1 })
    }

    /// The attempt succeeded.
    pub async fn succeeded(&self) -> db::Result<()> {
        self.db.forgive_login_failure(&self.account, &self.address).await
    }

    /// Deletes expired windows.
    pub async fn sweep(db: &Db, clock: &Clock) -> db::Result<u64> {
        db.delete_old_login_failures(clock.now() - micros(WINDOW)).await
    }
}

/// An IPv6 subscriber has a /64, so that is what counts.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_subscriber_count_together() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2:3::4"), network("2001:db8:1:2::9"));
        assert_ne!(network("2001:db8:1:2::9"), network("2001:db8:1:3::9"));
        assert_eq!(network("::ffff:192.0.2.7"), network("192.0.2.7"));
    }
}
