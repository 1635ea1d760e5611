//! Groups of errors in two windows: which are new, which are gone, and which became more or less frequent.

use std::collections::HashMap;

use logsearch::query::Query;
use logsearch::store::{LogStore, MAX_PAGE, Search, StoreError, TimeRange};

use super::{LEAST, Pair, Verdict, has_rate_changed, is_notable, length, rates};
use crate::data::errors::{Group, errors, groups, known_places};

/// A group in both windows.
pub struct ErrorChange {
    /// As it was in the window after, or before when it is gone.
    pub group: Group,
    pub counts: Pair<u64>,
    pub verdict: Verdict,
    /// Whether its place reported errors in the week before both windows.
    pub is_known: bool,
}

/// Groups of both windows.
pub struct ErrorChanges {
    /// New ones first, then what became more frequent, gone or less frequent, then the others; the most
    /// frequent first among them.
    pub changes: Vec<ErrorChange>,
    /// Whether a window has more errors than were read, so that a group may only look new or gone.
    pub is_cut: bool,
}

impl ErrorChanges {
    /// Reads and compares the errors that match.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read(
        store: &dyn LogStore,
        ranges: Pair<TimeRange>,
        query: &Query,
    ) -> Result<Self, StoreError> {
        let search = |range| Search::new(errors(query)).within(range).limit(MAX_PAGE);
        let (before, after) = (search(ranges.before), search(ranges.after));
        let first =
            if ranges.before.from < ranges.after.from { ranges.before } else { ranges.after };
        let (before, after, known) = tokio::try_join!(
            store.search(&before),
            store.search(&after),
            known_places(store, first),
        )?;
        let is_cut = before.next.is_some() || after.next.is_some();
        let found = Pair { before: groups(&before.records), after: groups(&after.records) };
        let lengths = Pair { before: length(ranges.before), after: length(ranges.after) };
        let mut changes = pair(found, lengths);
        for change in &mut changes {
            change.is_known = known.contains(&change.group.place);
        }
        Ok(Self { changes, is_cut })
    }
}

fn pair(found: Pair<Vec<Group>>, lengths: Pair<u64>) -> Vec<ErrorChange> {
    let before = found.before.into_iter().map(|group| (group.fingerprint.clone(), group));
    let mut before: HashMap<String, Group> = before.collect();
    let mut changes = Vec::new();
    for group in found.after {
        let was = before.remove(&group.fingerprint).map_or(0, |was| was.count);
        let counts = Pair { before: was, after: group.count };
        changes.push(change(group, counts, lengths));
    }
    for group in before.into_values() {
        let counts = Pair { before: group.count, after: 0 };
        changes.push(change(group, counts, lengths));
    }
    changes.sort_by(|left, right| {
        let key = |one: &ErrorChange| {
            (rank(one.verdict), std::cmp::Reverse(one.counts.before + one.counts.after))
        };
        key(left).cmp(&key(right)).then_with(|| left.group.place.cmp(&right.group.place))
    });
    changes
}

fn change(group: Group, counts: Pair<u64>, lengths: Pair<u64>) -> ErrorChange {
    let verdict = verdict(counts, lengths);
    ErrorChange { group, counts, verdict, is_known: false }
}

fn verdict(counts: Pair<u64>, lengths: Pair<u64>) -> Verdict {
    let rates = rates(counts, lengths);
    match counts {
        Pair { before: 0, .. } => Verdict::New,
        Pair { after: 0, .. } => Verdict::Gone,
        Pair { before, after } if before + after < LEAST => Verdict::TooFew,
        _ if !is_notable(rates) || !has_rate_changed(counts, lengths) => Verdict::Unchanged,
        _ => Verdict::of_rise(rates.after > rates.before),
    }
}

fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::New => 0,
        Verdict::Worse => 1,
        Verdict::Gone => 2,
        Verdict::Better => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_one_window_alone_is_new_or_gone_and_few_errors_are_not_worse() {
        let lengths = Pair { before: 60_000_000, after: 60_000_000 };
        let of = |before, after| verdict(Pair { before, after }, lengths);
        assert_eq!(of(0, 1), Verdict::New);
        assert_eq!(of(1, 0), Verdict::Gone);
        assert_eq!(of(1, 12), Verdict::TooFew);
        assert_eq!(of(1, 40), Verdict::Worse);
        assert_eq!(of(40, 1), Verdict::Better);
        assert_eq!(of(40, 45), Verdict::Unchanged);
        let shorter = Pair { before: 600_000_000, after: 60_000_000 };
        assert_eq!(verdict(Pair { before: 400, after: 40 }, shorter), Verdict::Unchanged);
    }
}
