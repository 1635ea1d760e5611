//! What is known of operators: accounts, open sessions, and what the database has not been told yet. Pure: the
//! time is given, nothing is read or written.

use std::collections::{BTreeMap, HashMap};

use super::{IDLE, MAX, OperatorSession};
use crate::auth::touch_interval;
use crate::clock::micros;
use crate::db::{ListedSession, OperatorAccount};

/// Most sessions that wait to be written; each took a right password.
const MOST_UNSAVED: usize = 1_000;
/// Most orders that wait to be carried out. One that is dropped concerns a session that ends by itself within
/// [`MAX`].
const MOST_ORDERS: usize = 4_096;

/// A deletion that the database has not been told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// This session.
    End { token_hash: Vec<u8> },
    /// All of an operator that began up to a time, except one.
    EndOf { operator: String, until: i64, but: Vec<u8> },
}

impl Order {
    fn concerns(&self, session: &ListedSession) -> bool {
        match self {
            Self::End { token_hash } => *token_hash == session.token_hash,
            Self::EndOf { operator, until, but } => {
                *operator == session.operator
                    && session.created_at <= *until
                    && *but != session.token_hash
            }
        }
    }
}

struct KnownSession {
    session: ListedSession,
    /// When it was last seen according to the database.
    saved_seen: i64,
    /// Whether the database has it.
    is_saved: bool,
    /// The hash of the password that it was begun with, if it was begun here.
    begun_with: Option<String>,
}

/// Accounts and sessions, and the orders.
#[derive(Default)]
pub(super) struct Known {
    accounts: BTreeMap<String, OperatorAccount>,
    sessions: HashMap<Vec<u8>, KnownSession>,
    orders: Vec<Order>,
    /// Sign-ins to be noted, by name.
    logins: BTreeMap<String, i64>,
    /// Counts the changes made here.
    version: u64,
}

/// Sessions to create, sessions with the time of their last use, and sign-ins by name.
pub(super) type Unsaved = (Vec<ListedSession>, Vec<(Vec<u8>, i64)>, Vec<(String, i64)>);

impl Known {
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn account(&self, name: &str) -> Option<&OperatorAccount> {
        self.accounts.get(name)
    }

    pub(super) fn accounts(&self) -> Vec<OperatorAccount> {
        self.accounts.values().cloned().collect()
    }

    /// Takes the accounts of the database; a session begun with a password that is not valid any more ends.
    pub(super) fn replace_accounts(&mut self, accounts: Vec<OperatorAccount>) {
        let by_name = accounts.into_iter().map(|account| (account.name.clone(), account));
        self.accounts = by_name.collect();
        for (name, at) in &self.logins {
            if let Some(account) = self.accounts.get_mut(name) {
                account.last_login_at = account.last_login_at.max(*at);
            }
        }
        let is_stale = |one: &KnownSession| {
            let account = self.accounts.get(&one.session.operator);
            let valid = account.map(|account| account.pw_hash.as_str());
            one.begun_with.as_deref().is_some_and(|begun_with| Some(begun_with) != valid)
        };
        let stale = self.sessions.values().filter(|one| is_stale(one));
        let stale: Vec<_> = stale.map(|one| one.session.token_hash.clone()).collect();
        for token_hash in stale {
            self.end(&token_hash);
        }
    }

    /// Takes the sessions of the database, less those that it is still to be told of, and keeps those that it
    /// has not been told of yet.
    pub(super) fn replace_sessions(&mut self, rows: Vec<ListedSession>) {
        let mut before = std::mem::take(&mut self.sessions);
        for mut row in rows {
            if self.orders.iter().any(|order| order.concerns(&row)) {
                continue;
            }
            let here = before.remove(&row.token_hash);
            let saved_seen = row.last_seen;
            if let Some(here) = &here {
                row.last_seen = row.last_seen.max(here.session.last_seen);
            }
            let begun_with = here.and_then(|here| here.begun_with);
            let session = KnownSession { session: row, saved_seen, is_saved: true, begun_with };
            self.sessions.insert(session.session.token_hash.clone(), session);
        }
        before.retain(|_, one| !one.is_saved);
        self.sessions.extend(before);
    }

    pub(super) fn set_account(&mut self, account: OperatorAccount) {
        self.version += 1;
        // The one who changes a password begins a new session with it.
        self.accounts.insert(account.name.clone(), account);
    }

    fn is_open(&self, session: &ListedSession, now: i64) -> bool {
        let account = self.accounts.get(&session.operator);
        account.is_some_and(OperatorAccount::is_enabled)
            && session.last_seen > now - micros(IDLE)
            && session.created_at > now - micros(MAX)
    }

    pub(super) fn open_sessions(&self, now: i64) -> Vec<ListedSession> {
        let all = self.sessions.values().map(|one| &one.session);
        let mut open: Vec<_> = all.filter(|one| self.is_open(one, now)).cloned().collect();
        open.sort_by_key(|one| std::cmp::Reverse(one.last_seen));
        open
    }

    pub(super) fn find(
        &mut self,
        token_hash: &[u8],
        is_use: bool,
        now: i64,
    ) -> Option<OperatorSession> {
        let found = self.sessions.get_mut(token_hash)?;
        // Times ahead were noted by a clock that was ahead; the ends count from now.
        found.session.created_at = found.session.created_at.min(now);
        found.session.last_seen = found.session.last_seen.min(now);
        let session = &self.sessions.get(token_hash)?.session;
        if !self.is_open(session, now) {
            return None;
        }
        let account = self.accounts.get(&session.operator)?;
        let operator = OperatorSession { name: account.name.clone(), role: account.role };
        if is_use && let Some(found) = self.sessions.get_mut(token_hash) {
            found.session.last_seen = now;
        }
        Some(operator)
    }

    /// Begins a session of an account that may sign in, and notes the sign-in; `false` for any other.
    pub(super) fn begin(&mut self, session: ListedSession) -> bool {
        let Some(account) = self.accounts.get_mut(&session.operator) else { return false };
        if !account.is_enabled() {
            return false;
        }
        self.version += 1;
        account.last_login_at = session.created_at;
        self.logins.insert(session.operator.clone(), session.created_at);
        let begun_with = Some(account.pw_hash.clone());
        self.make_room();
        let saved_seen = session.last_seen;
        let begun = KnownSession { session, saved_seen, is_saved: false, begun_with };
        self.sessions.insert(begun.session.token_hash.clone(), begun);
        true
    }

    /// The oldest that waits to be written gives way.
    fn make_room(&mut self) {
        let unsaved = || self.sessions.values().filter(|one| !one.is_saved);
        if unsaved().count() < MOST_UNSAVED {
            return;
        }
        let oldest = unsaved().min_by_key(|one| one.session.created_at);
        if let Some(oldest) = oldest.map(|one| one.session.token_hash.clone()) {
            self.sessions.remove(&oldest);
        }
    }

    pub(super) fn end(&mut self, token_hash: &[u8]) {
        self.version += 1;
        self.sessions.remove(token_hash);
        self.order(Order::End { token_hash: token_hash.to_vec() });
    }

    /// Ends all of an operator but one; how many were open.
    pub(super) fn end_of(&mut self, name: &str, but: &[u8], now: i64) -> u64 {
        self.version += 1;
        let order = Order::EndOf { operator: name.to_owned(), until: now, but: but.to_vec() };
        let open = self.open_sessions(now);
        let ended = open.iter().filter(|session| order.concerns(session)).count();
        self.sessions.retain(|_, one| !order.concerns(&one.session));
        self.order(order);
        ended as u64
    }

    fn order(&mut self, order: Order) {
        if self.orders.len() >= MOST_ORDERS {
            self.orders.remove(0);
        }
        self.orders.push(order);
    }

    pub(super) fn next_order(&self) -> Option<Order> {
        self.orders.first().cloned()
    }

    pub(super) fn carried_out(&mut self, order: &Order) {
        self.version += 1;
        self.orders.retain(|one| one != order);
    }

    /// What is to be written besides the orders. The use of a session is noted once a minute.
    pub(super) fn unsaved(&self) -> Unsaved {
        let (saved, begun): (Vec<_>, Vec<_>) = self.sessions.values().partition(|one| one.is_saved);
        let used = saved.into_iter().filter(|one| {
            (one.session.last_seen - one.saved_seen).saturating_abs() > touch_interval(IDLE)
        });
        (
            begun.into_iter().map(|one| one.session.clone()).collect(),
            used.map(|one| (one.session.token_hash.clone(), one.session.last_seen)).collect(),
            self.logins.iter().map(|(name, at)| (name.clone(), *at)).collect(),
        )
    }

    /// The database has the session, or does not take it: its operator may not sign in any more.
    pub(super) fn created(&mut self, token_hash: &[u8], is_taken: bool) {
        self.version += 1;
        if !is_taken {
            self.sessions.remove(token_hash);
        } else if let Some(one) = self.sessions.get_mut(token_hash) {
            one.is_saved = true;
        }
    }

    pub(super) fn touched(&mut self, token_hash: &[u8], last_seen: i64) {
        if let Some(one) = self.sessions.get_mut(token_hash) {
            one.saved_seen = last_seen;
        }
    }

    pub(super) fn login_saved(&mut self, name: &str, at: i64) {
        if self.logins.get(name) == Some(&at) {
            self.logins.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use admin::Role;

    use super::*;

    fn account(name: &str, pw_hash: &str) -> OperatorAccount {
        OperatorAccount {
            name: name.to_owned(),
            pw_hash: pw_hash.to_owned(),
            role: Role::Viewer,
            created_at: 0,
            last_login_at: 0,
            disabled_at: 0,
        }
    }

    fn session(token: u8, operator: &str, at: i64) -> ListedSession {
        ListedSession {
            token_hash: vec![token],
            operator: operator.to_owned(),
            created_at: at,
            last_seen: at,
            address: String::new(),
            user_agent: String::new(),
        }
    }

    fn known() -> Known {
        let mut known = Known::default();
        known.replace_accounts(vec![account("octavia", "a"), account("victor", "b")]);
        known
    }

    const NOW: i64 = 1_700_000_000_000_000;

    #[test]
    fn a_session_lives_in_memory_until_the_database_has_it() {
        let mut known = known();
        assert!(known.begin(session(1, "octavia", NOW)));
        assert!(!known.begin(session(2, "nobody", NOW)));
        known.replace_sessions(Vec::new());
        assert!(known.find(&[1], true, NOW).is_some(), "it waits to be written");
        assert_eq!(known.unsaved().0.len(), 1);
        known.created(&[1], true);
        known.replace_sessions(vec![session(1, "octavia", NOW)]);
        assert!(known.find(&[1], true, NOW).is_some());
        known.replace_sessions(Vec::new());
        assert!(known.find(&[1], true, NOW).is_none(), "another replica ended it");
    }

    #[test]
    fn an_end_holds_although_the_database_still_has_the_session() {
        let mut known = known();
        let rows = || vec![session(1, "octavia", NOW), session(2, "octavia", NOW)];
        known.replace_sessions(rows());
        known.end(&[1]);
        known.replace_sessions(rows());
        assert!(known.find(&[1], false, NOW).is_none());
        assert_eq!(known.end_of("octavia", &[], NOW), 1);
        known.replace_sessions(rows());
        assert!(known.find(&[2], false, NOW).is_none());
        while let Some(order) = known.next_order() {
            known.carried_out(&order);
        }
        assert!(known.begin(session(3, "octavia", NOW + 1)), "a later one is not concerned");
        known.replace_sessions(vec![session(3, "octavia", NOW + 1)]);
        assert!(known.find(&[3], false, NOW + 1).is_some());
    }

    #[test]
    fn a_new_password_ends_what_was_begun_with_the_old_one() {
        let mut known = known();
        assert!(known.begin(session(1, "octavia", NOW)));
        known.replace_accounts(vec![account("octavia", "a"), account("victor", "b")]);
        assert!(known.find(&[1], true, NOW).is_some());
        known.replace_accounts(vec![account("octavia", "new"), account("victor", "b")]);
        assert!(known.find(&[1], true, NOW).is_none());
    }

    #[test]
    fn disabled_and_demoted_operators_are_so_at_once() {
        let mut known = known();
        assert!(known.begin(session(1, "octavia", NOW)));
        known.set_account(OperatorAccount { role: Role::Operator, ..account("octavia", "a") });
        assert_eq!(known.find(&[1], true, NOW).unwrap().role, Role::Operator);
        known.set_account(OperatorAccount { disabled_at: NOW, ..account("octavia", "a") });
        assert!(known.find(&[1], true, NOW).is_none());
        assert!(!known.begin(session(2, "octavia", NOW)));
    }

    #[test]
    fn sessions_end_and_uses_are_noted_once_a_minute() {
        let mut known = known();
        known.replace_sessions(vec![session(1, "octavia", NOW)]);
        assert!(known.find(&[1], true, NOW + touch_interval(IDLE)).is_some());
        assert!(known.unsaved().1.is_empty());
        let later = NOW + micros(IDLE) - 1;
        assert!(known.find(&[1], true, later).is_some());
        assert_eq!(known.unsaved().1, [(vec![1], later)]);
        known.replace_sessions(vec![session(1, "octavia", NOW)]);
        assert!(known.find(&[1], false, later + micros(IDLE) - 1).is_some(), "known here alone");
        assert!(known.find(&[1], false, later + micros(IDLE)).is_none());
        let mut at = NOW;
        while at < NOW + micros(MAX) {
            known.find(&[1], true, at);
            at += micros(IDLE) / 2;
        }
        assert!(known.find(&[1], true, NOW + micros(MAX)).is_none(), "its absolute end");
    }

    #[test]
    fn a_clock_that_was_ahead_gives_no_session_a_longer_life() {
        let mut known = known();
        let ahead = NOW + 20 * 365 * 86_400 * 1_000_000;
        known.replace_sessions(vec![session(1, "octavia", ahead)]);
        assert!(known.find(&[1], true, NOW).is_some());
        assert_eq!(known.unsaved().1, [(vec![1], NOW)]);
        known.touched(&[1], NOW);
        assert!(known.find(&[1], false, NOW + micros(IDLE)).is_none());
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut known = known();
        for number in 0..2_000_u32 {
            let mut begun = session(0, "octavia", NOW + i64::from(number));
            begun.token_hash = number.to_be_bytes().to_vec();
            assert!(known.begin(begun));
        }
        assert_eq!(known.unsaved().0.len(), MOST_UNSAVED);
        for number in 0..5_000_u32 {
            known.end(&number.to_be_bytes());
        }
        assert_eq!(known.orders.len(), MOST_ORDERS);
    }
}
