//! Failures in running windows of a minute, those counted here and those that other replicas told of. Pure: the
//! time is given.

use std::collections::HashMap;
use std::time::Duration;

use super::super::key::Digest;
use crate::clock::micros;
use crate::db::LoginFailures;

/// How long a failure counts.
pub(super) const WINDOW: Duration = Duration::from_mins(1);
/// Windows that are kept. An attempt costs a hash, so a minute has some ten thousand of them at most.
const MOST: usize = 65_536;
/// Windows that others are told of at once, those with the most failures first.
const TOLD_AT_ONCE: usize = 64;

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    start: i64,
    own: i64,
    /// How many of `own` the others know.
    told: i64,
    others: i64,
}

impl Window {
    /// A start that lies ahead was noted by a clock that was ahead.
    fn is_running(&self, now: i64) -> bool {
        (0..micros(WINDOW)).contains(&(now - self.start))
    }

    fn failures(&self) -> i64 {
        self.own + self.others
    }
}

/// The windows by what they count for.
#[derive(Default)]
pub(super) struct Windows {
    running: HashMap<Digest, Window>,
    /// What was forgiven here and others still count.
    cleared: Vec<Digest>,
}

impl Windows {
    /// Counts a failure for each, unless that would be more than one of them allows: then the time until it
    /// allows one again, in microseconds.
    pub(super) fn reserve(&mut self, budgets: &[(Digest, i64)], now: i64) -> Result<(), i64> {
        self.make_room(now);
        for (subject, limit) in budgets {
            let window = self.running.get(subject).filter(|window| window.is_running(now));
            if let Some(window) = window.filter(|window| window.failures() >= *limit) {
                return Err(window.start + micros(WINDOW) - now);
            }
        }
        for (subject, _) in budgets {
            self.window(*subject, now).own += 1;
        }
        Ok(())
    }

    fn window(&mut self, subject: Digest, now: i64) -> &mut Window {
        let window = self.running.entry(subject).or_default();
        if !window.is_running(now) {
            *window = Window { start: now, ..Window::default() };
        }
        window
    }

    /// The first budget is that of the person, whose failures are forgotten; of the others one is taken back.
    pub(super) fn forgive(&mut self, budgets: &[(Digest, i64)], now: i64) {
        let mut budgets = budgets.iter();
        if let Some((own, _)) = budgets.next()
            && let Some(window) = self.running.remove(own)
            && window.told + window.others > 0
            && self.cleared.len() < MOST
        {
            self.cleared.push(*own);
        }
        self.take_back(budgets.as_slice(), now);
    }

    /// Takes one failure back from each.
    pub(super) fn take_back(&mut self, budgets: &[(Digest, i64)], now: i64) {
        for (subject, _) in budgets {
            let window = self.window(*subject, now);
            window.own = (window.own - 1).max(0);
        }
    }

    /// What others are to be told: windows with failures that they do not know of, and what was forgiven.
    pub(super) fn untold(&mut self, now: i64) -> (Vec<(Digest, LoginFailures)>, Vec<Digest>) {
        let news = self
            .running
            .iter()
            .filter(|(_, window)| window.is_running(now) && window.own > window.told);
        let news = news.map(|(subject, window)| {
            let failures = window.own - window.told;
            let row =
                LoginFailures { subject: String::new(), failures, window_start: window.start };
            (*subject, row)
        });
        let mut news: Vec<_> = news.collect();
        news.sort_by_key(|(_, row)| std::cmp::Reverse(row.failures));
        news.truncate(TOLD_AT_ONCE);
        (news, std::mem::take(&mut self.cleared))
    }

    /// The others know of these failures now.
    pub(super) fn told(&mut self, subject: &Digest, row: &LoginFailures) {
        if let Some(window) = self.running.get_mut(subject)
            && window.start == row.window_start
        {
            window.told += row.failures;
        }
    }

    /// Takes what the database knows of all replicas; what it does not know of, no other has counted.
    pub(super) fn learn(&mut self, rows: HashMap<Digest, LoginFailures>, now: i64) {
        for (subject, window) in &mut self.running {
            window.others = rows.get(subject).map_or(0, |row| (row.failures - window.told).max(0));
        }
        for (subject, row) in rows {
            if !self.running.contains_key(&subject) && self.running.len() < MOST {
                let (start, others) = (row.window_start, row.failures);
                self.running.insert(subject, Window { start, others, ..Window::default() });
            }
        }
        self.running.retain(|_, window| window.is_running(now));
    }

    fn make_room(&mut self, now: i64) {
        if self.running.len() >= MOST {
            self.running.retain(|_, window| window.is_running(now));
        }
        if self.running.len() >= MOST {
            // Those that count least give way.
            self.running.retain(|_, window| window.failures() > 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Digest = [1; 16];
    const B: Digest = [2; 16];
    const NOW: i64 = 1_800_000_000_000_000;
    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_window_allows_so_many_and_starts_anew_when_it_is_over() {
        let mut windows = Windows::default();
        let budgets = [(A, 3), (B, 5)];
        for _ in 0..3 {
            windows.reserve(&budgets, NOW).unwrap();
        }
        assert_eq!(windows.reserve(&budgets, NOW + 20 * SECOND), Err(40 * SECOND));
        assert!(windows.reserve(&[(B, 5)], NOW).is_ok(), "what is refused counts for nothing");
        assert!(windows.reserve(&budgets, NOW + 60 * SECOND).is_ok());
    }

    #[test]
    fn steps_of_the_clock_lock_nobody_out() {
        for step in [3_600, 86_400, 30 * 86_400, 20 * 365 * 86_400] {
            for now in [NOW + step * SECOND, NOW - step * SECOND] {
                let mut windows = Windows::default();
                windows.reserve(&[(A, 1)], NOW).unwrap();
                assert!(windows.reserve(&[(A, 1)], now).is_ok(), "{step}");
                assert!(windows.reserve(&[(A, 1)], now).is_err(), "{step}");
            }
        }
    }

    #[test]
    fn a_success_forgets_what_was_the_persons_and_one_of_the_others() {
        let mut windows = Windows::default();
        let budgets = [(A, 3), (B, 3)];
        for _ in 0..3 {
            windows.reserve(&budgets, NOW).unwrap();
        }
        windows.forgive(&budgets, NOW);
        windows.reserve(&[(A, 3)], NOW).unwrap();
        windows.reserve(&[(B, 3)], NOW).unwrap();
        assert!(windows.reserve(&[(B, 3)], NOW).is_err());
    }

    #[test]
    fn what_came_to_no_verdict_counts_for_nothing() {
        let mut windows = Windows::default();
        let budgets = [(A, 1), (B, 1)];
        for _ in 0..10 {
            windows.reserve(&budgets, NOW).unwrap();
            windows.take_back(&budgets, NOW);
        }
        windows.reserve(&budgets, NOW).unwrap();
        assert!(windows.reserve(&budgets, NOW).is_err());
    }

    /// What the table holds after a replica told it.
    fn tell(windows: &mut Windows, table: &mut HashMap<Digest, LoginFailures>) {
        let (counted, cleared) = windows.untold(NOW);
        for subject in cleared {
            table.remove(&subject);
        }
        for (subject, row) in counted {
            windows.told(&subject, &row);
            table.entry(subject).and_modify(|known| known.failures += row.failures).or_insert(row);
        }
        windows.learn(table.clone(), NOW);
    }

    #[test]
    fn replicas_count_together() {
        let (mut one, mut two) = (Windows::default(), Windows::default());
        let mut table = HashMap::new();
        for _ in 0..3 {
            one.reserve(&[(A, 5)], NOW).unwrap();
        }
        tell(&mut one, &mut table);
        tell(&mut one, &mut table);
        two.reserve(&[(A, 5)], NOW).unwrap();
        tell(&mut two, &mut table);
        tell(&mut one, &mut table);
        assert_eq!(table[&A].failures, 4);
        one.reserve(&[(A, 5)], NOW).unwrap();
        assert!(one.reserve(&[(A, 5)], NOW).is_err());
        tell(&mut one, &mut table);
        tell(&mut two, &mut table);
        assert!(two.reserve(&[(A, 5)], NOW).is_err());
        two.forgive(&[(A, 5)], NOW);
        tell(&mut two, &mut table);
        tell(&mut one, &mut table);
        assert!(two.reserve(&[(A, 5)], NOW).is_ok());
    }

    #[test]
    fn windows_are_bounded() {
        let mut windows = Windows::default();
        for number in 0..70_000_u64 {
            let mut subject = A;
            subject[..8].copy_from_slice(&number.to_be_bytes());
            windows.reserve(&[(subject, 1)], NOW).unwrap();
        }
        assert!(windows.running.len() <= MOST);
    }
}
